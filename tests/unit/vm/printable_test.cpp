// Names of hostile modules in lines of output.
#include "vm/base/printable.h"

#include <gtest/gtest.h>

#include "vm/base/error.h"

namespace lunabeam::vm {
namespace {

TEST(Printable, OrdinaryNamesStayAsTheyAre) {
  EXPECT_EQ(printable(""), "");
  EXPECT_EQ(printable("lunatic::process::spawn"), "lunatic::process::spawn");
  EXPECT_EQ(printable("grüße \xE6\x9C\x88"), "grüße \xE6\x9C\x88");
}

TEST(Printable, ControlCharactersAreSpelledOut) {
  EXPECT_EQ(printable(std::string_view("a\nb\x1b[31m\0\x7f", 10)), "a\\x0ab\\x1b[31m\\x00\\x7f");
  EXPECT_EQ(printable("\xC2\x9B\x31m"), "\\x9b1m");  // C1: the one-byte escape of old terminals
  EXPECT_EQ(printable("\xC2\xA0"), "\xC2\xA0");
  EXPECT_EQ(printable("\xC2"), "\xC2");
}

TEST(Printable, LongNamesAreCutBetweenCharacters) {
  EXPECT_EQ(printable("abcd", 4), "abcd");
  EXPECT_EQ(printable("abcde", 4), "abcd...");
  EXPECT_EQ(printable("abc\xC3\xA9", 4), "abc...");
  EXPECT_EQ(printable(std::string(1'000'000, 'z')).size(), kPrintableBytes + 3);
  EXPECT_EQ(printable("\x80\x80\x80", 2), "...");
}

TEST(Printable, ErrorsAreOneShortLine) {
  const Error error{.code = ErrorCode::kUnknownImport, .offset = 7, .detail = "`a\nb::" + std::string(9000, 'c') + "`"};
  const std::string line = error.message();
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_LT(line.size(), 1000u);
  EXPECT_TRUE(line.starts_with("unknown import: `a\\x0ab::ccc")) << line;
  EXPECT_TRUE(line.ends_with(" at offset 0x7")) << line;
}

}  // namespace
}  // namespace lunabeam::vm
