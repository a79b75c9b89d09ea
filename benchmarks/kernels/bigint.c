/* Big integers of 32-bit limbs with 64-bit products: 3^n and its digits by repeated division. */
#include "kernel.h"

enum { kLimbs = 256 };

static uint32_t number[kLimbs], product[kLimbs * 2];

static uint32_t multiply(const uint32_t* a, uint32_t a_size, const uint32_t* b, uint32_t b_size, uint32_t* out) {
  memset(out, 0, (a_size + b_size) * sizeof *out);
  for (uint32_t i = 0; i < a_size; i++) {
    uint64_t carry = 0;
    for (uint32_t j = 0; j < b_size; j++) {
      carry += (uint64_t)a[i] * b[j] + out[i + j];
      out[i + j] = (uint32_t)carry;
      carry >>= 32;
    }
    out[i + b_size] = (uint32_t)carry;
  }
  uint32_t size = a_size + b_size;
  while (size > 1 && out[size - 1] == 0) size--;
  return size;
}

static uint64_t kernel_round(void) {
  uint32_t size = 1, exponent = kernel_opaque(4000);
  number[0] = 1;
  for (uint32_t bit = 1u << 11; bit != 0; bit >>= 1) {
    size = multiply(number, size, number, size, product);
    memcpy(number, product, size * sizeof *number);
    if (exponent & bit) {
      uint64_t carry = 0;
      for (uint32_t i = 0; i < size; i++) {
        carry += (uint64_t)number[i] * 3;
        number[i] = (uint32_t)carry;
        carry >>= 32;
      }
      if (carry != 0) number[size++] = (uint32_t)carry;
    }
  }
  uint64_t hash = 0;
  while (size > 1 || number[0] != 0) {
    uint64_t rest = 0;
    for (uint32_t i = size; i-- > 0;) {
      rest = rest << 32 | number[i];
      number[i] = (uint32_t)(rest / 1000000000u);
      rest %= 1000000000u;
    }
    hash = kernel_mix(hash, rest);
    while (size > 1 && number[size - 1] == 0) size--;
  }
  return hash;
}

KERNEL_MAIN("bigint", 60, UINT64_C(0x9c25af7503325044))
