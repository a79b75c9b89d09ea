/* Bytes, shifts and tables: base64 of 48 KiB, encoded and decoded. */
#include "kernel.h"

enum { kBytes = 48 * 1024 };

static const char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static uint8_t input[kBytes], text[kBytes / 3 * 4], output[kBytes], value_of[256];

static uint64_t kernel_round(void) {
  uint32_t size = kernel_opaque(kBytes);
  for (uint32_t i = 0; i < 64; i++) value_of[(uint8_t)kAlphabet[i]] = (uint8_t)i;
  for (uint32_t i = 0; i < size; i++) input[i] = (uint8_t)(i * 167 + (i >> 7));
  uint32_t at = 0;
  for (uint32_t i = 0; i + 2 < size; i += 3) {
    uint32_t group = (uint32_t)input[i] << 16 | (uint32_t)input[i + 1] << 8 | input[i + 2];
    text[at++] = (uint8_t)kAlphabet[group >> 18];
    text[at++] = (uint8_t)kAlphabet[group >> 12 & 63];
    text[at++] = (uint8_t)kAlphabet[group >> 6 & 63];
    text[at++] = (uint8_t)kAlphabet[group & 63];
  }
  uint32_t length = at;
  at = 0;
  for (uint32_t i = 0; i + 3 < length; i += 4) {
    uint32_t group = (uint32_t)value_of[text[i]] << 18 | (uint32_t)value_of[text[i + 1]] << 12 |
                     (uint32_t)value_of[text[i + 2]] << 6 | value_of[text[i + 3]];
    output[at++] = (uint8_t)(group >> 16);
    output[at++] = (uint8_t)(group >> 8);
    output[at++] = (uint8_t)group;
  }
  uint64_t hash = length;
  for (uint32_t i = 0; i < size; i += 4) {
    uint32_t word;
    memcpy(&word, output + i, sizeof word);
    hash = kernel_mix(hash, word);
  }
  return memcmp(input, output, size) == 0 ? hash : 0;
}

KERNEL_MAIN("base64", 120, UINT64_C(0x46d82356b29abf19))
