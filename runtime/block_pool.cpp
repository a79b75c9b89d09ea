// Chunks, spans and free lists of the block pool.
#include "runtime/block_pool.h"

#include <sys/mman.h>

#include <new>

#include "vm/base/address_sanitizer.h"
#include "vm/base/check.h"

namespace lunabeam::runtime {
namespace {

constexpr u64 kChunkBytes = u64{2} << 20;
constexpr u64 kSpanBytes = 64 * 1024;
constexpr u32 kSpans = kChunkBytes / kSpanBytes;
// The first span gives its first 4 KiB to the chunk's header; it serves the classes up to that size.
constexpr u64 kHeaderBytes = 4096;
constexpr u32 kNoClass = ~u32{0};
// Blocks freed by others that an allocation looks at before it takes fresh memory: bounds what one spawn can be made to pay.
constexpr u64 kDrainWhenDry = 64;

// A free block's first word is its list link; the address sanitizer watches the rest.
void poison(void* block, u64 bytes) {
#if defined(LUNABEAM_ASAN)
  __asan_poison_memory_region(static_cast<u8*>(block) + sizeof(void*), bytes - sizeof(void*));
#else
  (void)block, (void)bytes;
#endif
}

void unpoison(void* block, u64 bytes) {
#if defined(LUNABEAM_ASAN)
  __asan_unpoison_memory_region(block, bytes);
#else
  (void)block, (void)bytes;
#endif
}

}  // namespace

// Invariant 1: size_class == kNoClass iff the span is unused; then live, bump_end and the links are 0.
// Invariant 2: a used span is on its class's with_room_ list iff it has a block to give: free != null or bump < bump_end.
struct BlockPool::Span {
  u32 size_class = kNoClass;
  u32 live = 0;
  FreeBlock* free = nullptr;
  u8* bump = nullptr;  // Blocks never given out yet: touched only when needed.
  u8* bump_end = nullptr;
  Span* next = nullptr;  // With room, same class.
  Span* before = nullptr;
  bool listed = false;

  [[nodiscard]] bool has_room() const { return free != nullptr || bump < bump_end; }
};

struct BlockPool::Chunk {
  BlockPool* owner = nullptr;  // Constant after mapping: read by any thread that frees a block.
  Chunk* next = nullptr;
  Chunk* before = nullptr;
  u32 used_spans = 0;
  std::array<Span, kSpans> spans;

