#include "runtime/guest_memory.h"

#include <gtest/gtest.h>

#include <string>

#include "vm/host_function.h"
#include "vm/text/text.h"

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

// Host functions take addresses of 32 bits: a 64-bit memory may be exported for them only where none takes any.
TEST(GuestMemory, HostFunctionsWantAMemoryOf32Bits) {
  static constexpr vm::HostFunction kRows[] = {
      {.module = "t", .name = "write", .signature = "ii:i"},
      {.module = "t", .name = "now", .signature = "I:I"},
      {.module = "t", .name = "answer", .signature = ":i"},
  };
  vm::HostRegistry hosts;
  hosts.add(kRows);
  const auto check = [&](std::string_view rest) {
    const std::string source = R"((module (import "t" "now" (func (param i64) (result i64)))
      (import "t" "answer" (func (result i32))) )" +
                               std::string(rest) + ")";
    auto binary = vm::text::read_module(source);
    EXPECT_TRUE(binary);
    const auto module = vm::Module::load(std::move(binary->bytes), &hosts);
    EXPECT_TRUE(module) << module.error().message();
    const vm::Result<void> result = require_host_memory(**module);
    return result ? std::string() : result.error().message();
  };
  const std::string write = R"((import "t" "write" (func (param i32 i32) (result i32))) )";
  EXPECT_EQ(check(write + R"((memory (export "memory") 1))"), "");
  EXPECT_EQ(check(write + R"((memory i64 1) (memory (export "memory") 1))"), "");
  EXPECT_EQ(check(write + R"((memory i64 1))"), "");  // They would trap: no memory is exported.
  EXPECT_EQ(check(R"((memory (export "memory") i64 1))"), "");
  const std::string error = check(write + R"((memory (export "memory") i64 1))");
  EXPECT_NE(error.find("incompatible import type: `t::write` takes 32-bit addresses"), std::string::npos) << error;
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
