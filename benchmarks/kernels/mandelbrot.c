/* Floating point with an unpredictable loop exit: escape times of a 192 x 128 view of the Mandelbrot set. */
#include "kernel.h"

enum { kWidth = 192, kHeight = 128, kMaxSteps = 200 };

static uint64_t kernel_round(void) {
  uint64_t hash = 0;
  uint32_t width = kernel_opaque(kWidth), height = kernel_opaque(kHeight);
  for (uint32_t y = 0; y < height; y++) {
    double ci = 2.5 * y / height - 1.25;
    for (uint32_t x = 0; x < width; x++) {
      double cr = 3.5 * x / width - 2.5, zr = 0, zi = 0;
      uint32_t steps = 0;
      while (steps < kMaxSteps && zr * zr + zi * zi <= 4) {
        double next = zr * zr - zi * zi + cr;
        zi = 2 * zr * zi + ci;
        zr = next;
        steps++;
      }
      hash = kernel_mix(hash, steps);
    }
  }
  return hash;
}

KERNEL_MAIN("mandelbrot", 12, UINT64_C(0xeeba0f84d09d85d4))
