/* Strings: many patterns in 128 KiB of text by Horspool's skip table, and a naive scan with memchr. */
#include "kernel.h"

enum { kBytes = 128 * 1024 };

static char text[kBytes];

static uint32_t horspool(const char* pattern, uint32_t length, uint32_t size) {
  uint32_t skip[256], found = 0;
  for (uint32_t i = 0; i < 256; i++) skip[i] = length;
  for (uint32_t i = 0; i + 1 < length; i++) skip[(uint8_t)pattern[i]] = length - 1 - i;
  for (uint32_t at = 0; at + length <= size;) {
    uint32_t i = length;
    while (i > 0 && pattern[i - 1] == text[at + i - 1]) i--;
    if (i == 0) found += at;
    at += skip[(uint8_t)text[at + length - 1]];
  }
  return found;
}

static uint32_t scan(const char* pattern, uint32_t length, uint32_t size) {
  uint32_t found = 0;
  const char* end = text + size - length;
  for (const char* at = text; at <= end; at++) {
    at = memchr(at, pattern[0], (size_t)(end - at) + 1);
    if (at == NULL) break;
    if (memcmp(at, pattern, length) == 0) found += (uint32_t)(at - text);
  }
  return found;
}

static uint64_t kernel_round(void) {
  static const char* const patterns[] = {"monitor", "supervisor tree", "zzz", "an exit signal", "ee", "no such thing"};
  static const char* const words[] = {"exit ", "signal ", "monitor ", "supervisor ", "tree ", "an ", "been ", "seen "};
  uint64_t state = 3935559000370003845u, hash = 0;
  uint32_t size = kernel_opaque(kBytes), at = 0;
  while (at < size) {
    for (const char* word = words[kernel_random(&state) % 8]; *word != 0 && at < size; word++) text[at++] = *word;
  }
  for (uint32_t i = 0; i < 6; i++) {
    uint32_t length = (uint32_t)strlen(patterns[i]);
    uint32_t found = horspool(patterns[i], length, size);
    if (found != scan(patterns[i], length, size)) return 0;
    hash = kernel_mix(hash, found);
  }
  return hash;
}

KERNEL_MAIN("search", 60, UINT64_C(0xb5a2a2861920c3f7))
