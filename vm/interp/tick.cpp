#include "vm/base/check.h"
#include "vm/interp/engine_state.h"

namespace lunabeam::vm::interp {

namespace {

Resume resume_for(Next next) {
  switch (next) {
    case Next::kGoResult: return Resume::kCallDone;
    case Next::kGoRefResult: return Resume::kRefCallDone;
    case Next::kSearch: return Resume::kSearch;
    default: return Resume::kFrame;
  }
}

}  // namespace

Next tick(ExecContext& exec, Next next) noexcept {
  VM_DCHECK(exec.reductions < 0);
  exec.resume = resume_for(next);
  const i64 answer = exec.hooks->tick(exec, exec.reductions);
  if (answer == kTickLeave) return Next::kYielded;
  exec.resume = Resume::kFrame;
  if (answer == kTickTrap) return raise(exec);
  VM_CHECK(answer >= 0);
  exec.reductions = answer;
  return next;
}

}  // namespace lunabeam::vm::interp
