/* Branches that no predictor likes, and recursion: eleven queens by bit masks, and by a board that is looked at square by square. */
#include "kernel.h"

static uint32_t by_masks(uint32_t all, uint32_t columns, uint32_t left, uint32_t right) {
  if (columns == all) return 1;
  uint32_t count = 0;
  for (uint32_t free = all & ~(columns | left | right); free != 0;) {
    uint32_t queen = free & (0u - free);
    free ^= queen;
    count += by_masks(all, columns | queen, (left | queen) << 1, (right | queen) >> 1);
  }
  return count;
}

static int8_t column_of[16];

static int is_attacked(int row, int column) {
  for (int other = 0; other < row; other++) {
    int distance = column_of[other] - column;
    if (distance == 0 || distance == row - other || distance == other - row) return 1;
  }
  return 0;
}

static uint32_t by_board(int size, int row) {
  if (row == size) return 1;
  uint32_t count = 0;
  for (int column = 0; column < size; column++) {
    if (is_attacked(row, column)) continue;
    column_of[row] = (int8_t)column;
    count += by_board(size, row + 1);
  }
  return count;
}

static uint64_t kernel_round(void) {
  uint32_t size = kernel_opaque(9);
  return (uint64_t)by_masks((1u << (size + 2)) - 1, 0, 0, 0) << 32 | by_board((int)size, 0);
}

KERNEL_MAIN("queens", 15, UINT64_C(0x00000a7800000160))
