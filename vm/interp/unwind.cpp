// Traps: frames are popped by their return words, from the one that trapped to the innermost host continuation whose function takes
// traps (trap::catch), or to the bottom.
#include "vm/backtrace.h"
#include "vm/base/check.h"
#include "vm/interp/engine_state.h"
#include "vm/interp/host_ops.h"

namespace lunabeam::vm {

namespace interp {

namespace {

// Pops the frames above (by address) exec.fp up to the next host continuation frame; exec.fp is then behind it, the frame that made
// the host call. False: there is none, the stack is empty.
bool pop_to_host_frame(ExecContext& exec, HostContFrame& found) {
  u64* fp = exec.fp;
  for (;;) {
    u64 word = frame_return_word(fp);
    fp += frame_function(fp)->frame_words;
    while (word == kReturnRestore) {
      const auto* const frame = reinterpret_cast<const RestoreFrame*>(fp);
      word = frame->return_word;
      fp += sizeof(RestoreFrame) / sizeof(u64);
    }
    switch (word) {
      case kReturnToInterp: break;
      case kReturnHostCont:
        found = *reinterpret_cast<const HostContFrame*>(fp);
        exec.fp = fp + sizeof(HostContFrame) / sizeof(u64);
        switch_ctx(exec, found.ctx);
        return true;
      case kReturnExit: exec.fp = fp; return false;
      default: VM_UNREACHABLE("unknown return word");
    }
  }
}

// The callee of `function`'s operation at op_index trapped.
// Null function: it does not take traps.
HostAnswer offer_trap(ExecContext& exec, const HostFunction& function, u32 op_index) {
  drop_host_ops(exec, op_index + 1);
  if (function.trapped == nullptr) {
    drop_host_ops(exec, op_index);
    return Next::kTrapped;
  }
  const HostStatus status = function.trapped(exec, exec.transfer);
  finish_host_op(exec, op_index);
  return {&function, status};
}

HostAnswer unwind_frames(ExecContext& exec) {
  if (exec.trap.kind != TrapKind::kUncaughtException) exec.exception = 0;
  for (;;) {
    HostContFrame frame;
    if (!pop_to_host_frame(exec, frame)) {
      drop_host_ops(exec, 0);
      exec.resume = Resume::kFinished;
      return Next::kTrapped;
    }
    const HostAnswer answer = offer_trap(exec, *frame.function, static_cast<u32>(frame.op_index));
    if (answer.function != nullptr) {
      exec.exception = 0;
      return answer;
    }
  }
}

}  // namespace

HostAnswer unwind(ExecContext& exec, TrapAt where) noexcept {
  exec.resume = Resume::kFrame;
  if (exec.trap.kind != TrapKind::kExit) capture_backtrace(exec, where == TrapAt::kBehindCall);
  return unwind_frames(exec);
}

HostAnswer trap_in_callback(ExecContext& exec, const HostFunction& function) noexcept {
  capture_backtrace(exec, true);
  const HostAnswer answer = offer_trap(exec, function, exec.host_op_count - 1);
  return answer.function != nullptr ? answer : unwind_frames(exec);
}

}  // namespace interp

void abandon(ExecContext& exec) noexcept {
  if (exec.resume == Resume::kHostCall && exec.parked->cancel != nullptr) exec.parked->cancel(exec);
  exec.parked = nullptr;
  interp::drop_host_ops(exec, 0);
  exec.resume = Resume::kFinished;
  exec.fp = reinterpret_cast<u64*>(exec.stack_hi);
  exec.exception = 0;
  exec.backtrace.reset();
}

}  // namespace lunabeam::vm
