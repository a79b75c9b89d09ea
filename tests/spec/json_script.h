// Runs a script in wast2json's JSON form against vm::Store.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "vm/store.h"

namespace lunabeam::tests {

struct ScriptResult {
  size_t passed = 0;
  size_t text_only = 0;                          // Malformed text: for a reader of the text format.
  std::map<std::string, size_t> not_applicable;  // Reason -> commands.
  std::vector<std::string> failures;             // `line: command: what`.
  std::vector<std::string> texts;                // Rejected as expected, but with another sentence.
};

// missing: names of modules that the script would have registered, had they been converted; what imports from them is not applicable.
ScriptResult run_json_script(const std::filesystem::path& json, const std::set<std::string>& missing,
                             vm::Dispatch dispatch);

}  // namespace lunabeam::tests
