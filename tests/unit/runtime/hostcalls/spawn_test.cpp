// lunatic::process: modules, spawn and get_or_spawn (ABI document 2.5, 4.5, 4.6).
#include <fmt/format.h>

#include "tests/unit/runtime/hostcalls/guest.h"

namespace lunabeam::tests {
namespace {

// A call of spawn with everything right but what the test changes. Address 0: "child", 64: the id, 128: parameters.
struct SpawnCall {
  std::string_view link_tag = "0";
  std::string_view config = "-1";
  std::string_view module = "-1";
  std::string_view name = "0";
  std::string_view name_length = "5";
  std::string_view params = "128";
  std::string_view params_length = "0";
  std::string_view id_out = "64";

  [[nodiscard]] std::string text() const {
    return fmt::format(
        "(call $process.spawn (i64.const {}) (i64.const {}) (i64.const {}) (i32.const {}) (i32.const {}) "
        "(i32.const {}) (i32.const {}) (i32.const {}))",
        link_tag, config, module, name, name_length, params, params_length, id_out);
  }
  // The same through get_or_spawn, with the name at 16 and the node at 72.
  [[nodiscard]] std::string named_text() const {
    return fmt::format(
        "(call $process.get_or_spawn (i32.const 16) (i32.const 4) (i64.const {}) (i64.const {}) (i64.const {}) "
        "(i32.const {}) (i32.const {}) (i32.const {}) (i32.const {}) (i32.const 72) (i32.const {}))",
        link_tag, config, module, name, name_length, params, params_length, id_out);
  }
};

const std::string kNames = data(0, "child") + data(16, "name") + data(32, "missing");

GuestRun run_spawning(std::string_view body, std::string_view child = "(func (export \"child\"))",
                      const GuestOptions& options = {}) {
  return run_guest(fmt::format("{} {} {} (func (export \"_start\") {})", kHelpers, kNames, child, body), options);
}

TEST(Spawn, GivesIdsCountingUpAndTheChildRunsLater) {
  const GuestRun run = run_spawning(fmt::format(R"(
    (call $test.report32 {0}) (call $test.report (i64.load (i32.const 64)))
    (call $test.report32 {0}) (call $test.report (i64.load (i32.const 64)))
    (call $test.report32 (call $process.exists (i64.const 2)))
    (call $test.report (call $process.process_id))
    (call $process.sleep_ms (i64.const 1))
    (call $test.report32 (call $process.exists (i64.const 2))))",
                                                SpawnCall{}.text()),
                                    R"((func (export "child") (call $test.report (i64.const 100))))");
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 2, 0, 3, 1, 1, 100, 100, 0}));
}

TEST(Spawn, CallerTrapsWhenTheCallIsWrong) {
  struct Case {
    SpawnCall call;
    std::string_view what;
  };
  const Case kCases[] = {
      {{.config = "0"}, "unknown config id"},
      {{.config = "-2"}, "unknown config id"},
      {{.module = "0"}, "unknown module id"},
      {{.name = "65535"}, "out of bounds guest memory access"},
      {{.name = "100", .name_length = "1"}, "the text is not valid UTF-8"},
      {{.params = "65530", .params_length = "17"}, "out of bounds guest memory access"},
      {{.params_length = "16"}, "the parameters are not a whole number of 17-byte records"},
      {{.params_length = "18"}, "the parameters are not a whole number of 17-byte records"},
      {{.params_length = "17"}, "unknown type of a parameter"},
      {{.id_out = "65529"}, "out of bounds guest memory access"},
  };
  const std::string bad_utf8 = "(i32.store8 (i32.const 100) (i32.const 0x80))";
  for (const Case& c : kCases) {
    EXPECT_EQ(run_spawning(fmt::format("{} (drop {})", bad_utf8, c.call.text())).trap(),
              fmt::format("lunatic::process::spawn: {}", c.what));
    EXPECT_EQ(run_spawning(fmt::format("{} (drop {})", bad_utf8, c.call.named_text())).trap(),
              fmt::format("lunatic::process::get_or_spawn: {}", c.what));
  }
}

TEST(Spawn, OutParametersMayEndAtTheEndOfMemory) {
  const GuestRun run =
      run_spawning(fmt::format("(call $test.report32 {}) (call $test.report (i64.load (i32.const 65528)))",
                               SpawnCall{.id_out = "65528"}.text()));
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 2}));
}

