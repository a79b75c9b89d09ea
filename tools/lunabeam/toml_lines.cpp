// Lines of TOML.
#include "tools/lunabeam/toml_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace lunabeam::tools {
namespace {

using Error = const char*;  // nullptr: none.

constexpr size_t kMostNameBytes = 1024;
constexpr std::string_view kLettersAndDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

bool is_one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }
bool is_letter_or_digit(char c) { return is_one_of(c, kLettersAndDigits); }
bool is_quote(char c) { return c == '"' || c == '\''; }

// Index behind the string that `end` closes, which is text[from] or later. npos: it does not end in this text.
size_t behind_string(std::string_view text, size_t from, std::string_view end) {
  for (size_t i = from; i < text.size(); ++i) {
    if (text[i] == '\\' && end[0] == '"') {
      ++i;
    } else if (text.substr(i).starts_with(end)) {
      i += end.size();
      // Long strings may end in quotes of their own.
      for (int extra = 0; extra < 2 && end.size() == 3 && i < text.size() && text[i] == end[0]; ++extra) ++i;
      return i;
    }
  }
  return std::string_view::npos;
}

// Takes a.'b'."c" off the front of the text, and blanks behind it. Error: it does not begin with a key.
Error take_key(std::string_view& text, std::string& path) {
  for (;;) {
    text = trimmed(text);
    size_t size = 0;
    if (!text.empty() && is_quote(text[0])) {
      size = behind_string(text, 1, text.substr(0, 1));
      if (size == std::string_view::npos) return "a string without an end";
      path += text.substr(1, size - 2);
    } else {
      while (size < text.size() && (is_letter_or_digit(text[size]) || is_one_of(text[size], "_-"))) ++size;
      if (size == 0) return "neither a table nor a setting";
      path += text.substr(0, size);
    }
    // Every line below a header has a copy of its name.
    if (path.size() > kMostNameBytes) return "a name that is too long";
    text = trimmed(text.substr(size));
    if (!text.starts_with('.')) return nullptr;
    path += '.';
    text.remove_prefix(1);
  }
}

// true, 1_000, -1.5e3, 0xFF, inf, 1979-05-27 07:32:00Z
bool is_scalar(std::string_view text) {
  if (text == "true" || text == "false") return true;
  const std::string_view unsigned_text = text.starts_with('+') || text.starts_with('-') ? text.substr(1) : text;
  if (unsigned_text == "inf" || unsigned_text == "nan") return true;
  return !unsigned_text.empty() && is_one_of(unsigned_text[0], "0123456789") &&
         std::ranges::all_of(unsigned_text, [](char c) { return is_letter_or_digit(c) || is_one_of(c, "_+-.: "); });
}

// The value that is being read, which may span lines.
class Value {
 public:
  [[nodiscard]] bool is_open() const { return !long_string_.empty() || !brackets_.empty(); }
  void begin() { is_complete_ = false; }

  // Goes through a line's part of it, up to the comment; *size is how long that is.
  Error read(std::string_view text, size_t& size) {
    size = text.size();
    for (size_t i = 0; i < text.size();) {
      if (!long_string_.empty()) {
        i = behind_string(text, i, long_string_);
        if (i == std::string_view::npos) return nullptr;
        end_string();
        continue;
      }
      const char c = text[i];
      if (c == '#') {
        size = i;
        break;
      }
      if (is_one_of(c, " \t\r")) {
        ++i;
        continue;
      }
      if (is_complete_) return "text behind the end of a value";
      if (is_quote(c)) {
        long_string_ = text.substr(i, 3) == std::string(3, c) ? (c == '"' ? "\"\"\"" : "'''") : (c == '"' ? "\"" : "'");
        i += long_string_.size();
        const size_t end = behind_string(text, i, long_string_);
        if (end == std::string_view::npos) return long_string_.size() == 1 ? "a string without an end" : nullptr;
        i = end;
        end_string();
      } else if (is_one_of(c, "[{")) {
        brackets_ += c == '[' ? ']' : '}';
        ++i;
      } else if (is_one_of(c, "]}")) {
        if (brackets_.empty() || brackets_.back() != c) return "a bracket that nothing has opened";
        brackets_.pop_back();
        is_complete_ = brackets_.empty();
        ++i;
      } else if (brackets_.empty()) {
        const size_t end = std::min(text.find('#', i), text.size());
        if (!is_scalar(trimmed(text.substr(i, end - i)))) return "a value that is none";
        is_complete_ = true;
        i = end;
      } else {
        ++i;
      }
    }
    return is_complete_ || is_open() ? nullptr : "a setting without a value";
  }

