/* A dependency chain through a table: CRC-32 (IEEE) of 256 KiB. */
#include "kernel.h"

enum { kBytes = 256 * 1024 };

static uint32_t table[256];
static uint8_t input[kBytes];

static uint64_t kernel_round(void) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t entry = i;
    for (int bit = 0; bit < 8; bit++) {
      entry = entry & 1 ? UINT32_C(0xedb88320) ^ (entry >> 1) : entry >> 1;
    }
    table[i] = entry;
  }
  uint32_t size = kernel_opaque(kBytes);
  for (uint32_t i = 0; i < size; i++) {
    input[i] = (uint8_t)(i * 31 + (i >> 8));
  }
  uint32_t crc = UINT32_C(0xffffffff);
  for (uint32_t i = 0; i < size; i++) {
    crc = table[(crc ^ input[i]) & 0xff] ^ (crc >> 8);
  }
  return crc ^ UINT32_C(0xffffffff);
}

KERNEL_MAIN("crc32", 200, UINT64_C(0x000000001ac565b9))
