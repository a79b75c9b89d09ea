// lunatic::process::*config* and lunatic::wasi (ABI document 2.5, 2.10, 4.4).
#include <fmt/format.h>

#include <cstdlib>

#include "tests/unit/runtime/hostcalls/guest.h"

namespace lunabeam::tests {
namespace {

TEST(Configs, BeginWithTheDefaults) {
  const GuestRun run = run_body(R"(
    (call $test.report (call $process.create_config))
    (call $test.report (call $process.config_get_max_memory (i64.const 0)))
    (call $test.report (call $process.config_get_max_fuel (i64.const 0)))
    (call $test.report32 (call $process.config_can_compile_modules (i64.const 0)))
    (call $test.report32 (call $process.config_can_create_configs (i64.const 0)))
    (call $test.report32 (call $process.config_can_spawn_processes (i64.const 0)))
    (call $test.describe_config (i64.const 0))
    (call $test.report (call $process.create_config)))");
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 4'294'967'295, 0, 0, 0, 0, 1}));
  EXPECT_EQ(run.texts, (std::vector<std::string>{""}));
}

TEST(Configs, RememberWhatIsSet) {
  const GuestRun run = run_body(R"(
    (drop (call $process.create_config)) (drop (call $process.create_config))
    (call $process.config_set_max_memory (i64.const 1) (i64.const -1))
    (call $process.config_set_max_fuel (i64.const 1) (i64.const 7))
    (call $process.config_set_can_compile_modules (i64.const 1) (i32.const 1))
    (call $process.config_set_can_create_configs (i64.const 1) (i32.const -1))
    (call $process.config_set_can_spawn_processes (i64.const 1) (i32.const 0x100))
    (call $test.report (call $process.config_get_max_memory (i64.const 1)))
    (call $test.report (call $process.config_get_max_fuel (i64.const 1)))
    (call $test.report32 (call $process.config_can_compile_modules (i64.const 1)))
    (call $test.report32 (call $process.config_can_create_configs (i64.const 1)))
    (call $test.report32 (call $process.config_can_spawn_processes (i64.const 1)))
    (call $process.config_set_can_spawn_processes (i64.const 1) (i32.const 0))
    (call $test.report32 (call $process.config_can_spawn_processes (i64.const 1)))
    (call $test.report32 (call $process.config_can_spawn_processes (i64.const 0))))");
  EXPECT_EQ(run.reports, (std::vector<i64>{-1, 7, 1, 1, 1, 0, 0}));
}

TEST(Configs, UnknownIdsTrap) {
  struct Case {
    std::string_view function;
    std::string_view arguments;
    bool has_result;
    std::string_view area = "process";
  };
  constexpr Case kCases[] = {
      {"drop_config", "", false},
      {"config_set_max_memory", "(i64.const 1)", false},
      {"config_get_max_memory", "", true},
      {"config_set_max_fuel", "(i64.const 1)", false},
      {"config_get_max_fuel", "", true},
      {"config_can_compile_modules", "", true},
      {"config_set_can_compile_modules", "(i32.const 1)", false},
      {"config_can_create_configs", "", true},
      {"config_set_can_create_configs", "(i32.const 1)", false},
      {"config_can_spawn_processes", "", true},
      {"config_set_can_spawn_processes", "(i32.const 1)", false},
      {"config_add_environment_variable", "(i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)", false, "wasi"},
      {"config_add_command_line_argument", "(i32.const 0) (i32.const 0)", false, "wasi"},
      {"config_preopen_dir", "(i32.const 0) (i32.const 0)", false, "wasi"},
  };
  for (const Case& c : kCases) {
    const std::string call = fmt::format("(call ${}.{} (i64.const 0) {})", c.area, c.function, c.arguments);
    EXPECT_EQ(run_body(c.has_result ? fmt::format("(drop {})", call) : call).trap(),
              fmt::format("lunatic::{}::{}: unknown config id", c.area, c.function));
  }
  EXPECT_EQ(run_body(R"((drop (call $process.create_config)) (call $process.drop_config (i64.const 0))
                        (call $process.drop_config (i64.const 0)))")
                .trap(),
            "lunatic::process::drop_config: unknown config id");
}

runtime::ConfigRef without_rights() { return runtime::ConfigRef::create(); }

TEST(Configs, NeedThePermission) {
  const GuestRun run = run_body("(call $test.report (call $process.create_config))", {.config = without_rights()});
  EXPECT_EQ(run.reports, (std::vector<i64>{-1}));
}

TEST(Configs, AreCopiedWhenAProcessIsSpawned) {
  // The child may create configs, whatever its parent does with the config afterwards.
  const GuestRun run = run_guest(fmt::format(R"({}
    (func (export "child") (call $test.report (call $process.create_config)))
    (func (export "_start")
      (drop (call $process.create_config))
      (call $process.config_set_can_create_configs (i64.const 0) (i32.const 1))
      (drop (call $process.spawn (i64.const 0) (i64.const 0) (i64.const -1) (i32.const 0) (i32.const 5)
                                 (i32.const 0) (i32.const 0) (i32.const 64)))
      (call $process.config_set_can_create_configs (i64.const 0) (i32.const 0))
      (call $process.sleep_ms (i64.const 1))
      (drop (call $process.spawn (i64.const 0) (i64.const 0) (i64.const -1) (i32.const 0) (i32.const 5)
                                 (i32.const 0) (i32.const 0) (i32.const 64)))
      (call $process.drop_config (i64.const 0))
      (call $process.sleep_ms (i64.const 1))))",
                                             data(0, "child")));
  EXPECT_EQ(run.trap(), "");
  EXPECT_EQ(run.reports, (std::vector<i64>{0, -1}));
}

TEST(Configs, TextsAreAppendedInOrder) {
  const GuestRun run = run_guest(data(0, "keyvalue~/x~~y") + R"((func (export "_start")
    (drop (call $process.create_config))
    (call $wasi.config_add_environment_variable (i64.const 0) (i32.const 0) (i32.const 3) (i32.const 3) (i32.const 5))
    (call $wasi.config_add_environment_variable (i64.const 0) (i32.const 0) (i32.const 3) (i32.const 3) (i32.const 0))
    (call $wasi.config_add_command_line_argument (i64.const 0) (i32.const 3) (i32.const 5))
    (call $wasi.config_add_command_line_argument (i64.const 0) (i32.const 0) (i32.const 3))
    (call $wasi.config_preopen_dir (i64.const 0) (i32.const 0) (i32.const 3))
    (call $wasi.config_preopen_dir (i64.const 0) (i32.const 8) (i32.const 3))
    (call $wasi.config_preopen_dir (i64.const 0) (i32.const 11) (i32.const 1))
    (call $wasi.config_preopen_dir (i64.const 0) (i32.const 12) (i32.const 2))
    (call $test.describe_config (i64.const 0))))");
  const char* const home = std::getenv("HOME");
  ASSERT_NE(home, nullptr);
  EXPECT_EQ(run.trap(), "");
  EXPECT_EQ(
      run.texts,
      (std::vector<std::string>{fmt::format(
          "arg value; arg key; env key=value; env key=; dir key as key; dir {0}/x as ~/x; dir {0} as ~; dir ~y as ~y; ",
          home)}));
}

