// What host calls and unwinding share: answers of host functions, and the LIFO of host operations (rule P8).
#pragma once

#include "vm/exec_context.h"
#include "vm/interp/engine_state.h"

namespace lunabeam::vm::interp {

// The outcome of a step: either how to go on, or a host function that was asked (`returned`, `trapped`) and answered.
struct HostAnswer {
  HostAnswer(Next how) : next(how) {}  // NOLINT(google-explicit-constructor): a step that ends is its Next.
  HostAnswer(const HostFunction* who, HostStatus what) : function(who), status(what) {}

  Next next = Next::kGo;
  const HostFunction* function = nullptr;
  HostStatus status = HostStatus::kDone;
};

// Pops the top frame and its restore frame; results as for return_values. Into a host continuation: asks its function.
[[nodiscard]] HostAnswer pop_frame(ExecContext& exec, u32 num, u32 ref) noexcept;

// exec.trap is set: pops frames up to the innermost host continuation that takes traps, and asks it; else empties the stack.
enum class TrapAt : u8 { kOperation, kBehindCall };  // What the top frame's saved ip is.
[[nodiscard]] HostAnswer unwind(ExecContext& exec, TrapAt where) noexcept;
// exec.trap is set, by a callback of `function` that never began; its operation is on top of the LIFO.
[[nodiscard]] HostAnswer trap_in_callback(ExecContext& exec, const HostFunction& function) noexcept;

// Destroys the operation at `index` of the LIFO, whose callee has returned or trapped. The function may have pushed one more.
void finish_host_op(ExecContext& exec, u32 index) noexcept;
// Destroys the topmost operations until `keep` are left.
void drop_host_ops(ExecContext& exec, u32 keep) noexcept;

}  // namespace lunabeam::vm::interp
