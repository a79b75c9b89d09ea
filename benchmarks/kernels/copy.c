/* Mostly memcpy, memmove and memset: a ring buffer of packets, and gaps opened and closed in a text. */
#include "kernel.h"

enum { kRing = 256 * 1024, kPackets = 2000, kText = 32 * 1024 };

static uint8_t ring[kRing], packet[1500], text[kText * 2];

static uint64_t kernel_round(void) {
  uint64_t state = 1181783497276652981u, hash = 0;
  uint32_t at = 0, count = kernel_opaque(kPackets);
  for (uint32_t i = 0; i < count; i++) {
    uint32_t size = 20 + (uint32_t)(kernel_random(&state) % 1480);
    memset(packet, (int)(i & 255), size);
    if (at + size > kRing) at = 0;
    memcpy(ring + at, packet, size);
    memcpy(packet, ring + at, size);
    hash = kernel_mix(hash, packet[size - 1] + (uint64_t)at);
    at += size;
  }
  uint32_t length = kText;
  for (uint32_t i = 0; i < length; i++) text[i] = (uint8_t)i;
  for (int i = 0; i < 400; i++) {
    uint32_t place = (uint32_t)(kernel_random(&state) % length), gap = 1 + (uint32_t)i % 60;
    memmove(text + place + gap, text + place, length - place);
    memset(text + place, '.', gap);
    length += gap;
    if (length > kText + 4096) {
      memmove(text, text + 4096, length - 4096);
      length -= 4096;
    }
  }
  for (uint32_t i = 0; i < length; i += 7) hash = kernel_mix(hash, text[i]);
  return hash;
}

KERNEL_MAIN("copy", 100, UINT64_C(0xeacda412145f153a))
