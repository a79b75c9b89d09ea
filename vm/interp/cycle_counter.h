// The processor's own counter of time: constant rate, unknown frequency, some nanoseconds to read.
#pragma once

#include "vm/base/ints.h"

namespace lunabeam {

// Any thread. 0 where there is none that a user program may read: who asks must then look at the clock itself.
[[nodiscard]] inline u64 cycle_counter() noexcept {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  u64 count;
  asm volatile("mrs %0, cntvct_el0" : "=r"(count));
  return count;
#else
  return 0;
#endif
}

}  // namespace lunabeam