  [[nodiscard]] u8* begin() { return reinterpret_cast<u8*>(this); }
  [[nodiscard]] Span* span_of(const void* block) {
    return &spans[static_cast<u64>(static_cast<const u8*>(block) - begin()) / kSpanBytes];
  }
};

BlockPool::BlockPool() noexcept { static_assert(sizeof(Chunk) <= kHeaderBytes); }

BlockPool::~BlockPool() {
  (void)drain_remote(~u64{0});
  for (const u64 live : live_blocks_) VM_CHECK(live == 0);
  // A class keeps one span at most, so no chunk is full and all are on the list.
  static_assert(kClasses < kSpans);
  for (Chunk* chunk = chunks_; chunk != nullptr;) {
    Chunk* next = chunk->next;
    unpoison(chunk, kChunkBytes);
    munmap(chunk, kChunkBytes);
    chunk = next;
  }
}

BlockPool::Chunk* BlockPool::chunk_of(void* block) noexcept {
  return reinterpret_cast<Chunk*>(reinterpret_cast<u64>(block) & ~(kChunkBytes - 1));
}

BlockPool::Chunk* BlockPool::map_chunk() noexcept {
  // Twice the size, of which the aligned half stays.
  void* raw =
      mmap(nullptr, 2 * kChunkBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  auto* begin = static_cast<u8*>(raw);
  auto* aligned = reinterpret_cast<u8*>((reinterpret_cast<u64>(begin) + kChunkBytes - 1) & ~(kChunkBytes - 1));
  u8* const end = begin + 2 * kChunkBytes;
  if (aligned > begin) munmap(begin, static_cast<size_t>(aligned - begin));
  if (aligned + kChunkBytes < end) munmap(aligned + kChunkBytes, static_cast<size_t>(end - aligned - kChunkBytes));
  // Dense, so huge pages pay; not for the first chunk, which a small program never fills.
  if (chunk_count_ > 0) madvise(aligned, kChunkBytes, MADV_HUGEPAGE);

  auto* chunk = new (aligned) Chunk{};
  chunk->owner = this;
  list_chunk(chunk);
  ++chunk_count_;
  ++empty_chunks_;
  return chunk;
}

void BlockPool::list_chunk(Chunk* chunk) noexcept {
  chunk->before = nullptr;
  chunk->next = chunks_;
  if (chunks_ != nullptr) chunks_->before = chunk;
  chunks_ = chunk;
}

void BlockPool::unlist_chunk(Chunk* chunk) noexcept {
  (chunk->before != nullptr ? chunk->before->next : chunks_) = chunk->next;
  if (chunk->next != nullptr) chunk->next->before = chunk->before;
}

void BlockPool::unmap_chunk(Chunk* chunk) noexcept {
  unlist_chunk(chunk);
  --chunk_count_;
  unpoison(chunk, kChunkBytes);
  munmap(chunk, kChunkBytes);
}

// A span for the class, taken from any chunk, and put first on the class's list. nullptr: no memory.
BlockPool::Span* BlockPool::take_span(u32 size_class) noexcept {
  const u64 block_bytes = kMinBlockBytes << size_class;
  const u32 first = block_bytes <= kHeaderBytes ? 0 : 1;
  const auto find = [&](Chunk* chunk) -> Span* {
    for (u32 i = first; i < kSpans; ++i) {
      if (chunk->spans[i].size_class == kNoClass) return &chunk->spans[i];
    }
    return nullptr;
  };
  Span* span = nullptr;
  Chunk* chunk = chunks_;
  for (; chunk != nullptr; chunk = chunk->next) {
    span = find(chunk);
    if (span != nullptr) break;
  }
  if (span == nullptr) {
    chunk = map_chunk();
    if (chunk == nullptr) return nullptr;
    span = find(chunk);
  }
  if (chunk->used_spans++ == 0) --empty_chunks_;
  if (chunk->used_spans == kSpans) unlist_chunk(chunk);
  const u64 index = static_cast<u64>(span - chunk->spans.data());
  u8* const begin = chunk->begin() + index * kSpanBytes;
  *span = Span{};
  span->size_class = size_class;
  span->bump = index == 0 ? begin + kHeaderBytes : begin;
  span->bump_end = begin + kSpanBytes;
  return span;
}

void* BlockPool::allocate(u64 size_bytes) noexcept {
  VM_DCHECK(size_bytes > 0 && size_bytes <= kMaxBlockBytes);
  const u32 size_class = class_of(size_bytes);
  const u64 bytes = kMinBlockBytes << size_class;
  Span* span = with_room_[size_class];
  if (span == nullptr) [[unlikely]] {
    (void)drain_remote(kDrainWhenDry);
    span = with_room_[size_class];
    if (span == nullptr) {
      span = take_span(size_class);
      if (span == nullptr) return nullptr;
      span->listed = true;
      with_room_[size_class] = span;
    }
  }
  void* block = nullptr;
  if (span->free != nullptr) {
    block = span->free;
    span->free = span->free->next;
  } else {
    block = span->bump;
    span->bump += bytes;
  }
  ++span->live;
  ++live_blocks_[size_class];
  if (!span->has_room()) [[unlikely]] {
    with_room_[size_class] = span->next;
    if (span->next != nullptr) span->next->before = nullptr;
    span->next = nullptr;
    span->listed = false;
  }
  unpoison(block, bytes);
  return block;
}

void BlockPool::free(void* block, u64 size_bytes) noexcept {
  VM_DCHECK(block != nullptr);
  Chunk* chunk = chunk_of(block);
  const u64 bytes = block_bytes(size_bytes);
  VM_DCHECK(chunk->owner != this || chunk->span_of(block)->size_class == class_of(size_bytes));
  auto* freed = static_cast<FreeBlock*>(block);
  if (chunk->owner == this) [[likely]] {
    poison(block, bytes);
    free_local(chunk, freed);
    return;
  }
  std::atomic<FreeBlock*>& remote = chunk->owner->remote_;
  freed->next = remote.load(std::memory_order_relaxed);
  poison(block, bytes);
  while (!remote.compare_exchange_weak(freed->next, freed, std::memory_order_release, std::memory_order_relaxed)) {
  }
}

void BlockPool::free_local(Chunk* chunk, FreeBlock* block) noexcept {
  Span* span = chunk->span_of(block);
  const u32 size_class = span->size_class;
  VM_CHECK(size_class < kClasses && span->live > 0);
  block->next = span->free;
  span->free = block;
  --live_blocks_[size_class];
  --span->live;
  if (!span->listed) {
    span->listed = true;
    span->before = nullptr;
    span->next = with_room_[size_class];
    if (span->next != nullptr) span->next->before = span;
    with_room_[size_class] = span;
  }
  // The last span with room of its class stays: a process that comes and goes must not set it up anew each time.
  if (span->live == 0 && (span->next != nullptr || span->before != nullptr)) retire_span(chunk, span);
}

void BlockPool::retire_span(Chunk* chunk, Span* span) noexcept {
  (span->before != nullptr ? span->before->next : with_room_[span->size_class]) = span->next;
  if (span->next != nullptr) span->next->before = span->before;
  *span = Span{};
  if (chunk->used_spans-- == kSpans) list_chunk(chunk);
  if (chunk->used_spans > 0) return;
  // One empty chunk is kept against a load that swings around a chunk's boundary.
  if (empty_chunks_ > 0) {
    unmap_chunk(chunk);
  } else {
    ++empty_chunks_;
  }
}

bool BlockPool::drain_remote(u64 most) noexcept {
  for (; most > 0; --most) {
    if (came_back_ == nullptr) {
      if (remote_.load(std::memory_order_relaxed) == nullptr) return false;
      came_back_ = remote_.exchange(nullptr, std::memory_order_acquire);
    }
    FreeBlock* block = came_back_;
    came_back_ = block->next;
    free_local(chunk_of(block), block);
  }
  return came_back_ != nullptr || remote_.load(std::memory_order_relaxed) != nullptr;
}

BlockPool::Stats BlockPool::stats() noexcept {
  (void)drain_remote(~u64{0});
  Stats stats;
  stats.chunks = chunk_count_;
  for (u32 i = 0; i < kClasses; ++i) {
    stats.classes[i] = ClassStats{kMinBlockBytes << i, live_blocks_[i]};
    stats.live_blocks += live_blocks_[i];
    stats.live_bytes += stats.classes[i].live_bytes();
  }
  return stats;
}

}  // namespace lunabeam::runtime
