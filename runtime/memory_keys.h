// What a memory pool remembers per key (module and memory): how large its memories became, and its hot slots. A small fixed
// table that forgets the entry used longest ago: keys come and go with modules.
//
// Threading: belongs to one MemoryPool.
#pragma once

#include <array>

#include "runtime/memory_arena.h"

namespace lunabeam::runtime {

struct MemoryKey {
  u64 key = 0;
  bool used = false;
  u64 last_use = 0;
  u64 headroom_bytes = 0;     // What earlier memories of the key grew to; decays.
  MemorySlot* hot = nullptr;  // Free slots of the key, the one freed last first.

  void learn(u64 final_bytes) noexcept {
    // A single large instance is forgotten after some dozens of small ones.
    const u64 decayed = headroom_bytes - headroom_bytes / 64;
    headroom_bytes = final_bytes > decayed ? final_bytes : decayed;
  }
  void push(MemorySlot* slot) noexcept {
    slot->before = nullptr;
    slot->next = hot;
    if (hot != nullptr) hot->before = slot;
    hot = slot;
  }
  void remove(MemorySlot* slot) noexcept {
    (slot->before != nullptr ? slot->before->next : hot) = slot->next;
    if (slot->next != nullptr) slot->next->before = slot->before;
  }
};

class MemoryKeys {
 public:
  // The entry of `key`. When it is new and its set is full, the entry used longest ago is taken over after `evict` has been
  // called for each of its hot slots (evict removes the slot from the entry).
  template <class Evict>
  [[nodiscard]] MemoryKey& get(u64 key, Evict&& evict) noexcept {
    const u64 set = (key * 0x9E37'79B9'7F4A'7C15 >> 32) % kSets * kWays;
    MemoryKey* victim = &entries_[set];
    for (u64 i = set; i < set + kWays; ++i) {
      MemoryKey& entry = entries_[i];
      if (entry.used && entry.key == key) {
        entry.last_use = ++clock_;
        return entry;
      }
      if (!entry.used || (victim->used && entry.last_use < victim->last_use)) victim = &entry;
    }
    while (victim->hot != nullptr) evict(victim->hot);
    *victim = MemoryKey{.key = key, .used = true, .last_use = ++clock_};
    return *victim;
  }

  // The entry of `key`, or nullptr. Does not count as use.
  [[nodiscard]] MemoryKey* find(u64 key) noexcept {
    const u64 set = (key * 0x9E37'79B9'7F4A'7C15 >> 32) % kSets * kWays;
    for (u64 i = set; i < set + kWays; ++i) {
      if (entries_[i].used && entries_[i].key == key) return &entries_[i];
    }
    return nullptr;
  }

 private:
  static constexpr u64 kWays = 4;
  static constexpr u64 kSets = 64;
  std::array<MemoryKey, kWays * kSets> entries_{};
  u64 clock_ = 0;
};

}  // namespace lunabeam::runtime
