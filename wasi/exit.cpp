// proc_exit, proc_raise, sched_yield.
#include "runtime/wait.h"
#include "wasi/functions.h"

namespace lunabeam::wasi {

// Ends the process through the trap machinery, so that it unwinds host continuation frames like every other end.
vm::HostStatus proc_exit(vm::ExecContext& exec, u64* io) {
  exec.trap = vm::Trap{.kind = vm::TrapKind::kExit, .exit_code = static_cast<i32>(io[0])};
  return vm::HostStatus::kTrap;
}

Outcome proc_raise(Process& p, u32 /*signal*/) {
  return runtime::trap(p, "wasi_snapshot_preview1::proc_raise: not supported");
}

Outcome sched_yield(Process& p) {
  return runtime::yield_begin(p) == runtime::WaitStatus::kPark ? Outcome(vm::HostStatus::kPark)
                                                               : Outcome(Errno::kSuccess);
}

vm::HostStatus sched_yield_resume(vm::ExecContext& exec, u64* io) {
  if (runtime::sleep_resume(runtime::process_of(exec)) == runtime::WaitStatus::kPark) return vm::HostStatus::kPark;
  io[0] = static_cast<u64>(Errno::kSuccess);
  return vm::HostStatus::kDone;
}

}  // namespace lunabeam::wasi
