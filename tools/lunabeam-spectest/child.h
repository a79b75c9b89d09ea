// One file in a process of its own, so that a crash or an endless loop is that file's failure only. The child writes what happens as
// lines of JSON to one descriptor and keeps the place it has reached in a shared page.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/lunabeam-spectest/file_run.h"

namespace lunabeam::spectest {

// What a child is asked to do; passed as arguments of its command line.
struct ChildRequest {
  std::string file;
  std::string tier;
  std::string features;  // List of names.
  bool only_validate = false;
  u32 workers = 1;     // Threads that execute the script at the same time, each with instances of its own.
  u32 crash_line = 0;  // For the runner's own tests: abort before the command on this line. 0: none.
};

inline constexpr const char* kChildArgument = "--child";
// Descriptors that a child finds open.
inline constexpr int kRecordDescriptor = 3;
inline constexpr int kProgressDescriptor = 4;

// The shared page. The child stores, the parent loads after the child's end.
struct Progress {
  u32 line;
  u32 kind;
};

[[nodiscard]] std::vector<std::string> to_arguments(const ChildRequest& request);

// main() of a child; arguments are those behind kChildArgument.
int run_child(const std::vector<std::string>& arguments);

// Adds what a child's line says to `run`. A line that is no record is dropped: the child was ended while it wrote it.
void read_record(std::string_view line, FileRun& run);

}  // namespace lunabeam::spectest
