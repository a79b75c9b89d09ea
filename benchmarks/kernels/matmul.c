/* Double-precision loads, multiplications and additions: the product of two 120 x 120 matrices. */
#include "kernel.h"

enum { kSize = 120 };

static double a[kSize][kSize], b[kSize][kSize], c[kSize][kSize];

static uint64_t kernel_round(void) {
  uint32_t n = kernel_opaque(kSize);
  for (uint32_t i = 0; i < n; i++) {
    for (uint32_t j = 0; j < n; j++) {
      a[i][j] = (double)((i * 7 + j * 3) % 31) / 8.0;
      b[i][j] = (double)((i * 5 + j * 11) % 29) / 4.0;
    }
  }
  for (uint32_t i = 0; i < n; i++) {
    for (uint32_t j = 0; j < n; j++) {
      double sum = 0;
      for (uint32_t k = 0; k < n; k++) {
        sum += a[i][k] * b[k][j];
      }
      c[i][j] = sum;
    }
  }
  uint64_t hash = 0;
  for (uint32_t i = 0; i < n; i++) {
    for (uint32_t j = 0; j < n; j++) {
      hash = kernel_mix(hash, kernel_bits(c[i][j]));
    }
  }
  return hash;
}

KERNEL_MAIN("matmul", 36, UINT64_C(0xb1a3fbd9755038fe))
