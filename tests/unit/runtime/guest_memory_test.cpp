#include "runtime/guest_memory.h"

#include <gtest/gtest.h>

#include <string>

namespace lunabeam::runtime {
namespace {

bool utf8(std::string_view text) { return is_utf8({reinterpret_cast<const u8*>(text.data()), text.size()}); }

TEST(GuestMemory, AcceptsWellFormedUtf8) {
  EXPECT_TRUE(utf8(""));
  EXPECT_TRUE(utf8("plain text longer than eight bytes"));
  EXPECT_TRUE(
      utf8("\xC2\x80 \xDF\xBF \xE0\xA0\x80 \xED\x9F\xBF \xEE\x80\x80 \xEF\xBF\xBF \xF0\x90\x80\x80 \xF4\x8F\xBF\xBF"));
}

TEST(GuestMemory, RejectsIllFormedUtf8Anywhere) {
  for (const std::string bad :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xFF", "\xC2", "\xE1\x80", "\xF1\x80\x80", "\xC2\x41", "\xE1\x80\x41"}) {
    for (size_t before = 0; before < 17; ++before) {
      EXPECT_FALSE(utf8(std::string(before, 'x') + bad)) << before;
      EXPECT_FALSE(utf8(std::string(before, 'x') + bad + "tail of text")) << before;
    }
  }
}

TEST(GuestMemory, BoundsAreThoseOfTheMemory) {
  Process process;
  EXPECT_FALSE(guest_bytes(process, 0, 0).has_value());  // No memory at all.
  u8 bytes[16] = {};
  vm::MemoryInst memory;
  memory.base = bytes;
  memory.size_bytes = sizeof bytes;
  process.memory = &memory;
  EXPECT_TRUE(guest_bytes(process, 16, 0).has_value());
  EXPECT_FALSE(guest_bytes(process, 17, 0).has_value());
  EXPECT_TRUE(guest_bytes(process, 8, 8).has_value());
  EXPECT_FALSE(guest_bytes(process, 9, 8).has_value());
  EXPECT_FALSE(guest_bytes(process, 1, ~u64{0}).has_value());
  EXPECT_TRUE(write_guest_u64(process, 8, 0x0102'0304'0506'0708));
  EXPECT_EQ(bytes[8], 8);
  EXPECT_FALSE(write_guest_u64(process, 9, 0));
  EXPECT_FALSE(write_guest_u32(process, 13, 0));
  EXPECT_EQ(guest_string(process, 8, 9).error, GuestStringError::kOutOfBounds);
  bytes[0] = 0xFF;
  EXPECT_EQ(guest_string(process, 0, 1).error, GuestStringError::kNotUtf8);
  bytes[0] = 'A';
  EXPECT_EQ(guest_string(process, 0, 1).text, "A");
}

}  // namespace
}  // namespace lunabeam::runtime
