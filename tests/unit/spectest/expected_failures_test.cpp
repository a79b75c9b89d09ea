// The list of known failures holds in both directions.
#include "tools/lunabeam-spectest/expected_failures.h"

#include <gmock/gmock.h>

namespace lunabeam::spectest {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

FileRun run_of(const std::string& path, const std::vector<FailureRecord>& failures) {
  FileRun run;
  run.path = path;
  run.tier = "interp-step";
  run.status = FileRun::Status::kFinished;
  run.failures = failures;
  return run;
}
FailureRecord failure(u32 line, const std::string& kind, const std::string& reason) {
  return {line, kind, reason, "a", "b", false};
}
FileRun judged(std::string_view list, FileRun run) {
  std::string problem;
  const auto expected = ExpectedFailures::parse(list, problem);
  EXPECT_TRUE(expected) << problem;
  if (expected) expected->judge(run);
  return run;
}

constexpr std::string_view kList =
    "# head\n\ncore/a.wast:3: module  # needs gc\ncore/a.wast:4: assert_return # needs gc\ncore/simd/*.wast: *  # needs simd\n";

TEST(ExpectedFailures, ListedFailuresAreGood) {
  const FileRun run =
      judged(kList, run_of("core/a.wast", {failure(3, "module", "needs gc"), failure(4, "assert_return", "needs gc")}));
  EXPECT_TRUE(run.is_good());
  EXPECT_EQ(run.assertions_failed(true), 1u);
  EXPECT_EQ(run.commands_failed(true), 2u);
}

TEST(ExpectedFailures, UnlistedFailuresAreBad) {
  const FileRun run =
      judged(kList, run_of("core/a.wast", {failure(3, "module", "needs gc"), failure(4, "assert_return", "needs gc"),
                                           failure(5, "assert_return", "needs gc")}));
  EXPECT_FALSE(run.is_good());
  EXPECT_FALSE(run.failures[2].is_expected);
}

TEST(ExpectedFailures, AnotherReasonIsBadTwice) {
  const FileRun run = judged(
      kList, run_of("core/a.wast", {failure(3, "module", "type mismatch:"), failure(4, "assert_return", "needs gc")}));
  EXPECT_FALSE(run.failures[0].is_expected);
  ASSERT_THAT(run.problems, SizeIs(1));
  EXPECT_THAT(run.problems[0], HasSubstr("line 3 of the expected failures did not happen: core/a.wast:3: module"));
}

TEST(ExpectedFailures, AnUnexpectedPassIsBad) {
  EXPECT_THAT(judged(kList, run_of("core/a.wast", {})).problems, SizeIs(2));
  EXPECT_FALSE(judged(kList, run_of("core/a.wast", {})).is_good());
  EXPECT_FALSE(judged(kList, run_of("core/simd/x.wast", {})).is_good());
  EXPECT_TRUE(judged(kList, run_of("core/b.wast", {})).is_good());
}

TEST(ExpectedFailures, EqualLinesStandForAsManyFailures) {
  const std::string_view list = "a.wast:1: invoke  # needs gc\na.wast:1: invoke  # needs gc\n";
  EXPECT_TRUE(
      judged(list, run_of("a.wast", {failure(1, "invoke", "needs gc"), failure(1, "invoke", "needs gc")})).is_good());
  EXPECT_FALSE(judged(list, run_of("a.wast", {failure(1, "invoke", "needs gc")})).is_good());
}

TEST(ExpectedFailures, WholeFilesFailForTheListedReasonOnly) {
  const FileRun good = judged(
      kList, run_of("core/simd/x.wast", {failure(1, "module", "needs simd"), failure(2, "invoke", "needs simd")}));
  EXPECT_TRUE(good.is_good());
  EXPECT_FALSE(judged(kList, run_of("core/simd/x.wast",
                                    {failure(1, "module", "needs simd"), failure(2, "invoke", "no such export")}))
                   .is_good());
  EXPECT_FALSE(judged(kList, run_of("core/simd/deep/x.wast", {failure(1, "module", "needs simd")})).is_good());
}

TEST(ExpectedFailures, CrashesCannotBeExpected) {
  FileRun run = run_of("core/simd/x.wast", {failure(1, "module", "needs simd")});
  run.status = FileRun::Status::kCrashed;
  EXPECT_FALSE(judged(kList, run).is_good());
}

TEST(ExpectedFailures, AWrongListIsRejectedWithItsLine) {
  for (const std::string_view list :
       {"core/a.wast:3: module\n", "core/a.wast:3: modul  # x\n", "core/a.wast: module  # x\n",
        "core/a.wast:x: module  # x\n", ": *  # x\n", "core/a.wast:3: module  # \n"}) {
    std::string problem;
    EXPECT_FALSE(ExpectedFailures::parse(list, problem)) << list;
    EXPECT_THAT(problem, HasSubstr("line 1")) << list;
  }
}

TEST(ExpectedFailures, UpdatingMakesTheRunsGood) {
  std::string problem;
  const auto list = ExpectedFailures::parse(kList, problem);
  ASSERT_TRUE(list);
  FileRun mixed = run_of("core/a.wast", {failure(3, "module", "needs gc"), failure(9, "invoke", "needs simd")});
  mixed.passed[static_cast<size_t>(CommandKind::kAssertReturn)] = 1;
  const FileRun whole =
      run_of("core/b.wast", {failure(1, "module", "needs gc"), failure(2, "assert_return", "needs gc")});
  const std::string text = list->updated(std::vector<FileRun>{mixed, whole});
  EXPECT_EQ(
      text,
      "# head\ncore/a.wast:3: module  # needs gc\ncore/a.wast:9: invoke  # needs simd\ncore/b.wast: *  # needs gc\n"
      "core/simd/*.wast: *  # needs simd\n");
  EXPECT_TRUE(judged(text, mixed).is_good());
  EXPECT_TRUE(judged(text, whole).is_good());
}

}  // namespace
}  // namespace lunabeam::spectest