TEST(Spawn, OutParametersHaveEightBytes) {
  const GuestRun run = run_spawning(fmt::format(R"(
    (memory.fill (i32.const 64) (i32.const 0xFF) (i32.const 64))
    (drop {})
    (call $test.report (i64.load (i32.const 64))) (call $test.report (i64.load (i32.const 72))) (call $test.report (i64.load (i32.const 80))))",
                                                SpawnCall{}.named_text()));
  EXPECT_EQ(run.reports, (std::vector<i64>{2, 0, -1}));
}

TEST(Spawn, NeedsThePermission) {
  const GuestOptions options{.config = runtime::ConfigRef::create()};
  EXPECT_EQ(run_spawning(fmt::format("(drop {})", SpawnCall{}.text()), "", options).trap(),
            "lunatic::process::spawn: the process may not spawn processes");
  EXPECT_EQ(run_spawning(fmt::format("(drop {})", SpawnCall{}.named_text()), "", options).trap(),
            "lunatic::process::get_or_spawn: the process may not spawn processes");
}

TEST(Spawn, ParametersUseTheLowBits) {
  const GuestRun run = run_spawning(fmt::format(R"(
    (i32.store8 (i32.const 128) (i32.const 0x7F)) (i64.store align=1 (i32.const 129) (i64.const -2)) (i64.store align=1 (i32.const 137) (i64.const -1))
    (i32.store8 (i32.const 145) (i32.const 0x7E)) (i64.store align=1 (i32.const 146) (i64.const -3)) (i64.store align=1 (i32.const 154) (i64.const -1))
    (call $test.report32 {}) (call $process.sleep_ms (i64.const 1)))",
                                                SpawnCall{.params_length = "34"}.text()),
                                    R"((func (export "child") (param i32 i64)
         (call $test.report (i64.extend_i32_u (local.get 0))) (call $test.report (local.get 1))))");
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 0xFFFF'FFFE, -3}));
}

TEST(Spawn, EntryThatDoesNotFitKillsTheChildOnly) {
  // Missing; too few parameters; too many; a result; a vector where the function wants an integer.
  for (const SpawnCall& call :
       {SpawnCall{.name = "32", .name_length = "7"}, SpawnCall{}, SpawnCall{.params_length = "34"}}) {
    const GuestRun run = run_spawning(fmt::format(R"(
      (call $process.die_when_link_dies (i32.const 0))
      (i32.store8 (i32.const 128) (i32.const 0x7F)) (i32.store8 (i32.const 145) (i32.const 0x7B))
      (call $test.report32 {})
      (call $test.report32 (call $receive (i64.const -1))) (call $test.report (call $message.get_tag)))",
                                                  SpawnCall{.link_tag = "5",
                                                            .name = call.name,
                                                            .name_length = call.name_length,
                                                            .params_length = call.params_length}
                                                      .text()),
                                      R"((func (export "child") (param i32)))");
    EXPECT_EQ(run.reports, (std::vector<i64>{0, 1, 5}));
  }
  const GuestRun run = run_spawning(fmt::format(R"(
    (call $process.monitor (i64.const 2))
    (call $process.die_when_link_dies (i32.const 0))
    (call $test.report32 {}) (call $test.report32 (call $receive (i64.const -1))))",
                                                SpawnCall{.link_tag = "5"}.text()),
                                    R"((func (export "child") (result i32) (i32.const 0)))");
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 1}));
}

TEST(Spawn, ManyParametersAreNoProblem) {
  // 3,000 records: no function has so many.
  const GuestRun run = run_spawning(fmt::format(R"(
    (local $i i32)
    (call $process.die_when_link_dies (i32.const 0))
    (loop $more
      (i32.store8 (i32.add (i32.const 128) (i32.mul (local.get $i) (i32.const 17))) (i32.const 0x7F))
      (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 3000))))
    (call $test.report32 {}) (call $test.report32 (call $receive (i64.const -1))))",
                                                SpawnCall{.link_tag = "5", .params_length = "51000"}.text()),
                                    R"((func (export "child")))");
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 1}));
}

// --- Links made by spawn (guest contract 2.5) ---

