// Export names to tests.
#include "tools/lunabeam/test_name.h"

#include <gmock/gmock.h>

namespace lunabeam::tools {
namespace {

TEST(TestName, OthersAreNotTests) {
  EXPECT_FALSE(decode_test_name(""));
  EXPECT_FALSE(decode_test_name("_start"));
  EXPECT_FALSE(decode_test_name("lunatic_test_a"));
  EXPECT_FALSE(decode_test_name("x#lunatic_test_a"));
}

TEST(TestName, Plain) {
  const auto test = decode_test_name("#lunatic_test_task::simple_task");
  ASSERT_TRUE(test);
  EXPECT_EQ(test->export_name, "#lunatic_test_task::simple_task");
  EXPECT_EQ(test->name, "task::simple_task");
  EXPECT_EQ(test->title(), "task::simple_task");
  EXPECT_FALSE(test->is_ignored);
  EXPECT_FALSE(test->expected_panic);
}

TEST(TestName, Ignored) {
  const auto test = decode_test_name("#lunatic_test_#ignore_a::b");
  ASSERT_TRUE(test);
  EXPECT_EQ(test->name, "a::b");
  EXPECT_TRUE(test->is_ignored);
  EXPECT_FALSE(test->expected_panic);
}

TEST(TestName, ExpectedPanics) {
  const auto any = decode_test_name("#lunatic_test_#panic_#task::result_must_be_called");
  ASSERT_TRUE(any);
  EXPECT_EQ(any->name, "task::result_must_be_called");
  EXPECT_EQ(any->title(), "task::result_must_be_called - should panic");
  EXPECT_EQ(any->expected_panic, "");

  const auto text = decode_test_name("#lunatic_test_#ignore_#panic_a \"b\" c#panic::x");
  ASSERT_TRUE(text);
  EXPECT_TRUE(text->is_ignored);
  EXPECT_EQ(text->expected_panic, "a \"b\" c");
  EXPECT_EQ(text->name, "panic::x");
}

TEST(TestName, AnEscapedHashBelongsToTheText) {
  EXPECT_EQ(decode_test_name("#lunatic_test_#panic_\\##panic::x")->expected_panic, "#");
  EXPECT_EQ(decode_test_name("#lunatic_test_#panic_a\\#b\\#c#n")->expected_panic, "a#b#c");
  EXPECT_EQ(decode_test_name("#lunatic_test_#panic_a\\b#n")->expected_panic, "a\\b");
  EXPECT_EQ(decode_test_name("#lunatic_test_#panic_a#b#c")->name, "b#c");
}

TEST(TestName, ATextWithoutEndIsPartOfTheName) {
  const auto test = decode_test_name("#lunatic_test_#panic_a\\#b");
  ASSERT_TRUE(test);
  EXPECT_EQ(test->name, "#panic_a\\#b");
  EXPECT_FALSE(test->expected_panic);
}

}  // namespace
}  // namespace lunabeam::tools
