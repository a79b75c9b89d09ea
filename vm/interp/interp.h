// The interpreter's surface: push an entry frame, run until something happens, unwind. It runs on the scheduler's C stack over
// the process stack as plain data, in constant C stack, and never re-enters itself.
//
// Two instantiations of one handler source: `tail` (musttail + preserve_none, clang) and `step` (a driver loop; for other
// compilers, TSan, coverage, single-stepping and the trace recorder).
#pragma once

#include <span>

#include "vm/exec_context.h"
#include "vm/instance.h"

namespace lunabeam::vm {

enum class ExecStatus : u8 {
  kReturned,  // The entry function returned; its results are in exec.transfer[0..].
  kYielded,   // The tick hook said leave. run() again to go on.
  kParked,    // A host function parked. run() again once what it waits for has happened.
  kTrapped,  // exec.trap; every frame is unwound and every host operation destroyed. The backtrace is in exec_backtrace().
};

enum class Dispatch : u8 { kTail, kStep };

// Whether this build has the instantiation; kDefaultDispatch is the one to use when nobody asks.
[[nodiscard]] bool has_dispatch(Dispatch dispatch) noexcept;
extern const Dispatch kDefaultDispatch;

// Makes `code` the process's next thing to run, with its parameters in args (one word each, v128 two; wasm parameter order) and
// return word kReturnExit. REQUIRES: the stack is empty (exec.resume == kFinished) and the argument count matches.
// False: the frame does not fit under the stack cap (trap: call stack exhausted).
[[nodiscard]] bool push_entry(ExecContext& exec, Ctx& ctx, const FuncCode& code, std::span<const u64> args) noexcept;

// Runs until the process returns, yields, parks or traps. REQUIRES: exec.resume != kFinished.
[[nodiscard]] ExecStatus run(ExecContext& exec, Dispatch dispatch) noexcept;

// Throws the whole stack away: cancels a parked host call, destroys all host operations. For kill and death.
void abandon(ExecContext& exec) noexcept;

}  // namespace lunabeam::vm
