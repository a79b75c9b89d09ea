// The kernel's clocks.
#include "runtime/sched/clock.h"

#include <ctime>

#include "vm/interp/cycle_counter.h"

namespace lunabeam::runtime {

namespace {

u64 read_clock(clockid_t id) noexcept {
  timespec now{};
  clock_gettime(id, &now);
  return static_cast<u64>(now.tv_sec) * 1'000'000'000 + static_cast<u64>(now.tv_nsec);
}

}  // namespace

u64 RealClock::monotonic_ns() noexcept { return read_clock(CLOCK_MONOTONIC); }
u64 RealClock::realtime_ns() noexcept { return read_clock(CLOCK_REALTIME); }

RealClock::RealClock() noexcept : start_ns_(monotonic_ns()), start_cycles_(cycles()) {}

u64 RealClock::cycles() noexcept {
  const u64 count = cycle_counter();
  return count != 0 ? count : monotonic_ns();
}

u64 RealClock::cycles_in(u64 ns) noexcept {
  const u64 passed_ns = monotonic_ns() - start_ns_;
  if (passed_ns < kNsPerMs) return 0;
  const u64 passed = cycles() - start_cycles_;
  return static_cast<u64>(static_cast<unsigned __int128>(passed) * ns / passed_ns);
}

}  // namespace lunabeam::runtime
