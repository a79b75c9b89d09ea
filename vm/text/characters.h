// Classes of the characters that sources are made of (spec 3.0, "Text Format", "Lexical Format").
#pragma once

#include <array>
#include <string_view>

#include "vm/base/ints.h"

namespace lunabeam::vm::text {

inline constexpr u8 kIdChar = 1;         // May stand in identifiers, keywords and numbers.
inline constexpr u8 kSpaceChar = 2;      // Space, tab, LF, CR.
inline constexpr u8 kDigitChar = 4;      // 0-9.
inline constexpr u8 kHexChar = 8;        // 0-9, a-f, A-F.
inline constexpr u8 kPlainChar = 16;     // Stands for itself in a string.
inline constexpr u8 kReservedChar = 32;  // , ; [ ] { }: tokens of their own, in annotations only.

inline constexpr std::array<u8, 256> kCharClasses = [] {
  std::array<u8, 256> classes{};
  const auto mark = [&classes](std::string_view characters, u8 bits) {
    for (const char c : characters) classes[static_cast<u8>(c)] |= bits;
  };
  for (unsigned c = 0x20; c < 256; ++c) classes[c] = kPlainChar;
  for (const char c : std::string_view("\"\\\x7F")) classes[static_cast<u8>(c)] = 0;
  mark("0123456789", kIdChar | kDigitChar | kHexChar);
  mark("abcdefABCDEF", kIdChar | kHexChar);
  mark("ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ!#$%&'*+-./:<=>?@\\^_`|~", kIdChar);
  mark(" \t\n\r", kSpaceChar);
  mark(",;[]{}", kReservedChar);
  return classes;
}();

[[nodiscard]] constexpr bool is_char(char c, u8 classes) { return (kCharClasses[static_cast<u8>(c)] & classes) != 0; }
[[nodiscard]] constexpr bool is_id_char(char c) { return is_char(c, kIdChar); }
[[nodiscard]] constexpr bool is_digit(char c) { return is_char(c, kDigitChar); }
[[nodiscard]] constexpr bool is_hex_digit(char c) { return is_char(c, kHexChar); }

// REQUIRES is_hex_digit(c).
[[nodiscard]] constexpr u32 hex_value(char c) {
  return is_digit(c) ? static_cast<u32>(c - '0') : static_cast<u32>((c | 0x20) - 'a') + 10;
}

}  // namespace lunabeam::vm::text
