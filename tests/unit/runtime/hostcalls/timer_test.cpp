// lunatic::timer (ABI document 2.3).
#include <fmt/format.h>

#include "tests/unit/runtime/hostcalls/guest.h"

namespace lunabeam::tests {
namespace {

GuestRun run_timers(std::string_view body) {
  return run_guest(fmt::format(R"({} {}
    (func $after (param $pid i64) (param $tag i64) (param $ms i64) (result i64)
      (call $message.create_data (local.get $tag) (i64.const 0))
      (call $timer.send_after (local.get $pid) (local.get $ms)))
    (func (export "child") (drop (call $after (i64.const 1) (i64.const 7) (i64.const 10))))
    (func (export "_start") {}))",
                               kHelpers, data(0, "child"), body));
}

TEST(TimerFunctions, FireInTheOrderOfTheirDelays) {
  const GuestRun run = run_timers(R"(
    (call $test.report (call $after (i64.const 1) (i64.const 30) (i64.const 30)))
    (call $test.report (call $after (i64.const 1) (i64.const 10) (i64.const 10)))
    (call $test.report (call $after (i64.const 1) (i64.const 20) (i64.const 20)))
    (call $test.report32 (call $receive (i64.const 5)))
    (drop (call $receive (i64.const -1))) (call $test.report (call $message.get_tag))
    (drop (call $receive (i64.const -1))) (call $test.report (call $message.get_tag))
    (drop (call $receive (i64.const -1))) (call $test.report (call $message.get_tag)))");
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 1, 2, 9027, 10, 20, 30}));
}

TEST(TimerFunctions, TakeTheScratchMessage) {
  EXPECT_EQ(run_timers("(drop (call $after (i64.const 1) (i64.const 1) (i64.const 1))) (drop (call $message.get_tag))")
                .trap(),
            "lunatic::message::get_tag: there is no message in the scratch area");
  EXPECT_EQ(run_timers("(drop (call $timer.send_after (i64.const 1) (i64.const 1)))").trap(),
            "lunatic::timer::send_after: there is no message in the scratch area");
}

TEST(TimerFunctions, CancelOnceBeforeTheyFire) {
  const GuestRun run = run_timers(R"(
    (drop (call $after (i64.const 1) (i64.const 1) (i64.const 10)))
    (call $test.report32 (call $timer.cancel_timer (i64.const 0)))
    (call $test.report32 (call $timer.cancel_timer (i64.const 0)))
    (call $test.report32 (call $timer.cancel_timer (i64.const 1)))
    (call $test.report32 (call $receive (i64.const 50))))");
  EXPECT_EQ(run.reports, (std::vector<i64>{1, 0, 0, 9027}));
}

// ABI defect 22.
TEST(TimerFunctions, CancelOfAFiredOneAnswersZero) {
  const GuestRun run = run_timers(R"(
    (drop (call $after (i64.const 1) (i64.const 1) (i64.const 0)))
    (call $process.sleep_ms (i64.const 10))
    (call $test.report32 (call $timer.cancel_timer (i64.const 0)))
    (call $test.report32 (call $receive (i64.const 0))))");
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 0}));
}

TEST(TimerFunctions, OutliveTheirCreator) {
  const GuestRun run = run_timers(R"(
    (drop (call $spawn (i32.const 0) (i32.const 5) (i64.const 0)))
    (call $process.sleep_ms (i64.const 5))
    (call $test.report32 (call $process.exists (i64.const 2)))
    (call $test.report32 (call $receive (i64.const -1)))
    (call $test.report (call $message.get_tag)))");
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 0, 7}));
}

TEST(TimerFunctions, TargetIsLookedUpWhenTheyAreMade) {
  // Process 2 does not exist when the timer is made, but does when it fires. It would wait for ever.
  const GuestRun run = run_guest(fmt::format(R"({} {}
    (func (export "child") (call $test.report32 (call $receive (i64.const 100))))
    (func (export "_start")
      (call $message.create_data (i64.const 1) (i64.const 0))
      (call $test.report (call $timer.send_after (i64.const 2) (i64.const 10)))
      (drop (call $spawn (i32.const 0) (i32.const 5) (i64.const 0)))
      (call $process.sleep_ms (i64.const 200))))",
                                             kHelpers, data(0, "child")));
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 9027}));
}

TEST(TimerFunctions, VeryLongDelaysNeverFire) {
  const GuestRun run = run_timers(R"(
    (drop (call $after (i64.const 1) (i64.const 1) (i64.const -1)))
    (drop (call $after (i64.const 1) (i64.const 1) (i64.const 0x7FFFFFFFFFFFFFFF)))
    (call $test.report32 (call $receive (i64.const 1000000)))
    (call $test.report32 (call $timer.cancel_timer (i64.const 0)))
    (call $test.report32 (call $timer.cancel_timer (i64.const 1))))");
  EXPECT_EQ(run.reports, (std::vector<i64>{9027, 1, 1}));
}

// A deterministic run jumps to the next timer, however late.
TEST(TimerFunctions, ARunMayWaitForTheEndOfTime) {
  const GuestRun run = run_timers(R"(
    (drop (call $after (i64.const 1) (i64.const 1) (i64.const -2)))
    (drop (call $receive (i64.const -1)))
    (drop (call $after (i64.const 1) (i64.const 1) (i64.const -2)))
    (drop (call $receive (i64.const 1))))");
  EXPECT_TRUE(run.result.deadlock);
}

TEST(TimerFunctions, FiredOnesDoNotCountTowardsTheBound) {
  const GuestRun run = run_timers(R"(
    (local $i i32)
    (loop $more
      (drop (call $after (i64.const 99) (i64.const 1) (i64.const 1000000)))
      (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 600000))))
    (call $process.sleep_ms (i64.const 10000000))
    (local.set $i (i32.const 0))
    (loop $more
      (drop (call $after (i64.const 99) (i64.const 1) (i64.const 1000000)))
      (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 600000)))))");
  EXPECT_EQ(run.trap(), "");
}

}  // namespace
}  // namespace lunabeam::tests
