// Making processes.
#include "runtime/spawn.h"

#include <algorithm>
#include <cstdlib>
#include <new>

#include "runtime/environment.h"
#include "runtime/exit.h"
#include "runtime/failure_log.h"
#include "runtime/process.h"
#include "runtime/sched/scheduler.h"
#include "runtime/signals.h"
#include "vm/base/check.h"
#include "vm/process_stack.h"
#include "vm/reductions.h"
#include "vm/type_registry.h"

namespace lunabeam::runtime {

// A start section that runs before its process's entry function. Of a spawned process: owned by the parent's wait. Of a root:
// owned by the process itself, parent == nullptr.
struct SpawnWait final : WaitOp {
  Process* parent = nullptr;
  Process* child = nullptr;  // nullptr: failed, or handed over.
  bool done = false;
  std::string error;  // done and child == nullptr.
  i64 link_tag = 0;
  bool has_name = false;
  std::string name;
  const vm::FuncCode* entry = nullptr;  // nullptr: there is no such entry function.
  std::vector<u64> args;

  ~SpawnWait() override;
};

namespace {

constexpr u64 round_up_16(u64 bytes) { return (bytes + 15) & ~u64{15}; }

bool param_matches(const SpawnParam& param, vm::ValType type) { return param.type == type; }

// The entry function, nullptr when it is missing or has another type.
const vm::FuncCode* find_entry(const SpawnRequest& request) {
  const vm::Export* found = request.module->find_export(request.function, vm::ExternKind::kFunc);
  if (found == nullptr) return nullptr;
  const vm::FuncCode& code = request.module->codes[found->index];
  const vm::FuncType& type = vm::TypeRegistry::global().func(code.type);
  if (!type.results.empty() || type.params.size() != request.params.size()) return nullptr;
  for (size_t i = 0; i < type.params.size(); ++i) {
    if (!param_matches(request.params[i], type.params[i])) return nullptr;
  }
  return &code;
}

// Parameter words as push_entry wants them; `words` has room for two per parameter.
size_t encode_params(std::span<const SpawnParam> params, u64* words) {
  size_t count = 0;
  for (const SpawnParam& param : params) {
    words[count++] = param.type == vm::ValType::kI32 ? static_cast<u32>(param.low) : param.low;
    if (param.type == vm::ValType::kV128) words[count++] = param.high;
  }
  return count;
}

i64 fuel_of(const Config& config) {
  if (config.max_fuel == 0) return INT64_MAX;
  constexpr u64 kMostUnits = static_cast<u64>(INT64_MAX) / vm::kReductionsPerFuelUnit;
  return config.max_fuel >= kMostUnits ? INT64_MAX - 1 : static_cast<i64>(config.max_fuel * vm::kReductionsPerFuelUnit);
}

// The process with its instance; in no queue and in no table. nullptr: error says why. Either way what making the instance has cost
// is taken from *payer's reductions, if there is a payer.
Process* make_process(Scheduler& scheduler, Environment& environment, NameRegistry& registry, SpawnRequest& request,
                      u64 hint_key, Process* payer, std::string& error) {
  const u64 pid = environment.processes.allocate_pid();
  const vm::Module& module = *request.module;
  const u64 head_bytes = round_up_16(sizeof(Process));
  const u64 ctx_bytes = vm::instance_bytes(module);
  const u64 stack_bytes = scheduler.stack_hints().initial_bytes(hint_key);
  const bool separate = head_bytes + ctx_bytes + stack_bytes > BlockPool::kMaxBlockBytes;
  const u64 used_bytes = head_bytes + (separate ? 0 : ctx_bytes);
  const u64 block_bytes = BlockPool::block_bytes(used_bytes + stack_bytes);
  // The process block counts: a bomb of processes fails in the guest that sets it off (rule P13).
  const u64 charged_bytes = block_bytes + (separate ? ctx_bytes : 0);
  if (!scheduler.account().charge(charged_bytes)) {
    error = vm::Error{.code = vm::ErrorCode::kResourceLimit, .detail = "process"}.message();
    return nullptr;
  }
  auto* block = static_cast<u8*>(scheduler.blocks().allocate(block_bytes));
  void* ctx_block = block + head_bytes;
  if (block != nullptr && separate) {
    ctx_block = std::aligned_alloc(alignof(vm::Ctx), round_up_16(ctx_bytes));
    if (ctx_block == nullptr) {
      scheduler.blocks().free(block, block_bytes);
      block = nullptr;
    }
  }
  if (block == nullptr) {
    scheduler.account().release(charged_bytes);
    error = "out of memory";
    return nullptr;
  }
  auto& process = *new (block) Process;
  process.pid = pid;
  process.environment = &environment;
  process.registry = &registry;
  process.scheduler = &scheduler;
  process.home = scheduler.worker();
  process.module = std::move(request.module);
  process.config = std::move(request.config);
  process.fuel_left = fuel_of(*process.config);
  process.block_bytes = static_cast<u32>(block_bytes);
  process.ctx_is_separate = separate;
  process.stack_hint_key = hint_key;
  process.exec.hooks = &scheduler.hooks();
  process.exec.transfer = scheduler.transfer();
  process.stack.attach(process.exec, block + used_bytes, block + block_bytes);
  vm::Result<vm::Ctx*> built = vm::instantiate(ctx_block, module, process.exec, {}, false);
  const i64 charged = std::exchange(process.exec.reductions, 0);
  if (payer != nullptr) payer->exec.reductions += charged;
  if (!built) {
    error = built.error().message();
    if (separate) std::free(ctx_block);
    process.~Process();
    scheduler.blocks().free(block, block_bytes);
    scheduler.account().release(charged_bytes);
    return nullptr;
  }
  if (const vm::Export* memory = module.find_export("memory", vm::ExternKind::kMemory); memory != nullptr) {
    process.memory = (*built)->memories[memory->index];
  }
  scheduler.add_process(process);
  return &process;
}

// Sets up the entry function. What is wrong with it ends the process when it is run.
void prepare_entry(Process& process, const vm::FuncCode* entry, std::span<const u64> args) {
  if (entry == nullptr) {
    process.doomed = true;
    process.reason = {.kind = vm::ExitReason::Kind::kNoEntry};
  } else if (!vm::push_entry(process.exec, *process.ctx(), *entry, args)) {
    process.doomed = true;
    process.reason = exit_reason_of(process.exec.trap);
  }
}

void prepare_entry(Process& process, const vm::FuncCode* entry, std::span<const SpawnParam> params) {
  constexpr size_t kFewParams = 8;
  u64 words[2 * kFewParams];
  std::vector<u64> many;
  u64* args = words;
  if (params.size() > kFewParams) {
    many.resize(2 * params.size());
    args = many.data();
  }
  const size_t count = encode_params(params, args);
  prepare_entry(process, entry, std::span<const u64>(args, count));
}

u64 hint_key_of(const vm::Module& module, const vm::FuncCode* entry) {
  return StackSizeHints::key(module.id, entry == nullptr ? 0 : entry->func_index);
}

// From here on others can reach the process.
void insert_process(Scheduler& scheduler, Process& process) {
  PidTable& processes = process.environment->processes;
  processes.insert(process.pid, &process);
  SchedulerStats& stats = scheduler.stats();
  stats.peak_processes = std::max(stats.peak_processes, processes.size());
}

// The child comes to life. Takes the child over.
SpawnStatus bring_to_life(Process& parent, Process& child, i64 link_tag, const std::string_view* name,
                          SpawnResult& result) {
  const auto publish = [&] {
    child.state = ProcessState::kRunning;
    // No signal about a new pid can be under way: the tables may be written at once.
    if (link_tag != 0) {
      MemoryAccount& account = parent.scheduler->account();
      child.links.set(account, parent.pid, link_tag);
      parent.links.set(account, child.pid, 0);
    }
    insert_process(*parent.scheduler, child);
  };
  if (name == nullptr) {
    publish();
  } else {
    child.has_name = true;
    if (const auto existing = parent.registry->put_if_absent(*name, {0, child.pid}, publish)) {
      result.existing = *existing;
      drop_unborn(child);
      return SpawnStatus::kNameTaken;
    }
  }
  // Signals that have reached it since are handled first.
  parent.scheduler->enqueue(child);
  result.pid = child.pid;
  return SpawnStatus::kSpawned;
}

// Puts the start function on the stack of a fresh process. False: it does not fit.
bool push_start(Process& process) {
  const vm::FuncCode& start = process.module->codes[process.module->start_func];
  return vm::push_entry(process.exec, *process.ctx(), start, {});
}

SpawnWait* make_spawn_wait(Process& child, const SpawnRequest& request, const vm::FuncCode* entry) {
  auto* wait = new (std::nothrow) SpawnWait;
  if (wait == nullptr) return nullptr;
  wait->child = &child;
  wait->link_tag = request.link_tag;
  wait->has_name = request.name != nullptr;
  if (wait->has_name) wait->name = *request.name;
  wait->entry = entry;
  wait->args.resize(2 * request.params.size());
  wait->args.resize(encode_params(request.params, wait->args.data()));
  return wait;
}

std::string start_error(std::string why) {
  return vm::Error{.code = vm::ErrorCode::kStartTrapped, .detail = std::move(why)}.message();
}
std::string start_error(const vm::Trap& trap) {
  return start_error(std::string(trap.message != nullptr ? std::string_view(trap.message) : vm::text_of(trap.kind)));
}

// The start section of a child is over. The parent lives: its wait owns `wait`.
void tell_spawner(Scheduler& scheduler, SpawnWait& wait) {
  VM_CHECK(deliver(scheduler, *wait.parent, new_wake(wait.parent->wait.epoch)));
}

void fail_start(Process& child, std::string error) {
  SpawnWait& wait = *std::exchange(child.spawner, nullptr);
  Scheduler& scheduler = *child.scheduler;
  wait.error = std::move(error);
  wait.child = nullptr;
  drop_unborn(child);
  tell_spawner(scheduler, wait);
}

}  // namespace

SpawnWait::~SpawnWait() {
  if (child == nullptr) return;
  child->spawner = nullptr;
  if (done) {
    drop_unborn(*child);
  } else {
    // The scheduler drops it when its turn comes.
    child->doomed = true;
    if (child->signals.unpark()) child->scheduler->enqueue(*child);
  }
}

SpawnStatus spawn(Process& parent, SpawnRequest&& request, SpawnResult& result) noexcept {
  VM_CHECK(parent.state == ProcessState::kRunning && parent.spawner == nullptr);
  if (request.name != nullptr) {
    if (const auto existing = parent.registry->get(*request.name)) {
      result.existing = *existing;
      return SpawnStatus::kNameTaken;
    }
  }
  Scheduler& scheduler = *parent.scheduler;
  const vm::FuncCode* entry = find_entry(request);
  Process* child = make_process(scheduler, *parent.environment, *parent.registry, request,
                                hint_key_of(*request.module, entry), &parent, result.error);
  if (child == nullptr) return SpawnStatus::kFailed;
  if (!child->module->has_start) {
    prepare_entry(*child, entry, request.params);
    return bring_to_life(parent, *child, request.link_tag, request.name, result);
  }
  SpawnWait* wait = make_spawn_wait(*child, request, entry);
  if (wait == nullptr || !push_start(*child)) {
    result.error = wait == nullptr ? "out of memory" : start_error(child->exec.trap);
    if (wait != nullptr) wait->child = nullptr;
    delete wait;
    drop_process(*child);
    return SpawnStatus::kFailed;
  }
  wait->parent = &parent;
  child->spawner = wait;
  begin_wait(parent, kNeverNs);
  parent.wait.op = wait;
  scheduler.enqueue(*child);
  return SpawnStatus::kPark;
}

SpawnStatus spawn_resume(Process& parent, SpawnResult& result) noexcept {
  auto& wait = *static_cast<SpawnWait*>(parent.wait.op);
  if (!wait.done) return SpawnStatus::kPark;
  SpawnStatus status = SpawnStatus::kFailed;
  if (Process* child = std::exchange(wait.child, nullptr); child == nullptr) {
    result.error = std::move(wait.error);
  } else {
    child->spawner = nullptr;
    prepare_entry(*child, wait.entry, std::span<const u64>(wait.args));
    // What its start section has asked for comes before the link of the spawn.
    (void)handle_signals(*child);
    const std::string_view name = wait.name;
    status = bring_to_life(parent, *child, wait.link_tag, wait.has_name ? &name : nullptr, result);
    if (status == SpawnStatus::kSpawned) hear_of_dead_peers(*child);
  }
  end_wait(parent);
  return status;
}

void start_section_ended(Process& process, bool trapped) noexcept {
  SpawnWait& wait = *process.spawner;
  Scheduler& scheduler = *process.scheduler;
  wait.done = true;
  if (wait.parent == nullptr) {  // A root: it goes on by itself.
    if (trapped) {
      process.doomed = true;
      process.reason = exit_reason_of(process.exec.trap);
    } else {
      prepare_entry(process, wait.entry, std::span<const u64>(wait.args));
    }
    forget_spawner(process);
    scheduler.enqueue(process);
    return;
  }
  if (trapped) {
    fail_start(process, start_error(process.exec.trap));
  } else {
    tell_spawner(scheduler, wait);
  }
}

void start_section_died(Process& process) noexcept {
  if (process.spawner == nullptr) {
    drop_unborn(process);
    return;
  }
  process.spawner->done = true;
  fail_start(process, start_error(describe(process.reason)));
}

void forget_spawner(Process& process) noexcept {
  SpawnWait* wait = std::exchange(process.spawner, nullptr);
  if (wait == nullptr) return;
  wait->child = nullptr;
  if (wait->parent == nullptr) delete wait;
}

u64 spawn_root(Scheduler& scheduler, Environment& environment, NameRegistry& registry, SpawnRequest&& request,
               std::string& error) noexcept {
  const vm::FuncCode* entry = find_entry(request);
  Process* process =
      make_process(scheduler, environment, registry, request, hint_key_of(*request.module, entry), nullptr, error);
  if (process == nullptr) return 0;
  process->is_root = true;
  if (process->module->has_start) {
    SpawnWait* wait = make_spawn_wait(*process, request, entry);
    if (wait == nullptr || !push_start(*process)) {
      error = wait == nullptr ? "out of memory" : start_error(process->exec.trap);
      if (wait != nullptr) wait->child = nullptr;
      delete wait;
      drop_process(*process);
      return 0;
    }
    process->spawner = wait;
  } else {
    prepare_entry(*process, entry, request.params);
  }
  process->state = ProcessState::kRunning;
  insert_process(scheduler, *process);
  scheduler.enqueue(*process);
  return process->pid;
}

}  // namespace lunabeam::runtime
