/* A compressor with a hash table of earlier places and byte-wise matches, and its decompressor, on 64 KiB of text-like data. */
#include "kernel.h"

enum { kBytes = 64 * 1024, kHashBits = 12, kMinMatch = 4, kMaxMatch = 127 + kMinMatch };

static uint8_t input[kBytes + 8], packed[kBytes * 2], output[kBytes + kMaxMatch];
static uint32_t places[1 << kHashBits];

static void make_input(uint32_t size) {
  static const char* const words[] = {"process", "mailbox", "link",  " ",   "monitor",
                                      ", ",      "sends a", "timer", ".\n", "the "};
  uint64_t state = 4101842887655102017u;
  uint32_t at = 0;
  while (at < size) {
    for (const char* word = words[kernel_random(&state) % 10]; *word != 0 && at < size; word++)
      input[at++] = (uint8_t)*word;
  }
}

static uint32_t compress(uint32_t size) {
  uint32_t in = 0, out = 0, literals = 0;
  memset(places, 0, sizeof places);
  while (in + kMinMatch <= size) {
    uint32_t word;
    memcpy(&word, input + in, sizeof word);
    uint32_t* place = &places[word * UINT32_C(2654435761) >> (32 - kHashBits)];
    uint32_t candidate = *place;
    *place = in + 1;
    uint32_t length = 0;
    if (candidate != 0 && in + 1 - candidate < 65536) {
      const uint8_t* old = input + candidate - 1;
      while (length < kMaxMatch && in + length < size && old[length] == input[in + length]) length++;
    }
    if (length < kMinMatch) {
      if (literals == 0) out++;
      packed[out++] = input[in++];
      if (++literals == 127) {
        packed[out - literals - 1] = (uint8_t)literals;
        literals = 0;
      }
      continue;
    }
    if (literals > 0) packed[out - literals - 1] = (uint8_t)literals;
    literals = 0;
    uint32_t distance = in + 1 - candidate;
    packed[out++] = (uint8_t)(128 + length - kMinMatch);
    packed[out++] = (uint8_t)distance;
    packed[out++] = (uint8_t)(distance >> 8);
    in += length;
  }
  if (literals > 0) packed[out - literals - 1] = (uint8_t)literals;
  while (in < size) {
    packed[out++] = 1;
    packed[out++] = input[in++];
  }
  return out;
}

static uint32_t decompress(uint32_t size) {
  uint32_t out = 0;
  for (uint32_t in = 0; in < size;) {
    uint32_t control = packed[in++];
    if (control < 128) {
      while (control-- > 0) output[out++] = packed[in++];
    } else {
      uint32_t length = control - 128 + kMinMatch;
      uint32_t distance = packed[in] | (uint32_t)packed[in + 1] << 8;
      in += 2;
      for (; length > 0; length--, out++) output[out] = output[out - distance];
    }
  }
  return out;
}

static uint64_t kernel_round(void) {
  uint32_t size = kernel_opaque(kBytes);
  make_input(size);
  uint32_t length = compress(size);
  if (decompress(length) != size || memcmp(input, output, size) != 0) return 0;
  uint64_t hash = length;
  for (uint32_t i = 0; i < length; i++) hash = kernel_mix(hash, packed[i]);
  return hash;
}

KERNEL_MAIN("lz", 60, UINT64_C(0xf7e737a33b325094))
