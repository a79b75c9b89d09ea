// Clocks and random numbers. Time is the scheduler's clock, so that it is virtual in deterministic mode; random numbers then come
// from the seed.
#include <sys/random.h>

#include <algorithm>
#include <cerrno>

#include "runtime/sched/clock.h"
#include "runtime/sched/scheduler.h"
#include "runtime/wait.h"
#include "wasi/functions.h"

namespace lunabeam::wasi {
namespace {

enum ClockId : u32 { kRealtime = 0, kMonotonic = 1, kProcessCpu = 2, kThreadCpu = 3 };

constexpr size_t kRandomStepBytes = 16 * 1024;

}  // namespace

Outcome clock_res_get(Process& p, u32 clock, u32 resolution_ptr) {
  if (clock == kProcessCpu || clock == kThreadCpu) return Errno::kBadF;
  if (clock > kThreadCpu) return Errno::kInval;
  if (!store<u64>(p, resolution_ptr, 1)) return out_of_bounds(p);
  return Errno::kSuccess;
}

Outcome clock_time_get(Process& p, u32 clock, u64 /*precision_ns*/, u32 time_ptr) {
  u64 now_ns = 0;
  switch (clock) {
    case kRealtime: now_ns = p.scheduler->clock().realtime_ns(); break;
    case kMonotonic: now_ns = p.scheduler->clock().monotonic_ns(); break;
    case kProcessCpu:
    case kThreadCpu: return Errno::kBadF;
    default: return Errno::kInval;
  }
  if (!store<u64>(p, time_ptr, now_ns)) return out_of_bounds(p);
  return Errno::kSuccess;
}

// Fills [address, address + length) as far as one step may go; the bytes that are left.
u64 fill_random(Process& p, std::span<u8> bytes, Errno& error) {
  error = Errno::kSuccess;
  const size_t step = std::min<size_t>(bytes.size(), kRandomStepBytes);
  if (p.scheduler->options().deterministic) {
    u64 word = 0;
    for (size_t i = 0; i < step; ++i) {
      if (i % 8 == 0) word = p.scheduler->random().next();
      bytes[i] = static_cast<u8>(word >> (i % 8 * 8));
    }
    return bytes.size() - step;
  }
  for (size_t done = 0; done < step;) {
    const ssize_t got = getrandom(bytes.data() + done, step - done, 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      error = from_host_errno(errno);
      return 0;
    }
    done += static_cast<size_t>(got);
  }
  return bytes.size() - step;
}

Outcome random_step(Process& p, u32 buffer_ptr, u32 length) {
  const auto bytes = runtime::guest_bytes(p, buffer_ptr, length);
  if (!bytes) return out_of_bounds(p);
  Errno error;
  // The kernel's generator makes some hundred megabytes in a second.
  charge_reductions(p, kSyscallReductions + std::min<u64>(length, kRandomStepBytes) / 2);
  const u64 left = fill_random(p, *bytes, error);
  if (left == 0) return error;
  // Another process may run before the next step: a guest cannot hold a scheduler by asking for a gigabyte.
  (void)runtime::yield_begin(p);
  p.wait.args[0] = buffer_ptr + (length - left);
  p.wait.args[1] = left;
  return vm::HostStatus::kPark;
}

Outcome random_get(Process& p, u32 buffer_ptr, u32 length) { return random_step(p, buffer_ptr, length); }

vm::HostStatus random_get_resume(vm::ExecContext& exec, u64* io) {
  Process& p = runtime::process_of(exec);
  const u64 address = p.wait.args[0];
  const u64 length = p.wait.args[1];
  if (runtime::sleep_resume(p) == runtime::WaitStatus::kPark) return vm::HostStatus::kPark;
  const Outcome outcome = random_step(p, static_cast<u32>(address), static_cast<u32>(length));
  if (outcome.status == vm::HostStatus::kDone) io[0] = static_cast<u64>(outcome.error);
  return outcome.status;
}

}  // namespace lunabeam::wasi
