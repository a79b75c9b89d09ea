// What a config forbids and limits, for a process and for what descends from it (ABI document 1.4, 4.4, 5).
#include <fmt/format.h>

#include <algorithm>

#include "tests/unit/runtime/hostcalls/guest.h"

namespace lunabeam::tests {
namespace {

// Spawns the function whose name is at `name` with a config, linked with `tag`; leaves 0.
std::string spawn_with(std::string_view config, u32 name, size_t length, int tag = 0) {
  return fmt::format(
      "(drop (call $process.spawn (i64.const {}) (i64.const {}) (i64.const -1) (i32.const {}) (i32.const {}) "
      "(i32.const 0) (i32.const 0) (i32.const 64)))",
      tag, config, name, length);
}

const std::string kNames = data(0, "child") + data(8, "grand") + data(16, "great");
constexpr std::string_view kPause = "(call $process.sleep_ms (i64.const 20))";

GuestRun run_family(std::string_view functions, std::string_view start, const GuestOptions& options = {}) {
  return run_guest(fmt::format("{} {} {} (func (export \"_start\") {})", kHelpers, kNames, functions, start), options);
}

// A config with these rights, number 0 of the caller.
std::string config_with(std::string_view settings) {
  return fmt::format("(drop (call $process.create_config)) {}", settings);
}

constexpr std::string_view kMaySpawn = "(call $process.config_set_can_spawn_processes (i64.const 0) (i32.const 1))";

TEST(Sandbox, ADescendantInheritsWhatItsAncestorsMay) {
  // The child may spawn and nothing else; so may, by the same config, the grandchild.
  const std::string look = R"(
    (call $test.report (call $process.create_config))
    (call $test.report32 (call $process.compile_module (i32.const 0) (i32.const 0) (i32.const 72))))";
  const GuestRun run =
      run_family(fmt::format(R"((func (export "grand") {0}) (func (export "child") {0} {1} {2}))", look,
                             spawn_with("-1", 8, 5), kPause),
                 config_with(kMaySpawn) + spawn_with("0", 0, 5) + std::string(kPause) + std::string(kPause));
  EXPECT_EQ(run.trap(), "");
  EXPECT_EQ(run.reports, (std::vector<i64>{-1, -1, -1, -1}));
}

TEST(Sandbox, WhoMayNotSpawnDiesOfTrying) {
  // Neither by the config, nor by inheriting it two generations down.
  const GuestRun run = run_family(
      fmt::format(R"((func (export "great") (call $test.report (i64.const 7)))
        (func (export "grand") (call $test.report (i64.const 2)) {} (call $test.report (i64.const 8)))
        (func (export "child") (call $test.report (i64.const 1)) (drop (call $process.create_config)) {} {}))",
                  spawn_with("-1", 16, 5), spawn_with("0", 8, 5, 9), kPause),
      config_with(
          fmt::format("{} (call $process.config_set_can_create_configs (i64.const 0) (i32.const 1))", kMaySpawn)) +
          "(call $process.die_when_link_dies (i32.const 0))" + spawn_with("0", 0, 5, 5) +
          "(call $test.report32 (call $receive (i64.const 100))) (call $test.report (call $message.get_tag))");
  EXPECT_EQ(run.trap(), "");
  EXPECT_EQ(run.reports, (std::vector<i64>{1, 2, 1, 5}));
}

TEST(Sandbox, MemoryIsLimitedForEachProcessThatInheritsTheConfig) {
  const std::string grow = R"(
    (call $test.report32 (memory.grow (i32.const 1)))
    (call $test.report32 (memory.grow (i32.const 1)))
    (call $test.report32 (memory.size)))";
  const GuestRun run = run_family(
      fmt::format(R"((func (export "grand") {0}) (func (export "child") {0} {1} {2}))", grow, spawn_with("-1", 8, 5),
                  kPause),
      config_with(fmt::format("{} (call $process.config_set_max_memory (i64.const 0) (i64.const 131072))", kMaySpawn)) +
          spawn_with("0", 0, 5) + std::string(kPause) + std::string(kPause) +
          "(call $test.report32 (memory.grow (i32.const 2)))",
      {.max_pages = 10});
  EXPECT_EQ(run.trap(), "");
  EXPECT_EQ(run.reports, (std::vector<i64>{1, -1, 2, 1, -1, 2, 1}));
}