TEST(SpawnLinks, ParentIsToldTheTag) {
  const GuestRun run = run_spawning(fmt::format(R"(
    (call $process.die_when_link_dies (i32.const 0))
    (drop {}) (call $test.report32 (call $receive (i64.const -1)))
    (call $test.report (call $message.get_tag)) (call $test.report (call $message.get_process_id)))",
                                                SpawnCall{.link_tag = "42"}.text()),
                                    R"((func (export "child") unreachable))");
  EXPECT_EQ(run.reports, (std::vector<i64>{1, 42, 0}));
}

TEST(SpawnLinks, ChildIsToldNoTag) {
  // _start spawns "child", which spawns "other" linked and fails; "other" reports.
  const GuestRun run = run_guest(fmt::format(R"({} {} {}
    (func (export "other") (call $process.die_when_link_dies (i32.const 0))
      (call $test.report32 (call $receive (i64.const -1))) (call $test.report (call $message.get_tag)))
    (func (export "child") (drop (call $spawn (i32.const 8) (i32.const 5) (i64.const 42)))
      (call $process.sleep_ms (i64.const 1)) unreachable)
    (func (export "_start") (drop (call $spawn (i32.const 0) (i32.const 5) (i64.const 0))) (call $process.sleep_ms (i64.const 10))))",
                                             kHelpers, data(0, "child"), data(8, "other")));
  EXPECT_EQ(run.reports, (std::vector<i64>{1, 0}));
}

TEST(SpawnLinks, FailureOfAChildKillsItsParent) {
  const GuestRun run =
      run_spawning(fmt::format("(drop {}) (call $process.sleep_ms (i64.const 10)) (call $test.report (i64.const 1))",
                               SpawnCall{.link_tag = "1"}.text()),
                   R"((func (export "child") unreachable))");
  EXPECT_EQ(run.reports, (std::vector<i64>{}));
  EXPECT_EQ(run.result.reason.kind, vm::ExitReason::Kind::kLinkDied);
}

TEST(SpawnLinks, NormalEndIsNotTold) {
  const GuestRun run = run_spawning(fmt::format(R"(
    (call $process.die_when_link_dies (i32.const 0))
    (drop {}) (call $test.report32 (call $receive (i64.const 20))))",
                                                SpawnCall{.link_tag = "1"}.text()));
  EXPECT_EQ(run.reports, (std::vector<i64>{9027}));
}

// --- Failures that the caller is told ---

// A module at 256 whose memory has 1,000 pages, or whose start function traps.
std::string module_data(std::string_view fields) {
  const std::vector<u8> bytes = assemble(fmt::format("(module {})", fields));
  return data(256, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size())) +
         fmt::format("(global $size i32 (i32.const {}))", bytes.size());
}

constexpr std::string_view kCompile =
    "(call $test.report32 (call $process.compile_module (i32.const 256) (global.get $size) (i32.const 64)))";

// Reports the first eight bytes of the error's text.
constexpr std::string_view kReportError = R"(
  (call $error.to_string (i64.load (i32.const 64)) (i32.const 1000)) (call $test.report (i64.load (i32.const 1000))))";

i64 eight(std::string_view text) {
  i64 value = 0;
  std::memcpy(&value, text.data(), 8);
  return value;
}

GuestRun run_with_module(std::string_view module_fields, std::string_view body, std::string_view more = "") {
  return run_guest(fmt::format("{} {} {} {} (func (export \"_start\") {} {})", kHelpers, kNames,
                               module_data(module_fields), more, kCompile, body));
}

TEST(Modules, RunUntilTheLastProcessIsGone) {
  const GuestRun run = run_with_module(
      R"((import "test" "report" (func (param i64))) (func (export "child") (call 0 (i64.const 77))))",
      fmt::format("(drop {}) (call $process.drop_module (i64.const 0)) (call $process.sleep_ms (i64.const 1))",
                  SpawnCall{.module = "0"}.text()));
  EXPECT_EQ(run.trap(), "");
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 77}));
}

TEST(Modules, DroppingTwiceTraps) {
  EXPECT_EQ(
      run_with_module("", "(call $process.drop_module (i64.const 0)) (call $process.drop_module (i64.const 0))").trap(),
      "lunatic::process::drop_module: unknown module id");
}

