// Slab arenas: 1 GiB reservations carved into slots for linear memories (engine.md 3.3, rule M1). Slots have no guard pages; the
// engine checks every bound. A slot costs address space until its pages are written.
//
// Threading: a set of arenas belongs to one worker's MemoryPool.
#pragma once

#include <array>
#include <vector>

#include "vm/base/ints.h"

namespace lunabeam::runtime {

namespace slot_class {

inline constexpr u64 kKiB = 1024;
inline constexpr u64 kMiB = 1024 * kKiB;

// Sizes of slots. Small ones are powers of two; from 1 MiB up they follow in steps of one page of WebAssembly, because Rust guests
// begin there (a 1 MiB stack, then data: 17 or 18 pages) and half of every slot would be wasted otherwise. Those above
// kLargestRegular serve only when mappings have run out (see MemoryPool).
inline constexpr std::array<u64, 24> kBytes = {
    4 * kKiB,    64 * kKiB,   128 * kKiB,  256 * kKiB,  512 * kKiB,  1024 * kKiB, 1088 * kKiB, 1152 * kKiB,
    1216 * kKiB, 1280 * kKiB, 1344 * kKiB, 1408 * kKiB, 1472 * kKiB, 1536 * kKiB, 1792 * kKiB, 2048 * kKiB,
    2560 * kKiB, 3072 * kKiB, 3584 * kKiB, 4096 * kKiB, 8 * kMiB,    16 * kMiB,   32 * kMiB,   64 * kMiB};
inline constexpr u64 kLargestRegular = 4 * kMiB;
inline constexpr u64 kLargest = 64 * kMiB;

// Index of the smallest class of at least `bytes`. REQUIRES: bytes <= kLargest.
[[nodiscard]] constexpr u32 of(u64 bytes) {
  u32 index = 0;
  while (kBytes[index] < bytes) ++index;
  return index;
}

}  // namespace slot_class

// One slot and what is known of its pages. Which lists it is on depends on the state.
struct MemorySlot {
  enum class State : u8 {
    kCold,      // Free, no page resident, reads 0.
    kLive,      // Holds a memory.
    kUnread,    // Freed, residency not read yet; on the pool's batch, or on the owner's remote list.
    kHot,       // Freed, `resident` is exact; on its key's list and the age list.
    kEvicting,  // Its pages are about to be given back; on the pool's batch.
  };

  u8* base = nullptr;
  void* owner = nullptr;         // The pool it was carved by; constant.
  u64* resident = nullptr;       // One bit per page; exact when hot.
  MemorySlot* next = nullptr;    // Cold list, key's list, or remote list.
  MemorySlot* before = nullptr;  // Key's list.
  MemorySlot* older = nullptr;   // Age list of hot slots.
  MemorySlot* newer = nullptr;
  u64 key = 0;         // The memory it holds or held last.
  u64 size_bytes = 0;  // Of that memory when it was freed.
  u32 resident_pages = 0;
  u8 size_class = 0;
  State state = State::kCold;

  [[nodiscard]] u64 bytes() const { return slot_class::kBytes[size_class]; }
};

// The arenas of one pool.
class MemoryArenas {
 public:
  static constexpr u64 kArenaBytes = u64{1} << 30;

  MemoryArenas() = default;
  ~MemoryArenas();
  MemoryArenas(const MemoryArenas&) = delete;
  MemoryArenas& operator=(const MemoryArenas&) = delete;

  // Carves a run of slots of one class, cold, linked through `next`. nullptr: no address space or memory.
  [[nodiscard]] MemorySlot* carve(u32 size_class, void* owner) noexcept;
  [[nodiscard]] u64 count() const noexcept { return arenas_.size(); }

 private:
  struct Arena {
    u8* reservation;
    u64 reservation_bytes;
    u8* free;  // Next byte to carve.
    u8* end;
  };
  [[nodiscard]] u8* take(u64 bytes) noexcept;

  std::vector<Arena> arenas_;
  std::vector<void*> records_;  // Allocations of slots and bitmaps.
};

}  // namespace lunabeam::runtime
