#include "tools/lunabeam-spectest/expected_failures.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>
#include <tuple>

#include "tools/lunabeam-spectest/text.h"

namespace lunabeam::spectest {
namespace {

constexpr std::string_view kWholeFile = "*";
constexpr std::string_view kReasonMark = "  # ";

using Entry = ExpectedFailures::Entry;

// `path:line: kind` or `glob: *`.
bool parse_place(std::string_view place, Entry& entry) {
  const size_t colon = place.rfind(": ");
  if (colon == std::string_view::npos) return false;
  const std::string_view kind = trimmed(place.substr(colon + 2));
  std::string_view path = place.substr(0, colon);
  if (kind == kWholeFile) {
    entry.pattern = path;
    return !path.empty();
  }
  if (!command_kind(kind) && kind != kScriptKind) return false;
  entry.kind = kind;
  const size_t line_colon = path.rfind(':');
  if (line_colon == std::string_view::npos || line_colon == 0) return false;
  const std::string_view line = path.substr(line_colon + 1);
  entry.pattern = path.substr(0, line_colon);
  const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), entry.line);
  return error == std::errc{} && rest == line.data() + line.size();
}

std::string to_line(const Entry& entry) {
  if (entry.kind.empty()) return fmt::format("{}: {}{}{}\n", entry.pattern, kWholeFile, kReasonMark, entry.reason);
  return fmt::format("{}:{}: {}{}{}\n", entry.pattern, entry.line, entry.kind, kReasonMark, entry.reason);
}

bool is_about(const Entry& entry, const FileRun& run) {
  return entry.kind.empty() ? glob_matches(entry.pattern, run.path) : entry.pattern == run.path;
}
bool has_ended(const FileRun& run) {
  return run.status == FileRun::Status::kFinished || run.status == FileRun::Status::kMalformed;
}

// Nothing of the file ran: what passed are rejections only.
bool no_action_passed(const FileRun& run) {
  constexpr std::array kActions = {CommandKind::kInvoke,           CommandKind::kGet,
                                   CommandKind::kAssertReturn,     CommandKind::kAssertTrap,
                                   CommandKind::kAssertExhaustion, CommandKind::kAssertException,
                                   CommandKind::kAssertTrapModule};
  return std::ranges::all_of(kActions, [&](CommandKind kind) { return run.passed[static_cast<size_t>(kind)] == 0; });
}

std::set<std::string> reasons_of(const FileRun& run) {
  std::set<std::string> reasons;
  for (const FailureRecord& failure : run.failures) reasons.insert(failure.reason);
  return reasons;
}

}  // namespace

std::optional<ExpectedFailures> ExpectedFailures::parse(std::string_view text, std::string& problem) {
  ExpectedFailures list;
  u32 number = 0;
  for (const std::string_view row : split(text, '\n')) {
    ++number;
    const std::string_view line = trimmed(row);
    if (line.empty() || line.starts_with('#')) {
      if (list.entries_.empty() && !line.empty()) list.head_ += fmt::format("{}\n", line);
      continue;
    }
    const size_t mark = line.find(" # ");
    Entry entry;
    entry.listed_at = number;
    if (mark != std::string_view::npos) entry.reason = trimmed(line.substr(mark + 3));
    if (entry.reason.empty() || !parse_place(trimmed(line.substr(0, mark)), entry)) {
      problem = fmt::format("line {}: not of the form `path:line: kind  # reason` or `glob: *  # reason`: {}", number,
                            one_line(line));
      return std::nullopt;
    }
    list.entries_.push_back(std::move(entry));
  }
  return list;
}

void ExpectedFailures::judge(FileRun& run) const {
  if (!has_ended(run)) return;
  const auto not_happened = [&](const Entry& entry) {
    std::string line = to_line(entry);
    line.pop_back();
    run.problems.push_back(fmt::format("line {} of the expected failures did not happen: {}", entry.listed_at, line));
  };
  for (const Entry& entry : entries_) {
    if (entry.kind.empty() || !is_about(entry, run)) continue;
    const auto failure = std::ranges::find_if(run.failures, [&](const FailureRecord& candidate) {
      return !candidate.is_expected && candidate.line == entry.line && candidate.kind == entry.kind &&
             candidate.reason == entry.reason;
    });
    if (failure == run.failures.end()) {
      not_happened(entry);
    } else {
      failure->is_expected = true;
    }
  }
  for (const Entry& entry : entries_) {
    if (!entry.kind.empty() || !is_about(entry, run)) continue;
    bool happened = false;
    for (FailureRecord& failure : run.failures) {
      if (failure.reason != entry.reason) continue;
      failure.is_expected = true;
      happened = true;
    }
    if (!happened) not_happened(entry);
  }
}

std::string ExpectedFailures::updated(std::span<const FileRun> runs) const {
  std::map<std::string, const FileRun*> by_path;
  for (const FileRun& run : runs) {
    if (has_ended(run)) by_path.try_emplace(run.path, &run);
  }
  std::vector<Entry> entries;
  std::set<std::pair<std::string, std::string>>
      covered;  // Path and reason that a kept entry for whole files stands for.
  for (const Entry& entry : entries_) {
    bool is_elsewhere = true;
    bool holds = entry.kind.empty();
    for (const auto& [path, run] : by_path) {
      if (!is_about(entry, *run)) continue;
      is_elsewhere = false;
      holds = holds && reasons_of(*run).contains(entry.reason);
    }
    if (!is_elsewhere && !holds) continue;
    entries.push_back(entry);
    for (const auto& [path, run] : by_path) {
      if (entry.kind.empty() && is_about(entry, *run)) covered.insert({path, entry.reason});
    }
  }
  for (const auto& [path, run] : by_path) {
    const std::set<std::string> reasons = reasons_of(*run);
    if (reasons.size() == 1 && run->status == FileRun::Status::kFinished && no_action_passed(*run)) {
      if (!covered.contains({path, *reasons.begin()})) entries.push_back({path, 0, {}, *reasons.begin(), 0});
      continue;
    }
    for (const FailureRecord& failure : run->failures) {
      if (!covered.contains({path, failure.reason}))
        entries.push_back({path, failure.line, failure.kind, failure.reason, 0});
    }
  }
  std::ranges::sort(entries, [](const Entry& a, const Entry& b) {
    return std::tie(a.pattern, a.line, a.kind, a.reason) < std::tie(b.pattern, b.line, b.kind, b.reason);
  });
  std::string text = head_;
  for (const Entry& entry : entries) text += to_line(entry);
  return text;
}

}  // namespace lunabeam::spectest