TEST(Sandbox, AMemoryBelowTheModulesIsAnErrorOfTheSpawn) {
  const GuestRun run = run_family(
      R"((func (export "child") (call $test.report (i64.const 7))))",
      config_with("(call $process.config_set_max_memory (i64.const 0) (i64.const 65535))") +
          R"((call $test.report32 (call $process.spawn (i64.const 0) (i64.const 0) (i64.const -1) (i32.const 0)
              (i32.const 5) (i32.const 0) (i32.const 0) (i32.const 64)))
             (call $error.drop (i64.load (i32.const 64))))");
  EXPECT_EQ(run.trap(), "");
  EXPECT_EQ(run.reports, (std::vector<i64>{1}));
}

TEST(Sandbox, FuelIsABudgetOfEachProcess) {
  // A child that loops for ever dies of it; one that it has spawned before has a budget of its own.
  const GuestRun run = run_family(
      fmt::format(R"((func (export "grand") (call $test.report (i64.const 2)))
        (func (export "child") (call $test.report (i64.const 1)) {} (loop (br 0))))",
                  spawn_with("-1", 8, 5)),
      config_with(fmt::format("{} (call $process.config_set_max_fuel (i64.const 0) (i64.const 1))", kMaySpawn)) +
          "(call $process.die_when_link_dies (i32.const 0))" + spawn_with("0", 0, 5, 5) +
          "(call $test.report32 (call $receive (i64.const -1))) (call $test.report (call $message.get_tag))" +
          std::string(kPause));  // All of them end with the root.
  EXPECT_EQ(run.trap(), "");
  std::vector<i64> reports = run.reports;
  std::ranges::sort(reports);  // The grandchild runs while the child loops, or when it is dead.
  EXPECT_EQ(reports, (std::vector<i64>{1, 1, 2, 5}));
}

TEST(Sandbox, ExhaustedFuelCannotBeCaughtForLong) {
  const GuestRun run = run_family(
      R"((func (export "_lunatic_catch_trap") (param i32 i32) (result i32) (loop (br 0)) unreachable)
         (func (export "child") (loop $again (drop (call $trap.catch (i32.const 0) (i32.const 0))) (br $again))))",
      config_with("(call $process.config_set_max_fuel (i64.const 0) (i64.const 1))") +
          "(call $process.die_when_link_dies (i32.const 0))" + spawn_with("0", 0, 5, 5) +
          "(call $test.report32 (call $receive (i64.const -1)))");
  EXPECT_EQ(run.trap(), "");
  EXPECT_EQ(run.reports, (std::vector<i64>{1}));
}

// As in lunatic: who may create configs may give away more than it has (defect 38).
TEST(Sandbox, WhoMayCreateConfigsMayGrantAnything) {
  const GuestRun run =
      run_family(fmt::format(R"((func (export "grand") (call $test.report (call $process.create_config))
          (call $test.report32 (memory.grow (i32.const 3))))
        (func (export "child") (call $test.report32 (memory.grow (i32.const 3))) {} {} {}))",
                             config_with("(call $process.config_set_can_create_configs (i64.const 0) (i32.const 1))"),
                             spawn_with("0", 8, 5), kPause),
                 config_with(fmt::format("{} (call $process.config_set_can_create_configs (i64.const 0) (i32.const 1))"
                                         " (call $process.config_set_max_memory (i64.const 0) (i64.const 65536))",
                                         kMaySpawn)) +
                     spawn_with("0", 0, 5) + std::string(kPause) + std::string(kPause),
                 {.max_pages = 10});
  EXPECT_EQ(run.trap(), "");
  EXPECT_EQ(run.reports, (std::vector<i64>{-1, 0, 1}));
}

}  // namespace
}  // namespace lunabeam::tests
