#include "tools/lunabeam-spectest/text.h"

#include <fmt/format.h>

namespace lunabeam::spectest {
namespace {

// Bytes of the UTF-8 sequence that begins at text[at]; 0: there is none. Overlong forms and surrogates pass: this is for eyes.
size_t sequence_length(std::string_view text, size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const size_t length = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
  if (length == 0 || at + length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[at + i]) & 0xC0) != 0x80) return 0;
  }
  return length;
}

}  // namespace

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  for (;;) {
    const size_t at = text.find(separator);
    pieces.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return pieces;
    text.remove_prefix(at + 1);
  }
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string one_line(std::string_view text, size_t max_bytes) {
  std::string line;
  for (size_t i = 0; i < text.size();) {
    if (line.size() >= max_bytes) return line + "...";
    const size_t length = sequence_length(text, i);
    const auto byte = static_cast<unsigned char>(text[i]);
    if (length == 0 || byte < 0x20 || byte == 0x7F) {
      line += fmt::format("\\{:02x}", byte);
      ++i;
    } else {
      line += text.substr(i, length);
      i += length;
    }
  }
  return line;
}

bool glob_matches(std::string_view pattern, std::string_view path) {
  // Backtracks to the latest star only, or from a `*` that met a slash to the latest `**`.
  constexpr size_t kNone = std::string_view::npos;
  size_t p = 0, s = 0;
  size_t star = kNone, star_at = 0, deep = kNone, deep_at = 0;
  for (;;) {
    if (p < pattern.size() && pattern[p] == '*') {
      if (p + 1 < pattern.size() && pattern[p + 1] == '*') {
        p += 2;
        deep = p;
        deep_at = s;
        star = kNone;
      } else {
        star = ++p;
        star_at = s;
      }
    } else if (s < path.size() && p < pattern.size() && pattern[p] == path[s]) {
      ++p;
      ++s;
    } else if (s == path.size() && p == pattern.size()) {
      return true;
    } else if (star != kNone && star_at < path.size() && path[star_at] != '/') {
      p = star;
      s = ++star_at;
    } else if (deep != kNone && deep_at < path.size()) {
      p = deep;
      s = ++deep_at;
      star = kNone;
    } else {
      return false;
    }
  }
}

}  // namespace lunabeam::spectest
