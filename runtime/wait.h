// Waiting: what a parked process waits for, and the receive and sleep protocols that host functions are made of (rule P8).
//
// A host function that has to wait calls one of the *_begin functions and returns HostStatus::kPark when told so. Signals and
// timers make the process runnable; the scheduler first handles every queued signal, then calls the function's `resume`, which
// calls *_resume: the answer is a result, or again kPark. A waking that has nothing to do with the wait (a message during a
// sleep) is thereby harmless. The host function's `cancel` must be &cancel_wait (or call it).
//
// Threading: owner only, except wake(), which any thread may call.
#pragma once

#include "runtime/mailbox.h"
#include "runtime/sched/timer_wheel.h"
#include "vm/host_function.h"

namespace lunabeam::runtime {

struct Process;

// An operation that outlives the C++ activation that began it: a start section that runs in a child, later a request to the
// blocking pool. Owned by the wait; destroyed when the wait ends or is cancelled, so its destructor withdraws what is pending.
struct WaitOp {
  virtual ~WaitOp() = default;
};

// Invariant 1: epoch counts waits; it is odd exactly while one is going on. A waker presents the epoch of the park it saw.
struct Wait {
  TimerEntry timer;  // Armed iff the wait has a deadline that has not passed.
  WaitOp* op = nullptr;
  u64 args[2] = {};  // The host function's own notes: guest addresses, a tag.
  u32 epoch = 0;
  bool timed_out = false;  // The deadline has passed.
  bool woken = false;      // wake() was called for this epoch.
};

// Begins a wait with a deadline on the scheduler's monotonic clock (kNeverNs: none). REQUIRES: no wait is going on.
void begin_wait(Process& process, u64 deadline_ns) noexcept;
// Ends it: cancels the timer and destroys op. No effect when there is none.
void end_wait(Process& process) noexcept;
// For HostFunction::cancel.
void cancel_wait(vm::ExecContext& exec) noexcept;
// Tells a process that what it waits for in `epoch` has happened; stale epochs are dropped when the signal is handled.
// The caller must hold the process (epoch, or a claim of its own).
void wake(Process& process, u32 epoch) noexcept;

enum class WaitStatus : u8 {
  kPark,      // Return HostStatus::kPark.
  kDone,      // It has happened.
  kTimedOut,  // The deadline passed first.
};

// --- Receive (ABI document 4.7) ---
// The tags are read from guest memory at tags_ptr each time, so a moved memory is no problem.
// REQUIRES: the range [tags_ptr, tags_ptr + tag_count * 8) was checked.
// kDone: the message is in process.scratch, the message that was there is destroyed. kTimedOut: the scratch is untouched.
[[nodiscard]] WaitStatus receive_begin(Process& process, u32 tags_ptr, u32 tag_count, u64 timeout_ms) noexcept;
[[nodiscard]] WaitStatus receive_resume(Process& process) noexcept;

// Sends the scratch message to `pid` and waits for a message with `tag` that arrives after the call began.
// REQUIRES: process.scratch != nullptr. The scratch is empty afterwards unless kDone.
[[nodiscard]] WaitStatus send_receive_begin(Process& process, u64 pid, i64 tag, u64 timeout_ms) noexcept;
// The waiting half alone, after mark_mailbox_end(): for a send that goes elsewhere (distributed). The scratch must be empty.
void mark_mailbox_end(Process& process) noexcept;
[[nodiscard]] WaitStatus await_tag_begin(Process& process, i64 tag, u64 timeout_ms) noexcept;
[[nodiscard]] WaitStatus await_tag_resume(Process& process) noexcept;

// --- Sleep ---
// kPark until the deadline; kDone then. 0 ms is a yield. kForeverMs sleeps until killed.
[[nodiscard]] WaitStatus sleep_begin(Process& process, u64 ms) noexcept;
// Absolute, on the monotonic clock: poll_oneoff.
[[nodiscard]] WaitStatus sleep_until_begin(Process& process, u64 deadline_ns) noexcept;
[[nodiscard]] WaitStatus sleep_resume(Process& process) noexcept;
// Gives up the rest of the slice: sched_yield. Resume with sleep_resume.
[[nodiscard]] WaitStatus yield_begin(Process& process) noexcept;

}  // namespace lunabeam::runtime
