// Reserving arenas and carving slots.
#include "runtime/memory_arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include "runtime/residency.h"

namespace lunabeam::runtime {
namespace {

// Page tables cover 2 MiB each: arenas begin at a boundary.
constexpr u64 kArenaAlignment = u64{2} << 20;
constexpr u64 kRunBytes = u64{4} << 20;
constexpr u64 kRunSlots = 16;

static_assert(std::ranges::is_sorted(slot_class::kBytes));
static_assert(slot_class::kBytes.back() == slot_class::kLargest);

}  // namespace

MemoryArenas::~MemoryArenas() {
  for (const Arena& arena : arenas_) munmap(arena.reservation, arena.reservation_bytes);
  for (void* record : records_) std::free(record);
}

u8* MemoryArenas::take(u64 bytes) noexcept {
  // Newest first: older arenas only have room that some larger run did not fit into.
  for (auto arena = arenas_.rbegin(); arena != arenas_.rend(); ++arena) {
    if (static_cast<u64>(arena->end - arena->free) < bytes) continue;
    u8* const begin = arena->free;
    arena->free += bytes;
    return begin;
  }
  const u64 reservation_bytes = kArenaBytes + kArenaAlignment;
  void* reservation =
      mmap(nullptr, reservation_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reservation == MAP_FAILED) return nullptr;
  // A process writes a few pages of its slot; a huge page would make each of them 2 MiB (engine.md 3.1).
  madvise(reservation, reservation_bytes, MADV_NOHUGEPAGE);
  const u64 begin = (reinterpret_cast<u64>(reservation) + kArenaAlignment - 1) & ~(kArenaAlignment - 1);
  auto* free = reinterpret_cast<u8*>(begin);
  arenas_.push_back(Arena{static_cast<u8*>(reservation), reservation_bytes, free + bytes, free + kArenaBytes});
  return free;
}

MemorySlot* MemoryArenas::carve(u32 size_class, void* owner) noexcept {
  const u64 slot_bytes = slot_class::kBytes[size_class];
  const u64 count = std::clamp<u64>(kRunBytes / slot_bytes, 1, kRunSlots);
  const u64 bitmap_words = (slot_bytes / kPageBytes + 63) / 64;
  void* record = std::calloc(count, sizeof(MemorySlot) + bitmap_words * sizeof(u64));
  if (record == nullptr) return nullptr;
  u8* base = take(count * slot_bytes);
  if (base == nullptr) {
    std::free(record);
    return nullptr;
  }
  records_.push_back(record);
  auto* slots = static_cast<MemorySlot*>(record);
  auto* bitmaps = reinterpret_cast<u64*>(slots + count);
  for (u64 i = 0; i < count; ++i) {
    MemorySlot& slot = *new (&slots[i]) MemorySlot{};
    slot.base = base + i * slot_bytes;
    slot.owner = owner;
    slot.resident = bitmaps + i * bitmap_words;
    slot.size_class = static_cast<u8>(size_class);
    slot.next = i + 1 < count ? &slots[i + 1] : nullptr;
  }
  return slots;
}

}  // namespace lunabeam::runtime
