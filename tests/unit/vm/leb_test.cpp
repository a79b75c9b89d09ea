#include "vm/base/leb.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "tests/support/module_builder.h"
#include "vm/decode/reader.h"

namespace lunabeam::vm {
namespace {

using tests::Bytes;

template <unsigned kBits, class T>
struct Outcome {
  LebStatus status;
  T value = 0;
  size_t taken = 0;
};

template <unsigned kBits>
Outcome<kBits, u64> read_unsigned(const Bytes& bytes) {
  Outcome<kBits, u64> out{};
  const u8* cur = bytes.data();
  out.status = read_unsigned_leb<kBits>(cur, bytes.data() + bytes.size(), out.value);
  out.taken = static_cast<size_t>(cur - bytes.data());
  return out;
}

template <unsigned kBits>
Outcome<kBits, i64> read_signed(const Bytes& bytes) {
  Outcome<kBits, i64> out{};
  const u8* cur = bytes.data();
  out.status = read_signed_leb<kBits>(cur, bytes.data() + bytes.size(), out.value);
  out.taken = static_cast<size_t>(cur - bytes.data());
  return out;
}

TEST(Leb, ReadsUnsignedBoundaries) {
  for (const u64 value : {u64{0}, u64{1}, u64{127}, u64{128}, u64{16383}, u64{16384}, u64{0xFFFF'FFFF}}) {
    const Bytes bytes = tests::leb(value);
    const auto out = read_unsigned<32>(bytes);
    EXPECT_EQ(out.status, LebStatus::kOk);
    EXPECT_EQ(out.value, value);
    EXPECT_EQ(out.taken, bytes.size());
  }
  const auto most = read_unsigned<64>(tests::leb(std::numeric_limits<u64>::max()));
  EXPECT_EQ(most.status, LebStatus::kOk);
  EXPECT_EQ(most.value, std::numeric_limits<u64>::max());
}

TEST(Leb, ReadsSignedBoundaries) {
  for (const i64 value : {i64{0}, i64{-1}, i64{63}, i64{64}, i64{-64}, i64{-65}, i64{std::numeric_limits<i32>::max()},
                          i64{std::numeric_limits<i32>::min()}}) {
    const auto out = read_signed<32>(tests::signed_leb(value));
    EXPECT_EQ(out.status, LebStatus::kOk);
    EXPECT_EQ(out.value, value);
  }
  for (const i64 value : {std::numeric_limits<i64>::min(), std::numeric_limits<i64>::max()}) {
    EXPECT_EQ(read_signed<64>(tests::signed_leb(value)).value, value);
  }
  EXPECT_EQ(read_signed<33>(tests::signed_leb(0xFFFF'FFFF)).value, 0xFFFF'FFFF);
}

TEST(Leb, PaddingWithinTheWidthIsLegal) {
  EXPECT_EQ(read_unsigned<32>({0x83, 0x80, 0x80, 0x80, 0x00}).value, 3u);
  EXPECT_EQ(read_signed<32>({0xFF, 0xFF, 0xFF, 0xFF, 0x7F}).value, -1);
  EXPECT_EQ(read_signed<64>({0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00}).status, LebStatus::kOk);
}

TEST(Leb, OneByteMoreThanTheWidthIsTooLong) {
  EXPECT_EQ(read_unsigned<32>({0x80, 0x80, 0x80, 0x80, 0x80, 0x00}).status, LebStatus::kTooLong);
  EXPECT_EQ(read_signed<32>({0x80, 0x80, 0x80, 0x80, 0x80, 0x00}).status, LebStatus::kTooLong);
  EXPECT_EQ(read_signed<7>({0xFF, 0x7F}).status, LebStatus::kTooLong);
}

TEST(Leb, BitsBeyondTheWidthAreTooLarge) {
  EXPECT_EQ(read_unsigned<32>({0xFF, 0xFF, 0xFF, 0xFF, 0x10}).status, LebStatus::kTooLarge);
  EXPECT_EQ(read_unsigned<64>({0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02}).status,
            LebStatus::kTooLarge);
  // Neither zeros nor copies of the sign.
  EXPECT_EQ(read_signed<32>({0x80, 0x80, 0x80, 0x80, 0x70}).status, LebStatus::kTooLarge);
  EXPECT_EQ(read_signed<32>({0xFF, 0xFF, 0xFF, 0xFF, 0x0F}).status, LebStatus::kTooLarge);
  EXPECT_EQ(read_signed<32>({0x80, 0x80, 0x80, 0x80, 0x78}).status, LebStatus::kOk);
}

TEST(Leb, TruncationStopsBehindTheLastByte) {
  const auto out = read_unsigned<32>({0x80, 0x80});
  EXPECT_EQ(out.status, LebStatus::kTruncated);
  EXPECT_EQ(out.taken, 2u);
  EXPECT_EQ(read_signed<64>({}).status, LebStatus::kTruncated);
}

// A module's reader has ways of its own for integers of one and two bytes.
TEST(Leb, TheReaderReadsEveryLength) {
  const auto read = [](const Bytes& bytes, auto method, auto value) {
    Reader reader(bytes, 0, bytes.size());
    EXPECT_TRUE((reader.*method)(value));
    EXPECT_TRUE(reader.at_end());
    return value;
  };
  for (const u64 value : {u64{0}, u64{127}, u64{128}, u64{255}, u64{8192}, u64{16383}, u64{16384}, u64{0xFFFF'FFFF}}) {
    EXPECT_EQ(read(tests::leb(value), &Reader::read_u32, u32{1}), value);
    EXPECT_EQ(read(tests::leb(value), &Reader::read_u64, u64{1}), value);
  }
  for (const i32 value : {0, 63, 64, -64, -65, 8191, 8192, -8192, -8193, std::numeric_limits<i32>::max(),
                          std::numeric_limits<i32>::min()}) {
    EXPECT_EQ(read(tests::signed_leb(value), &Reader::read_s32, i32{1}), value);
  }
  EXPECT_EQ(read({0x80, 0x00}, &Reader::read_u32, u32{1}), 0u);  // Padded.
  EXPECT_EQ(read({0xFF, 0x7F}, &Reader::read_s32, i32{1}), -1);
  const Bytes cut = {0x80};
  Reader reader(cut, 0, cut.size());
  u32 value = 0;
  EXPECT_FALSE(reader.read_u32(value));
  EXPECT_EQ(reader.error().code, ErrorCode::kUnexpectedEnd);
}

}  // namespace
}  // namespace lunabeam::vm
