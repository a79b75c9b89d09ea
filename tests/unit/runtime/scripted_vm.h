// Processes whose behaviour is C++: the guest module calls the host function test::script in a loop, which runs one step of a
// script. So tests say what a process does next to what they expect of it, and still run real modules on the real scheduler.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/blocking_pool.h"
#include "runtime/log.h"
#include "runtime/signals.h"
#include "runtime/spawn.h"
#include "runtime/timers.h"
#include "runtime/vm.h"
#include "runtime/wait.h"
#include "tests/support/module_builder.h"

namespace lunabeam::runtime {

class ScriptedVm;

// Continues a wait: one of the *_resume functions of wait.h.
using ResumeWait = WaitStatus (*)(Process&) noexcept;

// What a step of a script answers.
struct Answer {
  vm::HostStatus status = vm::HostStatus::kDone;
  bool again = true;            // kDone: call the script again, else the entry function returns.
  bool finished = true;         // This step is over: the next call sees step + 1.
  ResumeWait resume = nullptr;  // kPark: asked when the process runs again. nullptr: the script is, with `resumed` set.
};

// One call of a script.
struct Guest {
  Process& process;
  ScriptedVm& test;
  int step;          // Steps finished before, per process.
  bool resumed;      // After a park in this step that named no function to resume with.
  WaitStatus& last;  // Of the last step that waited: kDone or kTimedOut.

  [[nodiscard]] Answer next() const { return {}; }
  [[nodiscard]] Answer stop() const { return {.again = false}; }
  [[nodiscard]] Answer repeat() const { return {.finished = false}; }
  [[nodiscard]] Answer wait(WaitStatus status, ResumeWait resume = nullptr) const {
    if (status == WaitStatus::kPark) return {.status = vm::HostStatus::kPark, .finished = false, .resume = resume};
    last = status;
    return {};
  }
  [[nodiscard]] Answer receive(u64 timeout_ms = kForeverMs) const {
    return wait(receive_begin(process, 0, 0, timeout_ms), &receive_resume);
  }
  [[nodiscard]] Answer sleep(u64 ms) const { return wait(sleep_begin(process, ms), &sleep_resume); }
  [[nodiscard]] Answer yield() const { return wait(yield_begin(process), &sleep_resume); }
  [[nodiscard]] Answer trap(const char* message) const { return {.status = runtime::trap(process, message)}; }
  [[nodiscard]] Answer exit(i32 code) const {
    process.exec.trap = vm::Trap{.kind = vm::TrapKind::kExit, .exit_code = code};
    return {.status = vm::HostStatus::kTrap};
  }
  void send(u64 pid, i64 tag = 0, u64 value = 0) const {
    Message* message = Message::create(process.scheduler->account(), MessageKind::kData, tag);
    ASSERT_NE(message, nullptr);
    ASSERT_TRUE(
        Message::append(process.scheduler->account(), message, reinterpret_cast<const u8*>(&value), sizeof value));
    send_message(*process.scheduler, *process.environment, pid, message);
  }
  // The value in the scratch message.
  [[nodiscard]] u64 value() const {
    u64 result = 0;
    std::memcpy(&result, process.scratch->bytes(), sizeof result);
    return result;
  }
  // A process of the caller's module at script `script`, or at another entry function; its pid.
  u64 spawn(int script, i64 link_tag = 0) const;
  u64 spawn_entry(std::string_view entry, i64 link_tag = 0) const;
};

using Script = std::function<Answer(const Guest&)>;

class ScriptedVm : public testing::TestWithParam<vm::Dispatch> {
 protected:
  ScriptedVm() {
    if (!vm::has_dispatch(GetParam())) return;
    hosts_.add(functions());
  }
  void SetUp() override {
    if (!vm::has_dispatch(GetParam())) GTEST_SKIP() << "not in this build";
    set_log_level(LogLevel::kOff);
  }
  // A VM with the options and the scripted module.
  void start(VmOptions options = {.deterministic = true}) {
    options.hosts = &hosts_;
    options.dispatch = GetParam();
    vm_.reset();
    vm_ = std::make_unique<Vm>(options);
    module_ = load(module_bytes());
    states_.clear();
  }
  std::shared_ptr<const vm::Module> load(std::vector<u8> bytes) {
    auto module = vm_->load(std::move(bytes), "scripted.wasm");
    EXPECT_TRUE(module.has_value()) << module.error().message();
    return module ? *module : nullptr;
  }
  // Runs script 0 as the root process.
  RunResult run(ConfigRef config = {}) { return vm_->run_root({.module = module_, .config = config}); }
  RunResult run_script(Script root) {
    if (vm_ == nullptr) start();
    scripts_.resize(std::max<size_t>(scripts_.size(), 1));
    scripts_[0] = std::move(root);
    states_.clear();
    return run();
  }
  // Index of a further script.
  int script(Script body) {
    if (scripts_.empty()) scripts_.resize(1);
    scripts_.push_back(std::move(body));
    return static_cast<int>(scripts_.size()) - 1;
  }
  void expect_nothing_alive() {
    const VmStats stats = vm_->stats();
    EXPECT_EQ(stats.scheduler.live_processes, 0u);
    EXPECT_EQ(stats.live_blocks, 0u);
    EXPECT_EQ(stats.live_memories, 0u);
    EXPECT_EQ(stats.live_messages, 0u);
    EXPECT_EQ(stats.memory_bytes, 0u);
  }

