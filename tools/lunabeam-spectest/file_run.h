// What came of one file in one tier: what its process reported, and how it ended.
#pragma once

#include <string>
#include <vector>

#include "tools/lunabeam-spectest/executor.h"

namespace lunabeam::spectest {

// The kind that a script which could not be read is reported under, in place of a command's.
inline constexpr std::string_view kScriptKind = "script";

// A failure as it is reported and judged.
struct FailureRecord {
  u32 line = 0;
  std::string kind;  // name_of a CommandKind, or kScriptKind.
  std::string reason;
  std::string expected;
  std::string actual;
  bool is_expected = false;  // Listed as expected failure.
};

struct TextRecord {
  u32 line = 0;
  std::string kind;
  std::string expected;
  std::string actual;
};

struct FileRun {
  enum class Status : u8 {
    kFinished,   // All commands were executed.
    kMalformed,  // The script could not be read; `failures` says why.
    kCrashed,    // The process died: `detail` says how, `line` and `kind` where.
    kTimedOut,
  };
  std::string path;  // Relative to the suite's root, or as named on the command line.
  std::string tier;
  Status status = Status::kCrashed;
  std::string detail;
  u32 line = 0;      // Of the command that ran last; 0: none had begun.
  std::string kind;  // Its kind.
  CommandCounts executed{};
  CommandCounts passed{};
  std::vector<FailureRecord> failures;
  std::vector<TextRecord> texts;
  std::string diagnostics;  // First KiBs of its standard error.
  double seconds = 0;

  // What else is wrong: counts that differ, expected failures that passed. Filled by the judge.
  std::vector<std::string> problems;

  [[nodiscard]] bool is_good() const;
  [[nodiscard]] u64 commands() const;
  [[nodiscard]] u64 assertions_passed() const;
  // Failed assertions; other commands that failed are not counted.
  [[nodiscard]] u64 assertions_failed(bool expected) const;
  [[nodiscard]] u64 commands_failed(bool expected) const;
};

[[nodiscard]] std::string_view name_of(FileRun::Status status);

}  // namespace lunabeam::spectest
