#include "tools/lunabeam-spectest/counts.h"

#include <fmt/format.h>

#include <charconv>
#include <vector>

#include "tools/lunabeam-spectest/text.h"

namespace lunabeam::spectest {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFileName = "COUNTS.tsv";

}  // namespace

std::optional<ExpectedCounts> parse_counts(std::string_view text, std::string& problem) {
  ExpectedCounts counts;
  std::vector<std::optional<CommandKind>> columns;  // nullopt: not a kind.
  size_t line = 0;
  for (const std::string_view row : split(text, '\n')) {
    ++line;
    if (row.empty()) continue;
    const std::vector<std::string_view> cells = split(row, '\t');
    if (columns.empty()) {
      for (size_t i = 0; i < cells.size(); ++i) {
        columns.push_back(command_kind(cells[i]));
        const bool is_known = columns[i] || (i == 0 && cells[i] == "file") || cells[i] == "assertions";
        if (!is_known) {
          problem = fmt::format("line 1: no kind of command is called `{}`", cells[i]);
          return std::nullopt;
        }
      }
      continue;
    }
    if (cells.size() != columns.size()) {
      problem = fmt::format("line {}: {} columns instead of {}", line, cells.size(), columns.size());
      return std::nullopt;
    }
    CommandCounts& row_counts = counts.by_path[std::string(cells[0])];
    row_counts.fill(0);
    for (size_t i = 1; i < cells.size(); ++i) {
      u32 value = 0;
      const char* const begin = cells[i].data();
      const char* const end = begin + cells[i].size();
      if (const auto [rest, error] = std::from_chars(begin, end, value); error != std::errc{} || rest != end) {
        problem = fmt::format("line {}: `{}` is no number", line, cells[i]);
        return std::nullopt;
      }
      if (columns[i]) row_counts[static_cast<size_t>(*columns[i])] = value;
    }
  }
  return counts;
}

fs::path find_suite_root(const fs::path& path) {
  std::error_code ignored;
  fs::path folder = fs::absolute(path, ignored).lexically_normal();
  for (;;) {
    if (fs::exists(folder / kFileName, ignored)) return folder;
    const fs::path above = folder.parent_path();
    if (above == folder || above.empty()) return {};
    folder = above;
  }
}

std::string difference(const CommandCounts& executed, const CommandCounts& expected) {
  std::string text;
  for (size_t i = 0; i < kCommandKindCount; ++i) {
    if (executed[i] == expected[i]) continue;
    text += fmt::format("{}{}: {} of {} executed", text.empty() ? "" : ", ", name_of(static_cast<CommandKind>(i)),
                        executed[i], expected[i]);
  }
  return text;
}

}  // namespace lunabeam::spectest
