#include "vm/text/byte_writer.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "vm/base/leb.h"
#include "vm/text/index_space.h"

namespace lunabeam::vm::text {
namespace {

std::vector<u8> bytes_of(const ByteWriter& writer) { return {writer.view().begin(), writer.view().end()}; }

std::vector<std::pair<u32, u32>> marks_of(const ByteWriter& writer) {
  std::vector<std::pair<u32, u32>> out;
  for (const PositionMark& mark : writer.marks()) out.emplace_back(mark.binary, mark.text);
  return out;
}

TEST(ByteWriter, LebsReadBack) {
  for (unsigned shift = 0; shift < 64; ++shift) {
    for (const i64 near : {-1, 0, 1}) {
      const u64 value = (u64{1} << shift) + static_cast<u64>(near);
      for (const u64 pattern : {value, ~value}) {
        ByteWriter writer;
        writer.u64_leb(pattern);
        writer.s64_leb(static_cast<i64>(pattern));
        writer.u32_leb(static_cast<u32>(pattern));
        writer.s32_leb(static_cast<i32>(pattern));
        const u8* cur = writer.view().data();
        const u8* const end = cur + writer.size();
        u64 unsigned64 = 0;
        i64 signed64 = 0;
        u64 unsigned32 = 0;
        i64 signed32 = 0;
        ASSERT_EQ(read_unsigned_leb<64>(cur, end, unsigned64), LebStatus::kOk);
        ASSERT_EQ(read_signed_leb<64>(cur, end, signed64), LebStatus::kOk);
        ASSERT_EQ(read_unsigned_leb<32>(cur, end, unsigned32), LebStatus::kOk);
        ASSERT_EQ(read_signed_leb<32>(cur, end, signed32), LebStatus::kOk);
        EXPECT_EQ(cur, end);
        EXPECT_EQ(unsigned64, pattern);
        EXPECT_EQ(signed64, static_cast<i64>(pattern));
        EXPECT_EQ(unsigned32, static_cast<u32>(pattern));
        EXPECT_EQ(signed32, static_cast<i32>(pattern));
      }
    }
  }
}

TEST(ByteWriter, LebsAreShortest) {
  ByteWriter writer;
  writer.u32_leb(127);
  writer.u32_leb(128);
  writer.s32_leb(63);
  writer.s32_leb(64);
  writer.s32_leb(-64);
  writer.s32_leb(-65);
  writer.s33_leb(i64{0xFFFF'FFFF});
  EXPECT_EQ(bytes_of(writer),
            (std::vector<u8>{0x7F, 0x80, 1, 0x3F, 0xC0, 0, 0x40, 0xBF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F}));
}

TEST(ByteWriter, FixedWidthIsLittleEndian) {
  ByteWriter writer;
  writer.fixed32(0x0403'0201);
  writer.fixed64(0x0807'0605'0403'0201);
  writer.name("ab");
  EXPECT_EQ(bytes_of(writer), (std::vector<u8>{1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8, 2, 'a', 'b'}));
}

TEST(ByteWriter, AppendingMovesMarks) {
  ByteWriter inner(true);
  inner.mark(100);
  inner.byte(1);
  inner.mark(105);
  for (int i = 0; i < 200; ++i) inner.byte(2);
  ByteWriter outer(true);
  outer.mark(90);
  outer.byte(9);
  outer.append_sized(inner);
  outer.append(inner);
  EXPECT_EQ(outer.size(), 1u + 2 + 201 + 201);
  EXPECT_EQ(outer.view()[1], 0xC9);
  EXPECT_EQ(outer.view()[2], 0x01);
  EXPECT_EQ(marks_of(outer), (std::vector<std::pair<u32, u32>>{{0, 90}, {3, 100}, {4, 105}, {204, 100}, {205, 105}}));

  ByteWriter unmarked;
  unmarked.mark(1);
  unmarked.append(inner);
  EXPECT_TRUE(unmarked.marks().empty());
  EXPECT_EQ(unmarked.size(), 201u);
}

TEST(ByteWriter, TruncatingDropsMarksOfLostBytes) {
  ByteWriter writer(true);
  for (u32 i = 0; i < 4; ++i) {
    writer.mark(10 + i);
    writer.byte(static_cast<u8>(i));
  }
  writer.truncate(2);
  EXPECT_EQ(bytes_of(writer), (std::vector<u8>{0, 1}));
  EXPECT_EQ(marks_of(writer), (std::vector<std::pair<u32, u32>>{{0, 10}, {1, 11}}));
}

TEST(IndexSpace, NumbersNamedAndUnnamed) {
  IndexSpace space;
  EXPECT_TRUE(space.define("a"));
  EXPECT_TRUE(space.define(std::nullopt));
  EXPECT_TRUE(space.define("b"));
  EXPECT_FALSE(space.define("a"));
  EXPECT_EQ(space.find("a"), 0u);
  EXPECT_EQ(space.find("b"), 2u);
  EXPECT_EQ(space.find("c"), std::nullopt);
  EXPECT_EQ(space.size(), 4u);
  space.clear();
  EXPECT_EQ(space.find("a"), std::nullopt);
  EXPECT_EQ(space.size(), 0u);
}

}  // namespace
}  // namespace lunabeam::vm::text
