// What the runner tells people: failures, and a table per folder.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tools/lunabeam-spectest/file_run.h"

namespace lunabeam::spectest {

// Sums over files.
struct Totals {
  u64 files = 0;
  u64 bad_files = 0;  // With something unexpected.
  u64 commands = 0;
  u64 assertions_passed = 0;
  u64 assertions_expected = 0;  // Failed, as listed.
  u64 assertions_failed = 0;
  u64 others_expected = 0;  // Commands that are no assertions and failed, as listed.
  u64 others_failed = 0;
  u64 text_differences = 0;
  double seconds = 0;  // Of the children, added up.

  void add(const FileRun& run);
  [[nodiscard]] u64 assertions() const { return assertions_passed + assertions_expected + assertions_failed; }
};

// The folder of a file as the tables name it: its path without the file's name; "." for none.
[[nodiscard]] std::string folder_of(const std::string& path);

// One file's unexpected things, one or more lines each, with colour when asked; empty when there is none.
[[nodiscard]] std::string describe_problems(const FileRun& run, bool with_colour);
// One file's messages that differ, for --texts.
[[nodiscard]] std::string describe_texts(const FileRun& run);

// Rows per folder and tier, and a total per tier.
[[nodiscard]] std::string summary_table(std::span<const FileRun> runs);

}  // namespace lunabeam::spectest
