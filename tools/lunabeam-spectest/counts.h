// COUNTS.tsv: how many commands of each kind the suite's files hold. A runner that executed something else has lost commands.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "tools/lunabeam-spectest/executor.h"

namespace lunabeam::spectest {

struct ExpectedCounts {
  std::map<std::string, CommandCounts> by_path;  // Path relative to the suite's root, with `/`.
};

// The table's text. A kind that has no column counts 0; columns that are no kind (`file` aside) are only allowed as `assertions`.
// nullopt: `problem` says what is wrong with it, with its line.
[[nodiscard]] std::optional<ExpectedCounts> parse_counts(std::string_view text, std::string& problem);

// The folder of the nearest COUNTS.tsv at `path` or above it; empty: there is none.
[[nodiscard]] std::filesystem::path find_suite_root(const std::filesystem::path& path);

// "assert_return: 12 of 13 executed, ..."; empty when they are equal.
[[nodiscard]] std::string difference(const CommandCounts& executed, const CommandCounts& expected);

}  // namespace lunabeam::spectest
