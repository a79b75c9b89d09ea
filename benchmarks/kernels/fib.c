/* Calls: the doubly recursive Fibonacci number. */
#include "kernel.h"

static uint32_t fib(uint32_t n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static uint64_t kernel_round(void) { return fib(kernel_opaque(27)); }

KERNEL_MAIN("fib", 100, UINT64_C(196418))
