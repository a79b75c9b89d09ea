// When `lunabeam run` runs tests.
#include "tools/lunabeam/test_command.h"

#include <gmock/gmock.h>

#include "tools/lunabeam/test_name.h"
#include "vm/text/text.h"

namespace lunabeam::tools {
namespace {

std::shared_ptr<const vm::Module> module_of(std::string_view text) {
  auto read = vm::text::read_module(text);
  EXPECT_TRUE(read);
  auto loaded = vm::Module::load(std::move(read->bytes), nullptr);
  EXPECT_TRUE(loaded);
  return *loaded;
}

constexpr std::string_view kTests =
    "(module (func (export \"_start\")) (func (export \"#lunatic_test_b\")) (func (export \"#lunatic_test_#panic_#a\"))"
    " (memory (export \"#lunatic_test_memory\") 1))";
constexpr std::string_view kProgram =
    "(module (func (export \"_start\")) (global (export \"#lunatic_test_g\") i32 i32.const 0))";

TEST(TestCommand, TestsAreRunWhenCargoAsks) {
  EXPECT_TRUE(is_test_run(*module_of(kTests), {}, true));
  EXPECT_TRUE(is_test_run(*module_of(kTests), {"--nocapture", "a"}, true));
  EXPECT_FALSE(is_test_run(*module_of(kTests), {}, false));
  EXPECT_FALSE(is_test_run(*module_of(kTests), {"--bench"}, true));
}

TEST(TestCommand, AModuleWithoutTestsIsAProgram) { EXPECT_FALSE(is_test_run(*module_of(kProgram), {}, true)); }

TEST(TestCommand, OnlyFunctionsAreTests) {
  const std::vector<TestCase> tests = tests_of(*module_of(kTests));
  ASSERT_EQ(tests.size(), 2u);
  EXPECT_EQ(tests[0].name, "a");
  EXPECT_EQ(tests[1].name, "b");
}

}  // namespace
}  // namespace lunabeam::tools
