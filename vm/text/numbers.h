// Numbers of the text format to bits (spec 3.0, "Text Format", "Values"). `_` between digits, hexadecimal forms, inf, nan, nan:0x...
// All functions answer nullopt when the text is no number of that kind, or when it is out of range; which of the two, the token's
// kind tells: the lexer has checked the shape of kInteger and kFloat tokens.
#pragma once

#include <optional>
#include <string_view>

#include "vm/base/ints.h"

namespace lunabeam::vm::text {

// Unsigned, no sign allowed: indices, limits, offsets, alignments.
[[nodiscard]] std::optional<u64> parse_unsigned(std::string_view text, u64 max);
// Signed or unsigned range of `bits` bits (8, 16, 32, 64): the bits, zero-extended.
[[nodiscard]] std::optional<u64> parse_integer(std::string_view text, unsigned bits);
// Correctly rounded to nearest even, decimal and hexadecimal, any length; overflow to infinity is out of range.
[[nodiscard]] std::optional<u32> parse_f32(std::string_view text);
[[nodiscard]] std::optional<u64> parse_f64(std::string_view text);

// Text that parse_f32 and parse_f64 read back to the same bits: shortest decimal form for finite values, inf, nan, nan:0x...
[[nodiscard]] std::string_view print_f32(u32 bits, char (&buffer)[32]);
[[nodiscard]] std::string_view print_f64(u64 bits, char (&buffer)[32]);

}  // namespace lunabeam::vm::text
