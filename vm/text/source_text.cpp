#include "vm/text/source_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "vm/decode/utf8.h"

namespace lunabeam::vm::text {
namespace {

constexpr size_t kWindow = 160;  // Columns of the offending line that are shown.

[[nodiscard]] bool is_continuation(char c) { return (static_cast<u8>(c) & 0xC0) == 0x80; }
// LF, CR and CR LF end a line, as for line comments.
[[nodiscard]] bool ends_line(std::string_view source, size_t at) {
  return source[at] == '\n' || (source[at] == '\r' && (at + 1 == source.size() || source[at + 1] != '\n'));
}

// Code points in `text`; bytes that are not UTF-8 count as they come.
size_t count_points(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return !is_continuation(c); }));
}

// Offset of the line that holds `offset`.
size_t line_begin(std::string_view source, size_t offset) {
  while (offset > 0 && !ends_line(source, offset - 1)) --offset;
  return offset;
}

// Bytes of `count` code points from the front, or from the back, at most all.
size_t points_prefix(std::string_view text, size_t count) {
  size_t at = 0;
  for (; at < text.size(); ++at) {
    if (!is_continuation(text[at]) && count-- == 0) break;
  }
  return at;
}
size_t points_suffix(std::string_view text, size_t count) {
  size_t at = text.size();
  while (at > 0 && count > 0) {
    --at;
    if (!is_continuation(text[at])) --count;
  }
  return text.size() - at;
}

// As many columns as count_points() says, on every terminal: control characters become spaces, bad sequences question marks.
std::string printable(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const u8 lead = static_cast<u8>(text[at]);
    if (lead < 0x80) {
      out.push_back(lead < 0x20 || lead == 0x7F ? ' ' : text[at]);
      ++at;
      continue;
    }
    size_t length = 1;
    while (at + length < text.size() && is_continuation(text[at + length])) ++length;
    const std::string_view point = text.substr(at, length);
    // C1 control characters move a terminal's cursor too.
    const bool is_control = lead == 0xC2 && length == 2 && static_cast<u8>(text[at + 1]) < 0xA0;
    if (!is_utf8(point)) {
      if (!is_continuation(text[at])) out.push_back('?');
    } else if (is_control) {
      out.push_back(' ');
    } else {
      out += point;
    }
    at += length;
  }
  return out;
}

}  // namespace

LineColumn line_column(std::string_view source, u64 offset) {
  const size_t at = std::min<u64>(offset, source.size());
  u32 line = 1;
  for (size_t i = 0; i < at; ++i) line += ends_line(source, i) ? 1 : 0;
  const size_t begin = line_begin(source, at);
  return {line, static_cast<u32>(count_points(source.substr(begin, at - begin))) + 1};
}

std::string describe(const Error& error, std::string_view source) {
  if (error.offset == Error::kNoOffset) return error.message();
  const LineColumn place = line_column(source, error.offset);
  const std::string message = Error{error.code, Error::kNoOffset, error.detail}.message();

  const size_t at = std::min<u64>(error.offset, source.size());
  const size_t begin = line_begin(source, at);
  const std::string_view before = source.substr(begin, at - begin);
  const std::string_view rest = source.substr(at);
  const std::string_view after = rest.substr(0, std::min(rest.find_first_of("\r\n"), rest.size()));

  // The place stands in the middle of the window, unless one side needs less than its half.
  const size_t points_before = count_points(before);
  const size_t points_after = count_points(after);
  size_t left = kWindow / 2;
  if (points_after < kWindow - left) left = kWindow - points_after;
  left = std::min(left, points_before);
  const size_t right = std::min(points_after, kWindow - left);
  const std::string_view shown_before = before.substr(before.size() - points_suffix(before, left));
  const std::string_view shown_after = after.substr(0, points_prefix(after, right));
  return fmt::format("{}:{}: {}\n{}{}\n{:>{}}", place.line, place.column, message, printable(shown_before),
                     printable(shown_after), "^", left + 1);
}

}  // namespace lunabeam::vm::text
