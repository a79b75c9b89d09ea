// Parking in and resuming from the blocking pool.
#include "wasi/file_call.h"

#include <algorithm>

#include "runtime/sched/scheduler.h"
#include "runtime/vm.h"
#include "runtime/wait.h"

namespace lunabeam::wasi {
namespace {

constexpr u64 kFirstPauseMs = 1;
constexpr u64 kLongestPauseMs = 16;

// A parked call: in the pool (handle), or in a pause (call).
struct CallWait final : runtime::WaitOp {
  runtime::BlockingHandle handle;
  std::unique_ptr<FileCall> call;
};

Outcome run_here(Process& process, FileCall& call) {
  for (;;) {
    call.run();
    Outcome outcome = Errno::kSuccess;
    switch (call.finish(process, outcome)) {
      case FileCall::Next::kDone: return outcome;
      case FileCall::Next::kAgain: break;
      case FileCall::Next::kLater: call.await_ready(); break;
    }
  }
}

// Waits for the pool, or for the end of the call's pause.
Outcome park(Process& process, std::unique_ptr<FileCall> call, bool pauses) {
  auto* const wait = new (std::nothrow) CallWait;
  if (wait == nullptr) return Errno::kNoMem;
  if (pauses) {
    call->pause_ms = std::clamp(2 * call->pause_ms, kFirstPauseMs, kLongestPauseMs);
    (void)runtime::sleep_begin(process, call->pause_ms);
    wait->call = std::move(call);
    process.wait.op = wait;
  } else {
    runtime::begin_wait(process, runtime::kNeverNs);
    process.wait.op = wait;
    wait->handle = process.scheduler->vm().blocking_pool().submit(std::move(call), process, process.wait.epoch);
  }
  return vm::HostStatus::kPark;
}

}  // namespace

Outcome start(Process& process, std::unique_ptr<FileCall> call) noexcept {
  if (call == nullptr) return Errno::kNoMem;
  charge_reductions(process, kSyscallReductions);
  if (process.scheduler->options().deterministic) return run_here(process, *call);
  return park(process, std::move(call), false);
}

Outcome resume_file_call(Process& process) noexcept {
  auto& wait = static_cast<CallWait&>(*process.wait.op);
  if (wait.call != nullptr) {
    if (!process.wait.timed_out) return vm::HostStatus::kPark;
    std::unique_ptr<FileCall> call = std::move(wait.call);
    runtime::end_wait(process);
    return park(process, std::move(call), false);
  }
  if (!wait.handle.is_finished()) return vm::HostStatus::kPark;
  std::unique_ptr<FileCall> call(static_cast<FileCall*>(wait.handle.take().release()));
  runtime::end_wait(process);
  Outcome outcome = Errno::kSuccess;
  switch (call->finish(process, outcome)) {
    case FileCall::Next::kDone: break;
    case FileCall::Next::kAgain: call->pause_ms = 0; return park(process, std::move(call), false);
    case FileCall::Next::kLater: return park(process, std::move(call), true);
  }
  return outcome;
}

vm::HostStatus file_call_resume(vm::ExecContext& exec, u64* io) {
  const Outcome outcome = resume_file_call(runtime::process_of(exec));
  if (outcome.status == vm::HostStatus::kDone) io[0] = static_cast<u64>(outcome.error);
  return outcome.status;
}

}  // namespace lunabeam::wasi
