#include "vm/text/numbers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <compare>
#include <random>
#include <string>
#include <vector>

namespace lunabeam::vm::text {
namespace {

// --- An oracle that knows only integers: a float is right when the text's value lies between the midpoints to its neighbours ---

class Big {
 public:
  Big() = default;
  explicit Big(u64 value) { add(value); }

  void multiply(u32 factor) {
    u64 carry = 0;
    for (u32& limb : limbs_) {
      carry += u64{limb} * factor;
      limb = static_cast<u32>(carry);
      carry >>= 32;
    }
    if (carry != 0) limbs_.push_back(static_cast<u32>(carry));
  }
  void add(u64 value) {
    for (size_t i = 0; value != 0; ++i) {
      if (i == limbs_.size()) limbs_.push_back(0);
      const u64 sum = u64{limbs_[i]} + (value & 0xFFFF'FFFF);
      limbs_[i] = static_cast<u32>(sum);
      value = (value >> 32) + (sum >> 32);
    }
  }
  void shift_left(size_t bits) {
    if (limbs_.empty()) return;
    for (size_t i = 0; i < bits % 32; ++i) multiply(2);
    limbs_.insert(limbs_.begin(), bits / 32, 0);
  }
  void scale(u32 base, size_t power) {
    while (power-- > 0) multiply(base);
  }
  friend std::strong_ordering operator<=>(const Big& a, const Big& b) {
    if (a.limbs_.size() != b.limbs_.size()) return a.limbs_.size() <=> b.limbs_.size();
    return std::lexicographical_compare_three_way(a.limbs_.rbegin(), a.limbs_.rend(), b.limbs_.rbegin(),
                                                  b.limbs_.rend());
  }

 private:
  std::vector<u32> limbs_;  // Least significant first, without leading zeros.
};

// digits (in base 10 or 16) * base^exponent, base 10 or 2.
struct Exact {
  std::string digits;
  bool is_hex;
  int exponent;
};

// Compares the text's value with quarters * 2^(power - 2).
std::strong_ordering compare(const Exact& exact, u64 quarters, int power) {
  Big left;
  for (const char c : exact.digits) {
    left.multiply(exact.is_hex ? 16 : 10);
    left.add(static_cast<u64>(c <= '9' ? c - '0' : c - 'a' + 10));
  }
  Big right(quarters);
  const u32 base = exact.is_hex ? 2 : 10;
  if (exact.exponent > 0) left.scale(base, static_cast<size_t>(exact.exponent));
  if (exact.exponent < 0) right.scale(base, static_cast<size_t>(-exact.exponent));
  power -= 2;
  if (power > 0) right.shift_left(static_cast<size_t>(power));
  if (power < 0) left.shift_left(static_cast<size_t>(-power));
  return left <=> right;
}

// `bits` without sign; nullopt means that parsing said out of range.
bool is_correctly_rounded(const Exact& exact, std::optional<u64> bits, int mantissa_bits, int bias) {
  const u64 infinity = static_cast<u64>(2 * bias + 1) << mantissa_bits;
  const u64 found = bits.value_or(infinity);
  if (bits && found >= infinity) return false;
  const u64 hidden = u64{1} << mantissa_bits;
  const u64 biased = found >> mantissa_bits;
  const u64 mantissa = biased == 0 ? found : (found & (hidden - 1)) | hidden;
  const int power = static_cast<int>(std::max<u64>(biased, 1)) - bias - mantissa_bits;  // Of the last bit.
  const bool is_even = (mantissa & 1) == 0;
  if (found != 0) {
    // Below a power of two the neighbour is only half as far, but for the least normal number.
    const u64 below = mantissa == hidden && biased > 1 ? mantissa * 4 - 1 : mantissa * 4 - 2;
    const auto order = compare(exact, below, power);
    if (order < 0 || (order == 0 && !is_even)) return false;
  }
  if (found == infinity) return true;
  const auto order = compare(exact, mantissa * 4 + 2, power);
  return order < 0 || (order == 0 && is_even);
}

std::string text_of(const Exact& exact, size_t point) {
  std::string text = exact.is_hex ? "0x" : "";
  const size_t fraction = std::min(point, exact.digits.size() - 1);
  text += exact.digits.substr(0, exact.digits.size() - fraction);
  if (fraction > 0) text += "." + exact.digits.substr(exact.digits.size() - fraction);
  const int exponent = exact.exponent + static_cast<int>(fraction) * (exact.is_hex ? 4 : 1);
  return text + (exact.is_hex ? "p" : "e") + std::to_string(exponent);
}

void expect_right(const Exact& exact, size_t point) {
  const std::string text = text_of(exact, point);
  EXPECT_TRUE(is_correctly_rounded(exact, parse_f64(text), 52, 1023)) << text;
  EXPECT_TRUE(is_correctly_rounded(exact, parse_f32(text), 23, 127)) << text;
}

std::string random_digits(std::mt19937_64& random, size_t count, bool is_hex) {
  std::string digits;
  for (size_t i = 0; i < count; ++i) digits += "0123456789abcdef"[random() % (is_hex ? 16 : 10)];
  return digits;
}

// The decimal digits of quarters * 2^(power - 2), which is 10^exponent of the last one.
Exact decimal_of(u64 quarters, int power) {
  power -= 2;
  std::vector<u32> digits;  // Least significant first.
  for (u64 rest = quarters; rest != 0; rest /= 10) digits.push_back(static_cast<u32>(rest % 10));
  // x / 2^n = x * 5^n / 10^n.
  for (int i = 0; i < std::abs(power); ++i) {
    u32 carry = 0;
    for (u32& digit : digits) {
      carry += digit * (power > 0 ? 2 : 5);
      digit = carry % 10;
      carry /= 10;
    }
    if (carry != 0) digits.push_back(carry);
  }
  Exact exact{"", false, std::min(power, 0)};
  for (auto it = digits.rbegin(); it != digits.rend(); ++it) exact.digits += static_cast<char>('0' + *it);
  return exact;
}

f32 f32_of(std::string_view text) { return std::bit_cast<f32>(parse_f32(text).value()); }
f64 f64_of(std::string_view text) { return std::bit_cast<f64>(parse_f64(text).value()); }

// --- Integers ---

TEST(Numbers, ReadsUnsigned) {
  EXPECT_EQ(parse_unsigned("0", ~u64{0}), 0u);
  EXPECT_EQ(parse_unsigned("1_234", ~u64{0}), 1234u);
  EXPECT_EQ(parse_unsigned("0xDead_beeF", ~u64{0}), 0xDEAD'BEEFu);
  EXPECT_EQ(parse_unsigned("18446744073709551615", ~u64{0}), ~u64{0});
  EXPECT_EQ(parse_unsigned("0xFFFFFFFFFFFFFFFF", ~u64{0}), ~u64{0});
  EXPECT_EQ(parse_unsigned("000000000000000000000000000000000007", 7), 7u);
  EXPECT_EQ(parse_unsigned("0", 0), 0u);
}

TEST(Numbers, RejectsUnsignedOutOfRange) {
  EXPECT_EQ(parse_unsigned("18446744073709551616", ~u64{0}), std::nullopt);
  EXPECT_EQ(parse_unsigned("0x10000000000000000", ~u64{0}), std::nullopt);
  EXPECT_EQ(parse_unsigned("99999999999999999999999", ~u64{0}), std::nullopt);
  EXPECT_EQ(parse_unsigned("8", 7), std::nullopt);
  EXPECT_EQ(parse_unsigned("10", 7), std::nullopt);
  EXPECT_EQ(parse_unsigned("1", 0), std::nullopt);
  EXPECT_EQ(parse_unsigned("4294967296", 0xFFFF'FFFF), std::nullopt);
  EXPECT_EQ(parse_unsigned("4294967295", 0xFFFF'FFFF), 0xFFFF'FFFFu);
}

TEST(Numbers, RejectsWhatIsNoInteger) {
  for (const char* bad :
       {"", "_", "_1", "1_", "1__2", "0x", "0x_1", "0x1_", "+1", "-1", "a", "1a", "0xg", "1.0", "1e5", "nan"}) {
    EXPECT_EQ(parse_unsigned(bad, ~u64{0}), std::nullopt) << bad;
  }
  for (const char* bad : {"", "+", "-", "+-1", "--1", "-0x", "1.", "$a"})
    EXPECT_EQ(parse_integer(bad, 32), std::nullopt) << bad;
}

TEST(Numbers, IntegersTakeSignedAndUnsignedRange) {
  EXPECT_EQ(parse_integer("255", 8), 255u);
  EXPECT_EQ(parse_integer("-128", 8), 0x80u);
  EXPECT_EQ(parse_integer("-1", 16), 0xFFFFu);
  EXPECT_EQ(parse_integer("+0x7F", 8), 0x7Fu);
  EXPECT_EQ(parse_integer("-0", 32), 0u);
  EXPECT_EQ(parse_integer("-2147483648", 32), 0x8000'0000u);
  EXPECT_EQ(parse_integer("4294967295", 32), 0xFFFF'FFFFu);
  EXPECT_EQ(parse_integer("-0x8000_0000_0000_0000", 64), u64{1} << 63);
  EXPECT_EQ(parse_integer("18446744073709551615", 64), ~u64{0});
  for (const auto& [bad, bits] : std::vector<std::pair<const char*, unsigned>>{{"256", 8},
                                                                               {"-129", 8},
                                                                               {"65536", 16},
                                                                               {"-32769", 16},
                                                                               {"4294967296", 32},
                                                                               {"-2147483649", 32},
                                                                               {"18446744073709551616", 64},
                                                                               {"-9223372036854775809", 64}}) {
    EXPECT_EQ(parse_integer(bad, bits), std::nullopt) << bad;
  }
}

// --- Floats ---

TEST(Numbers, ReadsPlainFloats) {
  EXPECT_EQ(f64_of("0"), 0.0);
  EXPECT_EQ(parse_f64("-0"), u64{1} << 63);
  EXPECT_EQ(parse_f32("-0x0p0"), u32{1} << 31);
  EXPECT_EQ(parse_f64("-0e-999999999999999999999"), u64{1} << 63);
  EXPECT_EQ(f64_of("+1_0.2_5e+1_0"), 10.25e10);
  EXPECT_EQ(f64_of("1."), 1.0);
  EXPECT_EQ(f64_of("1.e2"), 100.0);
  EXPECT_EQ(f64_of("123456789"), 123456789.0);
  EXPECT_EQ(f32_of("0x1.8p1"), 3.0f);
  EXPECT_EQ(f32_of("0xA.P-1"), 5.0f);
  EXPECT_EQ(f32_of("-0x1_0"), -16.0f);
  EXPECT_EQ(f64_of("0x1.921fb54442d18p+1"), 0x1.921fb54442d18p+1);
  EXPECT_EQ(f64_of("6.0221413e+23"), 6.0221413e+23);
}

TEST(Numbers, RejectsWhatIsNoFloat) {
  for (const char* bad : {"",      "+",      ".",        ".5",       "_1.0",     "1_.0",          "1._0",
                          "1.0_",  "1__0.0", "1e",       "1e+",      "1e_1",     "1e1_",          "0x",
                          "0x.8",  "0x1p",   "0x1pA",    "0x1.8e+1", "1p5",      "1.0f",          "nan:",
                          "nan:1", "nan:0x", "nan:0x_1", "nan:0x1_", "infinity", "nan:canonical", "nan:arithmetic",
                          "NaN",   "+-1",    "1.5.5",    "0x1p1p1"}) {
    EXPECT_EQ(parse_f32(bad), std::nullopt) << bad;
    EXPECT_EQ(parse_f64(bad), std::nullopt) << bad;
  }
}

TEST(Numbers, InfinityAndNan) {
  EXPECT_EQ(parse_f32("inf"), 0x7F80'0000u);
  EXPECT_EQ(parse_f32("-inf"), 0xFF80'0000u);
  EXPECT_EQ(parse_f64("+inf"), 0x7FF0'0000'0000'0000u);
  EXPECT_EQ(parse_f32("nan"), 0x7FC0'0000u);
  EXPECT_EQ(parse_f32("-nan"), 0xFFC0'0000u);
  EXPECT_EQ(parse_f64("nan"), 0x7FF8'0000'0000'0000u);
  EXPECT_EQ(parse_f32("nan:0x1"), 0x7F80'0001u);
  EXPECT_EQ(parse_f32("-nan:0x7f_ffff"), 0xFFFF'FFFFu);
  EXPECT_EQ(parse_f64("+nan:0xf_ffff_ffff_ffff"), 0x7FFF'FFFF'FFFF'FFFFu);
  EXPECT_EQ(parse_f32("nan:0x0"), std::nullopt);
  EXPECT_EQ(parse_f32("nan:0x80_0000"), std::nullopt);
  EXPECT_EQ(parse_f64("nan:0x0"), std::nullopt);
  EXPECT_EQ(parse_f64("nan:0x10_0000_0000_0000"), std::nullopt);
  EXPECT_EQ(parse_f64("nan:0x1_0000_0000_0000_0000"), std::nullopt);
}

TEST(Numbers, OverflowIsOutOfRange) {
  // Greatest finite value, last text that rounds to it, and the midpoint to what would be the next power of two.
  EXPECT_EQ(parse_f32("0x1.fffffep127"), 0x7F7F'FFFFu);
  EXPECT_EQ(parse_f32("0x1.fffffefffffffffffffffffffffp127"), 0x7F7F'FFFFu);
  EXPECT_EQ(parse_f32("0x1.ffffffp127"), std::nullopt);
  EXPECT_EQ(parse_f32("340282346638528859811704183484516925440"), 0x7F7F'FFFFu);
  EXPECT_EQ(parse_f32("340282356779733661637539395458142568447.9999"), 0x7F7F'FFFFu);
  EXPECT_EQ(parse_f32("340282356779733661637539395458142568448"), std::nullopt);
  EXPECT_EQ(parse_f64("0x1.fffffffffffff7ffffffffp1023"), 0x7FEF'FFFF'FFFF'FFFFu);
  EXPECT_EQ(parse_f64("0x1.fffffffffffff8p1023"), std::nullopt);
  EXPECT_EQ(parse_f64("1.7976931348623157e308"), 0x7FEF'FFFF'FFFF'FFFFu);
  EXPECT_EQ(parse_f64("1.7976931348623159e308"), std::nullopt);
  for (const char* big :
       {"1e309", "0x1p1024", "1e999999999999999999999999999", "0x1p999999999999999999999999999", "1e400"}) {
    EXPECT_EQ(parse_f64(big), std::nullopt) << big;
    EXPECT_EQ(parse_f32(big), std::nullopt) << big;
  }
}

TEST(Numbers, UnderflowRoundsToZeroOrTheLeastSubnormal) {
  EXPECT_EQ(parse_f32("0x1p-149"), 1u);
  EXPECT_EQ(parse_f32("0x1p-150"), 0u);
  EXPECT_EQ(parse_f32("0x1.0000000000000000000000001p-150"), 1u);
  EXPECT_EQ(parse_f32("0x0.8p-149"), 0u);
  EXPECT_EQ(parse_f32("0x3p-150"), 2u);
  EXPECT_EQ(parse_f32("0x1p-151"), 0u);
  EXPECT_EQ(parse_f64("0x1p-1074"), 1u);
  EXPECT_EQ(parse_f64("0x1p-1075"), 0u);
  EXPECT_EQ(parse_f64("0x1.00000000000000000000000000000001p-1075"), 1u);
  EXPECT_EQ(parse_f64("4.9e-324"), 1u);
  EXPECT_EQ(parse_f64("2.4e-324"), 0u);
  EXPECT_EQ(parse_f64("2.5e-324"), 1u);
  EXPECT_EQ(parse_f32("7.1e-46"), 1u);
  EXPECT_EQ(parse_f32("7.0e-46"), 0u);
  for (const char* tiny :
       {"1e-400", "0x1p-5000", "1e-9999999999999999999999", "0x1p-9999999999999999999999", "0.0e5"}) {
    EXPECT_EQ(parse_f64(tiny), 0u) << tiny;
    EXPECT_EQ(parse_f32(tiny), 0u) << tiny;
  }
  EXPECT_EQ(parse_f64("-1e-400"), u64{1} << 63);
}

TEST(Numbers, SubnormalsCarryIntoNormals) {
  EXPECT_EQ(parse_f32("0x1.fffffdp-127"), 0x007F'FFFFu);
  EXPECT_EQ(parse_f32("0x1.ffffffp-127"), 0x0080'0000u);
  EXPECT_EQ(parse_f64("0x1.fffffffffffffp-1023"), 0x0010'0000'0000'0000u);
}

TEST(Numbers, LongTextsMatchShortOnes) {
  const std::string zeros(100'000, '0');
  EXPECT_EQ(f64_of("1" + zeros + "e-100000"), 1.0);
  EXPECT_EQ(f64_of("0." + zeros + "1e100001"), 1.0);
  EXPECT_EQ(f32_of("0x1" + zeros + "p-400000"), 1.0f);
  EXPECT_EQ(f32_of("0x0." + zeros + "1p400004"), 1.0f);
  EXPECT_EQ(f64_of(zeros + "1.5"), 1.5);
  EXPECT_EQ(f64_of("1." + zeros), 1.0);
  // Halfway between 1 and its neighbour, and a one very far behind it.
  EXPECT_EQ(parse_f32("0x1.000001"), 0x3F80'0000u);
  EXPECT_EQ(parse_f32("0x1.000001" + zeros + "1"), 0x3F80'0001u);
  EXPECT_EQ(parse_f32("1.000000059604644775390625"), 0x3F80'0000u);
  EXPECT_EQ(parse_f32("1.000000059604644775390625" + zeros + "1"), 0x3F80'0001u);
  EXPECT_EQ(parse_f64("1.00000000000000011102230246251565404236316680908203125"), 0x3FF0'0000'0000'0000u);
  EXPECT_EQ(parse_f64("1.00000000000000011102230246251565404236316680908203125" + zeros + "1"), 0x3FF0'0000'0000'0001u);
}

TEST(Numbers, RoundsRandomTextsToNearestEven) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 3000; ++i) {
    const bool is_hex = i % 2 == 0;
    Exact exact{random_digits(random, 1 + random() % 40, is_hex), is_hex, 0};
    const int range = is_hex ? (i % 4 == 0 ? 1150 : 160) : (i % 4 == 1 ? 345 : 50);
    exact.exponent = static_cast<int>(random() % static_cast<u64>(2 * range)) - range;
    expect_right(exact, random() % 45);
  }
}

TEST(Numbers, RoundsHalfwayCasesExactly) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 300; ++i) {
    // A random f64 or f32, least significant bits included, plus a half.
    const bool is_single = i % 2 == 0;
    const int mantissa_bits = is_single ? 23 : 52;
    const u64 hidden = u64{1} << mantissa_bits;
    const bool is_subnormal = i % 5 == 0;
    const u64 mantissa = (random() & (hidden - 1)) | (is_subnormal ? 1 : hidden);
    const int least = is_single ? -149 : -1074;
    const int power = is_subnormal ? least : least + static_cast<int>(random() % (is_single ? 253 : 2045));
    const Exact halfway = decimal_of(mantissa * 4 + 2, power);
    expect_right(halfway, i % 30);
    Exact above = halfway;
    above.digits += "00000000000000000001";
    above.exponent -= 20;
    expect_right(above, i % 30);
    Exact below = decimal_of(mantissa * 4 + 2, power);
    // One less in the last place: the digits end in 5 or an even number, never in 0 alone.
    size_t at = below.digits.size() - 1;
    while (below.digits[at] == '0') below.digits[at--] = '9';
    --below.digits[at];
    expect_right(below, i % 30);
    const std::string text = text_of(halfway, 0);
    const auto found = is_single ? std::optional<u64>(parse_f32(text)) : parse_f64(text);
    if (found) {
      EXPECT_EQ(*found & 1, 0u) << text;
    }
  }
}

// The oracle itself must be able to say no.
TEST(Numbers, OracleRejectsNeighbours) {
  const Exact tenth{"1", false, -1};
  const u64 right = std::bit_cast<u64>(0.1);
  EXPECT_TRUE(is_correctly_rounded(tenth, right, 52, 1023));
  EXPECT_FALSE(is_correctly_rounded(tenth, right + 1, 52, 1023));
  EXPECT_FALSE(is_correctly_rounded(tenth, right - 1, 52, 1023));
  EXPECT_FALSE(is_correctly_rounded(tenth, std::nullopt, 52, 1023));
  EXPECT_FALSE(is_correctly_rounded({"1", false, 400}, 0x7FEF'FFFF'FFFF'FFFF, 52, 1023));
}

// --- Printing ---

TEST(Numbers, PrintsShortestForms) {
  char buffer[32];
  EXPECT_EQ(print_f64(std::bit_cast<u64>(0.1), buffer), "0.1");
  EXPECT_EQ(print_f64(std::bit_cast<u64>(1e22), buffer), "1e+22");
  EXPECT_EQ(print_f64(std::bit_cast<u64>(-1.5), buffer), "-1.5");
  EXPECT_EQ(print_f64(std::bit_cast<u64>(-0.0), buffer), "-0");
  EXPECT_EQ(print_f32(std::bit_cast<u32>(0.1f), buffer), "0.1");
  EXPECT_EQ(print_f32(0x7F80'0000, buffer), "inf");
  EXPECT_EQ(print_f32(0xFF80'0000, buffer), "-inf");
  EXPECT_EQ(print_f32(0x7FC0'0000, buffer), "nan");
  EXPECT_EQ(print_f32(0xFFC0'0000, buffer), "-nan");
  EXPECT_EQ(print_f32(0x7F80'0001, buffer), "nan:0x1");
  EXPECT_EQ(print_f64(0xFFFF'FFFF'FFFF'FFFF, buffer), "-nan:0xfffffffffffff");
  EXPECT_EQ(print_f64(0x7FF8'0000'0000'0000, buffer), "nan");
}

TEST(Numbers, PrintedFloatsReadBack) {
  std::mt19937_64 random(6);
  char buffer[32];
  std::vector<u64> interesting = {
      0, 1, 0x000F'FFFF'FFFF'FFFF, 0x0010'0000'0000'0000, 0x7FEF'FFFF'FFFF'FFFF, 0x7FF0'0000'0000'0001};
  for (int i = 0; i < 20000; ++i) interesting.push_back(random());
  for (const u64 bits : interesting) {
    ASSERT_EQ(parse_f64(print_f64(bits, buffer)), bits) << print_f64(bits, buffer);
    const u32 single = static_cast<u32>(bits);
    ASSERT_EQ(parse_f32(print_f32(single, buffer)), single) << print_f32(single, buffer);
  }
}

}  // namespace
}  // namespace lunabeam::vm::text