  // The pool that expect_idle() is about.
  virtual BlockingPool& pool() { return vm_->blocking_pool(); }
  // Waits for the pool: it has nothing to do, and nothing else is left.
  void expect_idle() {
    pool().drain();
    EXPECT_EQ(pool().stats().queued, 0u);
    EXPECT_EQ(pool().stats().running, 0u);
    expect_nothing_alive();
  }

  // Exports: _start = script 0 in a loop; run(i32) = that script; spin = an endless loop; divide = a trap two frames deep;
  // result = an entry with a result; memory. start_script >= 0: the start section is one call of that script.
  static std::vector<u8> module_bytes(int start_script = -1) {
    using namespace tests;
    ModuleBuilder m;
    const u32 import_type = m.type("i", "i");
    const u32 plain = m.type("", "");
    const u32 with_index = m.type("i", "");
    const u32 with_result = m.type("", "i");
    const u32 script = m.import_func("test", "script", import_type);
    const Bytes loop{0x03, 0x40};
    const Bytes br_if_end{0x0D, 0x00, 0x0B};
    const u32 root = m.func(plain, seq({loop, i32_const(0), call(script), br_if_end}));
    const u32 run = m.func(with_index, seq({loop, local_get(0), call(script), br_if_end}));
    const u32 spin = m.func(plain, {0x03, 0x40, 0x0C, 0x00, 0x0B});
    const u32 divides = m.func(plain, seq({i32_const(1), i32_const(0), {0x6D, 0x1A}}));
    const u32 divide = m.func(plain, call(divides));
    const u32 result = m.func(with_result, i32_const(1));
    m.export_item("memory", ModuleBuilder::kMemory, m.memory(1));
    m.export_item("_start", ModuleBuilder::kFunc, root).export_item("run", ModuleBuilder::kFunc, run);
    m.export_item("spin", ModuleBuilder::kFunc, spin).export_item("divide", ModuleBuilder::kFunc, divide);
    m.export_item("divides", ModuleBuilder::kFunc, divides).export_item("result", ModuleBuilder::kFunc, result);
    if (start_script >= 0) m.start(m.func(plain, seq({loop, i32_const(start_script), call(script), br_if_end})));
    return m.build();
  }

  vm::HostRegistry hosts_;
  std::unique_ptr<Vm> vm_;
  std::shared_ptr<const vm::Module> module_;
  std::vector<Script> scripts_;

