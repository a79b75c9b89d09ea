#include "vm/interp/interp.h"

#include "vm/base/check.h"
#include "vm/interp/dispatch.h"
#include "vm/interp/engine_state.h"

namespace lunabeam::vm {

using namespace interp;

const Dispatch kDefaultDispatch = LUNABEAM_DISPATCH_TAIL ? Dispatch::kTail : Dispatch::kStep;

bool has_dispatch(Dispatch dispatch) noexcept { return dispatch == Dispatch::kStep || LUNABEAM_HAS_TAIL_DISPATCH; }

namespace {

// What has to happen before the top frame can go on.
Next prepare_run(ExecContext& exec) {
  VM_CHECK(exec.resume != Resume::kFinished);
  const Resume how = exec.resume;
  exec.resume = Resume::kFrame;
  exec.ctx->reload_memory();
  Next next = Next::kGo;
  switch (how) {
    case Resume::kHostCall: {
      const HostFunction& function = *exec.parked;
      exec.parked = nullptr;
      return host_answered(exec, function, function.resume(exec, exec.transfer));
    }
    case Resume::kSearch: return find_handler(exec);
    case Resume::kCallDone: next = Next::kGoResult; break;
    case Resume::kRefCallDone: next = Next::kGoRefResult; break;
    case Resume::kFrame:
    case Resume::kFinished: break;
  }
  // The counter may have been left below zero by what was charged before the suspension.
  return exec.reductions < 0 ? tick(exec, next) : next;
}

}  // namespace

ExecStatus run(ExecContext& exec, Dispatch dispatch) noexcept {
  VM_DCHECK(has_dispatch(dispatch));
  const Next next = prepare_run(exec);
  if (leaves(next)) return static_cast<ExecStatus>(next);
#if LUNABEAM_HAS_TAIL_DISPATCH
  if (dispatch == Dispatch::kTail) return tail::run_loop(exec, next);
#else
  static_cast<void>(dispatch);
#endif
  return step::run_loop(exec, next);
}

}  // namespace lunabeam::vm
