// lunatic::message: the scratch area and what is in it (ABI document 2.2).
#include <fmt/format.h>

#include "tests/unit/runtime/hostcalls/guest.h"

namespace lunabeam::tests {
namespace {

std::string prefix(std::string_view function, std::string_view what) {
  return fmt::format("lunatic::message::{}: {}", function, what);
}

constexpr std::string_view kNoMessage = "there is no message in the scratch area";
constexpr std::string_view kNotData = "the message is not a data message";
constexpr std::string_view kOutside = "out of bounds guest memory access";

// Functions that need a message, with a call of each.
struct NamedCall {
  std::string_view name;
  std::string_view text;
};
constexpr NamedCall kDataCalls[] = {
    {"write_data", "(drop (call $message.write_data (i32.const 0) (i32.const 1)))"},
    {"read_data", "(drop (call $message.read_data (i32.const 0) (i32.const 1)))"},
    {"seek_data", "(call $message.seek_data (i64.const 0))"},
    {"data_size", "(drop (call $message.data_size))"},
    {"take_module", "(drop (call $message.take_module (i64.const 0)))"},
};
constexpr NamedCall kOtherCalls[] = {
    {"get_tag", "(drop (call $message.get_tag))"},
    {"get_process_id", "(drop (call $message.get_process_id))"},
    {"send", "(drop (call $message.send (i64.const 1)))"},
    {"send_receive_skip_search",
     "(drop (call $message.send_receive_skip_search (i64.const 1) (i64.const 1) (i64.const 0)))"},
};

TEST(MessageFunctions, EveryFunctionNeedsAMessage) {
  for (const NamedCall& call : kDataCalls) EXPECT_EQ(run_body(call.text).trap(), prefix(call.name, kNoMessage));
  for (const NamedCall& call : kOtherCalls) EXPECT_EQ(run_body(call.text).trap(), prefix(call.name, kNoMessage));
}

// A LinkDied message with tag 7, and a ProcessDied message, in the scratch area.
constexpr std::string_view kLinkDied = R"(
  (call $process.die_when_link_dies (i32.const 0))
  (call $process.link (i64.const 7) (i64.const 999))
  (call $test.report32 (call $receive (i64.const -1)))
)";
constexpr std::string_view kProcessDied = R"(
  (call $process.monitor (call $spawn (i32.const 0) (i32.const 5) (i64.const 0)))
  (call $test.report32 (call $receive (i64.const -1)))
)";

GuestRun run_with_helpers(std::string_view body) {
  return run_guest(
      fmt::format(R"({} {} (func (export "child")) (func (export "_start") {}))", kHelpers, data(0, "child"), body));
}

TEST(MessageFunctions, DataFunctionsNeedADataMessage) {
  for (const std::string_view received : {kLinkDied, kProcessDied}) {
    for (const NamedCall& call : kDataCalls) {
      EXPECT_EQ(run_with_helpers(std::string(received) + std::string(call.text)).trap(), prefix(call.name, kNotData));
    }
  }
}

TEST(MessageFunctions, SignalMessagesTellTagOrProcess) {
  const std::string_view tell =
      "(call $test.report (call $message.get_tag)) (call $test.report (call $message.get_process_id))";
  EXPECT_EQ(run_with_helpers(std::string(kLinkDied) + std::string(tell)).reports, (std::vector<i64>{1, 7, 0}));
  EXPECT_EQ(run_with_helpers(std::string(kProcessDied) + std::string(tell)).reports, (std::vector<i64>{2, 0, 2}));
}

TEST(MessageFunctions, SignalMessagesCanBeForwarded) {
  const GuestRun run = run_with_helpers(std::string(kLinkDied) + R"(
    (call $test.report32 (call $message.send (call $process.process_id)))
    (call $test.report32 (call $receive (i64.const 0)))
    (call $test.report (call $message.get_tag)))");
  EXPECT_EQ(run.reports, (std::vector<i64>{1, 0, 1, 7}));
}

