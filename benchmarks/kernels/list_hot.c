/* A linked list that fits in the first-level cache: walks, insertions in order, reversals. */
#include "kernel.h"

enum { kNodes = 512 };

struct node {
  struct node* next;
  uint32_t key;
};
static struct node nodes[kNodes];

static uint64_t kernel_round(void) {
  uint64_t state = 6364136223846793005u, hash = 0;
  struct node* head = NULL;
  uint32_t count = kernel_opaque(kNodes);
  for (uint32_t i = 0; i < count; i++) {
    nodes[i].key = (uint32_t)(kernel_random(&state) >> 40);
    struct node** at = &head;
    while (*at != NULL && (*at)->key < nodes[i].key) at = &(*at)->next;
    nodes[i].next = *at;
    *at = &nodes[i];
  }
  for (int turn = 0; turn < 100; turn++) {
    struct node *reversed = NULL, *next;
    for (struct node* n = head; n != NULL; n = next) {
      next = n->next;
      n->next = reversed;
      reversed = n;
    }
    head = reversed;
    uint64_t sum = 0;
    for (const struct node* n = head; n != NULL; n = n->next) sum = sum * 3 + n->key;
    hash = kernel_mix(hash, sum);
  }
  return hash;
}

KERNEL_MAIN("list_hot", 120, UINT64_C(0x7ddc64d62d308016))
