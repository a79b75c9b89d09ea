// lunatic::process: identity, sleeping, links, monitors, kill (ABI document 2.5, 4.8; guest contract 2.4, 2.5).
#include <fmt/format.h>

#include "tests/unit/runtime/hostcalls/guest.h"

namespace lunabeam::tests {
namespace {

GuestRun run_with_child(std::string_view body, std::string_view child_body) {
  return run_guest(fmt::format(R"({} {} (global $child (mut i64) (i64.const 0)) (func (export "child") {})
    (func (export "_start") {}))",
                               kHelpers, data(0, "child"), child_body, body));
}

constexpr std::string_view kSpawn = "(global.set $child (call $spawn (i32.const 0) (i32.const 5) (i64.const 0)))";
constexpr std::string_view kFailLater = "(call $process.sleep_ms (i64.const 5)) unreachable";
constexpr std::string_view kEndLater = "(call $process.sleep_ms (i64.const 5))";
constexpr std::string_view kSleepForEver = "(call $process.sleep_ms (i64.const -1))";

TEST(ProcessFunctions, RootIsOneOfEnvironmentOne) {
  const GuestRun run =
      run_body(R"((call $test.report (call $process.process_id)) (call $test.report (call $process.environment_id))
    (call $test.report32 (call $process.exists (i64.const 1))) (call $test.report32 (call $process.exists (i64.const 2)))
    (call $test.report32 (call $process.exists (i64.const 0))) (call $test.report32 (call $process.exists (i64.const -1))))");
  EXPECT_EQ(run.reports, (std::vector<i64>{1, 1, 1, 0, 0, 0}));
}

TEST(ProcessFunctions, SleepersWakeInTheOrderOfTheirTimes) {
  const GuestRun run = run_with_child(fmt::format(R"({0} {0}
    (call $process.sleep_ms (i64.const 15)) (call $test.report (i64.const 15))
    (call $process.sleep_ms (i64.const 15)) (call $test.report (i64.const 30)))",
                                                  kSpawn),
                                      R"(
    (call $process.sleep_ms (i64.mul (i64.const 10) (call $process.process_id)))
    (call $test.report (i64.mul (i64.const 10) (call $process.process_id))))");
  EXPECT_EQ(run.reports, (std::vector<i64>{15, 20, 30, 30}));
}

TEST(ProcessFunctions, SleepOfZeroIsAYield) {
  const GuestRun run = run_with_child(fmt::format(R"({}
    (loop $again (call $process.sleep_ms (i64.const 0)) (br_if $again (call $process.exists (global.get $child))))
    (call $test.report (i64.const 1)))",
                                                  kSpawn),
                                      "(call $test.report (i64.const 2))");
  EXPECT_EQ(run.reports, (std::vector<i64>{2, 1}));
}

TEST(ProcessFunctions, MessagesDoNotEndASleep) {
  const GuestRun run = run_with_child(
      fmt::format(
          "{} (call $process.sleep_ms (i64.const 20)) (call $test.report (i64.const 1)) (call $test.report32 (call $receive (i64.const 0)))",
          kSpawn),
      "(call $send (i64.const 1) (i64.const 1) (i64.const 1)) (call $process.sleep_ms (i64.const 10)) (call $test.report (i64.const 2))");
  EXPECT_EQ(run.reports, (std::vector<i64>{2, 1, 0}));
}

// --- Links: the table of the guest contract, 2.5 ---

// The root links its child with `tag`; the child fails; what the root receives.
TEST(Links, LinkerIsToldItsTag) {
  for (const i64 tag : {0, 9}) {
    const GuestRun run = run_with_child(fmt::format(R"((call $process.die_when_link_dies (i32.const 0)) {}
      (call $process.link (i64.const {}) (global.get $child))
      (call $test.report32 (call $receive (i64.const -1))) (call $test.report (call $message.get_tag)))",
                                                    kSpawn, tag),
                                        kFailLater);
    EXPECT_EQ(run.reports, (std::vector<i64>{1, tag}));
  }
}