TEST(Modules, UnknownImportIsAnErrorWithItsName) {
  const GuestRun run = run_with_module(R"((import "env" "f" (func)))", R"(
    (call $error.to_string (i64.const 0) (i32.const 1000)) (call $test.report (i64.load (i32.const 1000)))
    (call $test.report (i64.load (i32.const 1008))))");
  EXPECT_EQ(run.reports, (std::vector<i64>{1, eight("unknown "), eight("import: ")}));
}

TEST(Modules, ImportOfAnotherTypeIsAnError) {
  const GuestRun run = run_with_module(
      R"((import "lunatic::message" "send" (func (param i32))))",
      "(call $error.to_string (i64.const 0) (i32.const 1000)) (call $test.report (i64.load (i32.const 1000)))");
  EXPECT_EQ(run.reports, (std::vector<i64>{1, eight("incompatible")}));
}

TEST(Modules, CompilingNeedsThePermissionBeforeAnythingElse) {
  const GuestRun run =
      run_body("(call $test.report32 (call $process.compile_module (i32.const -1) (i32.const 9) (i32.const -1)))",
               {.config = runtime::ConfigRef::create()});
  EXPECT_EQ(run.trap(), "");
  EXPECT_EQ(run.reports, (std::vector<i64>{-1}));
}

// Modules too large for the scheduler go through the blocking pool, with the same answers.
TEST(Modules, LargeOnesAreLoadedElsewhere) {
  // A custom section of 128 KiB of zeros.
  const std::string head = data(0, std::string_view("\0asm\1\0\0\0\0\x80\x80\x08", 12)) + data(300'000, "child");
  const auto compile = [](u32 length) {
    return fmt::format("(call $process.compile_module (i32.const 0) (i32.const {}) (i32.const 200000))", length);
  };
  const std::string answers = fmt::format(R"(
    (call $test.report32 {0}) (call $test.report (i64.load (i32.const 200000)))
    (call $test.report32 {1}) (call $test.report (i64.load (i32.const 200000)))
    (call $test.report32 {0}) (call $test.report (i64.load (i32.const 200000)))
    (call $process.drop_module (i64.const 0)))",
                                          compile(131'084), compile(131'083));
  for (const bool deterministic : {false, true}) {
    const GuestRun run = run_guest(fmt::format("{} (func (export \"_start\") {})", head, answers),
                                   {.pages = 5, .deterministic = deterministic});
    EXPECT_EQ(run.trap(), "");
    EXPECT_EQ(run.reports, (std::vector<i64>{0, 0, 1, 0, 0, 1}));
    // Not enough for a second copy of the bytes.
    const GuestRun tight =
        run_guest(fmt::format("{} (func (export \"_start\") (call $test.report32 {}))", head, compile(131'084)),
                  {.pages = 5, .memory_limit_bytes = 6 * 65'536, .deterministic = deterministic});
    EXPECT_EQ(tight.reports, std::vector<i64>{1});
  }
  // A process that dies meanwhile; that everything comes back is checked at the VM's end.
  const GuestRun killed = run_guest(fmt::format(R"({} {} (func (export "child") (loop (drop {}) (br 0)))
    (func (export "_start") (local $child i64) (local $i i32)
      (loop $again
        (local.set $child (call $spawn (i32.const 300000) (i32.const 5) (i64.const 0)))
        (call $process.sleep_ms (i64.const 1))
        (call $process.kill (local.get $child))
        (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 20)))))
  )",
                                                kHelpers, head, compile(131'084)),
                                    {.pages = 5, .deterministic = false});
  EXPECT_EQ(killed.trap(), "");
}

TEST(Modules, BytesAndIdMustBeInMemory) {
  for (const std::string_view arguments :
       {"(i32.const 65530) (i32.const 8) (i32.const 0)", "(i32.const 0) (i32.const 8) (i32.const 65529)"}) {
    EXPECT_EQ(run_body(fmt::format("(drop (call $process.compile_module {}))", arguments)).trap(),
              "lunatic::process::compile_module: out of bounds guest memory access");
  }
}

TEST(Spawn, MemoryAboveTheLimitIsAnError) {
  const GuestRun run = run_guest(fmt::format(R"({} {} (func (export "child")) (func (export "_start")
    (drop (call $process.create_config))
    (call $process.config_set_max_memory (i64.const 0) (i64.const 65535))
    (call $test.report32 {}) {} (call $test.report32 {}) (call $test.report32 {})))",
                                             kHelpers, kNames, SpawnCall{.config = "0"}.text(), kReportError,
                                             SpawnCall{.config = "0"}.named_text(), SpawnCall{}.named_text()));
  EXPECT_EQ(run.trap(), "");
  ASSERT_EQ(run.reports.size(), 4u);
  EXPECT_EQ(run.reports[0], 1);
  EXPECT_EQ(run.reports[2], 1);
  EXPECT_EQ(run.reports[3], 0);  // The failure registered nothing (ABI defect 21).
}

TEST(Spawn, StartFunctionRunsBeforeTheCallReturns) {
  const std::string_view child =
      R"((import "test" "report" (func (param i64))) (import "lunatic::process" "sleep_ms" (func (param i64)))
    (func $begin (call 1 (i64.const 5)) (call 0 (i64.const 7)))
    (start $begin) (func (export "child") (call 0 (i64.const 8))))";
  const std::string_view after = "(call $test.report (i64.load (i32.const 64))) (call $process.sleep_ms (i64.const 1))";
  EXPECT_EQ(run_with_module(child, fmt::format("(call $test.report32 {}) {}", SpawnCall{.module = "0"}.text(), after))
                .reports,
            (std::vector<i64>{0, 7, 0, 2, 8}));
  EXPECT_EQ(
      run_with_module(child, fmt::format("(call $test.report32 {}) {}", SpawnCall{.module = "0"}.named_text(), after))
          .reports,
      (std::vector<i64>{0, 7, 0, 2, 8}));
}

