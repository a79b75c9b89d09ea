// An environment: the reach of send, link, monitor, kill and exists (ABI document 4.11). Never destroyed before its VM.
#pragma once

#include "runtime/output_capture.h"
#include "runtime/pid_table.h"
#include "vm/base/ints.h"

namespace lunabeam::runtime {

// Threading: shared by all schedulers; see PidTable.
struct Environment {
  explicit Environment(u64 environment_id) noexcept : id(environment_id) {}

  const u64 id;
  PidTable processes;
  // Set before the root is made; constant from then on.
  OutputCapture* output = nullptr;  // nullptr: standard streams are the host's.
  u64 root_token = 0;               // RootOptions::token.
};

}  // namespace lunabeam::runtime