TEST(Configs, TextsAreCheckedLikeAllTexts) {
  const std::string create = "(drop (call $process.create_config))";
  EXPECT_EQ(run_body(create + R"((i32.store8 (i32.const 5) (i32.const 0xFF))
      (call $wasi.config_add_command_line_argument (i64.const 0) (i32.const 0) (i32.const 6)))")
                .trap(),
            "lunatic::wasi::config_add_command_line_argument: the text is not valid UTF-8");
  EXPECT_EQ(run_body(create + "(call $wasi.config_preopen_dir (i64.const 0) (i32.const 65535) (i32.const 2))").trap(),
            "lunatic::wasi::config_preopen_dir: out of bounds guest memory access");
  EXPECT_EQ(run_body(create + R"((call $wasi.config_add_environment_variable (i64.const 0)
      (i32.const 0) (i32.const 1) (i32.const 65536) (i32.const 1)))")
                .trap(),
            "lunatic::wasi::config_add_environment_variable: out of bounds guest memory access");
}

TEST(Configs, OneConfigHoldsABoundedAmountOfText) {
  const GuestRun run = run_body(R"(
    (drop (call $process.create_config))
    (loop $more
      (call $wasi.config_add_command_line_argument (i64.const 0) (i32.const 0) (i32.const 65536))
      (call $test.report32 (i32.const 1))
      (br $more)))");
  EXPECT_EQ(run.trap(), "lunatic::wasi::config_add_command_line_argument: the texts of the config are too long");
  EXPECT_EQ(run.reports.size(), 63u);
}

