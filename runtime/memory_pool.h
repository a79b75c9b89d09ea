// Linear memories of the runtime (engine.md 3, rules M1-M3): slots of slab arenas up to 4 MiB, recycled resident per module; own
// mappings beyond. One pool per worker.
//
// A freed slot keeps its pages. Which of them are resident is read from /proc/self/pagemap (present or swapped; mincore would
// miss swapped ones and leak a dead process's bytes), for a batch of slots at a time, because the call costs over a
// microsecond and a page of a range only nanoseconds. Reuse then overwrites the pages of the image and clears the other resident ones.
//
// Security invariant: a slot is handed out with every byte equal to the image or 0. Debug builds verify it against pagemap.
//
// Threading: a pool belongs to its worker. A memory that another worker's pool handed out may be freed or grown through any pool:
// its slot goes to the owner's remote list. MemoryBudget is shared and lock-free.
#pragma once

#include <atomic>
#include <memory>

#include "vm/base/ints.h"
#include "vm/memory.h"

namespace lunabeam::runtime {

// Bytes of linear memory in the whole VM, counted by size (memory.size) in whole pages of the machine, against --memory-limit.
class MemoryBudget {
 public:
  static constexpr u64 kUnlimited = ~u64{0};
  explicit MemoryBudget(u64 limit_bytes = kUnlimited) noexcept : limit_bytes_(limit_bytes) {}

  [[nodiscard]] bool charge(u64 bytes) noexcept;
  // For what cannot be refused: counted, beyond the limit if need be.
  void charge_anyway(u64 bytes) noexcept { used_bytes_.fetch_add(bytes, std::memory_order_relaxed); }
  void refund(u64 bytes) noexcept;
  [[nodiscard]] u64 used_bytes() const noexcept { return used_bytes_.load(std::memory_order_relaxed); }
  [[nodiscard]] u64 limit_bytes() const noexcept { return limit_bytes_; }
  [[nodiscard]] bool is_limited() const noexcept { return limit_bytes_ != kUnlimited; }

 private:
  const u64 limit_bytes_;
  std::atomic<u64> used_bytes_{0};
};

class MemoryPool {
 public:
  static constexpr u64 kRemoteBytesPerWake = u64{16} << 20;

  struct Options {
    u64 resident_limit_bytes = u64{64} << 20;  // Pages that free slots may keep.
    bool use_pagemap = true;                   // False: as if pagemap could not be read.
    // Called on the thread of another worker whenever others have freed kRemoteBytesPerWake more: the owner may sleep, and what it
    // does not take back stays resident.
    void (*wake_owner)(void* context) noexcept = nullptr;
    void* wake_context = nullptr;
    u64 host_page_bytes = 0;  // As if the kernel's pages were so large; 0: what they are.
  };

  // `budget` outlives the pool.
  explicit MemoryPool(MemoryBudget& budget) noexcept : MemoryPool(budget, Options{}) {}
  MemoryPool(MemoryBudget& budget, Options options) noexcept;
  // REQUIRES: every memory in a slot of this pool has been freed.
  ~MemoryPool();
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  // As MemoryProvider: fills base, size_bytes, capacity_bytes and provider_data. max_bytes must be set. False: the VM-wide limit,
  // or the system has no memory. The limit of the process is checked by the caller.
  [[nodiscard]] bool allocate(vm::MemoryInst& memory, u64 size_bytes, const vm::MemoryImage* image, u64 key) noexcept;
  // The two halves of allocate(): the charge at the spawn, and the bytes when the process runs for the first time. Until then base
  // is nullptr, and the memory may only be freed. Of many processes that wait for their first turn, those that end soon after it
  // follow one another in the same few slots.
  [[nodiscard]] bool reserve(vm::MemoryInst& memory, u64 size_bytes) noexcept;
  // REQUIRES: is_reserved(memory). False: the system has no memory; it stays reserved.
  [[nodiscard]] bool fill(vm::MemoryInst& memory, const vm::MemoryImage* image, u64 key) noexcept;
  [[nodiscard]] static bool is_reserved(const vm::MemoryInst& memory) noexcept;

  [[nodiscard]] bool grow(vm::MemoryInst& memory, u64 new_size_bytes) noexcept;
  void free(vm::MemoryInst& memory, u64 key) noexcept;

  // Frees a block of malloc's whose pages may be many: in steps, like a large memory. It is charged to nobody here: where much waits
  // already, that goes first, all of it.
  void free_in_steps(void* block, u64 bytes) noexcept;

  // Finishes what was put off for batching (reading residency, giving pages back). For a worker that has nothing else to do.
  void settle() noexcept;
  // Large freed memories and blocks are given back in bounded steps, oldest first, and stay charged until then: does one step. Who frees when
  // much waits does some too, and a charge that fails does as many as it needs. False: nothing was left to do.
  bool release_step() noexcept;
  // Takes any mapping (mapping.h) over, with what is charged for it, to be unmapped in such steps.
  void unmap_later(u8* base, u64 bytes, u64 charged_bytes) noexcept;
  // Takes back up to `most` slots that other workers have freed. False: there are none left.
  bool drain_remote(u64 most) noexcept;
  // Gives back the pages of every free slot, and what release_step() has left.
  void trim() noexcept;

  // Live counts are of allocations less frees made through this pool: where memories are freed by another worker than the one
  // that allocated them, only the sums over all pools mean something.
  struct Stats {
    i64 live_memories = 0;
    i64 live_slots = 0;      // Of them in slots.
    i64 own_mappings = 0;    // Of them in mappings of their own.
    u64 dying_bytes = 0;     // Of freed mappings, not unmapped yet.
    u64 hot_slots = 0;       // Free, residency known, waiting for their module.
    u64 unread_slots = 0;    // Free, residency not read yet.
    u64 resident_bytes = 0;  // Pages kept by hot slots.
    u64 reused_slots = 0;    // Allocations served by a hot slot.
    u64 fresh_slots = 0;     // Allocations served by a slot without pages.
    u64 moves = 0;           // Growths that went to another slot or mapping.
    u64 arenas = 0;
  };
  [[nodiscard]] Stats stats() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lunabeam::runtime
