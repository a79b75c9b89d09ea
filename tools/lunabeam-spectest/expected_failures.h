// The list of failures that are known, each with the missing feature as its reason. It holds in both directions: what fails and is not
// listed is an error, and so is what is listed and does not fail for that reason.
//
//   # a comment
//   core/imports.wast:93: module  # needs exceptions
//   core/simd/*.wast: *  # needs simd
//
// The first form stands for one command; equal lines stand for as many commands on that line. The second stands for every failure
// with that reason in the files that match (`*` within a folder, `**` across folders); each of these files must have one.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/lunabeam-spectest/file_run.h"

namespace lunabeam::spectest {

class ExpectedFailures {
 public:
  struct Entry {
    std::string pattern;  // A path, or a glob.
    u32 line = 0;         // 0: the entry stands for whole files.
    std::string kind;     // Empty: the entry stands for whole files.
    std::string reason;
    u32 listed_at = 0;  // Line of the list.
  };

  // nullopt: `problem` says what is wrong with the list, with its line.
  [[nodiscard]] static std::optional<ExpectedFailures> parse(std::string_view text, std::string& problem);

  // Marks the failures of `run` that are listed, and notes listed ones that did not happen as problems. A run that did not come to
  // its end is not judged.
  void judge(FileRun& run) const;

  // The list that makes these runs good: comment lines at its head and entries about other files are kept, and entries for whole
  // files that still hold. A file that fails for one reason only, and of which no action passed, becomes one entry.
  // Runs of one file in several tiers must agree; where they do not, the first counts.
  [[nodiscard]] std::string updated(std::span<const FileRun> runs) const;

 private:
  std::vector<Entry> entries_;
  std::string head_;
};

}  // namespace lunabeam::spectest
