// Process blocks and stacks come from here: one pool per worker, size classes 512 B .. 32 KiB in 64 KiB spans of 2 MiB chunks
// (engine.md 9). A process owns few blocks, so its death costs a handful of pushes and its memory is accounted exactly.
//
// Threading: everything but the remote list belongs to the owning worker's thread. A block may be freed through any worker's
// pool: a foreign block goes to its owner's remote list (multi-producer, single-consumer; pushed with release, drained with
// acquire), which the owner drains in steps: when a class runs dry, in its turns and when idle; stats() takes everything.
#pragma once

#include <array>
#include <atomic>

#include "vm/base/ints.h"

namespace lunabeam::runtime {

class BlockPool {
 public:
  static constexpr u64 kMinBlockBytes = 512;
  static constexpr u64 kMaxBlockBytes = 32 * 1024;
  static constexpr u32 kClasses = 7;

  BlockPool() noexcept;
  // REQUIRES: every block has been freed.
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // A block of block_bytes(size_bytes), aligned to its size up to 4 KiB, contents undefined. nullptr: the system has no memory.
  // REQUIRES: 0 < size_bytes <= kMaxBlockBytes.
  [[nodiscard]] void* allocate(u64 size_bytes) noexcept;

  // Gives a block of any worker's pool back. REQUIRES: the size is one that has the same block_bytes() as at allocation.
  void free(void* block, u64 size_bytes) noexcept;

  // Takes back up to `most` blocks that other workers have freed. False: there are none left.
  bool drain_remote(u64 most) noexcept;

  // What a request of size_bytes gets.
  [[nodiscard]] static constexpr u64 block_bytes(u64 size_bytes) { return kMinBlockBytes << class_of(size_bytes); }

  struct ClassStats {
    u64 block_bytes = 0;
    u64 live_blocks = 0;  // Allocated and not yet given back; blocks on the remote list have been given back.
    [[nodiscard]] u64 live_bytes() const { return live_blocks * block_bytes; }
  };
  struct Stats {
    std::array<ClassStats, kClasses> classes;
    u64 chunks = 0;  // 2 MiB each.
    u64 live_blocks = 0;
    u64 live_bytes = 0;
  };
  // Drains the remote list first. Exact when no other thread frees at the same time.
  [[nodiscard]] Stats stats() noexcept;

 private:
  struct Chunk;
  struct Span;
  struct FreeBlock {
    FreeBlock* next;
  };

  [[nodiscard]] static constexpr u32 class_of(u64 size_bytes) {
    u32 size_class = 0;
    while ((kMinBlockBytes << size_class) < size_bytes) ++size_class;
    return size_class;
  }
  [[nodiscard]] static Chunk* chunk_of(void* block) noexcept;
  [[nodiscard]] Span* take_span(u32 size_class) noexcept;
  void free_local(Chunk* chunk, FreeBlock* block) noexcept;
  void retire_span(Chunk* chunk, Span* span) noexcept;
  void list_chunk(Chunk* chunk) noexcept;
  void unlist_chunk(Chunk* chunk) noexcept;
  [[nodiscard]] Chunk* map_chunk() noexcept;
  void unmap_chunk(Chunk* chunk) noexcept;

  std::array<Span*, kClasses> with_room_{};  // Spans that have a free block; the first one is allocated from.
  std::array<u64, kClasses> live_blocks_{};
  Chunk* chunks_ = nullptr;  // Chunks that have an unused span.
  u64 chunk_count_ = 0;
  u64 empty_chunks_ = 0;            // Chunks without a span in use; at most one is kept.
  FreeBlock* came_back_ = nullptr;  // Taken from the remote list, not yet looked at.
  alignas(64) std::atomic<FreeBlock*> remote_{nullptr};
};

}  // namespace lunabeam::runtime
