// Which values a pattern matches.
#include "tools/lunabeam-spectest/values.h"

#include <gtest/gtest.h>

#include <bit>

#include "vm/reference.h"

namespace lunabeam::spectest {
namespace {

using vm::HeapType;
using vm::ValType;
using Kind = Pattern::Kind;

Pattern number(Kind kind, u64 bits, NanPattern nan = NanPattern::kNone) {
  Pattern pattern;
  pattern.kind = kind;
  pattern.bits[0] = bits;
  pattern.nan[0] = nan;
  return pattern;
}
bool match(const Pattern& pattern, ValType type, u64 slot) { return matches(pattern, type, std::span(&slot, 1)); }

TEST(Pattern, NumbersMatchBitByBit) {
  EXPECT_TRUE(match(number(Kind::kI32, 7), ValType::kI32, 7));
  EXPECT_FALSE(match(number(Kind::kI32, 7), ValType::kI32, 8));
  EXPECT_FALSE(match(number(Kind::kI32, 7), ValType::kI64, 7));
  EXPECT_FALSE(match(number(Kind::kF64, 0), ValType::kF64, u64{1} << 63));
  EXPECT_FALSE(match(number(Kind::kF32, 0x7FC0'0000), ValType::kF32, 0xFFC0'0000));
  EXPECT_FALSE(match(number(Kind::kF32, 1), ValType::kF32, 1 | u64{1} << 32));
}

TEST(Pattern, NanPatternsIgnoreTheSign) {
  const Pattern canonical = number(Kind::kF32, 0, NanPattern::kCanonical);
  EXPECT_TRUE(match(canonical, ValType::kF32, 0x7FC0'0000));
  EXPECT_TRUE(match(canonical, ValType::kF32, 0xFFC0'0000));
  EXPECT_FALSE(match(canonical, ValType::kF32, 0x7FC0'0001));
  EXPECT_FALSE(match(canonical, ValType::kF32, 0x7F80'0000));
  const Pattern arithmetic = number(Kind::kF64, 0, NanPattern::kArithmetic);
  EXPECT_TRUE(match(arithmetic, ValType::kF64, 0x7FF8'0000'0000'0000));
  EXPECT_TRUE(match(arithmetic, ValType::kF64, 0xFFF8'0000'0000'0001));
  EXPECT_FALSE(match(arithmetic, ValType::kF64, 0x7FF4'0000'0000'0000));
  EXPECT_FALSE(match(arithmetic, ValType::kF64, std::bit_cast<u64>(1.0)));
}

TEST(Pattern, VectorsMatchLaneByLane) {
  Pattern pattern;
  pattern.kind = Kind::kV128;
  pattern.shape = LaneShape::kF32x4;
  pattern.bits[0] = 0x3F80'0000;  // 1.0 and a NaN pattern; then 0.0 twice.
  pattern.nan[1] = NanPattern::kCanonical;
  const u64 good[] = {0xFFC0'0000'3F80'0000, 0};
  const u64 bad_nan[] = {0xFFC0'0001'3F80'0000, 0};
  const u64 bad_lane[] = {0xFFC0'0000'3F80'0000, u64{1} << 63};
  EXPECT_TRUE(matches(pattern, ValType::kV128, good));
  EXPECT_FALSE(matches(pattern, ValType::kV128, bad_nan));
  EXPECT_FALSE(matches(pattern, ValType::kV128, bad_lane));
  pattern = Pattern();
  pattern.kind = Kind::kV128;
  pattern.shape = LaneShape::kI8x16;
  pattern.bits[1] = 0xFF00'0000'0000'0000;
  const u64 bytes[] = {0, 0xFF00'0000'0000'0000};
  EXPECT_TRUE(matches(pattern, ValType::kV128, bytes));
  EXPECT_FALSE(matches(pattern, ValType::kV128, good));
}

TEST(Pattern, ReferencesMatchByKind) {
  const ValType any = ValType::ref(HeapType::kAny, true);
  const u64 function = u64{0x1000} | vm::kRefTagFuncInst;
  const u64 host = vm::make_host_ref(5);
  const u64 i31 = u64{7} << 32 | vm::kRefTagI31;
  EXPECT_TRUE(match(number(Kind::kRefNull, 0), vm::kFuncRef, 0));
  EXPECT_FALSE(match(number(Kind::kRefNull, 0), vm::kFuncRef, function));
  EXPECT_TRUE(match(number(Kind::kAnyFunc, 0), vm::kFuncRef, function));
  EXPECT_FALSE(match(number(Kind::kAnyFunc, 0), vm::kFuncRef, 0));
  EXPECT_FALSE(match(number(Kind::kAnyRef, 0), vm::kFuncRef, function));
  EXPECT_TRUE(match(number(Kind::kRefExtern, 5), vm::kExternRef, host));
  EXPECT_FALSE(match(number(Kind::kRefExtern, 6), vm::kExternRef, host));
  EXPECT_FALSE(match(number(Kind::kRefExtern, 5), any, host));
  EXPECT_TRUE(match(number(Kind::kRefHost, 5), any, host));
  EXPECT_TRUE(match(number(Kind::kAnyExtern, 0), vm::kExternRef, i31));
  EXPECT_TRUE(match(number(Kind::kAnyI31, 0), any, i31));
  EXPECT_FALSE(match(number(Kind::kAnyI31, 0), any, host));
  EXPECT_TRUE(match(number(Kind::kAnyEq, 0), any, i31));
  EXPECT_FALSE(match(number(Kind::kAnyEq, 0), any, host));
  EXPECT_TRUE(match(number(Kind::kAnyStruct, 0), ValType::ref(HeapType::kStruct, true), 0x1000));
  EXPECT_FALSE(match(number(Kind::kAnyArray, 0), ValType::ref(HeapType::kStruct, true), 0x1000));
  EXPECT_FALSE(match(number(Kind::kAnyFunc, 0), ValType::kI64, function));
}

TEST(Pattern, EitherMatchesAnyAlternative) {
  Pattern either;
  either.kind = Kind::kEither;
  either.alternatives = {number(Kind::kI32, 1), number(Kind::kI32, 2)};
  EXPECT_TRUE(match(either, ValType::kI32, 2));
  EXPECT_FALSE(match(either, ValType::kI32, 3));
}

TEST(Pattern, ResultListsMatchInNumberToo) {
  const Pattern patterns[] = {number(Kind::kI32, 1), number(Kind::kI64, 2)};
  const ValType types[] = {ValType::kI32, ValType::kI64};
  const u64 slots[] = {1, 2};
  EXPECT_TRUE(matches(patterns, types, slots));
  EXPECT_FALSE(matches(std::span(patterns).first(1), types, slots));
  EXPECT_FALSE(matches(patterns, std::span(types).first(1), std::span(slots).first(1)));
  EXPECT_TRUE(matches(std::span<const Pattern>(), std::span<const ValType>(), std::span<const u64>()));
}

TEST(Pattern, ConstantsBecomeArgumentsOfTheirTypeOnly) {
  std::vector<u64> slots;
  EXPECT_TRUE(append_argument(number(Kind::kI32, 7), ValType::kI32, slots));
  EXPECT_FALSE(append_argument(number(Kind::kI32, 7), ValType::kF32, slots));
  EXPECT_TRUE(append_argument(number(Kind::kRefExtern, 3), vm::kExternRef, slots));
  EXPECT_FALSE(append_argument(number(Kind::kRefExtern, 3), vm::kFuncRef, slots));
  EXPECT_TRUE(append_argument(number(Kind::kRefNull, 0), vm::kFuncRef, slots));
  EXPECT_FALSE(append_argument(number(Kind::kRefNull, 0), ValType::ref(HeapType::kFunc, false), slots));
  EXPECT_EQ(slots, (std::vector<u64>{7, vm::make_host_ref(3), 0}));
}

TEST(Pattern, IsDescribedAsScriptsWriteIt) {
  EXPECT_EQ(describe(number(Kind::kI32, 0xFFFF'FFFF)), "(i32.const -1)");
  EXPECT_EQ(describe(number(Kind::kF64, 0, NanPattern::kArithmetic)), "(f64.const nan:arithmetic)");
  const ValType types[] = {ValType::kI32, vm::kExternRef};
  const u64 slots[] = {5, vm::make_host_ref(9)};
  EXPECT_EQ(describe(types, slots), "(i32.const 5) (ref.extern 9)");
  EXPECT_EQ(describe(std::span<const Pattern>()), "nothing");
}

}  // namespace
}  // namespace lunabeam::spectest
