/* Strided byte stores and a counting scan: the sieve of Eratosthenes below two million. */
#include "kernel.h"

enum { kLimit = 2000000 };

static uint8_t composite[kLimit];

static uint64_t kernel_round(void) {
  uint32_t limit = kernel_opaque(kLimit);
  memset(composite, 0, limit);
  uint32_t count = 0;
  for (uint32_t i = 2; i < limit; i++) {
    if (composite[i]) {
      continue;
    }
    count++;
    if (i <= limit / i) {
      for (uint32_t j = i * i; j < limit; j += i) {
        composite[j] = 1;
      }
    }
  }
  return count;
}

KERNEL_MAIN("sieve", 16, UINT64_C(148933))
