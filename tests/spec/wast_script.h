// A .wast script as text: its top-level forms, and its conversion by wabt's wast2json. Forms that wast2json does not understand
// (it is older than parts of the suite) are left out one by one, with what depends on them.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace lunabeam::tests {

struct ConvertedScript {
  bool converted = false;
  std::string reason;  // Why not.
  std::filesystem::path json;
  std::vector<std::string> left_out;     // One line per form: `line: message of wast2json`.
  std::set<std::string> left_out_names;  // Names that would have been registered.
  size_t left_out_commands = 0;          // Assertions and actions among them, or that need a module among them.
};

// Converts `script` into files in `folder` (emptied first). wast2json = path of the program.
ConvertedScript convert_script(const std::string& wast2json, const std::filesystem::path& script,
                               const std::filesystem::path& folder);

}  // namespace lunabeam::tests
