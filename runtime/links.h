// Links and monitors of one process: small tables keyed by the peer's pid, with one entry per peer (ABI document 4.8). They keep the
// order of insertion, so that whoever tells all peers follows their memory in the order in which most of it was laid out.
// Nothing is allocated for a process without any. Owned by the process; changed only while handling its own signals.
//
// Their bytes count towards --memory-limit, beyond it if need be: who asks for an entry was charged for it before (signal.h).
#pragma once

#include "runtime/memory_account.h"
#include "vm/base/ints.h"

namespace lunabeam::runtime {

// pid -> tag, in the order of insertion; replacing a tag keeps the place.
class PidMap {
 public:
  // At most, in a table that has not shrunk; the average over its entries.
  static constexpr u64 kMostBytesPerEntry = 64;

  PidMap() noexcept = default;
  // REQUIRES: it is empty.
  ~PidMap();
  PidMap(const PidMap&) = delete;
  PidMap& operator=(const PidMap&) = delete;

  // `account` is that of the calling thread.
  // Inserts or replaces. REQUIRES: pid != 0. Aborts when the VM itself is out of memory.
  void set(MemoryAccount& account, u64 pid, i64 tag) noexcept;
  // False: no entry. *tag (may be nullptr) receives the entry's tag.
  bool erase(MemoryAccount& account, u64 pid, i64* tag = nullptr) noexcept;
  // nullptr: no entry.
  [[nodiscard]] const i64* find(u64 pid) const noexcept;
  // Removes the oldest entry; false when empty. For handing out notifications in batches: emptying a table takes linear time.
  bool pop(MemoryAccount& account, u64* pid, i64* tag) noexcept;
  void clear(MemoryAccount& account) noexcept;
  // Calls visit(pid, tag) for every entry; it may not change the map.
  template <class Visit>
  void for_each(Visit visit) const {
    for (u32 i = 0; i < capacity_; ++i) {
      if (entries_[i].pid != 0) visit(entries_[i].pid, entries_[i].tag);
    }
  }
  [[nodiscard]] u32 size() const { return size_; }

 private:
  struct Entry {
    u64 pid;  // 0 = a gap.
    i64 tag;
  };
  [[nodiscard]] static u64 block_bytes(u32 capacity) noexcept;
  [[nodiscard]] u32* index() const noexcept;
  [[nodiscard]] bool has_index() const noexcept;
  [[nodiscard]] u32 home_of(u64 pid) const noexcept;
  [[nodiscard]] u32 slot_of(u64 pid) const noexcept;
  [[nodiscard]] Entry* entry_of(u64 pid) const noexcept;
  void erase_slot(u32 slot) noexcept;
  void erase_entry(MemoryAccount& account, Entry& entry) noexcept;
  void rebuild(MemoryAccount& account, u32 capacity) noexcept;

  Entry* entries_ = nullptr;
  u32 size_ = 0;
  u32 used_ = 0;      // Entries and gaps.
  u32 first_ = 0;     // Entries before are gaps.
  u32 capacity_ = 0;  // Power of two, or 0.
};

// Monitors: rare, so in a block of their own.
struct Monitors {
  PidMap watchers;  // Who is told of our death.
  PidMap watched;   // Whom we monitor: told to forget us when we die, so that their tables do not grow for ever.
};

// The monitors at `place`, made at first use. Aborts when the VM itself is out of memory.
[[nodiscard]] Monitors& make_monitors(MemoryAccount& account, Monitors*& place) noexcept;
// Leaves nullptr; nullptr is allowed.
void free_monitors(MemoryAccount& account, Monitors*& place) noexcept;

}  // namespace lunabeam::runtime
