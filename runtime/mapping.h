// Mappings of their own, for what is large: linear memories beyond a slot, long messages. A mapping grows by moving its pages, not its
// bytes, and goes in steps: to unmap a gigabyte of touched pages takes a tenth of a second, which no scheduler has.
//
// Threading: map, grow and unmap: any thread. DyingMappings: one worker's.
#pragma once

#include "vm/base/ints.h"

namespace lunabeam::runtime {

class MemoryBudget;

namespace mapping {

// Zeros; whole pages (REQUIRES). nullptr: no memory, or no mapping left: the program takes at most half of those that the system
// allows it (rule M1).
[[nodiscard]] u8* map(u64 bytes) noexcept;
// Counts one that has been made in another way. False: none is left.
[[nodiscard]] bool take() noexcept;
// Undoes take().
void put_back() noexcept;
// The new place; what is added is zeros. nullptr: no memory, nothing changed. Shrinks too.
[[nodiscard]] u8* resize(u8* base, u64 old_bytes, u64 new_bytes) noexcept;
// All of it at once. For what is small, or where time does not matter.
void unmap(u8* base, u64 bytes) noexcept;

}  // namespace mapping

// Mappings that nobody uses any more, unmapped step by step, oldest first. They stay charged until then.
class DyingMappings {
 public:
  // `budget` outlives it.
  explicit DyingMappings(MemoryBudget& budget) noexcept : budget_(budget) {}
  ~DyingMappings();
  DyingMappings(const DyingMappings&) = delete;
  DyingMappings& operator=(const DyingMappings&) = delete;

  // Takes the mapping over, and what is charged for it. Where much waits already, some steps are done: mappings must not be made
  // faster than they go. REQUIRES: the first page may be written; charged_bytes <= bytes.
  void add(u8* base, u64 bytes, u64 charged_bytes) noexcept;
  // Takes a block of malloc's over, which is charged to nobody here: where much waits already, that goes first, all of it. Up to
  // 8 MiB are freed at once: the allocator may know of somebody who wants their pages.
  void add_block(void* block, u64 bytes) noexcept;
  // Unmaps at most 4 MiB. False: there was nothing.
  bool step() noexcept;
  [[nodiscard]] u64 bytes() const { return bytes_; }

 private:
  struct Head;

  void append(Head* head) noexcept;

  MemoryBudget& budget_;
  Head* first_ = nullptr;
  Head* last_ = nullptr;
  u64 bytes_ = 0;
};

}  // namespace lunabeam::runtime
