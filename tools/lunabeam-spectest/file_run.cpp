#include "tools/lunabeam-spectest/file_run.h"

#include <algorithm>
#include <numeric>

namespace lunabeam::spectest {

bool FileRun::is_good() const {
  const bool ended = status == Status::kFinished || status == Status::kMalformed;
  return ended && problems.empty() && std::ranges::all_of(failures, &FailureRecord::is_expected);
}

u64 FileRun::commands() const { return std::accumulate(executed.begin(), executed.end(), u64{0}); }

u64 FileRun::assertions_passed() const {
  u64 sum = 0;
  for (size_t i = 0; i < kCommandKindCount; ++i) {
    if (is_assertion(static_cast<CommandKind>(i))) sum += passed[i];
  }
  return sum;
}

u64 FileRun::assertions_failed(bool expected) const {
  return static_cast<u64>(std::ranges::count_if(failures, [&](const FailureRecord& failure) {
    const std::optional<CommandKind> failed_kind = command_kind(failure.kind);
    return failure.is_expected == expected && failed_kind && is_assertion(*failed_kind);
  }));
}

u64 FileRun::commands_failed(bool expected) const {
  return static_cast<u64>(std::ranges::count(failures, expected, &FailureRecord::is_expected));
}

std::string_view name_of(FileRun::Status status) {
  switch (status) {
    case FileRun::Status::kFinished: return "finished";
    case FileRun::Status::kMalformed: return "malformed script";
    case FileRun::Status::kCrashed: return "crashed";
    case FileRun::Status::kTimedOut: return "timed out";
  }
  return {};
}

}  // namespace lunabeam::spectest
