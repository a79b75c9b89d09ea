// Verdicts.
#include "tools/lunabeam/test_verdict.h"

#include <gmock/gmock.h>

#include <optional>

namespace lunabeam::tools {
namespace {

using testing::HasSubstr;
using Streams = std::vector<runtime::OutputCapture::Stream>;

constexpr const char* kNewPanic = "\nthread '<unnamed>' (1) panicked at a.rs:1:2:\nit broke\n";
constexpr const char* kOldPanic = "thread '<unnamed>' panicked at 'it broke', a.rs:1:2\n";

TestResult judged(std::optional<std::string> expected, vm::ExitReason::Kind kind, const Streams& streams) {
  TestCase test;
  test.name = "t";
  test.expected_panic = std::move(expected);
  runtime::RunResult run;
  run.reason.kind = kind;
  run.reason.trap.kind = vm::TrapKind::kUnreachable;
  return judge(test, run, streams, 0);
}

constexpr auto kNormal = vm::ExitReason::Kind::kNormal;
constexpr auto kTrapped = vm::ExitReason::Kind::kTrapped;
constexpr auto kLinkDied = vm::ExitReason::Kind::kLinkDied;

TEST(TestVerdict, ATestThatHasToEndNormally) {
  EXPECT_EQ(judged({}, kNormal, {}).verdict, Verdict::kOk);
  EXPECT_EQ(judged({}, kNormal, {{1, kNewPanic}}).verdict, Verdict::kOk);  // Caught.
  const TestResult failed = judged({}, kTrapped, {{1, kNewPanic}});
  EXPECT_EQ(failed.verdict, Verdict::kFailed);
  EXPECT_EQ(failed.output, kNewPanic);
}

TEST(TestVerdict, AFailureWithoutAPanicIsExplained) {
  const TestResult trapped = judged({}, kTrapped, {{1, "so far"}});
  EXPECT_EQ(trapped.verdict, Verdict::kFailed);
  EXPECT_THAT(trapped.output, HasSubstr("so far\nnote: the test failed without a panic: trap: unreachable\n"));
  EXPECT_THAT(judged({}, kLinkDied, {}).output, HasSubstr("a linked process failed"));
}

TEST(TestVerdict, ATestThatHasToPanic) {
  EXPECT_EQ(judged("", kTrapped, {}).verdict, Verdict::kOk);
  EXPECT_EQ(judged("", kLinkDied, {}).verdict, Verdict::kOk);
  const TestResult normal = judged("", kNormal, {{1, kNewPanic}});
  EXPECT_EQ(normal.verdict, Verdict::kFailed);
  EXPECT_THAT(normal.output, HasSubstr("did not panic"));
}

TEST(TestVerdict, TheTextIsLookedForInTheRootsOutput) {
  for (const char* panic : {kNewPanic, kOldPanic}) {
    EXPECT_EQ(judged("broke", kTrapped, {{1, panic}, {2, "x"}}).verdict, Verdict::kOk);
    const TestResult other = judged("burnt", kTrapped, {{1, panic}});
    EXPECT_EQ(other.verdict, Verdict::kFailed);
    EXPECT_THAT(other.output, HasSubstr("panic message: `it broke`\n expected substring: `burnt`"));
    EXPECT_EQ(judged("broke", kTrapped, {{2, panic}}).verdict, Verdict::kFailed);
  }
  EXPECT_EQ(judged("broke", kTrapped, {{1, "it broke"}}).verdict, Verdict::kFailed);
}

TEST(TestVerdict, TheOutputNamesItsProcesses) {
  EXPECT_EQ(judged({}, kNormal, {{1, "a"}}).output, "a");
  EXPECT_EQ(judged({}, kNormal, {{1, "a"}, {3, "b\n"}}).output,
            " --- process 1 stdout ---\na\n --- process 3 stdout ---\nb\n");
  runtime::RunResult run;
  EXPECT_THAT(judge({}, run, {{1, "a\n"}}, 7).output, HasSubstr("note: 7 more bytes"));
}

}  // namespace
}  // namespace lunabeam::tools
