// How work finds idle workers: who is idle, and every constant of the policy (the measurements are in docs/RATIONALE.md).
//
// Run queues are private. A worker without work says so in a mask; a worker with surplus looks at the masks between two slices,
// claims a bit and posts a part of its queue. Nobody searches in another's queue, so nothing on the hot path is atomic.
#pragma once

#include <atomic>
#include <bit>

#include "vm/base/ints.h"

namespace lunabeam::runtime {

namespace balance {

inline constexpr u32 kMaxWorkers = 64;  // Bits of a mask.
inline constexpr u8 kNoWorker = 0xFF;
inline constexpr u8 kGiven = 0xFE;  // Process::woken_by of one that was given away, not woken.
// How long a worker that runs dry looks out for work before it sleeps. Waking a sleeper costs its waker a system call and takes
// until the kernel has started it; both are worth some tens of microseconds.
inline constexpr u64 kSpinNs = 40'000;
// Spinners at a time: one takes the work, one more is ready for the next.
inline constexpr u32 kMostSpinners = 2;
// A queue of so many is shared with a spinner at once; a shorter one only when it persists, because two processes that talk
// are often both runnable for a moment, and are slower apart.
inline constexpr u64 kCrowd = 8;
// What is queued must take at least so long to run: less is done here before another worker has fetched it, and processes that
// talk to one another stay together. Where slices run out there is work without an end, and no such bound.
inline constexpr u64 kWorthNs = 50'000;
// Looks at the clock (every 4,000 reductions) in a row at which there was surplus: then it persists.
inline constexpr u32 kBacklogChecks = 2;
// Most processes of one donation: bounds the work between two slices. Who needs more is idle again soon.
inline constexpr u64 kMostGiven = 256;
// An idle worker that was woken more than so many times in a row for one process alone sends the next ones to the worker that woke
// it, if that has nothing else to do: the two take turns anyway, and a wake on one worker costs a hundredth.
inline constexpr u32 kLonelyWakes = 16;
// Turns of more reductions end such a row: who computes gains from a worker of its own.
inline constexpr i64 kLonelyReductions = 2000;

}  // namespace balance

// Which workers are idle. Shared by all workers of a VM; any thread.
class IdleWorkers {
 public:
  [[nodiscard]] bool any_spinning() const noexcept { return spinning_.load(std::memory_order_relaxed) != 0; }

  // A worker begins to spin. False: enough others do.
  [[nodiscard]] bool start_spinning(u32 worker) noexcept {
    const u64 others = spinning_.load(std::memory_order_relaxed);
    if (static_cast<u32>(std::popcount(others)) >= balance::kMostSpinners) return false;
    spinning_.fetch_or(u64{1} << worker, std::memory_order_relaxed);
    return true;
  }
  void stop_spinning(u32 worker) noexcept { spinning_.fetch_and(~(u64{1} << worker), std::memory_order_relaxed); }
  void start_sleeping(u32 worker) noexcept { sleeping_.fetch_or(u64{1} << worker, std::memory_order_relaxed); }
  void stop_sleeping(u32 worker) noexcept { sleeping_.fetch_and(~(u64{1} << worker), std::memory_order_relaxed); }

  // A sleeper that was claimed for nothing is one again. It may have woken up meanwhile: then it is given work once in vain.
  void put_back_sleeping(u32 worker) noexcept { start_sleeping(worker); }

  // Claims an idle worker for a donation: its bit is taken out, so that nobody else gives it work at the same time. kNoWorker:
  // there is none. The masks order nothing; the work goes through the inbox.
  [[nodiscard]] u8 claim_spinning() noexcept { return claim(spinning_); }
  [[nodiscard]] u8 claim_sleeping() noexcept { return claim(sleeping_); }

 private:
  [[nodiscard]] static u8 claim(std::atomic<u64>& mask) noexcept {
    u64 seen = mask.load(std::memory_order_relaxed);
    while (seen != 0) {
      if (mask.compare_exchange_weak(seen, seen & (seen - 1), std::memory_order_relaxed)) {
        return static_cast<u8>(std::countr_zero(seen));
      }
    }
    return balance::kNoWorker;
  }

  alignas(64) std::atomic<u64> spinning_{0};
  std::atomic<u64> sleeping_{0};
};

}  // namespace lunabeam::runtime
