#include "vm/text/cursor.h"

#include <fmt/format.h>

#include <algorithm>

#include "vm/decode/utf8.h"
#include "vm/text/lexer.h"

namespace lunabeam::vm::text {
namespace {

constexpr size_t kShownToken = 40;  // Bytes of a token that a message repeats.

std::string shown(const TokenBuffer& buffer, const Token& token) {
  switch (token.kind) {
    case TokenKind::kEnd: return "end of source";
    case TokenKind::kOpen: return "`(`";
    default: break;
  }
  const std::string_view text = buffer.text(token);
  if (text.size() <= kShownToken) return fmt::format("`{}`", text);
  size_t length = kShownToken;
  while (length > 0 && (static_cast<u8>(text[length]) & 0xC0) == 0x80) --length;
  return fmt::format("`{}...`", text.substr(0, length));
}

}  // namespace

bool Cursor::expect_string(std::string& bytes) {
  if (kind() != TokenKind::kString) return unexpected();
  append_string(text(), bytes);
  next();
  return true;
}

bool Cursor::expect_name(std::string& name) {
  const u32 at = offset();
  const size_t old_size = name.size();
  if (!expect_string(name)) return false;
  return is_utf8(std::string_view(name).substr(old_size)) || fail(ErrorCode::kMalformedUtf8, at);
}

std::span<const Annotation> Cursor::annotations_before(u32 index) const {
  const auto found = std::ranges::equal_range(buffer_->annotations, index, {}, &Annotation::before);
  return {found.begin(), found.end()};
}

bool Cursor::unexpected() { return fail(ErrorCode::kUnexpectedToken, offset(), shown(*buffer_, peek())); }

}  // namespace lunabeam::vm::text