TEST(MessageFunctions, TagsAreKeptAsTheyAre) {
  const GuestRun run = run_body(R"(
    (call $message.create_data (i64.const 0) (i64.const 0))
    (call $test.report (call $message.get_tag))
    (call $message.create_data (i64.const -1) (i64.const 0))
    (call $test.report (call $message.get_tag))
    (call $message.create_data (i64.const 0x3F00000000000081) (i64.const 0))
    (call $test.report (call $message.get_tag))
    (call $test.report (call $message.get_process_id)))");
  EXPECT_EQ(run.reports, (std::vector<i64>{0, -1, 0x3F00'0000'0000'0081, 0}));
}

TEST(MessageFunctions, CapacityIsAHintOnly) {
  const GuestRun run = run_body(R"(
    (call $message.create_data (i64.const 1) (i64.const -1))
    (call $test.report (call $message.data_size))
    (call $test.report32 (call $message.write_data (i32.const 0) (i32.const 65536)))
    (call $test.report (call $message.data_size)))");
  EXPECT_EQ(run.trap(), "");
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 65536, 65536}));
}

TEST(MessageFunctions, WritingAppendsWhateverWasRead) {
  const GuestRun run = run_body(R"(
    (call $message.create_data (i64.const 1) (i64.const 0))
    (i64.store (i32.const 0) (i64.const 0x0807060504030201))
    (call $test.report32 (call $message.write_data (i32.const 0) (i32.const 3)))
    (call $test.report32 (call $message.read_data (i32.const 100) (i32.const 2)))
    (call $test.report32 (call $message.write_data (i32.const 3) (i32.const 5)))
    (call $test.report (call $message.data_size))
    (call $test.report32 (call $message.read_data (i32.const 102) (i32.const 100)))
    (call $test.report32 (call $message.read_data (i32.const 108) (i32.const 100)))
    (call $test.report (i64.load (i32.const 100)))
    (call $message.seek_data (i64.const 7))
    (call $test.report32 (call $message.read_data (i32.const 100) (i32.const 100)))
    (call $test.report32 (i32.load8_u (i32.const 100)))
    (call $message.seek_data (i64.const 8))
    (call $test.report32 (call $message.read_data (i32.const 100) (i32.const 100))))");
  EXPECT_EQ(run.trap(), "");
  EXPECT_EQ(run.reports, (std::vector<i64>{3, 2, 5, 8, 6, 0, 0x0807'0605'0403'0201, 1, 8, 0}));
}

TEST(MessageFunctions, ReadingBehindTheEndTrapsButSeekingDoesNot) {
  const GuestRun run = run_body(R"(
    (call $message.create_data (i64.const 1) (i64.const 0))
    (call $message.seek_data (i64.const 1))
    (call $test.report (call $message.data_size))
    (drop (call $message.read_data (i32.const 0) (i32.const 0))))");
  EXPECT_EQ(run.reports, (std::vector<i64>{0}));
  EXPECT_EQ(run.trap(), prefix("read_data", "the read position is behind the end of the message"));
}

// --- Bounds ---

struct Range {
  std::string_view address;
  std::string_view length;
  bool is_valid;
};
constexpr Range kRanges[] = {
    {"65535", "1", true},       {"65536", "0", true},       {"0", "65536", true},       {"0", "0", true},
    {"65535", "2", false},      {"65536", "1", false},      {"65537", "0", false},      {"0", "65537", false},
    {"0xFFFFFFFF", "2", false}, {"2", "0xFFFFFFFF", false}, {"0xFFFFFFFF", "0", false},
};

TEST(MessageFunctions, DataRangesEndInsideTheMemory) {
  for (const std::string_view function : {"write_data", "read_data"}) {
    for (const Range& range : kRanges) {
      const GuestRun run = run_body(fmt::format(R"(
        (call $message.create_data (i64.const 1) (i64.const 0))
        (drop (call $message.{} (i32.const {}) (i32.const {}))))",
                                                function, range.address, range.length));
      EXPECT_EQ(run.trap(), range.is_valid ? "" : prefix(function, kOutside)) << range.address << " " << range.length;
    }
  }
}

TEST(MessageFunctions, MemoryWithoutPagesHasAnEmptyRange) {
  const std::string_view body = R"(
    (call $message.create_data (i64.const 1) (i64.const 0))
    (call $test.report32 (call $message.write_data (i32.const 0) (i32.const 0)))
    (call $test.report32 (call $message.read_data (i32.const 0) (i32.const 0)))
    (drop (call $message.read_data (i32.const 0) (i32.const 1))))";
  const GuestRun run = run_body(body, {.pages = 0, .config = {}});
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 0}));
  EXPECT_EQ(run.trap(), prefix("read_data", kOutside));
}

