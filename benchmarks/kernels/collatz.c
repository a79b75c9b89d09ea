/* 64-bit integer loops with unpredictable branches: the longest Collatz chain that starts below 30,000. */
#include "kernel.h"

static uint64_t kernel_round(void) {
  uint64_t best = 0, best_length = 0, limit = kernel_opaque(30000);
  for (uint64_t start = 1; start < limit; start++) {
    uint64_t n = start, length = 1;
    while (n != 1) {
      n = n & 1 ? 3 * n + 1 : n >> 1;
      length++;
    }
    if (length > best_length) {
      best_length = length;
      best = start;
    }
  }
  return best << 16 | best_length;
}

KERNEL_MAIN("collatz", 24, UINT64_C(0x0000000067ff0134))
