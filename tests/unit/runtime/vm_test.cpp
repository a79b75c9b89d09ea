#include "runtime/vm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include "tests/unit/runtime/scripted_vm.h"
#include "vm/text/text.h"

namespace lunabeam::runtime {
namespace {

using Kind = vm::ExitReason::Kind;
using testing::HasSubstr;

class VmTest : public ScriptedVm {};
INSTANTIATE_SCRIPTED_TESTS(VmTest);

TEST_P(VmTest, ANormalEndIsStatusZeroAndSilent) {
  const RunResult result = run_script([](const Guest& g) { return g.stop(); });
  EXPECT_EQ(result.reason.kind, Kind::kNormal);
  EXPECT_EQ(result.exit_status(), 0);
  EXPECT_EQ(result.message(), "");
  expect_nothing_alive();
}

TEST_P(VmTest, ProcExitGivesItsCode) {
  EXPECT_EQ(run_script([](const Guest& g) { return g.exit(0); }).exit_status(), 0);
  EXPECT_EQ(run_script([](const Guest& g) { return g.exit(7); }).exit_status(), 7);
  const RunResult result = run_script([](const Guest& g) { return g.exit(256); });
  EXPECT_EQ(result.exit_status(), 1);
  EXPECT_EQ(result.reason.kind, Kind::kExited);
}

TEST_P(VmTest, ATrapIsReportedWithItsTextAndABacktrace) {
  start();
  const RunResult result = vm_->run_root({.module = module_, .function = "divide"});
  EXPECT_EQ(result.reason.kind, Kind::kTrapped);
  EXPECT_EQ(result.exit_status(), 1);
  EXPECT_EQ(result.message(), "trap: integer divide by zero");
  EXPECT_THAT(result.backtrace, HasSubstr("#0 divides [scripted.wasm+0x"));
  EXPECT_THAT(result.backtrace, HasSubstr("\n#1 divide [scripted.wasm+0x"));
  expect_nothing_alive();
}

TEST_P(VmTest, AHostTrapSaysWhichFunctionRaisedIt) {
  const RunResult result = run_script([](const Guest& g) { return g.trap("test::script: no reason"); });
  EXPECT_EQ(result.message(), "trap: test::script: no reason");
}

TEST_P(VmTest, AMissingOrWronglyTypedEntryIsAFailure) {
  start();
  for (const char* name : {"nobody", "result", "run"}) {
    const RunResult result = vm_->run_root({.module = module_, .function = name});
    EXPECT_EQ(result.reason.kind, Kind::kNoEntry) << name;
    EXPECT_EQ(result.exit_status(), 1);
  }
}

// Several memories of a process, one of them with pages of one byte and one with 64-bit addresses, against its limits.
TEST_P(VmTest, MemoriesOfAProcess) {
  start({.deterministic = true});
  auto binary = vm::text::read_module(R"((module
    (memory 13 5000 (pagesize 1)) (memory i64 1) (memory (export "memory") 2)
    (data (i32.const 12) "x") (data (memory 1) (i64.const 65535) "y") (data (memory 2) (i32.const 131071) "z")
    (func $check (param i32) (if (i32.eqz (local.get 0)) (then (unreachable))))
    (func (export "_start") (local $size i32)
      (call $check (i32.eq (i32.load8_u (i32.const 12)) (i32.const 0x78)))
      (call $check (i32.eq (i32.load8_u 1 (i64.const 65535)) (i32.const 0x79)))
      (call $check (i32.eq (i32.load8_u 2 (i32.const 131071)) (i32.const 0x7a)))
      (local.set $size (i32.const 13))
      (loop $grow
        (call $check (i32.eq (memory.grow (i32.const 1)) (local.get $size)))
        (call $check (i32.eqz (i32.load8_u (local.get $size))))
        (i32.store8 (local.get $size) (i32.const 255))
        (local.set $size (i32.add (local.get $size) (i32.const 1)))
        (br_if $grow (i32.lt_u (local.get $size) (i32.const 5000))))
      (call $check (i32.eq (memory.grow (i32.const 1)) (i32.const -1)))
      (call $check (i64.eq (memory.grow 1 (i64.const 0x1_0000_0000_0000)) (i64.const -1)))
      (call $check (i64.eq (memory.grow 1 (i64.const 0x1000)) (i64.const -1)))
      (call $check (i64.eq (memory.grow 1 (i64.const 3)) (i64.const 1)))
      (i64.store 1 (i64.const 0x3fff8) (i64.const -1))
      (call $check (i32.eq (i32.load8_u (i32.const 4999)) (i32.const 255))))
    (func (export "outside") (drop (i32.load8_u 1 (i64.const 0x1_0000_0000)))))
  )");
  ASSERT_TRUE(binary);
  module_ = load(std::move(binary->bytes));
  ConfigRef config = ConfigRef::create();
  config.writable()->max_memory_bytes = 16 << 20;
  const RunResult result = vm_->run_root({.module = module_, .config = config});
  EXPECT_EQ(result.message(), "");
  EXPECT_EQ(result.exit_status(), 0);
  expect_nothing_alive();
  const RunResult outside = vm_->run_root({.module = module_, .function = "outside"});
  EXPECT_EQ(outside.message(), "trap: out of bounds memory access");
}

TEST_P(VmTest, TheEndOfTheRootDropsEverythingElse) {
  const int waiter = script([](const Guest& g) {
    if (g.step == 0) return g.receive();
    return g.stop();
  });
  const int sleeper = script([](const Guest& g) { return g.sleep(kForeverMs); });
  const RunResult result = run_script([&](const Guest& g) {
    for (int i = 0; i < 50; ++i) {
      g.spawn(waiter);
      g.send(g.spawn(sleeper), 5, 6);
      g.spawn_entry("spin");
      EXPECT_NE(send_after(g.process, g.process.pid,
                           Message::create(g.process.scheduler->account(), MessageKind::kData, 1), 1000),
                ~u64{0});
    }
    return g.step < 3 ? g.next() : g.stop();
  });
  EXPECT_EQ(result.reason.kind, Kind::kNormal);
  EXPECT_EQ(vm_->stats().scheduler.spawned, 1u + 4 * 150);
  expect_nothing_alive();
}

TEST_P(VmTest, WaitingForWhatCannotComeIsADeadlock) {
  const RunResult result = run_script([](const Guest& g) { return g.receive(); });
  EXPECT_TRUE(result.deadlock);
  EXPECT_TRUE(result.reason.is_failure());
  EXPECT_EQ(result.exit_status(), 1);
  EXPECT_THAT(result.message(), HasSubstr("deadlock"));
  expect_nothing_alive();
}

// Virtual time stands still for who asks from outside.
TEST_P(VmTest, ASampleOfWorkersThatDoNotAnswerComesToAnEnd) {
  start();
  EXPECT_EQ(vm_->sample(1).at(0), std::nullopt);
  run_script([](const Guest& g) { return g.stop(); });
  EXPECT_EQ(vm_->sample(60'000).at(0), std::nullopt);
}

TEST_P(VmTest, MayRunAgainWithFreshPids) {
  for (int i = 0; i < 3; ++i) {
    u64 pid = 0;
    const RunResult result = run_script([&](const Guest& g) {
      pid = g.process.pid;
      EXPECT_EQ(g.spawn_entry("spin"), 2u);
      return g.stop();
    });
    EXPECT_EQ(result.exit_status(), 0);
    EXPECT_EQ(pid, 1u);
  }
}

TEST_P(VmTest, ModulesWithTooLargeAMemoryAreNoProcess) {
  start();
  ConfigRef config = Vm::root_config();
  config.writable()->max_memory_bytes = 1000;
  const RunResult result = run(config);
  EXPECT_THAT(result.error, HasSubstr("resource limit exceeded"));
  EXPECT_EQ(result.exit_status(), 1);
  expect_nothing_alive();
}

TEST_P(VmTest, RequestStopEndsAnEndlessLoop) {
  start({.deterministic = false});
  std::thread stopper([this] { vm_->request_stop(); });
  const RunResult result = vm_->run_root({.module = module_, .function = "spin"});
  stopper.join();
  EXPECT_EQ(result.reason.kind, Kind::kKilled);
}

TEST_P(VmTest, RequestStopEndsAnIdleVm) {
  start({.deterministic = false});
  scripts_.resize(1);
  std::thread stopper;
  scripts_[0] = [&](const Guest& g) {
    stopper = std::thread([this] { vm_->request_stop(); });
    return g.receive();
  };
  const RunResult result = run();
  stopper.join();
  EXPECT_EQ(result.reason.kind, Kind::kKilled);
}

// Gives roots from a list, and notes how they ended.
class Roots final : public RootSource {
 public:
  explicit Roots(std::vector<RootOptions> roots) : roots_(std::move(roots)) {}
  bool next(RootOptions& options) noexcept override {
    if (given_ == roots_.size()) return false;
    options = roots_[given_];
    options.token = 100 + given_++;
    most_open_ = std::max(most_open_, given_ - ends_.size());
    return true;
  }
  void ended(u64 token, RunResult&& result) noexcept override { ends_.emplace_back(token, std::move(result)); }

  // How the root with this place in the list ended.
  [[nodiscard]] const RunResult& end_of(u64 index) const {
    const auto end = std::ranges::find(ends_, 100 + index, &std::pair<u64, RunResult>::first);
    return end->second;
  }
  [[nodiscard]] size_t ends() const { return ends_.size(); }
  [[nodiscard]] size_t most_open() const { return most_open_; }

 private:
  std::vector<RootOptions> roots_;
  size_t given_ = 0;
  size_t most_open_ = 0;
  std::vector<std::pair<u64, RunResult>> ends_;
};

TEST_P(VmTest, RootsRunBesideOneAnother) {
  start();
  std::vector<RootOptions> options(20, {.module = module_, .function = "divide"});
  options[3].function = "nobody";
  ConfigRef config = Vm::root_config();
  config.writable()->max_memory_bytes = 1000;
  options[7].config = config;
  Roots roots(options);
  vm_->run_roots(roots, 4);
  ASSERT_EQ(roots.ends(), 20u);
  EXPECT_EQ(roots.most_open(), 4u);
  EXPECT_EQ(roots.end_of(0).message(), "trap: integer divide by zero");
  EXPECT_THAT(roots.end_of(19).backtrace, HasSubstr("#0 divides"));
  EXPECT_EQ(roots.end_of(3).reason.kind, Kind::kNoEntry);
  EXPECT_THAT(roots.end_of(7).error, HasSubstr("resource limit exceeded"));
  expect_nothing_alive();
}

TEST_P(VmTest, RootsThatNeverEndAreToldToo) {
  scripts_.push_back([](const Guest& g) { return g.receive(); });
  start();
  const SpawnParam script{.type = vm::ValType::kI32, .low = 0};
  Roots roots(
      {{.module = module_, .function = "divide"}, {.module = module_, .function = "run", .params = {&script, 1}}});
  vm_->run_roots(roots, 10);
  ASSERT_EQ(roots.ends(), 2u);
  EXPECT_TRUE(roots.end_of(1).deadlock);
  EXPECT_FALSE(roots.end_of(0).deadlock);
  Roots none({});
  vm_->run_roots(none, 1);
  EXPECT_EQ(none.ends(), 0u);
  expect_nothing_alive();
}

}  // namespace
}  // namespace lunabeam::runtime