// The child links the root's other child, or is linked; whoever survives reports the tag.
TEST(Links, PeerIsToldTheSameTag) {
  for (const i64 tag : {0, 9}) {
    const GuestRun run = run_guest(fmt::format(R"({} {} {}
      (func (export "child") (call $process.die_when_link_dies (i32.const 0))
        (call $test.report32 (call $receive (i64.const -1))) (call $test.report (call $message.get_tag)))
      (func (export "other") (call $process.link (i64.const {}) (i64.const 2)) (call $process.sleep_ms (i64.const 1)) unreachable)
      (func (export "_start") (drop (call $spawn (i32.const 0) (i32.const 5) (i64.const 0))) (drop (call $spawn (i32.const 8) (i32.const 5) (i64.const 0)))
        (call $process.sleep_ms (i64.const 10))))",
                                               kHelpers, data(0, "child"), data(8, "other"), tag));
    EXPECT_EQ(run.reports, (std::vector<i64>{1, tag}));
  }
}

TEST(Links, LinkingAgainReplacesTheTag) {
  const GuestRun run = run_with_child(fmt::format(R"((call $process.die_when_link_dies (i32.const 0)) {}
    (call $process.link (i64.const 8) (global.get $child)) (call $process.link (i64.const 9) (global.get $child))
    (call $test.report32 (call $receive (i64.const -1))) (call $test.report (call $message.get_tag))
    (call $test.report32 (call $receive (i64.const 10))))",
                                                  kSpawn),
                                      kFailLater);
  EXPECT_EQ(run.reports, (std::vector<i64>{1, 9, 9027}));
}

TEST(Links, UnlinkWorksOnBothSides) {
  const GuestRun run = run_with_child(fmt::format(R"({}
    (call $process.link (i64.const 8) (global.get $child)) (call $process.unlink (global.get $child))
    (call $process.sleep_ms (i64.const 10)) (call $test.report (i64.const 1)))",
                                                  kSpawn),
                                      kFailLater);
  EXPECT_EQ(run.reports, (std::vector<i64>{1}));
  EXPECT_EQ(run.trap(), "");
}

TEST(Links, MissingProcessIsReportedAtOnceAndByTag) {
  const GuestRun run =
      run_body(R"((call $process.die_when_link_dies (i32.const 0)) (call $process.link (i64.const 7) (i64.const 555))
    (i64.store (i32.const 0) (i64.const 7))
    (call $test.report32 (call $message.receive (i32.const 0) (i32.const 1) (i64.const 0))) (call $test.report (call $message.get_tag)))");
  EXPECT_EQ(run.reports, (std::vector<i64>{1, 7}));
  const GuestRun dies = run_body(
      "(call $process.link (i64.const 7) (i64.const 555)) (call $process.sleep_ms (i64.const 1)) (call $test.report (i64.const 1))");
  EXPECT_EQ(dies.reports, (std::vector<i64>{}));
  EXPECT_EQ(dies.result.reason.kind, vm::ExitReason::Kind::kLinkDied);
}

TEST(Links, DieModeTakesEffectInSignalOrder) {
  // The link to a missing process is queued before the mode is changed: it kills.
  const GuestRun run =
      run_body(R"((call $process.link (i64.const 7) (i64.const 555)) (call $process.die_when_link_dies (i32.const 0))
    (call $process.sleep_ms (i64.const 1)) (call $test.report (i64.const 1)))");
  EXPECT_EQ(run.result.reason.kind, vm::ExitReason::Kind::kLinkDied);
}

TEST(Links, NormalEndRemovesTheLinkSilently) {
  const GuestRun run = run_with_child(fmt::format(R"((call $process.die_when_link_dies (i32.const 0)) {}
    (call $process.link (i64.const 8) (global.get $child)) (call $test.report32 (call $receive (i64.const 20))))",
                                                  kSpawn),
                                      kEndLater);
  EXPECT_EQ(run.reports, (std::vector<i64>{9027}));
}

