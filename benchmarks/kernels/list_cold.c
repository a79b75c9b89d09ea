/* A linked list of 4 MB in random order: every step waits for memory, whatever executes it. */
#include "kernel.h"

enum { kNodes = 64 * 1024, kSteps = 200000 };

struct node {
  struct node* next;
  uint32_t key, padding[14];
};
static struct node nodes[kNodes];

static uint64_t kernel_round(void) {
  static int built;
  uint32_t count = kernel_opaque(kNodes);
  if (!built) {
    /* One cycle through all nodes (Sattolo's shuffle of the successor relation). */
    uint64_t state = 1442695040888963407u;
    for (uint32_t i = 0; i < count; i++) nodes[i].key = i;
    for (uint32_t i = count - 1; i > 0; i--) {
      uint32_t other = (uint32_t)(kernel_random(&state) % i), key = nodes[i].key;
      nodes[i].key = nodes[other].key;
      nodes[other].key = key;
    }
    for (uint32_t i = 0; i < count; i++) nodes[i].next = &nodes[nodes[i].key];
    built = 1;
  }
  uint64_t sum = 0;
  const struct node* at = nodes;
  for (uint32_t i = 0; i < kSteps; i++) {
    sum = sum * 5 + at->key;
    at = at->next;
  }
  return sum;
}

KERNEL_MAIN("list_cold", 10, UINT64_C(0x93559a8898927479))