TEST(Configs, AProcessHoldsABoundedNumber) {
  const GuestRun run = run_body("(loop $more (drop (call $process.create_config)) (br $more))");
  EXPECT_EQ(run.trap(), "lunatic::process::create_config: the process has too many resources of this kind");
}

// What a guest makes the host keep counts towards the limit of the VM.
TEST(MemoryLimit, CountsTextsOfConfigs) {
  const GuestRun run = run_body(R"(
    (local $i i32)
    (drop (call $process.create_config))
    (loop $more
      (call $wasi.config_add_command_line_argument (i64.const 0) (i32.const 0) (i32.const 60000))
      (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 40)))))",
                                {.memory_limit_bytes = 1 << 20});
  EXPECT_EQ(run.trap(), "lunatic::wasi::config_add_command_line_argument: out of memory");
}

TEST(MemoryLimit, CountsResourcesInMessages) {
  const std::string module = R"((data (i32.const 0) "\00asm\01\00\00\00"))";
  const GuestRun run = run_guest(module + R"((func (export "_start") (local $i i32)
    (call $test.report32 (call $process.compile_module (i32.const 0) (i32.const 8) (i32.const 64)))
    (loop $more
      (if (i32.eqz (i32.and (local.get $i) (i32.const 1023))) (then
        (if (local.get $i) (then (drop (call $message.send (i64.const 1)))))
        (call $message.create_data (i64.const 0) (i64.const 0))))
      (drop (call $message.push_module (i64.const 0)))
      (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100000))))))",
                                 {.memory_limit_bytes = 1 << 20});
  EXPECT_EQ(run.trap(), "lunatic::message::push_module: out of memory");
}

// A module of one function and a segment of 2,000 items, loaded up to a hundred times; how often it was, and what the error said.
GuestRun load_many(std::string_view after_each) {
  std::string items;
  for (u32 i = 0; i < 2000; ++i) items += "\\00";
  const std::string module =
      "\\00asm\\01\\00\\00\\00"
      "\\01\\04\\01\\60\\00\\00"
      "\\03\\02\\01\\00"
      "\\09\\d5\\0f\\01\\01\\00\\d0\\0f" +
      items + "\\0a\\04\\01\\02\\00\\0b";
  return run_guest(fmt::format(R"((data (i32.const 1000) "{}") (func (export "_start") (local $i i32)
    (block $full (loop $more
      (br_if $full (call $process.compile_module (i32.const 1000) (i32.const 2032) (i32.const 64)))
      {}
      (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100)))))
    (call $test.report32 (local.get $i))))",
                               module, after_each),
                   {.memory_limit_bytes = 1 << 20});
}

TEST(MemoryLimit, CountsWhatIsMadeOfAModule) {
  const GuestRun run = load_many("");
  EXPECT_EQ(run.trap(), "");
  EXPECT_GE(run.reports.at(0), 5);
  EXPECT_LE(run.reports.at(0), 16);  // 64,000 bytes each.
  EXPECT_EQ(load_many("(call $process.drop_module (i64.load (i32.const 64)))").reports, std::vector<i64>{100});
}

}  // namespace
}  // namespace lunabeam::tests
