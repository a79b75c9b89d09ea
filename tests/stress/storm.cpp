// A storm of processes: for some seconds, thousands of them do at random everything that processes can do to each other, and use files,
// on several workers. The crowd swells and dwindles, so that workers fall idle and are given processes. Then everybody but the root is
// killed, and what is left is counted: it has to be exactly the root.
//
//   storm [SECONDS] [WORKERS] [SEED] [PROCESSES]
//
// Status 0: nothing was left over. A run on several workers is not repeatable; its seed only spreads what is tried.
#include <fmt/format.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <new>
#include <thread>
#include <type_traits>

#include "runtime/log.h"
#include "runtime/sched/clock.h"
#include "runtime/signals.h"
#include "runtime/spawn.h"
#include "runtime/timers.h"
#include "runtime/vm.h"
#include "runtime/wait.h"
#include "tests/support/module_builder.h"
#include "vm/base/check.h"
#include "wasi/preview1.h"

namespace lunabeam::runtime {
namespace {

// What a step tells its guest.
enum Command : u32 { kReturn = 0, kAgain = 1, kGrow = 2, kRecurse = 3, kTrap = 4, kLeaveFile = 5, kCloseFile = 6 };
// Who asks.
enum Caller : u32 { kOrdinary = 1, kDeep = 2, kInStart = 3, kRoot = 4 };

// The guest's memory: tags of a receive, the name of the file to use, what WASI answers, a buffer list, our own notes.
constexpr u32 kTagsAddress = 1024;
constexpr u32 kNameAddress = 1100;
constexpr u32 kNameBytes = 2;
constexpr u32 kFdAddress = 1104;
constexpr u32 kMovedAddress = 1108;
constexpr u32 kBuffersAddress = 1112;
constexpr u32 kStateAddress = 2048;
constexpr u64 kSmallCrowd = 8;

struct Storm {
  u64 seed = 1;
  u64 most_processes = 2000;
  std::atomic<u64> crowd{2000};  // Most processes just now.
  std::shared_ptr<const vm::Module> plain;
  std::shared_ptr<const vm::Module> with_start;
  ConfigRef config;
  std::atomic<u64> newest_pid{1};
  std::atomic<bool> draining{false};
  std::atomic<bool> finished{false};
  std::atomic<u64> swept{2};  // Next pid to kill while draining.
  std::atomic<const Environment*> environment{nullptr};
} storm;

// Per process, in its memory.
struct State {
  explicit State(u64 seed) : random(seed) {}
  Random random;
  WaitStatus (*resume)(Process&) noexcept = nullptr;  // nullptr while parked: a spawn.
  u64 timers = 0;
  u32 steps = 0;
  bool is_made = true;
};
static_assert(std::is_trivially_destructible_v<State>);

// Valid until the guest runs on: its memory may move.
State& state_of(Process& p) {
  auto* const state = reinterpret_cast<State*>(p.memory->base + kStateAddress);
  return state->is_made ? *state : *new (state) State(storm.seed * 7919 + p.pid);
}

u64 some_pid(Random& random) {
  const u64 newest = storm.newest_pid.load(std::memory_order_relaxed);
  const u64 reach = std::min(newest - 1, 2 * storm.most_processes);
  return reach == 0 ? 2 : newest - random.below(reach);
}

Message* some_message(Process& p, Random& random) {
  Message* message =
      Message::create(p.scheduler->account(), MessageKind::kData, static_cast<i64>(random.below(4)), random.below(200));
  if (message == nullptr) return nullptr;
  static const u8 kBytes[2048] = {};
  const u64 length = random.below(8) == 0 ? random.below(sizeof kBytes) : random.below(64);
  (void)Message::append(p.scheduler->account(), message, kBytes, length);
  if (random.below(16) == 0) {
    (void)message->push_resource(p.scheduler->account(), {.kind = ResourceKind::kModule, .handle = p.module});
  }
  return message;
}

vm::HostStatus done(u64* io, Command command) {
  io[0] = command;
  return vm::HostStatus::kDone;
}

vm::HostStatus wait(State& state, u64* io, WaitStatus status, WaitStatus (*resume)(Process&) noexcept) {
  if (status != WaitStatus::kPark) return done(io, kAgain);
  state.resume = resume;
  return vm::HostStatus::kPark;
}

vm::HostStatus spawned(State& state, u64* io, SpawnStatus status, const SpawnResult& result) {
  if (status == SpawnStatus::kPark) {
    state.resume = nullptr;
    return vm::HostStatus::kPark;
  }
  if (status == SpawnStatus::kSpawned) {
    u64 newest = storm.newest_pid.load(std::memory_order_relaxed);
    while (newest < result.pid && !storm.newest_pid.compare_exchange_weak(newest, result.pid)) {
    }
  }
  return done(io, kAgain);
}

// A start section may wait for ever, for nobody can reach its process: only who can be killed waits for it.
vm::HostStatus spawn_one(Process& p, State& state, u64* io, bool may_have_start) {
  Random& random = state.random;
  const SpawnParam param{.type = vm::ValType::kI32, .low = kOrdinary};
  const std::string name_text = fmt::format("name {}", random.below(16));
  const std::string_view name = name_text;
  SpawnResult result;
  const SpawnStatus status = spawn(p,
                                   {.config = storm.config,
                                    .module = may_have_start && random.below(8) == 0 ? storm.with_start : storm.plain,
                                    .function = random.below(64) == 0 ? "missing" : "run",
                                    .params = {&param, 1},
                                    .link_tag = random.below(3) == 0 ? 7 : 0,
                                    .name = random.below(16) == 0 ? &name : nullptr},
                                   result);
  if (status == SpawnStatus::kSpawned && random.below(4) == 0) (void)monitor(p, result.pid);
  return spawned(state, io, status, result);
}

vm::HostStatus some_receive(Process& p, State& state, u64* io) {
  Random& random = state.random;
  const u32 tags = static_cast<u32>(random.below(3));
  for (u32 i = 0; i < tags; ++i) {
    const i64 tag = static_cast<i64>(random.below(4));
    std::memcpy(p.memory->base + kTagsAddress + u64{i} * 8, &tag, sizeof tag);
  }
  const u64 timeout_ms = random.below(24) == 0 ? kForeverMs : random.below(12);
  return wait(state, io, receive_begin(p, kTagsAddress, tags, timeout_ms), &receive_resume);
}

vm::HostStatus random_step(Process& p, State& state, u64* io, Caller caller) {
  Random& random = state.random;
  if (++state.steps > 20 + random.below(400)) return done(io, kReturn);
  const bool may_spawn = caller != kInStart && p.environment->processes.size() < storm.crowd;
  switch (random.below(caller == kInStart ? 24 : 33)) {
    case 0: return done(io, random.below(8) == 0 ? kTrap : kAgain);
    case 1: (void)kill(p, random.below(40) == 0 ? p.pid : some_pid(random)); break;
    case 2:
    case 3: (void)link(p, static_cast<i64>(random.below(3)), some_pid(random)); break;
    case 4: (void)unlink(p, some_pid(random)); break;
    case 5:
    case 6: (void)monitor(p, some_pid(random)); break;
    case 7: (void)stop_monitoring(p, some_pid(random)); break;
    case 8: (void)set_die_when_link_dies(p, random.below(3) == 0); break;
    case 9:
    case 10:
      if (Message* message = some_message(p, random)) {
        if (send_after(p, some_pid(random), message, random.below(30)) != ~u64{0}) ++state.timers;
      }
      break;
    case 11:
      if (state.timers != 0) (void)cancel_timer(p, random.below(state.timers));
      break;
    case 12: return wait(state, io, sleep_begin(p, random.below(6)), &sleep_resume);
    case 13: return wait(state, io, yield_begin(p), &sleep_resume);
    case 14: p.exec.reductions -= static_cast<i64>(random.below(6000)); break;
    case 15: return some_receive(p, state, io);
    case 16: return done(io, kGrow);
    case 17: return done(io, caller == kOrdinary ? kRecurse : kAgain);
    case 18: p.registry->put(fmt::format("name {}", random.below(16)), {0, p.pid}); break;
    case 19: p.registry->remove(fmt::format("name {}", random.below(16))); break;
    case 20:
      set_scratch(p, some_message(p, random));
      if (p.scratch == nullptr) break;
      return wait(state, io,
                  send_receive_begin(p, some_pid(random), 1 + static_cast<i64>(random.below(3)), random.below(8)),
                  &await_tag_resume);
    case 21:
    case 22:
    case 23:
      if (Message* message = some_message(p, random)) {
        send_message(*p.scheduler, *p.environment, some_pid(random), message);
      }
      break;
    case 24:
    case 25:
    case 26: return some_receive(p, state, io);
    case 27: {
      if (caller != kOrdinary) break;
      const char name[kNameBytes] = {'f', static_cast<char>('0' + random.below(8))};
      std::memcpy(p.memory->base + kNameAddress, name, sizeof name);
      return done(io, random.below(8) == 0 ? kLeaveFile : kCloseFile);
    }
    default:
      if (may_spawn) return spawn_one(p, state, io, true);
      return some_receive(p, state, io);
  }
  return done(io, kAgain);
}

vm::HostStatus root_step(Process& p, State& state, u64* io) {
  set_scratch(p, nullptr);  // A notice of a linked child's death.
  if (state.steps++ == 0) (void)set_die_when_link_dies(p, false);
  storm.environment = p.environment;
  if (storm.finished) return done(io, kReturn);
  // Who waits for ever would end the storm: the old ones are killed all the time, everybody when it is over.
  const u64 newest = storm.newest_pid + (storm.draining ? 2 * storm.most_processes : 0);
  const u64 spared = storm.draining ? 0 : 2 * storm.crowd;
  const u64 limit = newest > spared ? newest - spared : 0;
  const u64 end = std::min(storm.swept + 20'000, limit);
  for (u64 pid = storm.swept; pid < end; ++pid) (void)kill(p, pid);
  if (storm.swept < end) storm.swept = end;
  if (storm.draining && end == limit) storm.swept = 2;
  if (!storm.draining && p.environment->processes.size() < storm.crowd / 2 && state.steps % 64 != 0) {
    return spawn_one(p, state, io, false);
  }
  return wait(state, io, receive_begin(p, 0, 0, 1), &receive_resume);
}

vm::HostStatus step(Process& p, u64* io, Caller caller) {
  State& state = state_of(p);
  if (caller == kRoot) return root_step(p, state, io);
  if (storm.draining) return done(io, kReturn);
  return random_step(p, state, io, caller);
}

vm::HostStatus on_call(vm::ExecContext& exec, u64* io) {
  return step(process_of(exec), io, static_cast<Caller>(static_cast<u32>(io[0])));
}

vm::HostStatus on_resume(vm::ExecContext& exec, u64* io) {
  Process& p = process_of(exec);
  State& state = state_of(p);
  if (state.resume == nullptr) {
    SpawnResult result;
    const SpawnStatus status = spawn_resume(p, result);
    return spawned(state, io, status, result);
  }
  const WaitStatus status = state.resume(p);
  return status == WaitStatus::kPark ? vm::HostStatus::kPark : done(io, kAgain);
}

constexpr vm::HostFunction kFunctions[] = {{.module = "storm",
                                            .name = "step",
                                            .signature = "i:i",
                                            .call = &on_call,
                                            .resume = &on_resume,
                                            .cancel = &cancel_wait}};

// run(caller): steps in a loop, doing what they say. root: the root's steps.
std::vector<u8> module_bytes(bool has_start) {
  using namespace tests;
  ModuleBuilder m;
  const u32 plain = m.type("", "");
  const u32 with_one = m.type("i", "");
  const u32 step = m.import_func("storm", "step", m.type("i", "i"));
  const std::string_view wasi = "wasi_snapshot_preview1";
  const u32 path_open = m.import_func(wasi, "path_open", m.type("iiiiiIIii", "i"));
  const u32 fd_pwrite = m.import_func(wasi, "fd_pwrite", m.type("iiiIi", "i"));
  const u32 fd_close = m.import_func(wasi, "fd_close", m.type("i", "i"));
  const u32 deep = fd_close + 1;
  // deep(n): n frames down, a step.
  const Bytes if_empty{0x04, 0x40};
  const Bytes end{0x0B};
  m.func(with_one, seq({local_get(0),
                        {0x45},
                        if_empty,
                        i32_const(kDeep),
                        call(step),
                        {0x1A, 0x0F},
                        end,
                        local_get(0),
                        i32_const(1),
                        {0x6B},
                        call(deep)}));
  const Bytes again{0x0C, 0x01};
  const auto on = [&](u32 command, const Bytes& body) {
    return seq({local_get(1), i32_const(static_cast<i32>(command)), {0x46}, if_empty, body, end});
  };
  const Bytes grow_and_touch = seq({i32_const(1),
                                    {0x40, 0x00, 0x1A, 0x3F, 0x00},
                                    i32_const(65536),
                                    {0x6C},
                                    i32_const(8),
                                    {0x6B},
                                    i32_const(-1),
                                    {0x36, 0x02, 0x00},
                                    again});
  const auto number = [](u32 value) { return i32_const(static_cast<i32>(value)); };
  const Bytes drop{0x1A};
  const Bytes fd = seq({number(kFdAddress), {0x28, 0x02, 0x00}});
  // The only preopened directory is 3; oflags: create; rights: read and write.
  const Bytes open_and_write =
      seq({number(3), number(0), number(kNameAddress), number(kNameBytes), number(1), i64_const(0x42), i64_const(0),
           number(0), number(kFdAddress), call(path_open), drop, fd, number(kBuffersAddress), number(1), i64_const(0),
           number(kMovedAddress), call(fd_pwrite), drop});
  const u32 run = m.func(with_one,
                         seq({{0x03, 0x40},
                              local_get(0),
                              call(step),
                              {0x22, 0x01, 0x45},
                              if_empty,
                              {0x0F},
                              end,
                              on(kGrow, grow_and_touch),
                              on(kRecurse, seq({i32_const(300), call(deep), again})),
                              on(kTrap, {0x00}),
                              on(kLeaveFile, seq({open_and_write, again})),
                              on(kCloseFile, seq({open_and_write, fd, call(fd_close), drop, again})),
                              {0x0C, 0x00},
                              end}),
                         "i");
  const u32 root = m.func(plain, seq({{0x03, 0x40}, i32_const(kRoot), call(step), {0x0D, 0x00}, end}));
  m.export_item("memory", ModuleBuilder::kMemory, m.memory(1, 64));
  // One buffer: 100 bytes from address 0.
  m.data_active(i32_const(static_cast<i32>(kBuffersAddress)), std::string_view("\0\0\0\0\x64\0\0\0", 8));
  m.export_item("run", ModuleBuilder::kFunc, run).export_item("root", ModuleBuilder::kFunc, root);
  if (has_start) {
    m.start(m.func(plain, seq({i32_const(kInStart), call(step), {0x1A}, i32_const(kInStart), call(step), {0x1A}})));
  }
  return m.build();
}

u64 open_descriptors() {
  u64 count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

// What is alive, summed over the workers.
struct Left {
  i64 processes = 0;
  u64 blocks = 0;
  i64 memories = 0;
  u64 timers = 0;
  i64 messages = 0;
  u64 pids = 0;
  u64 calls = 0;        // In the pools.
  u64 descriptors = 0;  // Beside those of an idle VM and its open directory.
  bool complete = true;
};

Left count(Vm& vm, u64 descriptors_before) {
  Left left;
  if (const Environment* environment = storm.environment; environment != nullptr)
    left.pids = environment->processes.size();
  for (const BlockingPool* pool : {&vm.blocking_pool(), &vm.module_pool()}) {
    const BlockingPool::Stats calls = pool->stats();
    left.calls += calls.queued + calls.running;
  }
  const bool is_open = storm.config->preopens[0].directory->known_descriptor() >= 0;
  left.descriptors = open_descriptors() - descriptors_before - (is_open ? 1 : 0);
  for (const auto& worker : vm.sample(10'000)) {
    if (!worker) {
      left.complete = false;
      continue;
    }
    left.processes += worker->scheduler.live_processes;
    left.blocks += worker->blocks.live_blocks;
    left.memories += worker->memories.live_memories;
    left.timers += worker->timers;
    left.messages += worker->live_messages;
  }
  return left;
}

// The root alone: its block and memory, at most the timer of its own wait, no message.
bool is_root_alone(const Left& left) {
  return left.complete && left.processes == 1 && left.blocks == 1 && left.memories == 1 && left.timers <= 1 &&
         left.messages == 0 && left.pids == 1 && left.calls == 0 && left.descriptors == 0;
}

// A folder for the guests' files.
struct Folder {
  Folder() {
    char name[] = "/tmp/storm-XXXXXX";
    VM_CHECK(mkdtemp(name) != nullptr);
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path;
};

void pause_ms(u64 ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

// The storm itself: the crowd changes its size and is looked at from outside, as by SIGUSR1.
void blow(Vm& vm, u64 seconds) {
  for (u64 i = 0; i < 2 * seconds; ++i) {
    pause_ms(500);
    storm.crowd = i % 4 == 0 ? kSmallCrowd : storm.most_processes;
    (void)vm.sample(1000);
  }
}

int run_storm(u64 seconds, u32 workers) {
  set_log_level(LogLevel::kOff);
  rlimit limit{};
  VM_CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  VM_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  const Folder folder;
  const u64 descriptors_before = open_descriptors();
  vm::HostRegistry hosts;
  hosts.add(kFunctions);
  hosts.add(wasi::preview1_functions());
  bool is_clean = false;
  Left left;
  VmStats stats;
  std::vector<WorkerStats> by_worker;
  u64 files_used = 0;
  {
    Vm vm({.hosts = &hosts, .workers = workers, .seed = storm.seed});
    storm.plain = *vm.load(module_bytes(false), "storm.wasm");
    storm.with_start = *vm.load(module_bytes(true), "storm_start.wasm");
    storm.config = Vm::root_config();
    storm.config.writable()->max_mailbox = 500;
    storm.config.writable()->preopens.push_back({.host_path = folder.path, .guest_path = "/"});
    storm.crowd = storm.most_processes;
    const u64 descriptors_idle = open_descriptors();
    std::thread director([&] {
      blow(vm, seconds);
      storm.draining = true;
      // Timers of the storm come within 30 ms, a sleeping worker frees within its grace; a loaded machine takes longer.
      for (int i = 0; i < 6000 && !is_clean; ++i) {
        pause_ms(10);
        left = count(vm, descriptors_idle);
        is_clean = is_root_alone(left);
      }
      storm.finished = true;
    });
    const RunResult result = vm.run_root({.module = storm.plain, .function = "root"});
    director.join();
    if (result.exit_status() != 0) {
      fmt::print("the root failed: {}\n", result.message());
      is_clean = false;
    }
    files_used = vm.blocking_pool().stats().finished;
    stats = vm.stats();
    by_worker = vm.worker_stats();
    storm.plain.reset();
    storm.with_start.reset();
    storm.config.reset();
  }
  const u64 descriptors = open_descriptors();
  fmt::print(
      "storm: {} workers, {} s, seed {}: {} processes, {} messages, {} timers fired, {} given away, {} woken across, {} calls on files\n",
      by_worker.size(), seconds, storm.seed, stats.scheduler.spawned, stats.scheduler.messages_sent,
      stats.scheduler.timers_fired, stats.scheduler.given, stats.scheduler.posted, files_used);
  for (size_t i = 0; i < by_worker.size(); ++i) {
    fmt::print("  worker {}: {} spawned, {} ended, {} slices\n", i, by_worker[i].scheduler.spawned,
               by_worker[i].scheduler.exited, by_worker[i].scheduler.slices);
  }
  if (!is_clean) {
    fmt::print(
        "beside the root: {} processes, {} pids, {} blocks, {} memories, {} timers, {} messages, {} calls, {} "
        "descriptors\n",
        left.processes - 1, left.pids - 1, left.blocks - 1, left.memories - 1, left.timers, left.messages, left.calls,
        left.descriptors);
  }
  const bool is_empty = stats.scheduler.live_processes == 0 && stats.live_blocks == 0 && stats.live_memories == 0 &&
                        stats.live_messages == 0 && stats.memory_bytes == 0;
  if (!is_empty) fmt::print("something is left after the end\n");
  const bool has_moved = by_worker.size() == 1 || stats.scheduler.given > 0;
  if (!has_moved) fmt::print("no process has moved to another worker\n");
  if (descriptors != descriptors_before) fmt::print("{} descriptors are left open\n", descriptors - descriptors_before);
  return is_clean && is_empty && has_moved && files_used > 0 && descriptors == descriptors_before ? 0 : 1;
}

}  // namespace
}  // namespace lunabeam::runtime

int main(int count, char** words) {
  const auto number = [&](int index, unsigned long long otherwise) {
    return index < count ? std::strtoull(words[index], nullptr, 10) : otherwise;
  };
  lunabeam::runtime::storm.seed = number(3, 1);
  lunabeam::runtime::storm.most_processes = number(4, 2000);
  return lunabeam::runtime::run_storm(number(1, 10), static_cast<lunabeam::u32>(number(2, 2)));
}