 private:
  void end_string() {
    long_string_ = {};
    is_complete_ = brackets_.empty();
  }

  std::string_view long_string_;  // What ends the string that is open.
  std::string brackets_;          // What closes those that are open, innermost last.
  bool is_complete_ = true;
};

std::optional<std::string_view> string_value(std::string_view value) {
  if (value.size() < 2 || !is_quote(value.front()) || value.back() != value.front()) return std::nullopt;
  return value.substr(1, value.size() - 2);
}

// Erases what begins with "path.".
void erase_below(std::set<std::string>& names, const std::string& path) {
  const char behind_dot = '.' + 1;
  names.erase(names.lower_bound(path + '.'), names.lower_bound(path + behind_dot));
}

class Reader {
 public:
  Error add(std::string_view text) {
    TomlLine line{.text = text, .table = table_, .word = std::nullopt};
    if (const Error error = read(line); error != nullptr) return error;
    lines_.push_back(std::move(line));
    return nullptr;
  }
  [[nodiscard]] bool is_open() const { return value_.is_open(); }
  [[nodiscard]] std::vector<TomlLine> take() { return std::move(lines_); }

 private:
  Error read(TomlLine& line) {
    const auto is_control = [](char c) { return (static_cast<u8>(c) < 0x20 && c != '\t') || c == 0x7F; };
    if (std::ranges::any_of(line.text.ends_with('\r') ? line.text.substr(0, line.text.size() - 1) : line.text,
                            is_control)) {
      return "a control character";
    }
    size_t size = 0;
    if (value_.is_open()) return value_.read(line.text, size);
    std::string_view rest = trimmed(line.text);
    if (rest.empty() || rest[0] == '#') return nullptr;
    if (rest[0] == '[') return read_header(rest, line);
    if (!table_.empty()) line.key = table_ + '.';
    if (const Error error = take_key(rest, line.key); error != nullptr) return error;
    if (!rest.starts_with('=')) return "neither a table nor a setting";
    if (tables_.contains(line.key) || !keys_.insert(line.key).second) return "a setting that is there twice";
    rest.remove_prefix(1);
    value_.begin();
    if (const Error error = value_.read(rest, size); error != nullptr) return error;
    if (!value_.is_open()) line.word = string_value(trimmed(rest.substr(0, size)));
    return nullptr;
  }

  Error read_header(std::string_view rest, TomlLine& line) {
    const std::string_view end = rest.starts_with("[[") ? "]]" : "]";
    rest.remove_prefix(end.size());
    std::string path;
    if (const Error error = take_key(rest, path); error != nullptr) return error;
    if (!rest.starts_with(end)) return "the header of a table without an end";
    rest = trimmed(rest.substr(end.size()));
    if (!rest.empty() && rest[0] != '#') return "text behind the header of a table";
    if (end.size() == 2) {  // One more element, with tables and settings of its own.
      erase_below(keys_, path);
      erase_below(tables_, path);
    } else if (!tables_.insert(path).second) {
      return "a table that is there twice";
    }
    if (keys_.contains(path)) return "a table that is there twice";
    table_ = line.table = path;
    line.is_header = true;
    return nullptr;
  }

  std::vector<TomlLine> lines_;
  std::string table_;
  std::set<std::string> tables_;
  std::set<std::string> keys_;
  Value value_;
};

}  // namespace

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_one_of(text.front(), " \t")) text.remove_prefix(1);
  while (!text.empty() && is_one_of(text.back(), " \t\r")) text.remove_suffix(1);
  return text;
}

TomlLines read_toml_lines(std::string_view text) {
  Reader reader;
  Error error = nullptr;
  u64 number = 0;
  while (!text.empty() && error == nullptr) {
    const size_t end = text.find('\n');
    error = reader.add(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
  }
  if (error == nullptr && reader.is_open()) error = "a value without an end";
  return {.lines = reader.take(), .error = error == nullptr ? "" : fmt::format("line {}: {}", number, error)};
}

}  // namespace lunabeam::tools
