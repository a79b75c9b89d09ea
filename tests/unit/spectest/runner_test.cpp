// The whole program: exit status, and scripts that crash or never end.
#include "tools/lunabeam-spectest/runner.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/paths.h"
#include "tools/lunabeam-spectest/file_text.h"
#include "vm/interp/interp.h"

namespace lunabeam::spectest {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

constexpr std::string_view kGood =
    "(module (func (export \"f\") (result i32) (i32.const 1))\n  (func (export \"loop\") (loop (br 0))))\n"
    "(assert_return (invoke \"f\") (i32.const 1))\n";
constexpr std::string_view kBad =
    "(module (func (export \"f\") (result i32) (i32.const 1)))\n(assert_return (invoke \"f\") (i32.const 2))\n";

class Runner : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("lunabeam-spectest-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    options_.paths = {folder_};
    options_.tiers = {"interp-step"};
    options_.jobs = 2;
    options_.json = folder_ / "report.json";
    options_.junit = folder_ / "report.xml";
    options_.program = tests::program("lunabeam-spectest").string();
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const std::string& name, std::string_view text) { ASSERT_TRUE(write_file(folder_ / name, text)); }

  int run() {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int status = spectest::run(options_);
    output_ = testing::internal::GetCapturedStdout();
    errors_ = testing::internal::GetCapturedStderr();
    const auto text = read_file(options_.json);
    report_ = text ? json::parse(*text, nullptr, false) : json();
    return status;
  }

  fs::path folder_;
  RunnerOptions options_;
  std::string output_;
  std::string errors_;
  json report_;
};

TEST_F(Runner, IsContentWithAGoodScript) {
  write("good.wast", kGood);
  EXPECT_EQ(run(), kExitGood) << output_ << errors_;
  EXPECT_EQ(report_["is_good"], true);
  EXPECT_EQ(report_["totals"]["interp-step"]["assertions_passed"], 1);
  EXPECT_EQ(report_["files"][0]["commands"]["module"]["executed"], 1);
}

TEST_F(Runner, RunsEveryTierOfTheBuildUnlessOneIsForced) {
  write("good.wast", kGood);
  options_.tiers.clear();
  EXPECT_EQ(run(), kExitGood);
  EXPECT_EQ(report_["files"].size(), vm::has_dispatch(vm::Dispatch::kTail) ? 2u : 1u);
  options_.tiers = {"jit"};
  EXPECT_EQ(run(), kExitUsage);
  EXPECT_THAT(errors_, HasSubstr("no tier `jit`"));
}

TEST_F(Runner, StartsChildrenThroughALauncher) {
  write("good.wast", kGood);
  options_.launcher = "env";
  EXPECT_EQ(run(), kExitGood) << output_ << errors_;
  EXPECT_EQ(report_["totals"]["interp-step"]["assertions_passed"], 1);
  options_.launcher = "false";
  EXPECT_EQ(run(), kExitUnexpected);
  EXPECT_EQ(report_["files"][0]["detail"], "exit status 1 without a result");
  options_.launcher = "no-such-launcher";
  EXPECT_EQ(run(), kExitUnexpected);
  EXPECT_EQ(report_["files"][0]["status"], "crashed");
}

TEST_F(Runner, FailsOnAWrongExpectation) {
  write("bad.wast", kBad);
  write("good.wast", kGood);
  EXPECT_EQ(run(), kExitUnexpected);
  EXPECT_THAT(output_, HasSubstr("bad.wast:2: assert_return [interp-step]\n    expected  returned (i32.const 2)\n"
                                 "    actual    returned (i32.const 1)\n"));
  EXPECT_EQ(report_["totals"]["interp-step"]["bad_files"], 1);
  EXPECT_THAT(*read_file(options_.junit), HasSubstr("tests=\"2\" failures=\"1\" errors=\"0\""));
}

TEST_F(Runner, UnexpectedPassesFail) {
  write("good.wast", kGood);
  write("list.txt", (folder_ / "good.wast").generic_string() + ":3: assert_return  # needs gc\n");
  options_.expected_failures = folder_ / "list.txt";
  EXPECT_EQ(run(), kExitUnexpected);
  EXPECT_THAT(output_, HasSubstr("did not happen"));
}

