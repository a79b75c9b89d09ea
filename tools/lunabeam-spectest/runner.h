// The program behind its options: finds files, runs them, judges, reports.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace lunabeam::spectest {

struct RunnerOptions {
  std::vector<std::filesystem::path> paths;
  std::vector<std::string> tiers;  // Empty: all of this build.
  unsigned jobs = 0;               // 0: one per core.
  std::string filter;              // Regular expression that some part of a path must match; empty: all.
  std::filesystem::path expected_failures;
  std::filesystem::path update_expected;
  std::filesystem::path junit;
  std::filesystem::path json;
  unsigned workers = 1;  // Threads per file.
  double timeout_s = 60;
  std::string features;  // Changes to the folder's feature set.
  bool only_validate = false;
  bool with_texts = false;
  bool skip_missing = false;  // Exit status 77 when none of the paths exists.
  unsigned crash_line = 0;    // See ChildRequest.
  std::string program = "/proc/self/exe";
  std::string launcher;  // Emulator that this program runs under, found in PATH; empty: none.
};

enum ExitStatus : int {
  kExitGood = 0,
  kExitUnexpected = 1,
  kExitUsage = 2,
  kExitSkipped = 77,
};

// Prints to standard output (results) and standard error (progress, usage errors). Answers the exit status.
[[nodiscard]] int run(const RunnerOptions& options);

}  // namespace lunabeam::spectest
