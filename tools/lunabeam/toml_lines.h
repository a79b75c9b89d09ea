// TOML line by line, for adding a line in the right place: which table a line stands in, which setting begins on it. Values are
// recognised, not kept: strings of all four kinds, arrays and inline tables over several lines.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vm/base/ints.h"

namespace lunabeam::tools {

// Views are into the text that was read.
struct TomlLine {
  std::string_view text;                 // Without the line feed.
  std::string table = {};                // The header it stands below, "" at the top: a.b, without quotes and blanks.
  bool is_header = false;                // ... of `table`, which begins here.
  std::string key = {};                  // Whole path, with the table's; empty: no setting begins here.
  std::optional<std::string_view> word;  // The value, if it is a string on this line.
};

struct TomlLines {
  std::vector<TomlLine> lines;
  std::string error;  // Not empty: "line 3: a string without an end". Lines are then those before.
};

// Anything that is not plainly TOML is an error, settings and tables that are there twice too; not everything that TOML forbids is
// found: escapes, dates, what stands between the commas of an array. Cost: n log n in the text.
[[nodiscard]] TomlLines read_toml_lines(std::string_view text);

// Without blanks at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text);

}  // namespace lunabeam::tools
