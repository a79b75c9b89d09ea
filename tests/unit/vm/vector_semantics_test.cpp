// What vector rows compute: against definitions lane by lane over random and marginal vectors, and the cases that implementations
// get wrong one by one.
#include "vm/interp/vector_semantics.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <type_traits>

#include "vm/interp/ops.h"

namespace lunabeam::vm::interp {
namespace {

template <class T>
using Array = std::array<T, 16 / sizeof(T)>;

template <class T>
V128 vec(const Array<T>& lanes) {
  return std::bit_cast<V128>(lanes);
}
template <class T>
Array<T> lanes(V128 v) {
  return std::bit_cast<Array<T>>(v);
}
template <class T>
V128 all(T value) {
  Array<T> a;
  a.fill(value);
  return vec(a);
}

template <Opcode Op, class... A>
auto run(A... a) {
  return portable::VectorSem<Op>::kFunction(a...);
}

// Random bits, and lanes that are marginal in every width.
class Vectors {
 public:
  V128 next() {
    static constexpr u64 kMarginal[] = {0,
                                        ~u64{0},
                                        0x8000'0000'0000'0000,
                                        0x7FFF'FFFF'FFFF'FFFF,
                                        0x8000'0000'8000'0000,
                                        0x7FFF'FFFF'7FFF'FFFF,
                                        0x8000'7FFF'8000'7FFF,
                                        0x807F'FF00'017F'80FF,
                                        0x0001'0001'0001'0001,
                                        0x7F80'0000'FF80'0000,
                                        0x7FC0'0000'7FA0'0000,
                                        0x3F80'0000'BF80'0000,
                                        0x4F00'0000'CF00'0000,
                                        0x7FF8'0000'0000'0000,
                                        0x7FF0'0000'0000'0000,
                                        0xFFF4'0000'0000'0001};
    const auto word = [this] {
      const u64 random = step();
      return random % 3 == 0 ? kMarginal[(random >> 8) % std::size(kMarginal)] : step();
    };
    const u64 low = word();
    return V128{low, word()};
  }

 private:
  u64 step() {
    state_ = state_ * 6364136223846793005 + 1442695040888963407;
    return (state_ >> 33) * 0x9E37'79B9'7F4A'7C15;
  }
  u64 state_ = 0x1234'5678;
};

constexpr int kRounds = 3000;

// The row is `lane` applied to the lanes of type T, giving lanes of type R.
template <Opcode Op, class T, class R = T, class F>
void check_binary(F lane) {
  Vectors vectors;
  for (int round = 0; round < kRounds; ++round) {
    const V128 a = vectors.next();
    const V128 b = vectors.next();
    const Array<T> x = lanes<T>(a);
    const Array<T> y = lanes<T>(b);
    Array<R> want;
    for (size_t i = 0; i < x.size(); ++i) want[i] = static_cast<R>(lane(x[i], y[i]));
    ASSERT_EQ(lanes<R>(run<Op>(a, b)), want) << info(Op).text << " round " << round;
  }
}
template <Opcode Op, class T, class F>
void check_unary(F lane) {
  Vectors vectors;
  for (int round = 0; round < kRounds; ++round) {
    const V128 a = vectors.next();
    Array<T> want = lanes<T>(a);
    for (T& x : want) x = static_cast<T>(lane(x));
    ASSERT_EQ(lanes<T>(run<Op>(a)), want) << info(Op).text << " round " << round;
  }
}
template <Opcode Op, class T, class F>
void check_shift(F lane) {
  Vectors vectors;
  for (u32 n = 0; n < 300; ++n) {
    const V128 a = vectors.next();
    Array<T> want = lanes<T>(a);
    for (T& x : want) x = static_cast<T>(lane(x, n % (sizeof(T) * 8)));
    ASSERT_EQ(lanes<T>(run<Op>(a, n)), want) << info(Op).text << " by " << n;
    ASSERT_EQ(lanes<T>(run<Op>(a, n | 0x8000'0000)), want) << info(Op).text << " by " << n;
  }
}

// A wide integer that no operation on lanes overflows.
using Wide = __int128;
template <class T>
T clamped(Wide value) {
  const Wide low = std::numeric_limits<T>::min();
  const Wide high = std::numeric_limits<T>::max();
  return static_cast<T>(value < low ? low : value > high ? high : value);
}

#define CHECK_INT_SHAPE(p, U, I)                                                                                   \
  check_binary<Opcode::p##_add, U>([](U x, U y) { return static_cast<U>(Wide{x} + y); });                          \
  check_binary<Opcode::p##_sub, U>([](U x, U y) { return static_cast<U>(Wide{x} - y); });                          \
  check_unary<Opcode::p##_neg, U>([](U x) { return static_cast<U>(Wide{0} - x); });                                \
  check_unary<Opcode::p##_abs, I>([](I x) { return static_cast<I>(static_cast<U>(x < 0 ? -Wide{x} : Wide{x})); }); \
  check_binary<Opcode::p##_eq, U>([](U x, U y) { return x == y ? ~U{0} : U{0}; });                                 \
  check_binary<Opcode::p##_ne, U>([](U x, U y) { return x != y ? ~U{0} : U{0}; });                                 \
  check_binary<Opcode::p##_lt_s, I, U>([](I x, I y) { return x < y ? ~U{0} : U{0}; });                             \
  check_binary<Opcode::p##_gt_s, I, U>([](I x, I y) { return x > y ? ~U{0} : U{0}; });                             \
  check_binary<Opcode::p##_le_s, I, U>([](I x, I y) { return x <= y ? ~U{0} : U{0}; });                            \
  check_binary<Opcode::p##_ge_s, I, U>([](I x, I y) { return x >= y ? ~U{0} : U{0}; });                            \
  check_shift<Opcode::p##_shl, U>([](U x, u32 n) { return static_cast<U>(u64{x} << n); });                         \
  check_shift<Opcode::p##_shr_u, U>([](U x, u32 n) { return static_cast<U>(x >> n); });                            \
  check_shift<Opcode::p##_shr_s, I>([](I x, u32 n) { return static_cast<I>(x >> n); })

TEST(VectorSemantics, IntegerLanes) {
  CHECK_INT_SHAPE(i8x16, u8, i8);
  CHECK_INT_SHAPE(i16x8, u16, i16);
  CHECK_INT_SHAPE(i32x4, u32, i32);
  CHECK_INT_SHAPE(i64x2, u64, i64);
  check_binary<Opcode::i16x8_mul, u16>([](u16 x, u16 y) { return u32{x} * y; });
  check_binary<Opcode::i32x4_mul, u32>([](u32 x, u32 y) { return x * y; });
  check_binary<Opcode::i64x2_mul, u64>([](u64 x, u64 y) { return x * y; });
  check_unary<Opcode::i8x16_popcnt, u8>([](u8 x) { return std::popcount(x); });
}

#define CHECK_NARROW_SHAPE(p, U, I)                                                  \
  check_binary<Opcode::p##_lt_u, U>([](U x, U y) { return x < y ? ~U{0} : U{0}; });  \
  check_binary<Opcode::p##_gt_u, U>([](U x, U y) { return x > y ? ~U{0} : U{0}; });  \
  check_binary<Opcode::p##_le_u, U>([](U x, U y) { return x <= y ? ~U{0} : U{0}; }); \
  check_binary<Opcode::p##_ge_u, U>([](U x, U y) { return x >= y ? ~U{0} : U{0}; }); \
  check_binary<Opcode::p##_min_s, I>([](I x, I y) { return x < y ? x : y; });        \
  check_binary<Opcode::p##_min_u, U>([](U x, U y) { return x < y ? x : y; });        \
  check_binary<Opcode::p##_max_s, I>([](I x, I y) { return x > y ? x : y; });        \
  check_binary<Opcode::p##_max_u, U>([](U x, U y) { return x > y ? x : y; })
#define CHECK_SATURATING_SHAPE(p, U, I)                                                     \
  check_binary<Opcode::p##_add_sat_s, I>([](I x, I y) { return clamped<I>(Wide{x} + y); }); \
  check_binary<Opcode::p##_add_sat_u, U>([](U x, U y) { return clamped<U>(Wide{x} + y); }); \
  check_binary<Opcode::p##_sub_sat_s, I>([](I x, I y) { return clamped<I>(Wide{x} - y); }); \
  check_binary<Opcode::p##_sub_sat_u, U>([](U x, U y) { return clamped<U>(Wide{x} - y); }); \
  check_binary<Opcode::p##_avgr_u, U>([](U x, U y) { return (u32{x} + y + 1) >> 1; })

TEST(VectorSemantics, NarrowIntegerLanes) {
  CHECK_NARROW_SHAPE(i8x16, u8, i8);
  CHECK_NARROW_SHAPE(i16x8, u16, i16);
  CHECK_NARROW_SHAPE(i32x4, u32, i32);
  CHECK_SATURATING_SHAPE(i8x16, u8, i8);
  CHECK_SATURATING_SHAPE(i16x8, u16, i16);
  const auto q15 = [](i16 x, i16 y) { return clamped<i16>((i32{x} * y + 0x4000) >> 15); };
  check_binary<Opcode::i16x8_q15mulr_sat_s, i16>(q15);
  check_binary<Opcode::i16x8_relaxed_q15mulr_s, i16>(q15);
  EXPECT_EQ(lanes<i16>(run<Opcode::i16x8_q15mulr_sat_s>(all<i16>(-32768), all<i16>(-32768)))[0], 32767);
}

template <Opcode Op>
void check_test_rows(u32 (*want)(V128)) {
  Vectors vectors;
  for (int round = 0; round < kRounds; ++round) {
    const V128 a = vectors.next();
    ASSERT_EQ(run<Op>(a), want(a)) << info(Op).text;
  }
}
template <class T>
u32 all_true(V128 a) {
  for (const T x : lanes<T>(a)) {
    if (x == 0) return 0;
  }
  return 1;
}
template <class I>
u32 bitmask(V128 a) {
  u32 mask = 0;
  for (size_t i = 0; i < lanes<I>(a).size(); ++i) mask |= (lanes<I>(a)[i] < 0 ? 1u : 0u) << i;
  return mask;
}

TEST(VectorSemantics, TestsAndMasks) {
  check_test_rows<Opcode::i8x16_all_true>(all_true<u8>);
  check_test_rows<Opcode::i16x8_all_true>(all_true<u16>);
  check_test_rows<Opcode::i32x4_all_true>(all_true<u32>);
  check_test_rows<Opcode::i64x2_all_true>(all_true<u64>);
  check_test_rows<Opcode::i8x16_bitmask>(bitmask<i8>);
  check_test_rows<Opcode::i16x8_bitmask>(bitmask<i16>);
  check_test_rows<Opcode::i32x4_bitmask>(bitmask<i32>);
  check_test_rows<Opcode::i64x2_bitmask>(bitmask<i64>);
  check_test_rows<Opcode::v128_any_true>([](V128 a) -> u32 { return (a[0] | a[1]) != 0; });
  EXPECT_EQ(run<Opcode::v128_any_true>(V128{0, 0}), 0u);
  EXPECT_EQ(run<Opcode::v128_any_true>(V128{0, 1}), 1u);
}

TEST(VectorSemantics, BitsOfWholeVectors) {
  Vectors vectors;
  for (int round = 0; round < kRounds; ++round) {
    const V128 a = vectors.next();
    const V128 b = vectors.next();
    const V128 c = vectors.next();
    for (int i = 0; i < 2; ++i) {
      const u64 x = a[i];
      const u64 y = b[i];
      const u64 m = c[i];
      ASSERT_EQ(run<Opcode::v128_not>(a)[i], ~x);
      ASSERT_EQ(run<Opcode::v128_and>(a, b)[i], x & y);
      ASSERT_EQ(run<Opcode::v128_andnot>(a, b)[i], x & ~y);
      ASSERT_EQ(run<Opcode::v128_or>(a, b)[i], x | y);
      ASSERT_EQ(run<Opcode::v128_xor>(a, b)[i], x ^ y);
      const u64 selected = (x & m) | (y & ~m);
      ASSERT_EQ(run<Opcode::v128_bitselect>(a, b, c)[i], selected);
      ASSERT_EQ(run<Opcode::i8x16_relaxed_laneselect>(a, b, c)[i], selected);
      ASSERT_EQ(run<Opcode::i16x8_relaxed_laneselect>(a, b, c)[i], selected);
      ASSERT_EQ(run<Opcode::i32x4_relaxed_laneselect>(a, b, c)[i], selected);
      ASSERT_EQ(run<Opcode::i64x2_relaxed_laneselect>(a, b, c)[i], selected);
    }
  }
}

// Rows from lanes of N to lanes of W, twice as wide.
template <Opcode Low, Opcode High, Opcode MulLow, Opcode MulHigh, class N, class W>
void check_widening() {
  Vectors vectors;
  for (int round = 0; round < kRounds; ++round) {
    const V128 a = vectors.next();
    const V128 b = vectors.next();
    const size_t count = 16 / sizeof(W);
    for (size_t i = 0; i < count; ++i) {
      const W x = lanes<N>(a)[i];
      const W y = lanes<N>(a)[i + count];
      ASSERT_EQ(lanes<W>(run<Low>(a))[i], x) << info(Low).text;
      ASSERT_EQ(lanes<W>(run<High>(a))[i], y) << info(High).text;
      ASSERT_EQ(lanes<W>(run<MulLow>(a, b))[i], static_cast<W>(Wide{x} * lanes<N>(b)[i])) << info(MulLow).text;
      ASSERT_EQ(lanes<W>(run<MulHigh>(a, b))[i], static_cast<W>(Wide{y} * lanes<N>(b)[i + count]));
    }
  }
}
template <Opcode Op, class N, class W>
void check_pairwise() {
  Vectors vectors;
  for (int round = 0; round < kRounds; ++round) {
    const V128 a = vectors.next();
    for (size_t i = 0; i < 16 / sizeof(W); ++i) {
      const auto want = static_cast<W>(Wide{lanes<N>(a)[2 * i]} + lanes<N>(a)[2 * i + 1]);
      ASSERT_EQ(lanes<W>(run<Op>(a))[i], want) << info(Op).text;
    }
  }
}
template <Opcode Op, class W, class N>
void check_narrowing() {
  Vectors vectors;
  for (int round = 0; round < kRounds; ++round) {
    const V128 a = vectors.next();
    const V128 b = vectors.next();
    const size_t count = 16 / sizeof(W);
    for (size_t i = 0; i < count; ++i) {
      ASSERT_EQ(lanes<N>(run<Op>(a, b))[i], clamped<N>(lanes<W>(a)[i])) << info(Op).text;
      ASSERT_EQ(lanes<N>(run<Op>(a, b))[i + count], clamped<N>(lanes<W>(b)[i])) << info(Op).text;
    }
  }
}

#define CHECK_WIDENING(w, n, s, N, W)                                                 \
  check_widening<Opcode::w##_extend_low_##n##_##s, Opcode::w##_extend_high_##n##_##s, \
                 Opcode::w##_extmul_low_##n##_##s, Opcode::w##_extmul_high_##n##_##s, N, W>()

TEST(VectorSemantics, WidthsChange) {
  CHECK_WIDENING(i16x8, i8x16, s, i8, i16);
  CHECK_WIDENING(i16x8, i8x16, u, u8, u16);
  CHECK_WIDENING(i32x4, i16x8, s, i16, i32);
  CHECK_WIDENING(i32x4, i16x8, u, u16, u32);
  CHECK_WIDENING(i64x2, i32x4, s, i32, i64);
  CHECK_WIDENING(i64x2, i32x4, u, u32, u64);
  check_pairwise<Opcode::i16x8_extadd_pairwise_i8x16_s, i8, i16>();
  check_pairwise<Opcode::i16x8_extadd_pairwise_i8x16_u, u8, u16>();
  check_pairwise<Opcode::i32x4_extadd_pairwise_i16x8_s, i16, i32>();
  check_pairwise<Opcode::i32x4_extadd_pairwise_i16x8_u, u16, u32>();
  // Signed on the way in, whatever comes out.
  check_narrowing<Opcode::i8x16_narrow_i16x8_s, i16, i8>();
  check_narrowing<Opcode::i8x16_narrow_i16x8_u, i16, u8>();
  check_narrowing<Opcode::i16x8_narrow_i32x4_s, i32, i16>();
  check_narrowing<Opcode::i16x8_narrow_i32x4_u, i32, u16>();
}

TEST(VectorSemantics, DotProducts) {
  Vectors vectors;
  for (int round = 0; round < kRounds; ++round) {
    const V128 a = vectors.next();
    const V128 b = vectors.next();
    const V128 c = vectors.next();
    for (size_t i = 0; i < 4; ++i) {
      const auto product16 = [&](size_t k) { return Wide{lanes<i16>(a)[k]} * lanes<i16>(b)[k]; };
      ASSERT_EQ(lanes<u32>(run<Opcode::i32x4_dot_i16x8_s>(a, b))[i],
                static_cast<u32>(product16(2 * i) + product16(2 * i + 1)));
      const auto pair = [&](size_t k) {
        return clamped<i16>(Wide{lanes<i8>(a)[2 * k]} * lanes<i8>(b)[2 * k] +
                            Wide{lanes<i8>(a)[2 * k + 1]} * lanes<i8>(b)[2 * k + 1]);
      };
      const auto pairs = lanes<i16>(run<Opcode::i16x8_relaxed_dot_i8x16_i7x16_s>(a, b));
      ASSERT_EQ(pairs[2 * i], pair(2 * i));
      ASSERT_EQ(pairs[2 * i + 1], pair(2 * i + 1));
      ASSERT_EQ(lanes<u32>(run<Opcode::i32x4_relaxed_dot_i8x16_i7x16_add_s>(a, b, c))[i],
                static_cast<u32>(Wide{pair(2 * i)} + pair(2 * i + 1) + lanes<i32>(c)[i]));
    }
  }
  // The one sum of two products that wraps, and the one that is clamped.
  const V128 smallest = all<i16>(-32768);
  EXPECT_EQ(lanes<u32>(run<Opcode::i32x4_dot_i16x8_s>(smallest, smallest))[3], 0x8000'0000u);
  const V128 bytes = all<i8>(-128);
  EXPECT_EQ(lanes<i16>(run<Opcode::i16x8_relaxed_dot_i8x16_i7x16_s>(bytes, bytes))[7], 32767);
  EXPECT_EQ(lanes<i32>(run<Opcode::i32x4_relaxed_dot_i8x16_i7x16_add_s>(bytes, bytes, all<i32>(1)))[0], 65535);
}

TEST(VectorSemantics, SwizzleAndShuffle) {
  Array<u8> bytes;
  for (u8 i = 0; i < 16; ++i) bytes[i] = static_cast<u8>(0xA0 + i);
  const V128 a = vec(bytes);
  for (u32 index = 0; index < 256; ++index) {
    const u8 want = index < 16 ? bytes[index] : 0;
    EXPECT_EQ(lanes<u8>(run<Opcode::i8x16_swizzle>(a, all(static_cast<u8>(index)))), lanes<u8>(all(want))) << index;
    EXPECT_EQ(lanes<u8>(run<Opcode::i8x16_relaxed_swizzle>(a, all(static_cast<u8>(index)))), lanes<u8>(all(want)));
  }
  Array<u8> others = bytes;
  for (u8& byte : others) byte ^= 0x55;
  for (u32 index = 0; index < 32; ++index) {
    Array<u8> from;
    from.fill(static_cast<u8>(index));
    from[5] = static_cast<u8>(31 - index);
    const Array<u8> got = lanes<u8>(run<Opcode::i8x16_shuffle>(a, vec(others), vec(from)));
    const auto at = [&](u32 i) { return i < 16 ? bytes[i] : others[i - 16]; };
    EXPECT_EQ(got[0], at(index));
    EXPECT_EQ(got[15], at(index));
    EXPECT_EQ(got[5], at(31 - index));
  }
}

TEST(VectorSemantics, LanesOneByOne) {
  const Array<u8> bytes = {0, 1, 2, 0x83, 4, 5, 6, 0x87, 8, 9, 10, 0x8B, 12, 13, 14, 0x8F};
  const V128 a = vec(bytes);
  const u8* const at = bytes.data();
  EXPECT_EQ(run<Opcode::i8x16_extract_lane_s>(at, 3u), 0xFFFF'FF83u);
  EXPECT_EQ(run<Opcode::i8x16_extract_lane_u>(at, 15u), 0x8Fu);
  EXPECT_EQ(run<Opcode::i16x8_extract_lane_s>(at, 1u), 0xFFFF'8302u);
  EXPECT_EQ(run<Opcode::i16x8_extract_lane_u>(at, 7u), 0x8F0Eu);
  EXPECT_EQ(run<Opcode::i32x4_extract_lane>(at, 3u), 0x8F0E'0D0Cu);
  EXPECT_EQ(run<Opcode::i64x2_extract_lane>(at, 1u), 0x8F0E'0D0C'8B0A'0908u);
  EXPECT_EQ(std::bit_cast<u32>(run<Opcode::f32x4_extract_lane>(at, 2u)), 0x8B0A'0908u);
  EXPECT_EQ(std::bit_cast<u64>(run<Opcode::f64x2_extract_lane>(at, 0u)), 0x8706'0504'8302'0100u);
  for (u32 lane = 0; lane < 16; ++lane) {
    Array<u8> want = bytes;
    want[lane] = 0xEE;
    EXPECT_EQ(lanes<u8>(run<Opcode::i8x16_replace_lane>(a, lane, 0x1234'56EEu)), want);
    if (lane < 8) {
      auto words = lanes<u16>(a);
      words[lane] = 0xBEEF;
      EXPECT_EQ(lanes<u16>(run<Opcode::i16x8_replace_lane>(a, lane, 0x5555'BEEFu)), words);
    }
    if (lane < 4) {
      auto words = lanes<u32>(a);
      words[lane] = 0xDEAD'BEEF;
      EXPECT_EQ(lanes<u32>(run<Opcode::i32x4_replace_lane>(a, lane, 0xDEAD'BEEFu)), words);
      EXPECT_EQ(lanes<u32>(run<Opcode::f32x4_replace_lane>(a, lane, std::bit_cast<f32>(0xDEAD'BEEFu))), words);
    }
    if (lane < 2) {
      auto words = lanes<u64>(a);
      words[lane] = 0x0123'4567'89AB'CDEF;
      EXPECT_EQ(lanes<u64>(run<Opcode::i64x2_replace_lane>(a, lane, 0x0123'4567'89AB'CDEFull)), words);
      EXPECT_EQ(lanes<u64>(run<Opcode::f64x2_replace_lane>(a, lane, std::bit_cast<f64>(u64{0x0123'4567'89AB'CDEF}))),
                words);
    }
  }
  // Splats move bits: a signalling NaN stays one.
  EXPECT_EQ(lanes<u32>(run<Opcode::f32x4_splat>(std::bit_cast<f32>(0x7FA0'0001u)))[3], 0x7FA0'0001u);
  EXPECT_EQ(lanes<u8>(run<Opcode::i8x16_splat>(0xABCD'EF12u)), lanes<u8>(all<u8>(0x12)));
  EXPECT_EQ(lanes<u16>(run<Opcode::i16x8_splat>(0xABCD'EF12u)), lanes<u16>(all<u16>(0xEF12)));
}

// Scalars are the definition of floats; which NaN comes out may differ, that it is quiet may not.
template <class F>
using BitsOf = std::conditional_t<sizeof(F) == 4, u32, u64>;
template <class F>
constexpr BitsOf<F> kQuiet = sizeof(F) == 4 ? BitsOf<F>{0x0040'0000} : static_cast<BitsOf<F>>(0x0008'0000'0000'0000);

template <class F>
testing::AssertionResult same_lane(F got, F want, const char* text) {
  const auto g = std::bit_cast<BitsOf<F>>(got);
  const auto w = std::bit_cast<BitsOf<F>>(want);
  if (want != want ? (got != got && (g & kQuiet<F>) != 0) : g == w) return testing::AssertionSuccess();
  return testing::AssertionFailure() << text << ": " << std::hex << g << " instead of " << w;
}

template <Opcode Vector, Opcode Scalar, class F>
void check_float_binary() {
  Vectors vectors;
  for (int round = 0; round < kRounds; ++round) {
    const V128 a = vectors.next();
    const V128 b = vectors.next();
    const Array<F> got = lanes<F>(run<Vector>(a, b));
    for (size_t i = 0; i < got.size(); ++i) {
      F want;
      ASSERT_EQ((Sem<Scalar>::apply(lanes<F>(a)[i], lanes<F>(b)[i], want)), TrapKind::kNone);
      ASSERT_TRUE(same_lane(got[i], want, info(Vector).text.data()));
    }
  }
}
template <Opcode Vector, Opcode Scalar, class F>
void check_float_unary(bool quiets = true) {
  Vectors vectors;
  for (int round = 0; round < kRounds; ++round) {
    const V128 a = vectors.next();
    const Array<F> got = lanes<F>(run<Vector>(a));
    for (size_t i = 0; i < got.size(); ++i) {
      F want;
      ASSERT_EQ((Sem<Scalar>::apply(lanes<F>(a)[i], want)), TrapKind::kNone);
      if (quiets) {
        ASSERT_TRUE(same_lane(got[i], want, info(Vector).text.data()));
      } else {
        ASSERT_EQ(std::bit_cast<BitsOf<F>>(got[i]), std::bit_cast<BitsOf<F>>(want)) << info(Vector).text;
      }
    }
  }
}
template <Opcode Vector, Opcode Scalar, class F>
void check_float_compare() {
  Vectors vectors;
  for (int round = 0; round < kRounds; ++round) {
    const V128 a = vectors.next();
    const V128 b = round % 4 == 0 ? a : vectors.next();
    const auto got = lanes<BitsOf<F>>(run<Vector>(a, b));
    for (size_t i = 0; i < got.size(); ++i) {
      u32 want;
      ASSERT_EQ((Sem<Scalar>::apply(lanes<F>(a)[i], lanes<F>(b)[i], want)), TrapKind::kNone);
      ASSERT_EQ(got[i], want != 0 ? static_cast<BitsOf<F>>(~BitsOf<F>{0}) : BitsOf<F>{0}) << info(Vector).text;
    }
  }
}

#define CHECK_FLOAT_SHAPE(p, s, F)                                   \
  check_float_binary<Opcode::p##_add, Opcode::s##_add, F>();         \
  check_float_binary<Opcode::p##_sub, Opcode::s##_sub, F>();         \
  check_float_binary<Opcode::p##_mul, Opcode::s##_mul, F>();         \
  check_float_binary<Opcode::p##_div, Opcode::s##_div, F>();         \
  check_float_binary<Opcode::p##_min, Opcode::s##_min, F>();         \
  check_float_binary<Opcode::p##_max, Opcode::s##_max, F>();         \
  check_float_binary<Opcode::p##_relaxed_min, Opcode::s##_min, F>(); \
  check_float_binary<Opcode::p##_relaxed_max, Opcode::s##_max, F>(); \
  check_float_unary<Opcode::p##_sqrt, Opcode::s##_sqrt, F>();        \
  check_float_unary<Opcode::p##_ceil, Opcode::s##_ceil, F>();        \
  check_float_unary<Opcode::p##_floor, Opcode::s##_floor, F>();      \
  check_float_unary<Opcode::p##_trunc, Opcode::s##_trunc, F>();      \
  check_float_unary<Opcode::p##_nearest, Opcode::s##_nearest, F>();  \
  check_float_unary<Opcode::p##_abs, Opcode::s##_abs, F>(false);     \
  check_float_unary<Opcode::p##_neg, Opcode::s##_neg, F>(false);     \
  check_float_compare<Opcode::p##_eq, Opcode::s##_eq, F>();          \
  check_float_compare<Opcode::p##_ne, Opcode::s##_ne, F>();          \
  check_float_compare<Opcode::p##_lt, Opcode::s##_lt, F>();          \
  check_float_compare<Opcode::p##_gt, Opcode::s##_gt, F>();          \
  check_float_compare<Opcode::p##_le, Opcode::s##_le, F>();          \
  check_float_compare<Opcode::p##_ge, Opcode::s##_ge, F>()

TEST(VectorSemantics, FloatLanesAreScalars) {
  CHECK_FLOAT_SHAPE(f32x4, f32, f32);
  CHECK_FLOAT_SHAPE(f64x2, f64, f64);
}

template <class F, Opcode Ceil, Opcode Floor, Opcode Trunc, Opcode Nearest>
void check_rounding() {
  constexpr F kHuge = sizeof(F) == 4 ? F(8388609.0) : F(4503599627370497.0);
  const F samples[] = {F(0),
                       F(-0.0),
                       F(0.3),
                       F(-0.3),
                       F(0.5),
                       F(-0.5),
                       F(0.7),
                       F(-0.7),
                       F(1.5),
                       F(2.5),
                       F(-2.5),
                       F(1e9),
                       kHuge,
                       -kHuge,
                       kHuge / 2 + F(0.5),
                       F(4194303.5),
                       F(1e30),
                       F(-1e30),
                       std::numeric_limits<F>::infinity(),
                       std::numeric_limits<F>::denorm_min()};
  for (const F x : samples) {
    EXPECT_TRUE(same_lane(lanes<F>(run<Ceil>(all(x)))[1], static_cast<F>(std::ceil(x)), "ceil"));
    EXPECT_TRUE(same_lane(lanes<F>(run<Floor>(all(x)))[1], static_cast<F>(std::floor(x)), "floor"));
    EXPECT_TRUE(same_lane(lanes<F>(run<Trunc>(all(x)))[1], static_cast<F>(std::trunc(x)), "trunc"));
    EXPECT_TRUE(same_lane(lanes<F>(run<Nearest>(all(x)))[1], static_cast<F>(std::nearbyint(x)), "nearest"));
  }
}

TEST(VectorSemantics, Rounding) {
  check_rounding<f32, Opcode::f32x4_ceil, Opcode::f32x4_floor, Opcode::f32x4_trunc, Opcode::f32x4_nearest>();
  check_rounding<f64, Opcode::f64x2_ceil, Opcode::f64x2_floor, Opcode::f64x2_trunc, Opcode::f64x2_nearest>();
}

TEST(VectorSemantics, MinimaOfZerosAndNaNs) {
  const auto bits = [](V128 v) { return lanes<u32>(v)[2]; };
  const V128 plus = all<u32>(0);
  const V128 minus = all<u32>(0x8000'0000);
  EXPECT_EQ(bits(run<Opcode::f32x4_min>(plus, minus)), 0x8000'0000u);
  EXPECT_EQ(bits(run<Opcode::f32x4_min>(minus, plus)), 0x8000'0000u);
  EXPECT_EQ(bits(run<Opcode::f32x4_max>(plus, minus)), 0u);
  EXPECT_EQ(bits(run<Opcode::f32x4_max>(minus, plus)), 0u);
  // The pseudo ones give the first operand when neither is less, zeros and NaNs included.
  const V128 nan = all<u32>(0x7FC0'1234);
  const V128 one = all<f32>(1);
  EXPECT_EQ(bits(run<Opcode::f32x4_pmin>(plus, minus)), 0u);
  EXPECT_EQ(bits(run<Opcode::f32x4_pmin>(minus, plus)), 0x8000'0000u);
  EXPECT_EQ(bits(run<Opcode::f32x4_pmax>(plus, minus)), 0u);
  EXPECT_EQ(bits(run<Opcode::f32x4_pmin>(nan, one)), 0x7FC0'1234u);
  EXPECT_EQ(bits(run<Opcode::f32x4_pmin>(one, nan)), 0x3F80'0000u);
  EXPECT_EQ(bits(run<Opcode::f32x4_pmax>(nan, one)), 0x7FC0'1234u);
  EXPECT_EQ(bits(run<Opcode::f32x4_pmax>(one, nan)), 0x3F80'0000u);
  const V128 signalling = all<u32>(0x7FA0'0000);
  EXPECT_EQ(bits(run<Opcode::f32x4_pmin>(signalling, one)), 0x7FA0'0000u);
  for (const V128 other : {one, minus, signalling}) {
    EXPECT_EQ(bits(run<Opcode::f32x4_min>(signalling, other)) & 0x7FC0'0000, 0x7FC0'0000u);
    EXPECT_EQ(bits(run<Opcode::f32x4_max>(other, signalling)) & 0x7FC0'0000, 0x7FC0'0000u);
  }
  // A canonical NaN stays canonical.
  const V128 canonical = all<u32>(0x7FC0'0000);
  EXPECT_EQ(bits(run<Opcode::f32x4_min>(canonical, one)) & 0x7FFF'FFFF, 0x7FC0'0000u);
  EXPECT_EQ(bits(run<Opcode::f32x4_ceil>(canonical)) & 0x7FFF'FFFF, 0x7FC0'0000u);
}

TEST(VectorSemantics, FusedNowhere) {
  // (1 + e)(1 - e) - 1 is 0 when the product is rounded, -e^2 when it is not.
  const f32 e = 0x1p-13F;
  const V128 got = run<Opcode::f32x4_relaxed_madd>(all<f32>(1 + e), all<f32>(1 - e), all<f32>(-1));
  EXPECT_EQ(lanes<f32>(got)[0], 0.0F);
  const V128 negated = run<Opcode::f32x4_relaxed_nmadd>(all<f32>(1 + e), all<f32>(1 - e), all<f32>(1));
  EXPECT_EQ(lanes<f32>(negated)[3], 0.0F);
  const f64 d = 0x1p-28;
  EXPECT_EQ(lanes<f64>(run<Opcode::f64x2_relaxed_madd>(all<f64>(1 + d), all<f64>(1 - d), all<f64>(-1)))[1], 0.0);
  EXPECT_EQ(lanes<f64>(run<Opcode::f64x2_relaxed_nmadd>(all<f64>(2), all<f64>(3), all<f64>(10)))[1], 4.0);
}

template <Opcode Vector, Opcode Scalar, Opcode Relaxed>
void check_trunc_f32() {
  const f32 samples[] = {0,
                         -0.0F,
                         0.9F,
                         -0.9F,
                         1.5F,
                         -1.5F,
                         2147483520.0F,
                         2147483648.0F,
                         -2147483648.0F,
                         -2147483904.0F,
                         4294967040.0F,
                         4294967296.0F,
                         1e30F,
                         -1e30F,
                         std::numeric_limits<f32>::infinity(),
                         -std::numeric_limits<f32>::infinity(),
                         std::numeric_limits<f32>::quiet_NaN()};
  for (const f32 x : samples) {
    u32 want;
    ASSERT_EQ((Sem<Scalar>::apply(x, want)), TrapKind::kNone);
    EXPECT_EQ(lanes<u32>(run<Vector>(all(x))), lanes<u32>(all(want))) << info(Vector).text << ' ' << x;
    EXPECT_EQ(lanes<u32>(run<Relaxed>(all(x))), lanes<u32>(all(want))) << info(Relaxed).text << ' ' << x;
  }
}
template <Opcode Vector, Opcode Scalar, Opcode Relaxed>
void check_trunc_f64() {
  const f64 samples[] = {0,
                         -0.0,
                         0.9,
                         -0.9,
                         2147483647.9,
                         2147483648.0,
                         -2147483648.9,
                         -2147483649.0,
                         4294967295.9,
                         4294967296.0,
                         1e300,
                         -1e300,
                         std::numeric_limits<f64>::infinity(),
                         std::numeric_limits<f64>::quiet_NaN()};
  for (const f64 x : samples) {
    u32 want;
    ASSERT_EQ((Sem<Scalar>::apply(x, want)), TrapKind::kNone);
    const Array<u32> lanes_wanted = {want, want, 0, 0};
    EXPECT_EQ(lanes<u32>(run<Vector>(all(x))), lanes_wanted) << info(Vector).text << ' ' << x;
    EXPECT_EQ(lanes<u32>(run<Relaxed>(all(x))), lanes_wanted) << info(Relaxed).text << ' ' << x;
  }
}

TEST(VectorSemantics, Conversions) {
  check_trunc_f32<Opcode::i32x4_trunc_sat_f32x4_s, Opcode::i32_trunc_sat_f32_s, Opcode::i32x4_relaxed_trunc_f32x4_s>();
  check_trunc_f32<Opcode::i32x4_trunc_sat_f32x4_u, Opcode::i32_trunc_sat_f32_u, Opcode::i32x4_relaxed_trunc_f32x4_u>();
  check_trunc_f64<Opcode::i32x4_trunc_sat_f64x2_s_zero, Opcode::i32_trunc_sat_f64_s,
                  Opcode::i32x4_relaxed_trunc_f64x2_s_zero>();
  check_trunc_f64<Opcode::i32x4_trunc_sat_f64x2_u_zero, Opcode::i32_trunc_sat_f64_u,
                  Opcode::i32x4_relaxed_trunc_f64x2_u_zero>();
  Vectors vectors;
  for (int round = 0; round < kRounds; ++round) {
    const V128 a = vectors.next();
    for (size_t i = 0; i < 4; ++i) {
      ASSERT_EQ(lanes<f32>(run<Opcode::f32x4_convert_i32x4_s>(a))[i], static_cast<f32>(lanes<i32>(a)[i]));
      ASSERT_EQ(lanes<f32>(run<Opcode::f32x4_convert_i32x4_u>(a))[i], static_cast<f32>(lanes<u32>(a)[i]));
    }
    for (size_t i = 0; i < 2; ++i) {
      ASSERT_EQ(lanes<f64>(run<Opcode::f64x2_convert_low_i32x4_s>(a))[i], static_cast<f64>(lanes<i32>(a)[i]));
      ASSERT_EQ(lanes<f64>(run<Opcode::f64x2_convert_low_i32x4_u>(a))[i], static_cast<f64>(lanes<u32>(a)[i]));
      ASSERT_TRUE(same_lane(lanes<f64>(run<Opcode::f64x2_promote_low_f32x4>(a))[i], static_cast<f64>(lanes<f32>(a)[i]),
                            "promote"));
      ASSERT_TRUE(same_lane(lanes<f32>(run<Opcode::f32x4_demote_f64x2_zero>(a))[i], static_cast<f32>(lanes<f64>(a)[i]),
                            "demote"));
    }
    ASSERT_EQ(run<Opcode::f32x4_demote_f64x2_zero>(a)[1], 0u);
  }
}

TEST(VectorSemantics, MemoryShapes) {
  const u8 bytes[16] = {0x80, 1, 0x7F, 3, 0xFF, 5, 6, 0x87, 8, 9, 10, 11, 12, 13, 14, 15};
  EXPECT_EQ(lanes<i16>(run<Opcode::v128_load8x8_s>(bytes))[0], -128);
  EXPECT_EQ(lanes<u16>(run<Opcode::v128_load8x8_u>(bytes))[7], 0x87);
  EXPECT_EQ(lanes<i32>(run<Opcode::v128_load16x4_s>(bytes))[3], static_cast<i16>(0x8706));
  EXPECT_EQ(lanes<u32>(run<Opcode::v128_load16x4_u>(bytes))[0], 0x0180u);
  EXPECT_EQ(lanes<i64>(run<Opcode::v128_load32x2_s>(bytes))[1], static_cast<i32>(0x8706'05FF));
  EXPECT_EQ(lanes<u64>(run<Opcode::v128_load32x2_u>(bytes))[1], 0x8706'05FFu);
  EXPECT_EQ(lanes<u8>(run<Opcode::v128_load8_splat>(bytes)), lanes<u8>(all<u8>(0x80)));
  EXPECT_EQ(lanes<u16>(run<Opcode::v128_load16_splat>(bytes)), lanes<u16>(all<u16>(0x0180)));
  EXPECT_EQ(lanes<u32>(run<Opcode::v128_load32_splat>(bytes)), lanes<u32>(all<u32>(0x037F'0180)));
  EXPECT_EQ(lanes<u64>(run<Opcode::v128_load64_splat>(bytes)), lanes<u64>(all<u64>(0x8706'05FF'037F'0180)));
  EXPECT_EQ(lanes<u64>(run<Opcode::v128_load32_zero>(bytes)), (Array<u64>{0x037F'0180, 0}));
  EXPECT_EQ(lanes<u64>(run<Opcode::v128_load64_zero>(bytes)), (Array<u64>{0x8706'05FF'037F'0180, 0}));
  EXPECT_EQ(lanes<u32>(run<Opcode::v128_load32_lane>(bytes, all<u32>(7), 2u)), (Array<u32>{7, 7, 0x037F'0180, 7}));
}

// Every row of the table has a meaning, or is one of those whose handlers need none.
template <Opcode Op>
constexpr bool has_meaning() {
  constexpr OpFamily kFamily = family_of(Op);
  if (info(Op).prefix != 0xFD || Op == Opcode::v128_const) return true;
  return is_vector(kFamily) && (kFamily == OpFamily::kVectorStoreLane || portable::VectorSem<Op>::kExists);
}
#define VM_OPCODE(id, text, prefix, code, imm, sig, width, feature, traps, const_expr) \
  static_assert(has_meaning<Opcode::id>(), text);
#include "vm/opcodes.def"

}  // namespace
}  // namespace lunabeam::vm::interp