TEST(Links, LinkToItselfIsHarmless) {
  EXPECT_EQ(
      run_body("(call $process.link (i64.const 1) (call $process.process_id)) (call $process.sleep_ms (i64.const 1))")
          .trap(),
      "");
}

// --- Monitors ---

TEST(Monitors, TellAnyEndOnceWhateverTheDieMode) {
  for (const std::string_view end : {kFailLater, kEndLater}) {
    const GuestRun run = run_with_child(fmt::format(R"({}
      (call $process.monitor (global.get $child)) (call $process.monitor (global.get $child))
      (call $test.report32 (call $receive (i64.const -1)))
      (call $test.report (call $message.get_process_id)) (call $test.report (call $message.get_tag))
      (call $test.report32 (call $process.exists (global.get $child)))
      (call $test.report32 (call $receive (i64.const 20))))",
                                                    kSpawn),
                                        end);
    EXPECT_EQ(run.reports, (std::vector<i64>{2, 2, 0, 0, 9027}));
  }
}

TEST(Monitors, CanBeStopped) {
  const GuestRun run = run_with_child(fmt::format(R"({}
    (call $process.monitor (global.get $child)) (call $process.stop_monitoring (global.get $child))
    (call $process.stop_monitoring (i64.const 999))
    (call $test.report32 (call $receive (i64.const 20))))",
                                                  kSpawn),
                                      kEndLater);
  EXPECT_EQ(run.reports, (std::vector<i64>{9027}));
}

TEST(Monitors, OfDeadAndUnknownProcessesStaySilent) {
  const GuestRun run = run_with_child(fmt::format(R"({} (call $process.sleep_ms (i64.const 20))
    (call $process.monitor (global.get $child)) (call $process.monitor (i64.const 999))
    (call $test.report32 (call $receive (i64.const 20))))",
                                                  kSpawn),
                                      kEndLater);
  EXPECT_EQ(run.reports, (std::vector<i64>{9027}));
}

// --- Kill ---

TEST(Kill, LandsBeforeAChildHasRun) {
  const GuestRun run = run_with_child(
      fmt::format(
          "(call $process.die_when_link_dies (i32.const 0)) (global.set $child (call $spawn (i32.const 0) (i32.const 5) (i64.const 3))) (call $process.kill (global.get $child)) (call $test.report32 (call $receive (i64.const -1))) (call $test.report (call $message.get_tag)) (call $test.report32 (call $process.exists (global.get $child)))"),
      "(call $test.report (i64.const 1))");
  EXPECT_EQ(run.reports, (std::vector<i64>{1, 3, 0}));
}

TEST(Kill, EndsSleepersAndSpinners) {
  for (const std::string_view child : {kSleepForEver, std::string_view("(loop $l (br $l))")}) {
    const GuestRun run = run_with_child(fmt::format(R"({} (call $process.monitor (global.get $child))
      (call $process.sleep_ms (i64.const 0)) (call $process.kill (global.get $child))
      (call $test.report32 (call $receive (i64.const -1))))",
                                                    kSpawn),
                                        child);
    EXPECT_EQ(run.reports, (std::vector<i64>{2}));
  }
}

TEST(Kill, OfItselfTakesEffectAtTheNextSuspension) {
  const GuestRun run = run_body(
      "(call $process.kill (i64.const 1)) (call $test.report (i64.const 1)) (call $process.sleep_ms (i64.const 0)) (call $test.report (i64.const 2))");
  EXPECT_EQ(run.reports, (std::vector<i64>{1}));
  EXPECT_EQ(run.result.reason.kind, vm::ExitReason::Kind::kKilled);
}

TEST(Kill, UnknownProcessesAreNoError) {
  EXPECT_EQ(
      run_body(
          R"((call $process.kill (i64.const 99)) (call $process.kill (i64.const 0)) (call $process.unlink (i64.const 99))
    (call $process.monitor (i64.const -1)) (call $process.stop_monitoring (i64.const 99)) (call $process.sleep_ms (i64.const 0)))")
          .trap(),
      "");
}

}  // namespace
}  // namespace lunabeam::tests
