#include "vm/text/printer_output.h"

#include <array>

namespace lunabeam::vm::text {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

constexpr auto kIdCharacters = [] {
  std::array<bool, 256> table{};
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned c = 'A'; c <= 'Z'; ++c) table[c] = table[c + 32] = true;
  for (const char c : std::string_view("!#$%&'*+-./:<=>?@\\^_`|~")) table[static_cast<u8>(c)] = true;
  return table;
}();

// Characters that would change how a terminal or an editor shows what stands around them.
[[nodiscard]] constexpr bool is_invisible(u32 code_point) {
  return code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0) || code_point == 0xAD ||
         (code_point >= 0x200B && code_point <= 0x200F) || (code_point >= 0x2028 && code_point <= 0x202E) ||
         (code_point >= 0x2060 && code_point <= 0x206F) || code_point == 0xFEFF || code_point >= 0xE0000;
}

// Reads the code point at text[at] and advances `at` behind it. REQUIRES: UTF-8.
[[nodiscard]] u32 next_code_point(std::string_view text, size_t& at) {
  const u8 lead = static_cast<u8>(text[at++]);
  if (lead < 0x80) return lead;
  const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
  u32 code_point = lead & (0x3Fu >> more);
  for (int i = 0; i < more; ++i) code_point = code_point << 6 | (static_cast<u8>(text[at++]) & 0x3F);
  return code_point;
}

}  // namespace

Identifier make_identifier(std::string_view name) {
  Identifier id{name};
  for (const char c : name) id.is_quoted |= !kIdCharacters[static_cast<u8>(c)];
  return id;
}

void TextOutput::hexadecimal(u32 value) {
  text_.append("0x");
  for (int shift = 28; shift >= 0; shift -= 4) text_.push_back(kHexDigits[value >> shift & 15]);
}

bool TextOutput::append_escape(char c) {
  switch (c) {
    case '\t': text_.append("\\t"); return true;
    case '\n': text_.append("\\n"); return true;
    case '\r': text_.append("\\r"); return true;
    case '"': text_.append("\\\""); return true;
    case '\\': text_.append("\\\\"); return true;
    default: return false;
  }
}

void TextOutput::bytes(std::string_view bytes) {
  text_.push_back('"');
  for (const char c : bytes) {
    const u8 byte = static_cast<u8>(c);
    if (append_escape(c)) continue;
    if (byte >= 0x20 && byte < 0x7F) {
      text_.push_back(c);
    } else {
      const char escape[] = {'\\', kHexDigits[byte >> 4], kHexDigits[byte & 15]};
      text_.append(escape, sizeof escape);
    }
  }
  text_.push_back('"');
}

void TextOutput::name(std::string_view name) {
  text_.push_back('"');
  for (size_t at = 0; at < name.size();) {
    const size_t begin = at;
    const u32 code_point = next_code_point(name, at);
    if (append_escape(name[begin])) continue;
    if (!is_invisible(code_point)) {
      text_.append(name.substr(begin, at - begin));
      continue;
    }
    char digits[8];
    const auto result = std::to_chars(digits, digits + sizeof digits, code_point, 16);
    text_.append("\\u{");
    text_.append(digits, result.ptr);
    text_.push_back('}');
  }
  text_.push_back('"');
}

void TextOutput::identifier(const Identifier& identifier) {
  text_.push_back('$');
  if (identifier.is_quoted) {
    name(identifier.name);
  } else {
    text_.append(identifier.name);
  }
}

}  // namespace lunabeam::vm::text
