// Calls that may block: the owner checks the arguments and copies in what the call needs, a thread of the blocking pool makes it, and
// the owner copies the results out when the process runs again (rule P10). In deterministic mode the call is made at once: nothing
// about a run may depend on how fast a disk is.
#pragma once

#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "runtime/blocking_pool.h"
#include "wasi/call.h"

namespace lunabeam::wasi {

class FileCall : public runtime::BlockingRequest {
 public:
  // What the owner does next.
  enum class Next : u8 {
    kDone,   // outcome is the answer.
    kAgain,  // Runs again: there is more to move.
    kLater,  // Runs again after a pause: a FIFO or terminal is not ready.
  };
  // Owner, after run(). Reads and writes the guest's memory; may change the request for another run.
  [[nodiscard]] virtual Next finish(Process& process, Outcome& outcome) noexcept = 0;
  // Deterministic mode, instead of a pause: waits for what the call was not ready for.
  virtual void await_ready() noexcept {}

  u64 pause_ms = 0;  // The last pause; grows while nothing becomes ready.
};

// Starts a call and answers for it: with its outcome, or kPark. nullptr: kNoMem.
[[nodiscard]] Outcome start(Process& process, std::unique_ptr<FileCall> call) noexcept;

// Goes on with the parked call: for HostFunction::resume. REQUIRES: the process is parked in start().
[[nodiscard]] Outcome resume_file_call(Process& process) noexcept;
vm::HostStatus file_call_resume(vm::ExecContext& exec, u64* io);

// A call of two callables: work() on a pool thread answers a result, deliver(process, result) on the owner an Outcome. What they need
// is in them; the result is destroyed with the call, whether delivered or not.
template <class Work, class Deliver>
class WorkCall final : public FileCall {
 public:
  WorkCall(Work&& work, Deliver&& deliver) noexcept : work_(std::move(work)), deliver_(std::move(deliver)) {}
  void run() noexcept override { result_ = work_(); }
  Next finish(Process& process, Outcome& outcome) noexcept override {
    outcome = deliver_(process, result_);
    return Next::kDone;
  }

 private:
  Work work_;
  Deliver deliver_;
  std::invoke_result_t<Work&> result_{};
};

template <class Work, class Deliver>
  requires std::is_nothrow_move_constructible_v<Work> && std::is_nothrow_move_constructible_v<Deliver>
[[nodiscard]] Outcome start_work(Process& process, Work work, Deliver deliver) noexcept {
  return start(process, std::unique_ptr<FileCall>(new (std::nothrow)
                                                      WorkCall<Work, Deliver>(std::move(work), std::move(deliver))));
}
// Work whose result is the errno.
template <class Work>
[[nodiscard]] Outcome start_work(Process& process, Work work) noexcept {
  return start_work(process, std::move(work), [](Process&, Errno error) noexcept -> Outcome { return error; });
}

}  // namespace lunabeam::wasi
