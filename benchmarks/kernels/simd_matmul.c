/* Vectors of four floats: the product of two 128 x 128 matrices, in blocks of a row by four columns. The numbers are small integers and
 * the sums exact, so that every order of adding gives the same. */
#include "kernel.h"

typedef float f32x4 __attribute__((vector_size(16)));

enum { kSize = 128, kVectors = kSize / 4 };

static float a[kSize][kSize];
static f32x4 b[kSize][kVectors], c[kSize][kVectors];

static uint64_t kernel_round(void) {
  uint32_t n = kernel_opaque(kSize);
  for (uint32_t i = 0; i < n; i++) {
    for (uint32_t j = 0; j < n; j++) {
      a[i][j] = (float)((i * 7 + j * 3) % 31) - 15.0f;
      ((float*)b[i])[j] = (float)((i * 5 + j * 11) % 29) - 14.0f;
    }
  }
  for (uint32_t i = 0; i < n; i++) {
    for (uint32_t j = 0; j < n / 4; j += 4) {
      f32x4 s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
      for (uint32_t k = 0; k < n; k++) {
        float x = a[i][k];
        f32x4 x4 = {x, x, x, x};
        s0 += x4 * b[k][j];
        s1 += x4 * b[k][j + 1];
        s2 += x4 * b[k][j + 2];
        s3 += x4 * b[k][j + 3];
      }
      c[i][j] = s0;
      c[i][j + 1] = s1;
      c[i][j + 2] = s2;
      c[i][j + 3] = s3;
    }
  }
  uint64_t hash = 0;
  for (uint32_t i = 0; i < n; i++) {
    for (uint32_t j = 0; j < n; j++) {
      hash = kernel_mix(hash, (uint64_t)(int64_t)((float*)c[i])[j]);
    }
  }
  return hash;
}

KERNEL_MAIN("simd_matmul", 30, UINT64_C(0x071e6685a5f19b03))