TEST(Spawn, TrapInTheStartFunctionIsAnError) {
  const GuestRun run = run_with_module(
      "(func $begin unreachable) (start $begin) (func (export \"child\"))",
      fmt::format("(call $test.report32 {}) {} (call $test.report32 {})", SpawnCall{.module = "0"}.text(), kReportError,
                  SpawnCall{.module = "0"}.named_text()));
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 1, eight("start fu"), 1}));
}

// A start function that ends its process without a trap: the caller is told all the same.
TEST(Spawn, DeathInTheStartFunctionIsAnError) {
  constexpr std::string_view kImports = R"(
    (import "lunatic::process" "kill" (func $kill (param i64)))
    (import "lunatic::process" "link" (func $link (param i64 i64)))
    (import "lunatic::process" "process_id" (func $id (result i64)))
    (import "lunatic::process" "sleep_ms" (func $sleep (param i64)))
    (func (export "child")) (start $begin))";
  for (const std::string_view end : {"(call $kill (call $id))", "(call $link (i64.const 5) (i64.const 12345))"}) {
    for (const std::string_view more : {"(call $sleep (i64.const 5))", "(loop (br 0))"}) {
      const GuestRun run = run_with_module(
          fmt::format("{} (func $begin {} {})", kImports, end, more),
          fmt::format("(call $test.report32 {}) {} (call $test.report32 {})", SpawnCall{.module = "0"}.text(),
                      kReportError, SpawnCall{.module = "0"}.named_text()));
      EXPECT_EQ(run.trap(), "");
      EXPECT_EQ(run.reports, (std::vector<i64>{0, 1, eight("start fu"), 1})) << end;
    }
  }
}

TEST(Spawn, TheStartFunctionOfARootMayNotSpawn) {
  const GuestRun run = run_guest(fmt::format(R"({} {} (func (export "child")) (func (export "_start"))
    (func $begin (drop {})) (start $begin))",
                                             kHelpers, kNames, SpawnCall{}.text()));
  EXPECT_EQ(run.trap(), "lunatic::process::spawn: a start function may not spawn processes");
}

TEST(Spawn, StartFunctionsMayNotSpawn) {
  const GuestRun run = run_with_module(
      R"((import "lunatic::process" "spawn" (func (param i64 i64 i64 i32 i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func $begin (drop (call 0 (i64.const 0) (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))
    (start $begin))",
      fmt::format(
          "(call $test.report32 {}) (call $error.to_string (i64.load (i32.const 64)) (i32.const 1000)) (call $test.report (i64.load (i32.const 1032)))",
          SpawnCall{.module = "0"}.text()));
  EXPECT_EQ(run.trap(), "");
  EXPECT_EQ(run.reports.at(1), 1);
}

