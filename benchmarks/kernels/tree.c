/* Pointer chasing and malloc: random keys go into an unbalanced binary search tree, are looked up, and are freed. */
#include "kernel.h"

typedef struct Node {
  struct Node *left, *right;
  uint32_t key, count;
} Node;

static int insert(Node** slot, uint32_t key) {
  while (*slot) {
    Node* node = *slot;
    if (key == node->key) {
      node->count++;
      return 0;
    }
    slot = key < node->key ? &node->left : &node->right;
  }
  Node* node = malloc(sizeof *node);
  if (!node) {
    abort();
  }
  *node = (Node){.key = key, .count = 1};
  *slot = node;
  return 1;
}

static uint32_t find(const Node* node, uint32_t key) {
  while (node && node->key != key) {
    node = key < node->key ? node->left : node->right;
  }
  return node ? node->count : 0;
}

static uint64_t release(Node* node, uint64_t hash) {
  if (!node) {
    return hash;
  }
  hash = release(node->left, hash);
  hash = kernel_mix(hash, node->key + node->count);
  hash = release(node->right, hash);
  free(node);
  return hash;
}

static uint64_t kernel_round(void) {
  enum { kKeys = 30000 };
  Node* root = NULL;
  uint64_t state = kernel_opaque(77), hits = 0, nodes = 0;
  for (int i = 0; i < kKeys; i++) {
    nodes += insert(&root, (uint32_t)(kernel_random(&state) >> 46));
  }
  for (int i = 0; i < 2 * kKeys; i++) {
    hits += find(root, (uint32_t)(kernel_random(&state) >> 46));
  }
  return release(root, nodes << 32 ^ hits);
}

KERNEL_MAIN("tree", 16, UINT64_C(0x8ba0f655160bc3b8))
