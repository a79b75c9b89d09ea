// The processor's own counter of time: constant rate, unknown frequency, some nanoseconds to read.
#pragma once

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "vm/base/ints.h"

namespace lunabeam::runtime {

// 0 where there is none that a user program may read.
[[nodiscard]] inline u64 cycle_counter() noexcept {
#if defined(__x86_64__)
  return __rdtsc();
#elif defined(__aarch64__)
  u64 count;
  asm volatile("mrs %0, cntvct_el0" : "=r"(count));
  return count;
#else
  return 0;
#endif
}

}  // namespace lunabeam::runtime
