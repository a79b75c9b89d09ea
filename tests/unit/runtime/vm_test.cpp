#include "runtime/vm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/runtime/scripted_vm.h"

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

}  // namespace
}  // namespace lunabeam::runtime
