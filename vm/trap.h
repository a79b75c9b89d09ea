// A guest fault: it ends the process that raised it, unless a host continuation frame (trap::catch) takes it.
#pragma once

#include <string_view>

#include "vm/base/ints.h"

namespace lunabeam::vm {

enum class TrapKind : u8 {
  kNone,  // No trap; what a semantic function returns when all is well.
#define VM_TRAP(id, letter, text) id,
#include "vm/traps.def"
};

// The spec's text, e.g. "integer divide by zero"; "" for kNone.
[[nodiscard]] std::string_view text_of(TrapKind kind) noexcept;

// Invariant 1: message is a string literal or nullptr. It refines kHost ("lunatic::error::drop: unknown error id").
struct Trap {
  TrapKind kind = TrapKind::kNone;
  i32 exit_code = 0;  // kExit: the code given to proc_exit.
  u64 operand = 0;    // kUninitializedElement, kUndefinedElement: the index; kUncaughtException: of its tag.
  const char* message = nullptr;
};

}  // namespace lunabeam::vm