TEST(MessageFunctions, MemoryMustBeExported) {
  const std::string_view body = R"(
    (call $message.create_data (i64.const 1) (i64.const 0))
    (drop (call $message.write_data (i32.const 0) (i32.const 0))))";
  EXPECT_EQ(run_body(body, {.export_memory = false, .config = {}}).trap(), prefix("write_data", kOutside));
}

// --- What a trap leaves behind: `attempt` is caught, then `after` runs. ---

GuestRun run_caught(std::string_view attempt, std::string_view after) {
  return run_guest(fmt::format(R"({}
    (func (export "_lunatic_catch_trap") (param i32 i32) (result i32) {} (i32.const 1))
    (func (export "_start")
      (call $message.create_data (i64.const 9) (i64.const 0))
      (call $test.report32 (call $trap.catch (i32.const 0) (i32.const 0)))
      {}))",
                               kHelpers, attempt, after));
}

TEST(MessageFunctions, TrapInReadOrWriteLosesTheMessage) {
  for (const std::string_view attempt :
       {"(drop (call $message.write_data (i32.const 65535) (i32.const 2)))",
        "(drop (call $message.read_data (i32.const 65535) (i32.const 2)))",
        "(call $message.seek_data (i64.const 5)) (drop (call $message.read_data (i32.const 0) (i32.const 0)))"}) {
    const GuestRun run = run_caught(attempt, "(drop (call $message.get_tag))");
    EXPECT_EQ(run.reports, (std::vector<i64>{0}));
    EXPECT_EQ(run.trap(), prefix("get_tag", kNoMessage));
  }
}

TEST(MessageFunctions, OtherTrapsLeaveTheMessage) {
  for (const std::string_view attempt :
       {"(drop (call $message.take_module (i64.const 0)))", "(drop (call $message.push_module (i64.const 0)))",
        "(drop (call $message.receive (i32.const 65535) (i32.const 1) (i64.const 0)))"}) {
    const GuestRun run = run_caught(attempt, "(call $test.report (call $message.get_tag))");
    EXPECT_EQ(run.reports, (std::vector<i64>{0, 9})) << attempt;
  }
}

// --- Large messages ---

// 100 pages of numbers, written and read back in one call each: copies that take many slices.
constexpr std::string_view kLargeCopy = R"(
  (global $at (mut i32) (i32.const 0))
  (func $fill
    (loop $again
      (i32.store (global.get $at) (i32.mul (global.get $at) (i32.const 0x9E3779B1)))
      (global.set $at (i32.add (global.get $at) (i32.const 4)))
      (br_if $again (i32.lt_u (global.get $at) (i32.const 6553600)))))
  (func $differences (result i64)
    (local $count i64)
    (global.set $at (i32.const 0))
    (loop $again
      (local.set $count (i64.add (local.get $count) (i64.extend_i32_u
        (i32.ne (i32.load (i32.add (global.get $at) (i32.const 6553601)))
                (i32.mul (global.get $at) (i32.const 0x9E3779B1))))))
      (global.set $at (i32.add (global.get $at) (i32.const 4)))
      (br_if $again (i32.lt_u (global.get $at) (i32.const 6553600))))
    (local.get $count))
)";

TEST(MessageFunctions, LargeCopiesKeepTheirBytes) {
  const GuestRun run = run_guest(std::string(kLargeCopy) + R"((func (export "_start")
    (call $fill)
    (call $message.create_data (i64.const 0) (i64.const 0))
    (call $test.report32 (call $message.write_data (i32.const 4) (i32.const 8)))
    (call $test.report32 (call $message.write_data (i32.const 0) (i32.const 6553600)))
    (call $test.report (call $message.data_size))
    (call $test.report32 (call $message.read_data (i32.const 6553601) (i32.const 8)))
    (call $test.report32 (call $message.read_data (i32.const 6553601) (i32.const 6553700)))
    (call $test.report32 (call $message.read_data (i32.const 0) (i32.const 6553600)))
    (call $test.report (call $differences))))",
                                 {.pages = 201});
  EXPECT_EQ(run.trap(), "");
  EXPECT_EQ(run.reports, (std::vector<i64>{8, 6553600, 6553608, 8, 6553600, 0, 0}));
}