// --- get_or_spawn ---

TEST(GetOrSpawn, SecondCallFindsTheFirstProcess) {
  const GuestRun run = run_spawning(fmt::format(R"(
    (call $test.report32 {0}) (call $test.report (i64.load (i32.const 64)))
    (i64.store (i32.const 64) (i64.const -1)) (i64.store (i32.const 72) (i64.const -1))
    (call $test.report32 {0}) (call $test.report (i64.load (i32.const 64))) (call $test.report (i64.load (i32.const 72)))
    (call $process.sleep_ms (i64.const 1))
    ;; The name outlives its process.
    (call $test.report32 (call $process.exists (i64.const 2)))
    (call $test.report32 {0}) (call $test.report (i64.load (i32.const 64))))",
                                                SpawnCall{}.named_text()));
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 2, 2, 2, 0, 0, 2, 2}));
}

TEST(GetOrSpawn, NameThatIsTakenIsFoundBeforeAnythingElseIsLookedAt) {
  const SpawnCall wrong{.config = "9", .module = "9", .name = "65535", .params = "65535", .params_length = "3"};
  const GuestRun run = run_spawning(fmt::format(R"(
    (call $registry.put (i32.const 16) (i32.const 4) (i64.const 8) (i64.const 99))
    (call $test.report32 {}) (call $test.report (i64.load (i32.const 64))) (call $test.report (i64.load (i32.const 72))))",
                                                wrong.named_text()),
                                    "", {.config = runtime::ConfigRef::create()});
  EXPECT_EQ(run.trap(), "");
  EXPECT_EQ(run.reports, (std::vector<i64>{2, 99, 8}));
}

TEST(GetOrSpawn, ChildFindsItsOwnName) {
  const GuestRun run = run_spawning(
      fmt::format("(drop {}) (call $process.sleep_ms (i64.const 1))", SpawnCall{.link_tag = "3"}.named_text()),
      R"((func (export "child")
      (call $test.report32 (call $registry.get (i32.const 16) (i32.const 4) (i32.const 72) (i32.const 64)))
      (call $test.report (i64.load (i32.const 64)))))");
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 2}));
}

TEST(GetOrSpawn, NamesAndOutParametersAreChecked) {
  auto call = [](std::string_view name, std::string_view length, std::string_view node, std::string_view id) {
    return fmt::format(
        "(drop (call $process.get_or_spawn (i32.const {}) (i32.const {}) (i64.const 0) (i64.const -1) (i64.const -1) "
        "(i32.const 0) (i32.const 5) (i32.const 0) (i32.const 0) (i32.const {}) (i32.const {})))",
        name, length, node, id);
  };
  const std::string outside = "lunatic::process::get_or_spawn: out of bounds guest memory access";
  EXPECT_EQ(run_spawning(call("65530", "7", "64", "72")).trap(), outside);
  EXPECT_EQ(run_spawning(call("16", "4", "65529", "72")).trap(), outside);
  EXPECT_EQ(run_spawning(call("16", "4", "64", "65529")).trap(), outside);
  EXPECT_EQ(run_spawning("(i32.store8 (i32.const 16) (i32.const 0xC0))" + call("16", "4", "64", "72")).trap(),
            "lunatic::process::get_or_spawn: the text is not valid UTF-8");
}

TEST(Spawn, ItsLinkReplacesOneThatTheStartSectionHasMade) {
  const GuestRun run = run_guest(std::string(kHelpers) + data(0, "child") + R"(
    (func $init
      (if (i64.ne (call $process.process_id) (i64.const 1)) (then (call $process.link (i64.const 9) (i64.const 1)))))
    (start $init)
    (func (export "child") unreachable)
    (func (export "_start")
      (call $process.die_when_link_dies (i32.const 0))
      (drop (call $spawn (i32.const 0) (i32.const 5) (i64.const 5)))
      (call $test.report32 (call $receive (i64.const -1)))
      (call $test.report (call $message.get_tag))))");
  EXPECT_EQ(run.trap(), "");
  EXPECT_EQ(run.reports, (std::vector<i64>{1, 5}));
}

}  // namespace
}  // namespace lunabeam::tests
