// lunatic::trap::catch (ABI document 2.9, guest contract 5.17).
#include <fmt/format.h>

#include "runtime/failure_log.h"
#include "tests/unit/runtime/hostcalls/guest.h"

namespace lunabeam::tests {
namespace {

// `attempt` is the body of _lunatic_catch_trap(function, pointer): local 0 and local 1. It leaves an i32.
GuestRun run_catching(std::string_view attempt, std::string_view body, const GuestOptions& options = {}) {
  return run_guest(fmt::format(R"({} {} (global $depth (mut i32) (i32.const 0))
    (func $catch (export "_lunatic_catch_trap") (param i32 i32) (result i32) {})
    (func (export "child") (drop (call $trap.catch (i32.const 0) (i32.const 0)))
      (call $process.sleep_ms (i64.const 1)) (call $test.report (i64.const 99)))
    (func (export "_start") {}))",
                               kHelpers, data(0, "child"), attempt, body),
                   options);
}

constexpr std::string_view kCatchOnce = "(call $test.report32 (call $trap.catch (i32.const 3) (i32.const 4)))";

TEST(Catch, GivesTheResultOfTheCallback) {
  const GuestRun run = run_catching("(i32.add (i32.mul (local.get 0) (i32.const 10)) (local.get 1))", kCatchOnce);
  EXPECT_EQ(run.reports, (std::vector<i64>{34}));
}

// The pool translates it, as it does what guests call.
TEST(Catch, TheCallbackMayBeLarge) {
  std::string attempt;
  for (int i = 0; i < 4000; ++i)
    attempt += fmt::format("(local.set 1 (i32.xor (local.get 1) (i32.const {})))", 0x4000'0000 + i / 2);
  const std::string result = "(i32.add (i32.mul (local.get 0) (i32.const 10)) (local.get 1))";
  for (const bool deterministic : {true, false}) {
    EXPECT_EQ(run_catching(attempt + result, kCatchOnce, {.deterministic = deterministic}).reports,
              (std::vector<i64>{34}));
    const GuestRun trapping = run_catching(attempt + "unreachable", kCatchOnce, {.deterministic = deterministic});
    EXPECT_EQ(trapping.trap(), "");
    EXPECT_EQ(trapping.reports, (std::vector<i64>{0}));
  }
}

TEST(Catch, AnswersZeroForAnyTrap) {
  for (const std::string_view attempt :
       {"unreachable", "(i32.load (i32.const -1))", "(i32.div_s (i32.const 1) (i32.const 0))",
        "(call $error.drop (i64.const 9)) (i32.const 1)",
        "(call $networking.drop_udp_socket (i64.const 0)) (i32.const 1)",
        "(call $catch (local.get 0) (local.get 1))"}) {
    const GuestRun run = run_catching(attempt, fmt::format("{0} {0}", kCatchOnce));
    EXPECT_EQ(run.trap(), "") << attempt;
    EXPECT_EQ(run.reports, (std::vector<i64>{0, 0})) << attempt;
  }
}

TEST(Catch, TakesAnExceptionThatLeavesTheCallback) {
  // The handler around the host call sees neither the exception nor the trap that it has become (rule P12).
  const GuestRun run = run_catching("(throw $e (i32.const 5))",
                                    fmt::format("(try (do {} {}) (catch_all (call $test.report32 (i32.const 77))))) "
                                                "(tag $e (param i32)) (func $after",
                                                kCatchOnce, kCatchOnce));
  EXPECT_EQ(run.trap(), "");
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 0}));
}

TEST(Catch, AnExceptionThatLeavesTheEntryFunctionIsATrap) {
  const GuestRun run = run_catching("(i32.const 1)", "(throw $e (i32.const 5))) (tag $e (param i32)) (func $after");
  EXPECT_EQ(run.trap(), "uncaught exception");
  EXPECT_EQ(runtime::describe(run.result.reason), "trap: uncaught exception (tag 0)");
}

TEST(Catch, KeepsWhatTheGuestChanged) {
  const GuestRun run = run_catching(
      "(global.set $depth (i32.const 5)) (i32.store (i32.const 200) (i32.const 6)) unreachable",
      fmt::format("{} (call $test.report32 (global.get $depth)) (call $test.report32 (i32.load (i32.const 200)))",
                  kCatchOnce));
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 5, 6}));
}

TEST(Catch, Nests) {
  // Ten levels; the innermost traps, each level reports what its own catch gave and adds one.
  const GuestRun run = run_catching(R"(
    (global.set $depth (i32.add (global.get $depth) (i32.const 1)))
    (if (i32.eq (global.get $depth) (i32.const 10)) (then unreachable))
    (i32.add (i32.const 1) (call $trap.catch (i32.const 0) (i32.const 0))))",
                                    kCatchOnce);
  EXPECT_EQ(run.reports, (std::vector<i64>{9}));
}

