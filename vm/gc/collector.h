// The copying collector; gc/heap.h says when and where to.
#pragma once

#include "vm/exec_context.h"

namespace lunabeam::vm::gc {

struct Collected {
  u8* next;        // Behind the last copy.
  u64 root_words;  // Looked at.
};

// Copies every object of [from, from + from_bytes) that the process can reach to `to`, and makes all references to them point there.
// Leaves forwarding pointers behind. REQUIRES: exec.fp is current; room for from_bytes at `to`; both 8-byte aligned.
[[nodiscard]] Collected collect_into(ExecContext& exec, const u8* from, u64 from_bytes, u8* to) noexcept;

}  // namespace lunabeam::vm::gc
