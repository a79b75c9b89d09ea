// Where the printer puts its text: appends to one string, escapes strings and identifiers, indents.
#pragma once

#include <charconv>
#include <string>
#include <string_view>

#include "vm/base/ints.h"

namespace lunabeam::vm::text {

// A name from the custom section `name`, as an identifier. Empty: there is none, an index stands for it.
struct Identifier {
  std::string_view name;   // Without `$`; points into the module's bytes.
  bool is_quoted = false;  // Not all of its characters are identifier characters: written as $"...".
  bool is_shared = false;  // Other items of its space have the name too: it identifies none of them.
  [[nodiscard]] bool empty() const { return name.empty(); }
};

// REQUIRES: `name` is UTF-8.
[[nodiscard]] Identifier make_identifier(std::string_view name);

class TextOutput {
 public:
  // Nesting deeper than this is not indented further, so that text stays linear in the depth.
  static constexpr u32 kMaxIndentedDepth = 40;

  void text(std::string_view characters) { text_.append(characters); }
  void character(char c) { text_.push_back(c); }
  void number(u64 value) { append_number(value); }
  void signed_number(i64 value) { append_number(value); }
  void hexadecimal(u32 value);  // 0x and eight digits.
  // Begins a line that is indented by `depth` levels.
  void line(u32 depth) {
    text_.push_back('\n');
    text_.append(2 * (depth < kMaxIndentedDepth ? depth : kMaxIndentedDepth), ' ');
  }
  // Quoted. Bytes that are neither printable ASCII nor blanks are escaped one by one.
  void bytes(std::string_view bytes);
  // Quoted. Code points stay as they are, but for control and invisible formatting characters. REQUIRES: UTF-8.
  void name(std::string_view name);
  void identifier(const Identifier& identifier);

  [[nodiscard]] size_t size() const { return text_.size(); }
  [[nodiscard]] std::string_view since(size_t begin) const { return std::string_view(text_).substr(begin); }
  void insert(size_t at, std::string_view characters) { text_.insert(at, characters); }
  void truncate(size_t size) { text_.resize(size); }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  template <class T>
  void append_number(T value) {
    char digits[24];
    const auto result = std::to_chars(digits, digits + sizeof digits, value);
    text_.append(digits, result.ptr);
  }
  bool append_escape(char c);  // \t \n \r \" \\; false: another character.

  std::string text_;
};

}  // namespace lunabeam::vm::text
