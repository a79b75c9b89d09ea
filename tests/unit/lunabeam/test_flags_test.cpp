// Flags of test harnesses.
#include "tools/lunabeam/test_flags.h"

#include <gmock/gmock.h>

namespace lunabeam::tools {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ParsedTestFlags parse(const std::vector<std::string>& arguments) {
  return parse_test_flags(arguments, nullptr, nullptr);
}

TestFlags flags_of(const std::vector<std::string>& arguments) {
  ParsedTestFlags parsed = parse(arguments);
  EXPECT_EQ(parsed.error, "");
  return parsed.flags;
}

TestCase test_named(std::string name) {
  TestCase test;
  test.name = std::move(name);
  return test;
}

TEST(TestFlags, Defaults) {
  const TestFlags flags = flags_of({});
  EXPECT_THAT(flags.filters, IsEmpty());
  EXPECT_EQ(flags.ignored, TestFlags::Ignored::kSkip);
  EXPECT_EQ(flags.format, TestFlags::Format::kPretty);
  EXPECT_EQ(flags.color, TestFlags::Color::kAuto);
  EXPECT_EQ(flags.threads, 0u);
  EXPECT_FALSE(flags.list || flags.exact || flags.no_capture || flags.show_output || flags.shuffle);
}

TEST(TestFlags, EveryFlagIsKnown) {
  const TestFlags flags = flags_of({"a",
                                    "--exact",
                                    "--skip",
                                    "b",
                                    "--skip=c",
                                    "--ignored",
                                    "--list",
                                    "--nocapture",
                                    "--show-output",
                                    "--test-threads",
                                    "3",
                                    "--format=json",
                                    "--color",
                                    "always",
                                    "--report-time",
                                    "--shuffle-seed=9",
                                    "--exclude-should-panic",
                                    "-Z",
                                    "unstable-options",
                                    "-Zunstable-options",
                                    "--test",
                                    "--ensure-time",
                                    "--force-run-in-process",
                                    "--dir",
                                    "x::y",
                                    "d"});
  EXPECT_THAT(flags.filters, ElementsAre("a", "d"));
  EXPECT_THAT(flags.skips, ElementsAre("b", "c"));
  EXPECT_THAT(flags.directories, ElementsAre("x::y"));
  EXPECT_TRUE(flags.exact && flags.list && flags.no_capture && flags.show_output && flags.report_time &&
              flags.exclude_should_panic && flags.shuffle);
  EXPECT_EQ(flags.ignored, TestFlags::Ignored::kOnly);
  EXPECT_EQ(flags.threads, 3u);
  EXPECT_EQ(flags.shuffle_seed, 9u);
  EXPECT_EQ(flags.format, TestFlags::Format::kJson);
  EXPECT_EQ(flags.color, TestFlags::Color::kAlways);
  EXPECT_EQ(flags_of({"-q"}).format, TestFlags::Format::kTerse);
  EXPECT_TRUE(flags_of({"--no-capture"}).no_capture);
  EXPECT_EQ(flags_of({"--include-ignored"}).ignored, TestFlags::Ignored::kInclude);
  EXPECT_TRUE(flags_of({"-h"}).help);
}

TEST(TestFlags, TheGuestsArgumentsStandBehindTwoDashes) {
  const TestFlags flags = flags_of({"a", "--", "--list", "b", "--"});
  EXPECT_THAT(flags.filters, ElementsAre("a"));
  EXPECT_THAT(flags.guest_arguments, ElementsAre("--list", "b", "--"));
  EXPECT_FALSE(flags.list);
  EXPECT_THAT(flags_of({"-"}).filters, ElementsAre("-"));
}

TEST(TestFlags, WhatIsWrongIsSaid) {
  EXPECT_THAT(parse({"--lost"}).error, HasSubstr("unknown flag: --lost"));
  EXPECT_THAT(parse({"--skip"}).error, HasSubstr("--skip needs a value"));
  EXPECT_THAT(parse({"--list=yes"}).error, HasSubstr("--list takes no value"));
  EXPECT_THAT(parse({"--test-threads", "0"}).error, HasSubstr("'0' is not a number"));
  EXPECT_THAT(parse({"--test-threads", "3x"}).error, HasSubstr("'3x' is not a number"));
  EXPECT_THAT(parse({"--format", "junit"}).error, HasSubstr("'junit' is none of: pretty, terse, json"));
  EXPECT_THAT(parse({"--ignored", "--include-ignored"}).error, HasSubstr("exclude one another"));
}

TEST(TestFlags, Variables) {
  EXPECT_EQ(parse_test_flags({}, "4", nullptr).flags.threads, 4u);
  EXPECT_EQ(parse_test_flags({"--test-threads=2"}, "4", nullptr).flags.threads, 2u);
  EXPECT_THAT(parse_test_flags({}, "all", nullptr).error, HasSubstr("RUST_TEST_THREADS"));
  EXPECT_TRUE(parse_test_flags({}, nullptr, "1").flags.no_capture);
  EXPECT_FALSE(parse_test_flags({}, nullptr, "0").flags.no_capture);
}

TEST(TestFlags, Selection) {
  EXPECT_TRUE(flags_of({}).selects(test_named("a::b")));
  EXPECT_TRUE(flags_of({"x", "::b"}).selects(test_named("a::b")));
  EXPECT_FALSE(flags_of({"x"}).selects(test_named("a::b")));
  EXPECT_FALSE(flags_of({"a", "--exact"}).selects(test_named("a::b")));
  EXPECT_TRUE(flags_of({"a::b", "--exact"}).selects(test_named("a::b")));
  EXPECT_FALSE(flags_of({"--skip", "b"}).selects(test_named("a::b")));
  EXPECT_TRUE(flags_of({"--skip", "b", "--exact"}).selects(test_named("a::b")));
  TestCase panics = test_named("a");
  panics.expected_panic = "";
  EXPECT_TRUE(flags_of({}).selects(panics));
  EXPECT_FALSE(flags_of({"--exclude-should-panic"}).selects(panics));
}

}  // namespace
}  // namespace lunabeam::tools
