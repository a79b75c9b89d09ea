/* call_indirect: a chain of calls through a table of eight small functions, the next one chosen by the last result. */
#include "kernel.h"

typedef uint32_t (*Step)(uint32_t);

static uint32_t add(uint32_t x) { return x + 0x9e3779b9; }
static uint32_t flip(uint32_t x) { return ~x; }
static uint32_t left(uint32_t x) { return x << 3 | x >> 29; }
static uint32_t right(uint32_t x) { return x >> 5 | x << 27; }
static uint32_t scale(uint32_t x) { return x * 2654435761u; }
static uint32_t fold(uint32_t x) { return x ^ x >> 16; }
static uint32_t swap(uint32_t x) { return (x & 0x00ff00ff) << 8 | (x >> 8 & 0x00ff00ff); }
static uint32_t less(uint32_t x) { return x - 0x7f4a7c15; }

static const Step kSteps[8] = {add, flip, left, right, scale, fold, swap, less};

static uint64_t kernel_round(void) {
  const Step* steps = kSteps;
  __asm__ volatile("" : "+r"(steps)); /* else the chain could become a switch */
  uint32_t x = kernel_opaque(12345);
  for (uint32_t i = 0; i < 1000000; i++) {
    x = steps[(x + i) & 7](x);
  }
  return x;
}

KERNEL_MAIN("indirect", 28, UINT64_C(0x000000008c5fd0ed))
