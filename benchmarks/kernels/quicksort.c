/* Comparisons and swaps in memory: quicksort of 50,000 records by a key, insertion sort for short runs. */
#include "kernel.h"

enum { kRecords = 50000 };

struct record {
  uint32_t key, payload;
};
static struct record records[kRecords];

static void swap(struct record* a, struct record* b) {
  struct record old = *a;
  *a = *b;
  *b = old;
}

static void sort(struct record* first, struct record* last) {
  while (last - first > 16) {
    struct record* middle = first + (last - first) / 2;
    if (middle->key < first->key) swap(middle, first);
    if (last[-1].key < first->key) swap(last - 1, first);
    if (last[-1].key < middle->key) swap(last - 1, middle);
    uint32_t pivot = middle->key;
    struct record *left = first, *right = last - 1;
    while (left <= right) {
      while (left->key < pivot) left++;
      while (right->key > pivot) right--;
      if (left <= right) swap(left++, right--);
    }
    if (right + 1 - first < last - left) {
      sort(first, right + 1);
      first = left;
    } else {
      sort(left, last);
      last = right + 1;
    }
  }
  for (struct record* next = first + 1; next < last; next++) {
    struct record moving = *next;
    struct record* hole = next;
    while (hole > first && hole[-1].key > moving.key) {
      *hole = hole[-1];
      hole--;
    }
    *hole = moving;
  }
}

static uint64_t kernel_round(void) {
  uint64_t state = 88172645463325252u;
  uint32_t count = kernel_opaque(kRecords);
  for (uint32_t i = 0; i < count; i++) {
    records[i].key = (uint32_t)(kernel_random(&state) >> 32);
    records[i].payload = i;
  }
  sort(records, records + count);
  uint64_t hash = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (i > 0 && records[i - 1].key > records[i].key) return 0;
    hash = kernel_mix(hash, records[i].key);
  }
  return hash;
}

KERNEL_MAIN("quicksort", 12, UINT64_C(0xeed08c7653ac378e))
