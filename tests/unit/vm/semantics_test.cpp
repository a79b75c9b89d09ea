// The numeric rows against the rules of the fact sheet, section 8, and against independent computations.
#include "vm/interp/semantics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace lunabeam::vm::interp {
namespace {

using namespace rows::semantics;

constexpr f64 kInf = std::numeric_limits<f64>::infinity();
const f64 kNan = std::bit_cast<f64>(0x7FF8'0000'0000'0000u);
// Through volatile: a compiler that computes with signalling NaNs at compile time may make them quiet.
volatile u64 signalling_bits = 0x7FF0'0000'0000'0001u;
volatile u32 signalling_bits_f32 = 0x7F80'0001u;
const f64 kSignallingNan = std::bit_cast<f64>(u64{signalling_bits});
const f32 kSignallingNanf = std::bit_cast<f32>(u32{signalling_bits_f32});

bool is_quiet(f64 v) { return v != v && (std::bit_cast<u64>(v) >> 51 & 1) != 0; }
bool is_quiet(f32 v) { return v != v && (std::bit_cast<u32>(v) >> 22 & 1) != 0; }
u64 bits(f64 v) { return std::bit_cast<u64>(v); }

template <class F, class... A>
std::pair<TrapKind, u64> trapping(F f, A... args) {
  decltype(f(args..., std::declval<u32&>())) kind;
  u32 out = 77;
  kind = f(args..., out);
  return {kind, out};
}

TEST(Semantics, every_numeric_row_has_a_meaning) {
  int numeric = 0;
#define VM_OPCODE(id, text, prefix, code, imm, sig, width, feature, traps, const_expr)                                 \
  {                                                                                                                    \
    constexpr std::string_view kSig = sig;                                                                             \
    constexpr bool kPlain =                                                                                            \
        Immediate::imm == Immediate::kNone && kSig != "*" && kSig.find_first_of("v") == kSig.npos && kSig.size() >= 3; \
    EXPECT_EQ(kPlain, Sem<Opcode::id>::kExists) << text;                                                               \
    if constexpr (kPlain && Sem<Opcode::id>::kExists) {                                                                \
      ++numeric;                                                                                                       \
      EXPECT_EQ(std::string_view(traps).empty(), !Sem<Opcode::id>::kTraps) << text;                                    \
    }                                                                                                                  \
  }
#include "vm/opcodes.def"
  EXPECT_EQ(numeric, 136);
}

TEST(Semantics, integer_division_traps) {
  EXPECT_EQ(trapping(&i32_div_s, 7u, 0u).first, TrapKind::kIntegerDivideByZero);
  EXPECT_EQ(trapping(&i32_div_u, 7u, 0u).first, TrapKind::kIntegerDivideByZero);
  EXPECT_EQ(trapping(&i32_rem_s, 7u, 0u).first, TrapKind::kIntegerDivideByZero);
  EXPECT_EQ(trapping(&i32_rem_u, 7u, 0u).first, TrapKind::kIntegerDivideByZero);
  EXPECT_EQ(trapping(&i32_div_s, 0x8000'0000u, ~0u).first, TrapKind::kIntegerOverflow);
  EXPECT_EQ(trapping(&i32_rem_s, 0x8000'0000u, ~0u), std::pair(TrapKind::kNone, u64{0}));
  EXPECT_EQ(trapping(&i32_div_s, static_cast<u32>(-7), 2u), std::pair(TrapKind::kNone, u64{static_cast<u32>(-3)}));
  EXPECT_EQ(trapping(&i32_rem_s, static_cast<u32>(-7), 2u), std::pair(TrapKind::kNone, u64{static_cast<u32>(-1)}));
  EXPECT_EQ(trapping(&i32_div_u, static_cast<u32>(-7), 2u), std::pair(TrapKind::kNone, u64{0x7FFF'FFFC}));
  u64 out = 5;
  EXPECT_EQ(i64_div_s(u64{1} << 63, ~u64{0}, out), TrapKind::kIntegerOverflow);
  EXPECT_EQ(out, 5u);
  EXPECT_EQ(i64_rem_s(u64{1} << 63, ~u64{0}, out), TrapKind::kNone);
  EXPECT_EQ(out, 0u);
  EXPECT_EQ(i64_div_u(1, 0, out), TrapKind::kIntegerDivideByZero);
}

TEST(Semantics, shifts_and_rotations_are_modulo_the_width) {
  EXPECT_EQ(i32_shl(1, 33), 2u);
  EXPECT_EQ(i32_shr_u(0x8000'0000, 32), 0x8000'0000u);
  EXPECT_EQ(i32_shr_s(0x8000'0000, 63), ~0u);
  EXPECT_EQ(i32_rotl(0x8000'0001, 0), 0x8000'0001u);
  EXPECT_EQ(i32_rotl(0x8000'0001, 33), 3u);
  EXPECT_EQ(i32_rotr(0x8000'0001, 1), 0xC000'0000u);
  EXPECT_EQ(i64_shl(1, 65), 2u);
  EXPECT_EQ(i64_rotr(1, 1), u64{1} << 63);
  EXPECT_EQ(i64_rotl(5, 64), 5u);
  EXPECT_EQ(i32_clz(0), 32u);
  EXPECT_EQ(i64_ctz(0), 64u);
  EXPECT_EQ(i64_popcnt(~u64{0}), 64u);
  EXPECT_EQ(i32_extend8_s(0x1280), 0xFFFF'FF80u);
  EXPECT_EQ(i64_extend32_s(0x1'8000'0000), 0xFFFF'FFFF'8000'0000u);
}

TEST(Semantics, min_and_max_order_zeros_and_return_quiet_nans) {
  EXPECT_EQ(bits(f64_min(-0.0, 0.0)), bits(-0.0));
  EXPECT_EQ(bits(f64_min(0.0, -0.0)), bits(-0.0));
  EXPECT_EQ(bits(f64_max(-0.0, 0.0)), bits(0.0));
  EXPECT_EQ(bits(f64_max(0.0, -0.0)), bits(0.0));
  EXPECT_EQ(f64_min(1, 2), 1);
  EXPECT_EQ(f64_max(-kInf, 2), 2);
  for (const f64 other : {0.0, 1.0, kInf, kNan}) {
    EXPECT_TRUE(is_quiet(f64_min(kSignallingNan, other)));
    EXPECT_TRUE(is_quiet(f64_min(other, kSignallingNan)));
    EXPECT_TRUE(is_quiet(f64_max(kSignallingNan, other)));
    EXPECT_TRUE(is_quiet(f64_max(other, kSignallingNan)));
  }
}

TEST(Semantics, bit_operations_keep_signalling_nans) {
  const u64 payload = bits(kSignallingNan);
  EXPECT_EQ(bits(f64_neg(kSignallingNan)), payload | u64{1} << 63);
  EXPECT_EQ(bits(f64_abs(std::bit_cast<f64>(payload | u64{1} << 63))), payload);
  EXPECT_EQ(bits(f64_copysign(kSignallingNan, -1.0)), payload | u64{1} << 63);
  EXPECT_EQ(i64_reinterpret_f64(kSignallingNan), payload);
  EXPECT_EQ(std::bit_cast<u32>(f32_neg(kSignallingNanf)), 0xFF80'0001u);
}

TEST(Semantics, arithmetic_makes_nans_quiet) {
  for (const auto f : {&f64_add, &f64_sub, &f64_mul, &f64_div}) {
    EXPECT_TRUE(is_quiet(f(kSignallingNan, 1.0)));
    EXPECT_TRUE(is_quiet(f(0.0, kSignallingNan)));
  }
  for (const auto f : {&f32_ceil, &f32_floor, &f32_trunc, &f32_nearest, &f32_sqrt})
    EXPECT_TRUE(is_quiet(f(kSignallingNanf)));
  for (const auto f : {&f64_ceil, &f64_floor, &f64_trunc, &f64_nearest, &f64_sqrt})
    EXPECT_TRUE(is_quiet(f(kSignallingNan)));
  EXPECT_TRUE(is_quiet(f32_demote_f64(kSignallingNan)));
  EXPECT_TRUE(is_quiet(f64_promote_f32(kSignallingNanf)));
  EXPECT_TRUE(is_quiet(f64_sqrt(-1)));
  EXPECT_EQ(bits(f64_sqrt(-0.0)), bits(-0.0));
}

template <class F>
void expect_same(F ours, F theirs, F input) {
  if (theirs != theirs) {
    EXPECT_TRUE(is_quiet(ours)) << input;
  } else {
    using Bits = std::conditional_t<sizeof(F) == 4, u32, u64>;
    const auto have = std::bit_cast<Bits>(ours);
    const auto want = std::bit_cast<Bits>(theirs);
    EXPECT_EQ(have, want) << input;
  }
}

template <class F>
void expect_rounding(F v, F ceil, F floor, F trunc, F nearest) {
  expect_same(ceil, std::ceil(v), v);
  expect_same(floor, std::floor(v), v);
  expect_same(trunc, std::trunc(v), v);
  expect_same(nearest, std::nearbyint(v), v);
}

TEST(Semantics, rounding_agrees_with_the_c_library) {
  std::mt19937_64 random(1);
  std::vector<f64> values = {0.0,
                             -0.0,
                             0.5,
                             -0.5,
                             1.5,
                             2.5,
                             -1.5,
                             -2.5,
                             0.49999999999999994,
                             -0.49999999999999994,
                             4503599627370495.5,
                             -4503599627370495.5,
                             4503599627370496.0,
                             9007199254740993.0,
                             1e300,
                             -1e300,
                             kInf,
                             -kInf,
                             5e-324};
  for (int i = 0; i < 100'000; ++i) {
    values.push_back(std::bit_cast<f64>(random()));
    values.push_back(static_cast<f64>(static_cast<i64>(random())) / 65536.0 /
                     static_cast<f64>(1 + random() % 1'000'000'000));
  }
  for (const f64 v : values) {
    expect_rounding(v, f64_ceil(v), f64_floor(v), f64_trunc(v), f64_nearest(v));
    const auto f = static_cast<f32>(v);
    expect_rounding(f, f32_ceil(f), f32_floor(f), f32_trunc(f), f32_nearest(f));
  }
}

TEST(Semantics, trapping_truncation_accepts_what_fits) {
  EXPECT_EQ(trapping(&i32_trunc_f64_s, 2147483647.9), std::pair(TrapKind::kNone, u64{0x7FFF'FFFF}));
  EXPECT_EQ(trapping(&i32_trunc_f64_s, 2147483648.0).first, TrapKind::kIntegerOverflow);
  EXPECT_EQ(trapping(&i32_trunc_f64_s, -2147483648.9), std::pair(TrapKind::kNone, u64{0x8000'0000}));
  EXPECT_EQ(trapping(&i32_trunc_f64_s, -2147483649.0).first, TrapKind::kIntegerOverflow);
  EXPECT_EQ(trapping(&i32_trunc_f32_s, -2147483648.0f), std::pair(TrapKind::kNone, u64{0x8000'0000}));
  EXPECT_EQ(trapping(&i32_trunc_f32_s, -2147483904.0f).first, TrapKind::kIntegerOverflow);
  EXPECT_EQ(trapping(&i32_trunc_f64_u, -0.9), std::pair(TrapKind::kNone, u64{0}));
  EXPECT_EQ(trapping(&i32_trunc_f64_u, -1.0).first, TrapKind::kIntegerOverflow);
  EXPECT_EQ(trapping(&i32_trunc_f64_u, 4294967295.9), std::pair(TrapKind::kNone, u64{0xFFFF'FFFF}));
  EXPECT_EQ(trapping(&i32_trunc_f64_u, 4294967296.0).first, TrapKind::kIntegerOverflow);
  EXPECT_EQ(trapping(&i32_trunc_f32_u, 4294967040.0f), std::pair(TrapKind::kNone, u64{4294967040}));
  EXPECT_EQ(trapping(&i32_trunc_f64_s, kNan).first, TrapKind::kInvalidConversion);
  u64 out = 3;
  EXPECT_EQ(i64_trunc_f64_s(-9223372036854775808.0, out), TrapKind::kNone);
  EXPECT_EQ(out, u64{1} << 63);
  EXPECT_EQ(i64_trunc_f64_s(9223372036854775808.0, out), TrapKind::kIntegerOverflow);
  EXPECT_EQ(i64_trunc_f64_u(9223372036854775808.0, out), TrapKind::kNone);
  EXPECT_EQ(out, u64{1} << 63);
  EXPECT_EQ(i64_trunc_f64_u(18446744073709549568.0, out), TrapKind::kNone);
  EXPECT_EQ(out, 18446744073709549568u);
  EXPECT_EQ(i64_trunc_f64_u(18446744073709551616.0, out), TrapKind::kIntegerOverflow);
  EXPECT_EQ(i64_trunc_f32_u(-0.99f, out), TrapKind::kNone);
  EXPECT_EQ(out, 0u);
  EXPECT_EQ(i64_trunc_f32_s(std::bit_cast<f32>(0x7FC0'0000u), out), TrapKind::kInvalidConversion);
}

TEST(Semantics, saturating_truncation_clamps) {
  EXPECT_EQ(i32_trunc_sat_f64_s(kNan), 0u);
  EXPECT_EQ(i32_trunc_sat_f64_s(-kInf), 0x8000'0000u);
  EXPECT_EQ(i32_trunc_sat_f64_s(1e10), 0x7FFF'FFFFu);
  EXPECT_EQ(i32_trunc_sat_f64_u(-5), 0u);
  EXPECT_EQ(i32_trunc_sat_f64_u(1e10), 0xFFFF'FFFFu);
  EXPECT_EQ(i64_trunc_sat_f64_s(1e300), 0x7FFF'FFFF'FFFF'FFFFu);
  EXPECT_EQ(i64_trunc_sat_f64_s(-1e300), u64{1} << 63);
  EXPECT_EQ(i64_trunc_sat_f32_u(1e30f), ~u64{0});
  EXPECT_EQ(i64_trunc_sat_f32_u(-1e30f), 0u);
  EXPECT_EQ(i64_trunc_sat_f64_u(1e19), 10000000000000000000u);
}

// Round to nearest even, by hand.
f32 to_f32(u64 v) {
  if (v < (1u << 24)) return static_cast<f32>(static_cast<i32>(v));
  const int shift = 64 - std::countl_zero(v) - 24;
  u64 mantissa = v >> shift;
  const u64 rest = v & ((u64{1} << shift) - 1);
  const u64 half = u64{1} << (shift - 1);
  if (rest > half || (rest == half && (mantissa & 1) != 0)) ++mantissa;
  return std::ldexp(static_cast<f32>(mantissa), shift);
}

TEST(Semantics, unsigned_conversions_round_once) {
  std::mt19937_64 random(2);
  EXPECT_EQ(f32_convert_i64_u(0x8000'0080'0000'0001), to_f32(0x8000'0080'0000'0001));
  EXPECT_EQ(f32_convert_i64_u(0xFFFF'FF7F'FFFF'FFFF), to_f32(0xFFFF'FF7F'FFFF'FFFF));
  for (int i = 0; i < 100'000; ++i) {
    const u64 v = random() >> (random() % 64);
    EXPECT_EQ(f32_convert_i64_u(v), to_f32(v)) << v;
  }
  EXPECT_EQ(f64_convert_i64_u(~u64{0}), 18446744073709551616.0);
  EXPECT_EQ(f64_convert_i32_s(0x8000'0000), -2147483648.0);
  EXPECT_EQ(f32_convert_i32_u(0xFFFF'FFFF), 4294967296.0f);
}

}  // namespace
}  // namespace lunabeam::vm::interp
