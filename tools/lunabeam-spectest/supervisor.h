// Runs files in child processes: several at a time, each under a time limit.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tools/lunabeam-spectest/child.h"
#include "tools/lunabeam-spectest/file_run.h"

namespace lunabeam::spectest {

struct Job {
  std::string path;  // As it is reported.
  ChildRequest request;
};

struct SupervisorOptions {
  unsigned max_children = 1;
  double timeout_s = 60;  // Of each child, wall time.
  // Executable that knows kChildArgument, and what starts it: found in PATH, given the executable as first argument. Empty: nothing.
  std::string program;
  std::string launcher;
};

// One result per job, in the order of the jobs. `finished` gets each as it comes (not in that order), and may add to it.
[[nodiscard]] std::vector<FileRun> run_jobs(const std::vector<Job>& jobs, const SupervisorOptions& options,
                                            const std::function<void(FileRun&)>& finished);

}  // namespace lunabeam::spectest