 private:
  friend struct Guest;
  struct State {
    u64 pid = 0;
    int step = 0;
    int script = 0;
    ResumeWait resume = nullptr;
    WaitStatus last = WaitStatus::kDone;
  };

  static std::span<const vm::HostFunction> functions() {
    static const vm::HostFunction kFunctions[] = {{.module = "test",
                                                   .name = "script",
                                                   .signature = "i:i",
                                                   .call = &on_call,
                                                   .resume = &on_resume,
                                                   .cancel = &cancel_wait}};
    return kFunctions;
  }
  static vm::HostStatus on_call(vm::ExecContext& exec, u64* io) {
    ScriptedVm& test = current();
    test.state_of(process_of(exec)).script = static_cast<int>(io[0]);
    return one_step(exec, io, false);
  }
  static vm::HostStatus on_resume(vm::ExecContext& exec, u64* io) { return one_step(exec, io, true); }
  static vm::HostStatus one_step(vm::ExecContext& exec, u64* io, bool resumed) {
    ScriptedVm& test = current();
    Process& process = process_of(exec);
    State& state = test.state_of(process);
    if (const ResumeWait resume = resumed ? std::exchange(state.resume, nullptr) : nullptr; resume != nullptr) {
      const WaitStatus status = resume(process);
      if (status == WaitStatus::kPark) {
        state.resume = resume;
        return vm::HostStatus::kPark;
      }
      state.last = status;
      ++state.step;
      io[0] = 1;
      return vm::HostStatus::kDone;
    }
    const int script = state.script;
    const Answer answer =
        test.scripts_.at(static_cast<size_t>(script))({process, test, state.step, resumed, state.last});
    if (answer.finished) ++state.step;
    state.resume = answer.resume;
    io[0] = answer.again ? 1 : 0;
    return answer.status;
  }
  static ScriptedVm& current() { return *running_; }

 public:
  static inline ScriptedVm* running_ = nullptr;

 private:
  // Any worker; the state itself belongs to the process.
  State& state_of(Process& process) {
    const std::lock_guard guard(states_lock_);
    State& state = states_[&process];
    // The block of a dead process has been used again.
    if (state.pid != process.pid) state = State{.pid = process.pid};
    return state;
  }
  std::mutex states_lock_;
  std::unordered_map<Process*, State> states_;
  struct Registration {
    explicit Registration(ScriptedVm* test) { running_ = test; }
    ~Registration() { running_ = nullptr; }
  } registration_{this};
};

inline u64 Guest::spawn(int script, i64 link_tag) const {
  const SpawnParam param{.type = vm::ValType::kI32, .low = static_cast<u64>(script)};
  SpawnResult result;
  const SpawnStatus status = runtime::spawn(process,
                                            {.config = process.config,
                                             .module = process.module,
                                             .function = "run",
                                             .params = {&param, 1},
                                             .link_tag = link_tag},
                                            result);
  EXPECT_EQ(status, SpawnStatus::kSpawned) << result.error;
  return result.pid;
}

inline u64 Guest::spawn_entry(std::string_view entry, i64 link_tag) const {
  SpawnResult result;
  const SpawnStatus status = runtime::spawn(
      process, {.config = process.config, .module = process.module, .function = entry, .link_tag = link_tag}, result);
  EXPECT_EQ(status, SpawnStatus::kSpawned) << result.error;
  return result.pid;
}

inline std::string dispatch_name(const testing::TestParamInfo<vm::Dispatch>& info) {
  return info.param == vm::Dispatch::kTail ? "tail" : "step";
}
#define INSTANTIATE_SCRIPTED_TESTS(suite) \
  INSTANTIATE_TEST_SUITE_P(Dispatch, suite, testing::Values(vm::Dispatch::kTail, vm::Dispatch::kStep), dispatch_name)

}  // namespace lunabeam::runtime