// A host call of any length must not hold its scheduler: a neighbour has its turns while a message is filled.
TEST(MessageFunctions, LargeCopiesLetOthersRun) {
  const GuestRun run = run_guest(std::string(kHelpers) + data(0, "child") + R"(
    (func (export "child")
      (loop $again (call $test.report (i64.const 1)) (call $process.sleep_ms (i64.const 0)) (br $again)))
    (func (export "_start")
      (drop (call $spawn (i32.const 0) (i32.const 5) (i64.const 0)))
      (call $message.create_data (i64.const 0) (i64.const 0))
      (drop (call $message.write_data (i32.const 0) (i32.const 13107200)))))",
                                 {.pages = 201});
  EXPECT_EQ(run.trap(), "");
  EXPECT_GT(run.reports.size(), 8u);  // 25 slices of copying.
}

TEST(MessageFunctions, AKillEndsALargeCopy) {
  const GuestRun run = run_guest(std::string(kHelpers) + data(0, "child") + R"(
    (func (export "child")
      (call $message.create_data (i64.const 0) (i64.const 0))
      (drop (call $message.write_data (i32.const 0) (i32.const 13107200)))
      (call $test.report (i64.const 1)))
    (func (export "_start") (local $child i64)
      (local.set $child (call $spawn (i32.const 0) (i32.const 5) (i64.const 0)))
      (call $process.sleep_ms (i64.const 0))
      (call $process.kill (local.get $child))
      (call $process.sleep_ms (i64.const 1000))))",
                                 {.pages = 201});
  EXPECT_EQ(run.trap(), "");
  EXPECT_EQ(run.reports, std::vector<i64>{});
}

// --- Modules in messages ---

// An empty module at address 0, compiled as id 0.
const std::string kModule = data(0, std::string_view("\0asm\1\0\0\0", 8));
constexpr std::string_view kCompile = R"(
  (drop (call $process.compile_module (i32.const 0) (i32.const 8) (i32.const 64)))
  (call $message.create_data (i64.const 0) (i64.const 0))
)";

GuestRun run_with_module(std::string_view body) {
  return run_guest(fmt::format("{} {} (func (export \"_start\") {} {})", kHelpers, kModule, kCompile, body));
}

TEST(MessageFunctions, ModulesKeepTheirIndexesAndStayWithTheSender) {
  const GuestRun run = run_with_module(R"(
    (call $test.report (call $message.push_module (i64.const 0)))
    (call $test.report (call $message.push_module (i64.const 0)))
    (call $test.report (call $message.push_module (i64.const 0)))
    (call $process.drop_module (i64.const 0))
    (drop (call $message.send (call $process.process_id)))
    (drop (call $receive (i64.const 0)))
    (call $test.report (call $message.take_module (i64.const 1)))
    (call $test.report (call $message.take_module (i64.const 0)))
    (call $test.report (call $message.take_module (i64.const 2)))
    (call $process.drop_module (i64.const 2)))");
  EXPECT_EQ(run.trap(), "");
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 1, 2, 1, 2, 3}));
}

TEST(MessageFunctions, TakingIsPossibleOnceWithTheRightKind) {
  EXPECT_EQ(run_with_module("(drop (call $message.push_module (i64.const 1)))").trap(),
            prefix("push_module", "unknown module id"));
  EXPECT_EQ(run_with_module("(drop (call $message.take_module (i64.const 0)))").trap(),
            prefix("take_module", "the message has no resource with this index"));
  EXPECT_EQ(run_with_module(R"((drop (call $message.push_module (i64.const 0)))
                               (drop (call $message.take_module (i64.const 0)))
                               (drop (call $message.take_module (i64.const 0))))")
                .trap(),
            prefix("take_module", "the resource was taken before"));
  EXPECT_EQ(run_with_module(R"((drop (call $test.push_socket))
                               (drop (call $message.take_module (i64.const 0))))")
                .trap(),
            prefix("take_module", "the resource is not a module"));
}

}  // namespace
}  // namespace lunabeam::tests
