// Decimal floats are brought into one shape first (significant digits without leading zeros, exponent of the last one), which
// std::from_chars rounds correctly in its safe range; what lies far outside is decided here, because from_chars reports overflow
// and underflow alike. Hexadecimal floats are rounded here: 64 bits and a sticky one are always enough.
#include "vm/text/numbers.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <limits>

#include "vm/base/check.h"
#include "vm/text/characters.h"

namespace lunabeam::vm::text {
namespace {

// Exponents are clamped here: no source is long enough to bring a number back from there.
constexpr i64 kMaxExponent = i64{1} << 40;

// A binary interchange format (IEEE 754-2019, 3.4).
struct Single {
  using Value = f32;
  using Bits = u32;
  static constexpr int kMantissaBits = 23;
  static constexpr int kBias = 127;
};
struct Double {
  using Value = f64;
  using Bits = u64;
  static constexpr int kMantissaBits = 52;
  static constexpr int kBias = 1023;
};

template <class Format>
constexpr typename Format::Bits kInfinity = typename Format::Bits{2 * Format::kBias + 1} << Format::kMantissaBits;
template <class Format>
constexpr typename Format::Bits kSign = typename Format::Bits{1} << (sizeof(typename Format::Bits) * 8 - 1);
template <class Format>
constexpr typename Format::Bits kQuiet = typename Format::Bits{1} << (Format::kMantissaBits - 1);

// Takes a sign off.
bool take_sign(std::string_view& text) {
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return false;
  const bool is_negative = text[0] == '-';
  text.remove_prefix(1);
  return is_negative;
}

bool take_hex_prefix(std::string_view& text) {
  if (!text.starts_with("0x")) return false;
  text.remove_prefix(2);
  return true;
}

// Digits with underscores between them, all of `text`.
std::optional<u64> parse_digits(std::string_view text, u32 base, u64 max) {
  const u8 digits = base == 16 ? kHexChar : kDigitChar;
  u64 value = 0;
  bool after_digit = false;
  for (const char c : text) {
    if (c == '_' && after_digit) {
      after_digit = false;
      continue;
    }
    if (!is_char(c, digits)) return std::nullopt;
    after_digit = true;
    const u32 digit = hex_value(c);
    if (digit > max || value > (max - digit) / base) return std::nullopt;
    value = value * base + digit;
  }
  if (!after_digit) return std::nullopt;
  return value;
}

std::optional<u64> parse_magnitude(std::string_view text, u64 max) {
  const bool is_hex = take_hex_prefix(text);
  return parse_digits(text, is_hex ? 16 : 10, max);
}

// The parts of a float's text, whose shape is checked as they are found.
struct FloatParts {
  std::string_view whole;     // Digits and underscores.
  std::string_view fraction;  // The same, may be empty.
  i64 exponent = 0;           // Clamped to +-kMaxExponent.
};

// Takes the digits and underscores off the front. False: underscores stand wrong.
bool take_digits(std::string_view& text, u8 classes, std::string_view& digits) {
  size_t length = 0;
  while (length < text.size() && (is_char(text[length], classes) || text[length] == '_')) ++length;
  digits = text.substr(0, length);
  text.remove_prefix(length);
  return digits.empty() || (digits.front() != '_' && digits.back() != '_' && !digits.contains("__"));
}

std::optional<FloatParts> split(std::string_view text, bool is_hex) {
  const u8 classes = is_hex ? kHexChar : kDigitChar;
  FloatParts parts;
  if (!take_digits(text, classes, parts.whole) || parts.whole.empty()) return std::nullopt;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (!take_digits(text, classes, parts.fraction)) return std::nullopt;
  }
  if (text.empty()) return parts;
  if ((text[0] | 0x20) != (is_hex ? 'p' : 'e')) return std::nullopt;
  text.remove_prefix(1);
  const bool is_negative = take_sign(text);
  std::string_view digits;
  if (!take_digits(text, kDigitChar, digits) || digits.empty() || !text.empty()) return std::nullopt;
  for (const char c : digits) {
    if (c != '_') parts.exponent = std::min(parts.exponent * 10 + (c - '0'), kMaxExponent);
  }
  if (is_negative) parts.exponent = -parts.exponent;
  return parts;
}

// --- Hexadecimal ---

// mantissa * 2^exponent, plus something below the last bit when sticky, to nearest even; nullopt: overflow.
template <class Format>
std::optional<typename Format::Bits> round_binary(u64 mantissa, bool sticky, i64 exponent) {
  using Bits = typename Format::Bits;
  constexpr int kPrecision = Format::kMantissaBits + 1;
  if (mantissa == 0) return Bits{0};
  const int zeros = std::countl_zero(mantissa);
  mantissa <<= zeros;
  exponent += 63 - zeros;  // Now the value is mantissa * 2^(exponent - 63), 1 <= mantissa / 2^63 < 2.
  if (exponent > Format::kBias) return std::nullopt;
  // Bits that the format has no room for; subnormal numbers lose one more per step below the least exponent.
  const i64 lost = 64 - kPrecision + std::max<i64>(0, 1 - Format::kBias - exponent);
  if (lost > 64) return Bits{0};
  const u64 kept = lost == 64 ? 0 : mantissa >> lost;
  const u64 half = u64{1} << (lost - 1);
  const u64 rest = mantissa & ((half - 1) | half);
  const bool rounds_up = rest > half || (rest == half && (sticky || (kept & 1) != 0));
  // The leading bit of a normal number adds one to the biased exponent; so does the carry of rounding.
  const u64 biased = exponent < 1 - Format::kBias ? 0 : static_cast<u64>(exponent + Format::kBias - 1);
  const u64 bits = (biased << Format::kMantissaBits) + kept + (rounds_up ? 1 : 0);
  if (bits >= kInfinity<Format>) return std::nullopt;
  return static_cast<Bits>(bits);
}

template <class Format>
std::optional<typename Format::Bits> parse_hex_float(const FloatParts& parts) {
  u64 mantissa = 0;
  bool sticky = false;
  i64 exponent = 0;  // Of two, of the mantissa's last bit, without the written one.
  const auto take = [&](std::string_view digits, bool is_fraction) {
    for (const char c : digits) {
      if (c == '_') continue;
      const u32 digit = hex_value(c);
      if (mantissa >> 60 == 0) {
        mantissa = mantissa << 4 | digit;
        if (is_fraction) exponent -= 4;
      } else {
        sticky |= digit != 0;
        if (!is_fraction) exponent += 4;
      }
    }
  };
  take(parts.whole, false);
  take(parts.fraction, true);
  return round_binary<Format>(mantissa, sticky, exponent + parts.exponent);
}

// --- Decimal ---

// More digits than any halfway case of f64 has (767); what follows only says that there is more.
constexpr size_t kMaxDigits = 780;

template <class Format>
std::optional<typename Format::Bits> parse_decimal_float(const FloatParts& parts) {
  using Bits = typename Format::Bits;
  char buffer[kMaxDigits + 32];
  size_t count = 0;
  bool sticky = false;
  i64 exponent = 0;  // Of ten, of the last digit kept, without the written one.
  const auto take = [&](std::string_view digits, bool is_fraction) {
    for (const char c : digits) {
      if (c == '_') continue;
      if (count == 0 && c == '0') {
        if (is_fraction) --exponent;
      } else if (count < kMaxDigits) {
        buffer[count++] = c;
        if (is_fraction) --exponent;
      } else {
        sticky |= c != '0';
        if (!is_fraction) ++exponent;
      }
    }
  };
  take(parts.whole, false);
  take(parts.fraction, true);
  if (count == 0) return Bits{0};
  if (sticky) {
    buffer[count++] = '1';
    --exponent;
  }
  exponent += parts.exponent;
  // 10^leading <= value < 10^(leading + 1).
  const i64 leading = exponent + static_cast<i64>(count) - 1;
  if (leading > std::numeric_limits<typename Format::Value>::max_exponent10) return std::nullopt;
  if (leading < std::numeric_limits<typename Format::Value>::min_exponent10 -
                    std::numeric_limits<typename Format::Value>::max_digits10) {
    return Bits{0};
  }
  buffer[count++] = 'e';
  const char* const end = std::to_chars(buffer + count, buffer + sizeof buffer, exponent).ptr;
  typename Format::Value value = 0;
  const std::from_chars_result result = std::from_chars(buffer, end, value);
  if (result.ec == std::errc::result_out_of_range) {
    // Either side, and nothing else can be out of range this close.
    if (leading > 0) return std::nullopt;
    return Bits{0};
  }
  VM_CHECK(result.ec == std::errc{} && result.ptr == end);
  const Bits bits = std::bit_cast<Bits>(value);
  if (bits >= kInfinity<Format>) return std::nullopt;
  return bits;
}

template <class Format>
std::optional<typename Format::Bits> parse_float(std::string_view text) {
  using Bits = typename Format::Bits;
  const Bits sign = take_sign(text) ? kSign<Format> : Bits{0};
  if (text == "inf") return sign | kInfinity<Format>;
  if (text == "nan") return sign | kInfinity<Format> | kQuiet<Format>;
  if (text.starts_with("nan:0x")) {
    const std::optional<u64> payload = parse_digits(text.substr(6), 16, (u64{1} << Format::kMantissaBits) - 1);
    if (!payload || *payload == 0) return std::nullopt;
    return static_cast<Bits>(sign | kInfinity<Format> | *payload);
  }
  const bool is_hex = take_hex_prefix(text);
  const std::optional<FloatParts> parts = split(text, is_hex);
  if (!parts) return std::nullopt;
  const std::optional<Bits> magnitude = is_hex ? parse_hex_float<Format>(*parts) : parse_decimal_float<Format>(*parts);
  if (!magnitude) return std::nullopt;
  return sign | *magnitude;
}

template <class Format>
std::string_view print_float(typename Format::Bits bits, char (&buffer)[32]) {
  using Bits = typename Format::Bits;
  char* cur = buffer;
  const auto put = [&cur](std::string_view text) { cur = std::ranges::copy(text, cur).out; };
  if ((bits & kSign<Format>) != 0) put("-");
  const Bits magnitude = bits & ~kSign<Format>;
  if (magnitude == kInfinity<Format>) {
    put("inf");
  } else if (magnitude < kInfinity<Format>) {
    cur = std::to_chars(cur, buffer + sizeof buffer, std::bit_cast<typename Format::Value>(magnitude)).ptr;
  } else {
    put("nan");
    const Bits payload = magnitude - kInfinity<Format>;
    if (payload != kQuiet<Format>) {
      put(":0x");
      cur = std::to_chars(cur, buffer + sizeof buffer, payload, 16).ptr;
    }
  }
  return {buffer, static_cast<size_t>(cur - buffer)};
}

}  // namespace

std::optional<u64> parse_unsigned(std::string_view text, u64 max) { return parse_magnitude(text, max); }

std::optional<u64> parse_integer(std::string_view text, unsigned bits) {
  VM_DCHECK(bits >= 1 && bits <= 64);
  const u64 mask = ~u64{0} >> (64 - bits);
  const bool is_negative = take_sign(text);
  const std::optional<u64> magnitude = parse_magnitude(text, is_negative ? mask / 2 + 1 : mask);
  if (!magnitude) return std::nullopt;
  return is_negative ? (~*magnitude + 1) & mask : *magnitude;
}

std::optional<u32> parse_f32(std::string_view text) { return parse_float<Single>(text); }
std::optional<u64> parse_f64(std::string_view text) { return parse_float<Double>(text); }

std::string_view print_f32(u32 bits, char (&buffer)[32]) { return print_float<Single>(bits, buffer); }
std::string_view print_f64(u64 bits, char (&buffer)[32]) { return print_float<Double>(bits, buffer); }

}  // namespace lunabeam::vm::text