TEST(Catch, InnerTrapIsNotSeenByTheOuterOne) {
  const GuestRun run = run_catching(R"(
    (if (result i32) (local.get 0)
      (then (drop (call $trap.catch (i32.const 0) (i32.const 0))) (i32.const 11))
      (else unreachable)))",
                                    kCatchOnce);
  EXPECT_EQ(run.reports, (std::vector<i64>{11}));
}

TEST(Catch, CallbackMayWaitAndSpawn) {
  const GuestRun run = run_catching(R"(
    (if (i32.eqz (local.get 0)) (then (call $send (i64.const 1) (i64.const 5) (i64.const 50)) (return (i32.const 1))))
    (drop (call $spawn (i32.const 0) (i32.const 5) (i64.const 0)))
    (drop (call $receive_tag (i64.const 5) (i64.const -1)))
    (call $test.report (call $value))
    (call $process.sleep_ms (i64.const 10))
    (call $test.report32 (call $receive (i64.const 10)))
    (i32.const 12))",
                                    kCatchOnce);
  EXPECT_EQ(run.reports, (std::vector<i64>{50, 99, 9027, 12}));
}

TEST(Catch, IsPreemptedAndKilledInside) {
  const GuestRun run = run_catching("(loop $l (br $l)) unreachable", R"(
    (drop (call $spawn (i32.const 0) (i32.const 5) (i64.const 0)))
    (call $process.monitor (i64.const 2))
    (call $process.sleep_ms (i64.const 0)) (call $process.kill (i64.const 2))
    (call $test.report32 (call $receive (i64.const -1))))");
  EXPECT_EQ(run.reports, (std::vector<i64>{2}));
}

TEST(Catch, KillWhileTheCallbackSleepsIsNotCaught) {
  const GuestRun run = run_catching("(call $process.sleep_ms (i64.const -1)) (i32.const 1)", R"(
    (drop (call $spawn (i32.const 0) (i32.const 5) (i64.const 0)))
    (call $process.monitor (i64.const 2))
    (call $process.sleep_ms (i64.const 5)) (call $process.kill (i64.const 2))
    (call $test.report32 (call $receive (i64.const -1))))");
  EXPECT_EQ(run.reports, (std::vector<i64>{2}));
}

TEST(Catch, FuelExhaustionIsCaughtAndTrapsAgainAtOnce) {
  const GuestRun run = run_guest(fmt::format(R"({} {}
    (func (export "_lunatic_catch_trap") (param i32 i32) (result i32) (loop $l (br $l)) unreachable)
    (func (export "child")
      (call $test.report32 (call $trap.catch (i32.const 0) (i32.const 0)))
      (loop $l (br $l)))
    (func (export "_start")
      (drop (call $process.create_config)) (call $process.config_set_max_fuel (i64.const 0) (i64.const 1))
      (call $process.die_when_link_dies (i32.const 0))
      (drop (call $process.spawn (i64.const 4) (i64.const 0) (i64.const -1) (i32.const 0) (i32.const 5) (i32.const 0) (i32.const 0) (i32.const 64)))
      (call $test.report32 (call $receive (i64.const -1)))))",
                                             kHelpers, data(0, "child")));
  // Whether the child gets as far as its report is a matter of where fuel is checked; that it dies is not.
  ASSERT_FALSE(run.reports.empty());
  EXPECT_EQ(run.reports.back(), 1);
}

TEST(Catch, CallbackMayGrowTheMemory) {
  const GuestRun run = run_catching(R"(
    (drop (memory.grow (i32.const 100)))
    (i64.store (i32.const 6000000) (i64.const 5))
    (call $send (i64.const 1) (i64.const 5) (i64.const 50))
    (drop (call $receive (i64.const -1)))
    (drop (call $message.read_data (i32.const 6000000) (i32.const 8)))
    (i32.const 6000000))",
                                    R"((call $test.report (i64.load (call $trap.catch (i32.const 0) (i32.const 0)))))",
                                    {.max_pages = 200, .config = {}});
  EXPECT_EQ(run.trap(), "");
  EXPECT_EQ(run.reports, (std::vector<i64>{50}));
}

TEST(Catch, MissingExportTraps) {
  const std::string missing =
      "lunatic::trap::catch: the module does not export the function _lunatic_catch_trap(i32, i32) -> i32";
  EXPECT_EQ(run_body("(drop (call $trap.catch (i32.const 0) (i32.const 0)))").trap(), missing);
  EXPECT_EQ(run_guest(R"((func (export "_lunatic_catch_trap") (param i32) (result i32) (i32.const 1))
    (func (export "_start") (drop (call $trap.catch (i32.const 0) (i32.const 0)))))")
                .trap(),
            missing);
  EXPECT_EQ(run_guest(R"((global (export "_lunatic_catch_trap") i32 (i32.const 1))
    (func (export "_start") (drop (call $trap.catch (i32.const 0) (i32.const 0)))))")
                .trap(),
            missing);
}

}  // namespace
}  // namespace lunabeam::tests
