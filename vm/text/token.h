// Tokens of the text format (spec 3.0, "Text Format", "Lexical Format"; fact sheet 3.3). A whole source is cut into tokens once;
// readers walk the array, so that skipping a form and looking ahead cost nothing and nesting costs no stack.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "vm/base/ints.h"

namespace lunabeam::vm::text {

enum class TokenKind : u8 {
  kEnd,       // Behind the last token; exactly one, at the end.
  kOpen,      // (
  kClose,     // )
  kKeyword,   // Begins with a lower-case letter: also inf, nan, nan:0x12, offset=8, i32x4.
  kInteger,   // Optional sign, decimal or hexadecimal digits.
  kFloat,     // The same with a fraction or an exponent; +inf, -nan, +nan:0x12.
  kString,    // With its quotes; escapes are legal, not yet replaced.
  kId,        // $name, or $"any name" (is_quoted).
  kReserved,  // Inside annotations only: any other run of token characters, and , ; [ ] { }
};

// Invariant 1: the source is shorter than 4 GiB - 1, so that offsets fit.
struct Token {
  u32 begin;  // Byte offset in the source.
  u32 link;   // kOpen: index of the matching kClose; all others: offset behind the token.
  TokenKind kind;
  bool is_quoted = false;
};

// (@id ...): balanced by construction.
struct Annotation {
  std::string_view id;  // Decoded when quoted; points into the source or into TokenBuffer::decoded.
  u32 offset;           // Of its parenthesis.
  u32 before;           // Index of the token of the main sequence that follows it.
  u32 first, last;      // Its contents: [first, last) of TokenBuffer::annotation_tokens.
};

// Invariant 2: parentheses in `tokens` are balanced; kOpen tokens link to their kClose. Reserved tokens stand in annotations only.
// Invariant 3: annotations are sorted by `before`, then by offset; annotations nested in another one are just its contents.
struct TokenBuffer {
  std::string_view source;
  std::vector<Token> tokens;
  std::vector<Token> annotation_tokens;  // Links between them are indices into this vector.
  std::vector<Annotation> annotations;
  std::unordered_map<u32, std::string> decoded;  // Quoted identifiers and annotation ids, by the offset of their token.

  // The characters of a token. REQUIRES: not kOpen.
  [[nodiscard]] std::string_view text(const Token& token) const {
    return source.substr(token.begin, token.link - token.begin);
  }
  // The name of an identifier, `$` taken off, escapes replaced. Stable as long as the buffer and its source live.
  [[nodiscard]] std::string_view id(const Token& token) const {
    if (token.is_quoted) return decoded.at(token.begin);
    return text(token).substr(1);
  }
};

}  // namespace lunabeam::vm::text
