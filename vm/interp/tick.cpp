#include "vm/base/check.h"
#include "vm/interp/engine_state.h"

namespace lunabeam::vm::interp {

Next tick(ExecContext& exec, Next next) noexcept {
  VM_DCHECK(exec.reductions < 0);
  exec.resume = next == Next::kGo ? Resume::kFrame : next == Next::kGoResult ? Resume::kCallDone : Resume::kRefCallDone;
  const i64 answer = exec.hooks->tick(exec, exec.reductions);
  if (answer == kTickLeave) return Next::kYielded;
  exec.resume = Resume::kFrame;
  if (answer == kTickTrap) return raise(exec);
  VM_CHECK(answer >= 0);
  exec.reductions = answer;
  return next;
}

}  // namespace lunabeam::vm::interp
