/* Vectors of bytes: 48 KiB are searched for a byte, put into base64 by shuffles, shifts and comparisons, 12 bytes at a time, and summed up. */
#include "kernel.h"

typedef uint8_t u8x16 __attribute__((vector_size(16)));
typedef int8_t i8x16 __attribute__((vector_size(16)));
typedef uint32_t u32x4 __attribute__((vector_size(16)));

enum { kBytes = 48 * 1024 };

static uint8_t text[kBytes + 16];
static uint8_t encoded[kBytes / 3 * 4];

static u8x16 load(const uint8_t* from) {
  u8x16 v;
  memcpy(&v, from, sizeof v);
  return v;
}

static u8x16 all(uint8_t value) {
  return (u8x16){value, value, value, value, value, value, value, value,
                 value, value, value, value, value, value, value, value};
}

static uint64_t count(uint8_t wanted) {
  uint64_t found = 0;
  for (uint32_t at = 0; at < kBytes; at += 16 * 16) {
    u8x16 counts = all(0);
    for (uint32_t i = 0; i < 16; i++) {
      counts -= (u8x16)(load(text + at + i * 16) == all(wanted));
    }
    for (uint32_t i = 0; i < 16; i++) found += counts[i];
  }
  return found;
}

static void encode(void) {
  uint8_t* to = encoded;
  for (uint32_t at = 0; at < kBytes; at += 12, to += 16) {
    u8x16 in = load(text + at);
    /* The three bytes of each group, the first one highest, as one number; then its four times six bits, the first one lowest. */
    u32x4 group = (u32x4)__builtin_shufflevector(in, all(0), 2, 1, 0, 16, 5, 4, 3, 16, 8, 7, 6, 16, 11, 10, 9, 16);
    u32x4 six = (group >> 18) | (group >> 4 & 0x3F00) | (group << 10 & 0x3F0000) | (group << 24 & 0x3F000000);
    u8x16 digit = (u8x16)six;
    /* A-Z, a-z, 0-9, +, / begin at 0, 26, 52, 62, 63. */
    u8x16 shift = all('A');
    shift += (u8x16)(digit > all(25)) & all('a' - 'A' - 26);
    shift -= (u8x16)(digit > all(51)) & all('a' - 26 - '0' + 52);
    shift -= (u8x16)(digit > all(61)) & all('0' - 52 - '+' + 62);
    shift += (u8x16)(digit > all(62)) & all('/' - '+' - 1);
    u8x16 out = digit + shift;
    memcpy(to, &out, sizeof out);
  }
}

static uint64_t kernel_round(void) {
  uint64_t state = kernel_opaque(88172645);
  for (uint32_t i = 0; i < kBytes; i += 8) {
    uint64_t word = kernel_random(&state);
    memcpy(text + i, &word, 8);
  }
  uint64_t hash = 0;
  for (uint32_t round = 0; round < 8; round++) {
    encode();
    for (uint32_t i = 0; i < sizeof encoded; i += 8 * 64) {
      uint64_t word;
      memcpy(&word, encoded + i, 8);
      hash = kernel_mix(hash, word);
    }
    hash = kernel_mix(hash, count((uint8_t)(round * 31)));
    text[round * 4001] ^= 0x5A;
  }
  return hash;
}

KERNEL_MAIN("simd_base64", 60, UINT64_C(0xb9f387821c8955d0))
