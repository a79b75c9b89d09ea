// The kernel's clocks.
#include "runtime/sched/clock.h"

#include <ctime>

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

}  // namespace lunabeam::runtime
