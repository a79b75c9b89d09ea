// What a test run prints.
#include "tools/lunabeam/test_report.h"

#include <gmock/gmock.h>

namespace lunabeam::tools {
namespace {

TestCase test_named(std::string name, bool panics = false) {
  TestCase test;
  test.name = std::move(name);
  if (panics) test.expected_panic = "";
  return test;
}

// Three tests: one passes, one fails with output, one is ignored.
std::string report_of(const TestFlags& flags, bool colored = false) {
  std::string text;
  const auto report = make_test_report(flags, colored, [&text](std::string_view more) { text += more; });
  report->begin(3, 0);
  report->started(test_named("a"));
  report->started(test_named("b", true));
  report->ended(test_named("c"), {.verdict = Verdict::kIgnored, .output = {}, .seconds = 0});
  report->ended(test_named("b", true), {.verdict = Verdict::kFailed, .output = "why\nnote: x\n", .seconds = 0.25});
  report->ended(test_named("a"), {.verdict = Verdict::kOk, .output = "hello", .seconds = 0.5});
  report->end({.passed = 1, .failed = 1, .ignored = 1, .filtered_out = 2}, 1.234);
  return text;
}

TEST(TestReport, Pretty) {
  EXPECT_EQ(report_of({}),
            "\nrunning 3 tests\n"
            "test c ... ignored\n"
            "test b - should panic ... FAILED\n"
            "test a ... ok\n"
            "\nfailures:\n"
            "\n---- b stdout ----\nwhy\nnote: x\n"
            "\nfailures:\n    b\n"
            "\ntest result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 2 filtered out; finished in 1.23s\n\n");
}

TEST(TestReport, PrettyWithOutputAndTimes) {
  TestFlags flags;
  flags.show_output = true;
  flags.report_time = true;
  EXPECT_EQ(report_of(flags),
            "\nrunning 3 tests\n"
            "test c ... ignored\n"
            "test b - should panic ... FAILED <0.250s>\n"
            "test a ... ok <0.500s>\n"
            "\nsuccesses:\n"
            "\n---- a stdout ----\nhello\n"
            "\nsuccesses:\n    a\n"
            "\nfailures:\n"
            "\n---- b stdout ----\nwhy\nnote: x\n"
            "\nfailures:\n    b\n"
            "\ntest result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 2 filtered out; finished in 1.23s\n\n");
}

TEST(TestReport, Colors) {
  const std::string text = report_of({}, true);
  EXPECT_THAT(text, testing::HasSubstr("test a ... \x1b[32mok\x1b[0m\n"));
  EXPECT_THAT(text, testing::HasSubstr("test c ... \x1b[33mignored\x1b[0m\n"));
  EXPECT_THAT(text, testing::HasSubstr("test result: \x1b[31mFAILED\x1b[0m. 1 passed"));
}

TEST(TestReport, Terse) {
  TestFlags flags;
  flags.format = TestFlags::Format::kTerse;
  EXPECT_THAT(report_of(flags), testing::StartsWith("\nrunning 3 tests\niF.\n\nfailures:\n"));
}

TEST(TestReport, TerseLines) {
  TestFlags flags;
  flags.format = TestFlags::Format::kTerse;
  std::string text;
  const auto report = make_test_report(flags, false, [&text](std::string_view more) { text += more; });
  report->begin(88, 5);
  for (int i = 0; i < 88; ++i) report->ended(test_named("a"), {});
  report->end({.passed = 88}, 0);
  EXPECT_EQ(text, "\nrunning 88 tests (shuffle seed: 5)\n" + std::string(88, '.') +
                      " 88/88\n\ntest result: ok. 88 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; "
                      "finished in 0.00s\n\n");
}

TEST(TestReport, Json) {
  TestFlags flags;
  flags.format = TestFlags::Format::kJson;
  EXPECT_EQ(report_of(flags),
            "{\"type\":\"suite\",\"event\":\"started\",\"test_count\":3}\n"
            "{\"type\":\"test\",\"event\":\"started\",\"name\":\"a\"}\n"
            "{\"type\":\"test\",\"event\":\"started\",\"name\":\"b\"}\n"
            "{\"type\":\"test\",\"name\":\"c\",\"event\":\"ignored\"}\n"
            "{\"type\":\"test\",\"name\":\"b\",\"event\":\"failed\",\"stdout\":\"why\\nnote: x\\n\"}\n"
            "{\"type\":\"test\",\"name\":\"a\",\"event\":\"ok\"}\n"
            "{\"type\":\"suite\",\"event\":\"failed\",\"passed\":1,\"failed\":1,\"ignored\":1,\"measured\":0,"
            "\"filtered_out\":2,\"exec_time\":1.234}\n");
}

TEST(TestReport, Lists) {
  const auto list = [](TestFlags::Format format, std::vector<TestCase> tests) {
    TestFlags flags;
    flags.format = format;
    std::string text;
    make_test_report(flags, false, [&text](std::string_view more) { text += more; })->list(tests);
    return text;
  };
  EXPECT_EQ(list(TestFlags::Format::kTerse, {test_named("a"), test_named("b", true)}), "a: test\nb: test\n");
  EXPECT_EQ(list(TestFlags::Format::kPretty, {test_named("a")}), "a: test\n\n1 test, 0 benchmarks\n");
  EXPECT_EQ(list(TestFlags::Format::kPretty, {}), "0 tests, 0 benchmarks\n");
  EXPECT_THAT(list(TestFlags::Format::kJson, {test_named("a")}),
              testing::HasSubstr("{\"type\":\"test\",\"event\":\"discovered\",\"name\":\"a\",\"ignore\":false}\n"));
}

}  // namespace
}  // namespace lunabeam::tools