TEST_F(Runner, AnUpdatedListMakesTheRunGood) {
  write("bad.wast", kBad);
  options_.expected_failures = options_.update_expected = folder_ / "list.txt";
  EXPECT_EQ(run(), kExitUnexpected);
  EXPECT_EQ(run(), kExitGood) << output_;
}

TEST_F(Runner, ReportsAScriptThatNeverEndsAndRunsTheRest) {
  write("a.wast", std::string(kGood) + "(invoke \"loop\")\n");
  write("b.wast", kGood);
  options_.timeout_s = 1;
  options_.jobs = 1;
  EXPECT_EQ(run(), kExitUnexpected);
  EXPECT_THAT(output_, HasSubstr("a.wast:4: invoke [interp-step]\n    ended after 1 s"));
  ASSERT_EQ(report_["files"].size(), 2u);
  EXPECT_EQ(report_["files"][0]["status"], "timed-out");
  EXPECT_EQ(report_["files"][1]["status"], "finished");
  EXPECT_THAT(*read_file(options_.junit), HasSubstr("errors=\"1\""));
}

TEST_F(Runner, ReportsACrashWithItsPlaceAndWhatFailedBefore) {
  write("a.wast", std::string(kBad) + "(invoke \"f\")\n");
  options_.crash_line = 3;
  EXPECT_EQ(run(), kExitUnexpected);
  EXPECT_THAT(output_, HasSubstr("a.wast:3: invoke [interp-step]\n    signal 6 (SIGABRT)"));
  EXPECT_EQ(report_["files"][0]["status"], "crashed");
  EXPECT_EQ(report_["files"][0]["failures"].size(), 1u);
}

TEST_F(Runner, ReportsAMalformedScriptWithItsPlace) {
  write("a.wast", "(module)\n(nonsense)\n");
  EXPECT_EQ(run(), kExitUnexpected);
  EXPECT_THAT(output_, HasSubstr("a.wast:2: script"));
  EXPECT_EQ(report_["files"][0]["status"], "malformed");
}

TEST_F(Runner, ExecutedCommandsMustBeThoseOfTheTable) {
  write("good.wast", kGood);
  write("COUNTS.tsv", "file\tmodule\tassert_return\tassertions\ngood.wast\t1\t1\t1\n");
  EXPECT_EQ(run(), kExitGood);
  EXPECT_EQ(report_["files"][0]["path"], "good.wast");
  write("COUNTS.tsv", "file\tmodule\tassert_return\tassertions\ngood.wast\t1\t2\t2\n");
  EXPECT_EQ(run(), kExitUnexpected);
  EXPECT_THAT(output_, HasSubstr("assert_return: 1 of 2 executed"));
  write("COUNTS.tsv", "file\tmodule\n");
  EXPECT_EQ(run(), kExitUnexpected);
}

TEST_F(Runner, FilterPicksFiles) {
  write("bad.wast", kBad);
  write("good.wast", kGood);
  options_.filter = "good";
  EXPECT_EQ(run(), kExitGood);
  options_.filter = "(";
  EXPECT_EQ(run(), kExitUsage);
  options_.filter = "nothing";
  EXPECT_EQ(run(), kExitUsage);
}

TEST_F(Runner, FeaturesCanBeTakenAway) {
  write("tail.wast", "(module (func $f (return_call $f)))\n");
  EXPECT_EQ(run(), kExitGood);
  options_.features = "-tail-call";
  EXPECT_EQ(run(), kExitUnexpected);
  EXPECT_EQ(report_["files"][0]["failures"][0]["reason"], "needs tail-call");
  options_.features = "nonsense";
  EXPECT_EQ(run(), kExitUsage);
}

TEST_F(Runner, MissingPathsAreAnErrorOrSkipped) {
  options_.paths = {folder_ / "missing"};
  EXPECT_EQ(run(), kExitUsage);
  options_.skip_missing = true;
  EXPECT_EQ(run(), kExitSkipped);
}

}  // namespace
}  // namespace lunabeam::spectest
