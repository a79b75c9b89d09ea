#include "tools/lunabeam-spectest/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "tools/lunabeam-spectest/text.h"

namespace lunabeam::spectest {
namespace {

constexpr size_t kMaxValueBytes = 300;

std::string marked(std::string_view word, bool with_colour) {
  return with_colour ? fmt::format("\x1b[31m{}\x1b[0m", word) : std::string(word);
}

std::string indented(std::string_view text) {
  std::string result;
  for (const std::string_view line : split(trimmed(text), '\n')) result += fmt::format("      | {}\n", one_line(line));
  return result;
}

constexpr std::array<std::string_view, 9> kHeadings = {"folder", "tier",     "files",  "commands", "assertions",
                                                       "passed", "expected", "failed", "seconds"};
using Row = std::array<std::string, kHeadings.size()>;

Row row_of(const std::string& folder, const std::string& tier, const Totals& totals) {
  return {folder,
          tier,
          fmt::format("{}", totals.files),
          fmt::format("{}", totals.commands),
          fmt::format("{}", totals.assertions()),
          fmt::format("{}", totals.assertions_passed),
          fmt::format("{}", totals.assertions_expected),
          fmt::format("{}", totals.assertions_failed + totals.others_failed),
          fmt::format("{:.1f}", totals.seconds)};
}

}  // namespace

void Totals::add(const FileRun& run) {
  ++files;
  if (!run.is_good()) ++bad_files;
  commands += run.commands();
  assertions_passed += run.assertions_passed();
  assertions_expected += run.assertions_failed(true);
  assertions_failed += run.assertions_failed(false);
  others_expected += run.commands_failed(true) - run.assertions_failed(true);
  others_failed += run.commands_failed(false) - run.assertions_failed(false);
  text_differences += run.texts.size();
  seconds += run.seconds;
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

std::string describe_problems(const FileRun& run, bool with_colour) {
  std::string text;
  if (run.status == FileRun::Status::kCrashed || run.status == FileRun::Status::kTimedOut) {
    const std::string where = run.line == 0 ? run.path : fmt::format("{}:{}: {}", run.path, run.line, run.kind);
    text += fmt::format("{} {} [{}]\n    {}\n",
                        marked(run.status == FileRun::Status::kCrashed ? "CRASHED" : "TIMED OUT", with_colour), where,
                        run.tier, run.detail);
    if (!run.diagnostics.empty()) text += indented(run.diagnostics);
  }
  for (const FailureRecord& failure : run.failures) {
    if (failure.is_expected) continue;
    text += fmt::format("{} {}:{}: {} [{}]\n    expected  {}\n    actual    {}\n", marked("FAILED", with_colour),
                        run.path, failure.line, failure.kind, run.tier, one_line(failure.expected, kMaxValueBytes),
                        one_line(failure.actual, kMaxValueBytes));
  }
  for (const std::string& problem : run.problems) {
    text += fmt::format("{} {} [{}]\n    {}\n", marked("UNEXPECTED", with_colour), run.path, run.tier, problem);
  }
  return text;
}

std::string describe_texts(const FileRun& run) {
  std::string text;
  for (const TextRecord& difference : run.texts) {
    text += fmt::format("text {}:{}: {} [{}]\n    expected  {}\n    actual    {}\n", run.path, difference.line,
                        difference.kind, run.tier, one_line(difference.expected, kMaxValueBytes),
                        one_line(difference.actual, kMaxValueBytes));
  }
  return text;
}

std::string summary_table(std::span<const FileRun> runs) {
  std::map<std::pair<std::string, std::string>, Totals> by_folder;
  std::map<std::string, Totals> by_tier;
  for (const FileRun& run : runs) {
    by_folder[{folder_of(run.path), run.tier}].add(run);
    by_tier[run.tier].add(run);
  }
  std::vector<Row> rows = {Row{}};
  std::ranges::copy(kHeadings, rows[0].begin());
  for (const auto& [key, totals] : by_folder) rows.push_back(row_of(key.first, key.second, totals));
  if (by_folder.size() > by_tier.size()) {
    for (const auto& [tier, totals] : by_tier) rows.push_back(row_of("all", tier, totals));
  }
  std::array<size_t, kHeadings.size()> widths{};
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      if (i > 0) text += "  ";
      text += i < 2 ? fmt::format("{:<{}}", row[i], widths[i]) : fmt::format("{:>{}}", row[i], widths[i]);
    }
    text += '\n';
  }
  return text;
}

}  // namespace lunabeam::spectest
