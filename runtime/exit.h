// The end of a process (ABI document 4.9): out of the process table; stack, memory, messages and resources released; then links
// told, each with its own tag, then monitors, in batches with a bounded amount of work per turn.
#pragma once

#include "runtime/process.h"

namespace lunabeam::runtime {

// Links, monitors, signals (each counts twice) and mailbox messages handled per turn.
inline constexpr u32 kExitBatch = 256;

// How the reason of a trap is classified: proc_exit(0) is normal, proc_exit(n) exited, everything else trapped.
[[nodiscard]] vm::ExitReason exit_reason_of(const vm::Trap& trap) noexcept;

// Begins the exit: afterwards `exists` is 0, the stack is gone and state is kExiting. The scheduler then calls continue_exit once
// per turn. REQUIRES: running on its scheduler, not inside vm::run.
void begin_exit(Process& process, const vm::ExitReason& reason) noexcept;
// Does one batch. True: everything is done; the control block has been retired.
[[nodiscard]] bool continue_exit(Process& process) noexcept;
// Frees a process that has not come to life, or at the end of the program any process, without telling anybody of its death.
// REQUIRES: it is in no run queue any more; home and current scheduler are the same, or no scheduler runs.
void drop_process(Process& process) noexcept;
// Frees a process that will not come to life after its start section has begun: whom it has linked or monitors is told to forget it.
void drop_unborn(Process& process) noexcept;
// For the scheduler: the last of a dead process, on its home's thread.
void reclaim_block(Process& process, Scheduler& home) noexcept;

}  // namespace lunabeam::runtime
