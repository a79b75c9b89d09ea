// Settings of Cargo.
#include "tools/lunabeam/cargo_config.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <vector>

namespace lunabeam::tools {
namespace {

constexpr std::string_view kTarget = "wasm32-wasip1";
constexpr std::string_view kProgram = "lunabeam";
constexpr std::string_view kRunner = "lunabeam run";
// Rust reserves 1 MiB for the shadow stack of each process; most need a few KiB.
constexpr std::string_view kHint =
    "# Every process has a shadow stack, 1 MiB unless told otherwise. Processes that need little take less memory with\n"
    "# rustflags = [\"-C\", \"link-arg=-zstack-size=65536\"]\n";

struct Line {
  std::string_view text;
  std::string table;                     // The header it stands below, "" at the top.
  bool is_header = false;                // ... of `table`, which begins here.
  std::string key;                       // Whole path, with the table's; empty: no setting begins here.
  std::optional<std::string_view> word;  // The value, if it is a string on this line.
};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

// a."b".c -> a.b.c, without blanks.
std::string path_of(std::string_view key) {
  std::string path;
  for (const char c : key) {
    if (c != '"' && c != '\'' && c != ' ' && c != '\t') path += c;
  }
  return path;
}

// Removes a comment, and counts brackets that stay open, in a line whose strings end in it.
std::string_view without_comment(std::string_view text, int& depth) {
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == '\\' && quote == '"') ++i;
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '#') {
      return text.substr(0, i);
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return text;
}

std::optional<std::string_view> string_value(std::string_view value) {
  if (value.size() < 2 || (value.front() != '"' && value.front() != '\'') || value.back() != value.front()) {
    return std::nullopt;
  }
  return value.substr(1, value.size() - 2);
}

std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  std::string table;
  std::string_view long_string;  // The quotes that end a string which spans lines.
  int depth = 0;                 // Brackets that are open.
  while (!text.empty()) {
    const size_t end = text.find('\n');
    Line line{.text = text.substr(0, end), .table = table, .key = {}, .word = {}};
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!long_string.empty()) {
      if (line.text.find(long_string) != std::string_view::npos) long_string = {};
      lines.push_back(std::move(line));
      continue;
    }
    for (const std::string_view quotes : {std::string_view("\"\"\""), std::string_view("'''")}) {
      const size_t begin = line.text.find(quotes);
      if (begin != std::string_view::npos && line.text.find(quotes, begin + 3) == std::string_view::npos) {
        long_string = quotes;
      }
    }
    const bool is_inside = depth > 0;
    const std::string_view bare = trimmed(without_comment(line.text, depth));
    if (!is_inside && bare.starts_with('[') && depth == 0) {
      table = path_of(bare.substr(1, bare.size() - 2));
      line.table = table;
      line.is_header = true;
    } else if (const size_t equals = bare.find('='); !is_inside && equals != std::string_view::npos) {
      line.key = (table.empty() ? "" : table + ".") + path_of(bare.substr(0, equals));
      line.word = string_value(trimmed(bare.substr(equals + 1)));
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string joined(const std::vector<Line>& lines) {
  std::string text;
  for (const Line& line : lines) text.append(line.text).append("\n");
  return text;
}

// Adds `table.key = "value"` to the text, beside what the table has already.
std::string with_setting(std::string_view text, const std::string& table, std::string_view key, std::string_view value,
                         std::string_view comment) {
  std::vector<Line> lines = lines_of(text);
  const std::string in_table = fmt::format("{} = \"{}\"", key, value);
  const std::string dotted = fmt::format("{}.{}", table, in_table);
  for (auto line = lines.begin(); line != lines.end(); ++line) {
    if (line->is_header && line->table == table) {
      lines.insert(std::next(line), Line{.text = in_table, .table = {}, .key = {}, .word = {}});
      return joined(lines);
    }
    // The table is written with dotted keys at the top.
    if (line->table.empty() && line->key.starts_with(table + ".")) {
      lines.insert(line, Line{.text = dotted, .table = {}, .key = {}, .word = {}});
      return joined(lines);
    }
  }
  std::string made(text);
  if (!made.empty() && !made.ends_with('\n')) made += '\n';
  return made + fmt::format("{}[{}]\n{}\n{}", made.empty() ? "" : "\n", table, in_table, comment);
}

struct Setting {
  std::string_view table;
  std::string_view key;
  std::string_view value;
  std::array<std::string_view, 2> old_values;  // Of lunatic: replaced.
  std::string_view comment;                    // Where the table is new.
};

constexpr Setting kSettings[] = {
    {"build", "target", kTarget, {}, {}},
    {"target.wasm32-wasip1", "runner", kRunner, {"lunatic run", "lunatic"}, kHint},
};

}  // namespace

CargoConfig with_our_settings(std::string_view existing) {
  CargoConfig config{.text = std::string(existing), .error = {}};
  for (const Setting& setting : kSettings) {
    const std::string table(setting.table);
    const std::string path = fmt::format("{}.{}", table, setting.key);
    std::vector<Line> lines = lines_of(config.text);
    bool is_set = false;
    std::string replaced;
    for (Line& line : lines) {
      if (line.key == table && !line.is_header) {
        config.error = fmt::format("{} is an inline table; add to it: {} = \"{}\"", table, setting.key, setting.value);
        return config;
      }
      if (line.key != path) continue;
      is_set = true;
      // A runner of ours may have options.
      if (line.word == setting.value || line.text.find(kProgram) != std::string_view::npos) continue;
      const bool is_old = line.word && !line.word->empty() &&
                          (*line.word == setting.old_values[0] || *line.word == setting.old_values[1]);
      if (!is_old) {
        config.error = fmt::format("{} is set already: {}", path, trimmed(line.text));
        return config;
      }
      replaced = fmt::format("{} \"{}\"", line.text.substr(0, line.text.find('=') + 1), setting.value);
      line.text = replaced;
    }
    if (!is_set) {
      config.text = with_setting(config.text, table, setting.key, setting.value, setting.comment);
    } else if (!replaced.empty()) {
      config.text = joined(lines);
    }
  }
  return config;
}

}  // namespace lunabeam::tools
