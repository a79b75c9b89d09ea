// The suite's table of commands, and small things about text.
#include "tools/lunabeam-spectest/counts.h"

#include <gtest/gtest.h>

#include "tools/lunabeam-spectest/text.h"

namespace lunabeam::spectest {
namespace {

size_t at(CommandKind kind) { return static_cast<size_t>(kind); }

TEST(Counts, AreReadByColumn) {
  std::string problem;
  const auto counts = parse_counts("file\tmodule\tassert_trap(module)\tassertions\na/b.wast\t4\t2\t2\n", problem);
  ASSERT_TRUE(counts) << problem;
  const CommandCounts& row = counts->by_path.at("a/b.wast");
  EXPECT_EQ(row[at(CommandKind::kModule)], 4u);
  EXPECT_EQ(row[at(CommandKind::kAssertTrapModule)], 2u);
  EXPECT_EQ(row[at(CommandKind::kInvoke)], 0u);
}

TEST(Counts, AWrongTableIsRejected) {
  std::string problem;
  EXPECT_FALSE(parse_counts("file\tnonsense\n", problem));
  EXPECT_FALSE(parse_counts("file\tmodule\na.wast\t1\t2\n", problem));
  EXPECT_FALSE(parse_counts("file\tmodule\na.wast\tx\n", problem));
  EXPECT_EQ(problem, "line 2: `x` is no number");
}

TEST(Counts, DifferencesNameTheKind) {
  CommandCounts executed{}, expected{};
  EXPECT_EQ(difference(executed, expected), "");
  executed[at(CommandKind::kModule)] = 3;
  expected[at(CommandKind::kModule)] = 4;
  expected[at(CommandKind::kGet)] = 1;
  EXPECT_EQ(difference(executed, expected), "module: 3 of 4 executed, get: 0 of 1 executed");
}

TEST(Glob, StarsStopAtFoldersAndDoubleStarsDoNot) {
  EXPECT_TRUE(glob_matches("core/*.wast", "core/a.wast"));
  EXPECT_FALSE(glob_matches("core/*.wast", "core/gc/a.wast"));
  EXPECT_TRUE(glob_matches("core/**.wast", "core/gc/a.wast"));
  EXPECT_TRUE(glob_matches("**/simd_*.wast", "core/simd/simd_i8.wast"));
  EXPECT_FALSE(glob_matches("core/a.wast", "core/a.wasts"));
  EXPECT_TRUE(glob_matches("*/x*y*z", "core/xxyyzz"));
  EXPECT_FALSE(glob_matches("*", "core/a"));
  EXPECT_TRUE(glob_matches("", ""));
}

TEST(OneLine, HidesWhatWouldBreakTheLine) {
  EXPECT_EQ(one_line("a\nb\xFF\x01 \xC3\xA9"), "a\\0ab\\ff\\01 \xC3\xA9");
  EXPECT_EQ(one_line("abcdef", 3), "abc...");
}

}  // namespace
}  // namespace lunabeam::spectest
