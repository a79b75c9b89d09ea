#include "vm/text/source_text.h"

#include <gtest/gtest.h>

#include <string>

namespace lunabeam::vm::text {
namespace {

std::string place(std::string_view source, u64 offset) {
  const LineColumn found = line_column(source, offset);
  return std::to_string(found.line) + ":" + std::to_string(found.column);
}

std::string describe_at(std::string_view source, u64 offset) {
  return describe(Error{ErrorCode::kUnexpectedToken, offset, "`x`"}, source);
}

TEST(SourceText, CountsLinesAndCodePoints) {
  EXPECT_EQ(place("", 0), "1:1");
  EXPECT_EQ(place("ab\ncd", 0), "1:1");
  EXPECT_EQ(place("ab\ncd", 2), "1:3");
  EXPECT_EQ(place("ab\ncd", 3), "2:1");
  EXPECT_EQ(place("ab\ncd", 5), "2:3");
  EXPECT_EQ(place("ab\ncd", 500), "2:3");
  EXPECT_EQ(place("é€😀x", 9), "1:4");
  EXPECT_EQ(place("a\n\n\nb", 4), "4:1");
}

TEST(SourceText, LfCrAndCrLfEndLines) {
  EXPECT_EQ(place("a\rb", 2), "2:1");
  EXPECT_EQ(place("a\r\nb", 3), "2:1");
  EXPECT_EQ(place("a\r\nb", 2), "1:3");
  EXPECT_EQ(place("a\n\rb", 3), "3:1");
}

TEST(SourceText, ShowsTheLineAndACaret) {
  EXPECT_EQ(describe_at("(module\n  (func x)\n)", 16), "2:9: unexpected token `x`\n  (func x)\n        ^");
  EXPECT_EQ(describe_at("x", 0), "1:1: unexpected token `x`\nx\n^");
  EXPECT_EQ(describe_at("a\n", 2), "2:1: unexpected token `x`\n\n^");
  EXPECT_EQ(describe_at("a\r\nbc\r\nd", 4), "2:2: unexpected token `x`\nbc\n ^");
}

TEST(SourceText, WithoutAnOffsetOnlyTheMessage) {
  EXPECT_EQ(describe(Error{ErrorCode::kUnexpectedToken}, "abc"), "unexpected token");
}

TEST(SourceText, ReplacesWhatWouldUpsetATerminal) {
  EXPECT_EQ(describe_at("\ta\x1B[1m\xC2\x9B x", 9), "1:9: unexpected token `x`\n a [1m  x\n        ^");
  EXPECT_EQ(describe_at("\xFF\xC3 \x80x", 4), "1:4: unexpected token `x`\n?? x\n   ^");
  EXPECT_EQ(describe_at("é€😀x", 9), "1:4: unexpected token `x`\né€😀x\n   ^");
}

TEST(SourceText, CutsLongLinesToAWindow) {
  const std::string line = std::string(1000, 'a') + "x" + std::string(999, 'b');
  EXPECT_EQ(describe_at(line, 1000), "1:1001: unexpected token `x`\n" + std::string(80, 'a') + "x" +
                                         std::string(79, 'b') + "\n" + std::string(80, ' ') + "^");
  EXPECT_EQ(describe_at(line, 10),
            "1:11: unexpected token `x`\n" + std::string(160, 'a') + "\n" + std::string(10, ' ') + "^");
  EXPECT_EQ(describe_at(line, 1990),
            "1:1991: unexpected token `x`\n" + std::string(160, 'b') + "\n" + std::string(150, ' ') + "^");
  EXPECT_EQ(describe_at(line, 2000),
            "1:2001: unexpected token `x`\n" + std::string(160, 'b') + "\n" + std::string(160, ' ') + "^");
  std::string accents;
  for (int i = 0; i < 500; ++i) accents += "é";
  std::string window;
  for (int i = 0; i < 160; ++i) window += "é";
  EXPECT_EQ(describe_at(accents, 500), "1:251: unexpected token `x`\n" + window + "\n" + std::string(80, ' ') + "^");
}

}  // namespace
}  // namespace lunabeam::vm::text
