// Settings of Cargo.
#include "tools/lunabeam/cargo_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <vector>

#include "tools/lunabeam/toml_lines.h"

namespace lunabeam::tools {
namespace {

constexpr std::string_view kTarget = "wasm32-wasip1";
constexpr std::string_view kProgram = "lunabeam";
constexpr std::string_view kRunner = "lunabeam run";
// Rust reserves 1 MiB for the shadow stack of each process; most need a few KiB.
constexpr std::string_view kHint =
    "# Every process has a shadow stack, 1 MiB unless told otherwise. Processes that need little take less memory with\n"
    "# rustflags = [\"-C\", \"link-arg=-zstack-size=65536\"]\n";

std::string joined(const std::vector<TomlLine>& lines) {
  std::string text;
  for (const TomlLine& line : lines) text.append(line.text).append("\n");
  return text;
}

// Whether the path names a table around `table`, or the table itself.
bool is_around(std::string_view path, std::string_view table) {
  return path.empty() || path == table || (table.starts_with(path) && table[path.size()] == '.');
}

// Adds `table.key = "value"` to the text, beside what the table has already.
// REQUIRES: read_toml_lines(text) has no error.
std::string with_setting(std::string_view text, const std::string& table, std::string_view key, std::string_view value,
                         std::string_view comment) {
  std::vector<TomlLine> lines = read_toml_lines(text).lines;
  const std::string in_table = fmt::format("{} = \"{}\"", key, value);
  for (auto line = lines.begin(); line != lines.end(); ++line) {
    if (line->is_header && line->table == table) {
      lines.insert(std::next(line), TomlLine{.text = in_table, .word = {}});
      return joined(lines);
    }
    // The table is written with dotted keys, at the top or in a table around it: it can have no header.
    if (line->key.starts_with(table + ".") && is_around(line->table, table) && line->table != table) {
      const std::string path = fmt::format("{}.{}", table, in_table);
      const std::string dotted = line->table.empty() ? path : path.substr(line->table.size() + 1);
      lines.insert(line, TomlLine{.text = dotted, .word = {}});
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
    auto [lines, error] = read_toml_lines(config.text);
    if (!error.empty()) {
      config.error = error + "; the file stays as it is";
      return config;
    }
    bool is_set = false;
    std::deque<std::string> replaced;  // What lines have become views of.
    for (TomlLine& line : lines) {
      if (!line.key.empty() && is_around(line.key, table)) {
        config.error = fmt::format("{} is an inline table; add to it: {} = \"{}\"", line.key,
                                   path.substr(line.key.size() + 1), setting.value);
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
      line.text =
          replaced.emplace_back(fmt::format("{} \"{}\"", line.text.substr(0, line.text.find('=') + 1), setting.value));
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
