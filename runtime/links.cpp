// The table behind links and monitors: entries in the order of their insertion, and behind them, in the same block, the hash
// table of their numbers, where there are more than kFew.
#include "runtime/links.h"

#include <cstdlib>
#include <new>

#include "vm/base/check.h"

namespace lunabeam::runtime {

namespace {

constexpr u32 kFew = 8;  // So many are searched one by one.

}  // namespace

PidMap::~PidMap() { VM_DCHECK(entries_ == nullptr); }

void PidMap::clear(MemoryAccount& account) noexcept {
  account.release(block_bytes(capacity_));
  std::free(entries_);
  entries_ = nullptr;
  size_ = used_ = first_ = capacity_ = 0;
}

u64 PidMap::block_bytes(u32 capacity) noexcept {
  const u64 index_bytes = capacity > kFew ? 2 * u64{capacity} * sizeof(u32) : 0;
  return capacity * sizeof(Entry) + index_bytes;
}

// Twice as many slots as entries, each 0 (free) or the number of an entry + 1.
u32* PidMap::index() const noexcept { return reinterpret_cast<u32*>(entries_ + capacity_); }

bool PidMap::has_index() const noexcept { return capacity_ > kFew; }

u32 PidMap::home_of(u64 pid) const noexcept {
  return static_cast<u32>((pid * 0x9E37'79B9'7F4A'7C15ull) >> 32) & (2 * capacity_ - 1);
}

// The index slot that holds pid, else the free one where it belongs. REQUIRES: has_index().
u32 PidMap::slot_of(u64 pid) const noexcept {
  const u32* slots = index();
  u32 slot = home_of(pid);
  while (slots[slot] != 0 && entries_[slots[slot] - 1].pid != pid) slot = (slot + 1) & (2 * capacity_ - 1);
  return slot;
}

// nullptr: no entry.
PidMap::Entry* PidMap::entry_of(u64 pid) const noexcept {
  if (size_ == 0) return nullptr;
  if (has_index()) {
    const u32 number = index()[slot_of(pid)];
    return number == 0 ? nullptr : &entries_[number - 1];
  }
  for (u32 i = first_; i < used_; ++i) {
    if (entries_[i].pid == pid) return &entries_[i];
  }
  return nullptr;
}

// Moves the entries, without gaps, to a block for `capacity` of them.
void PidMap::rebuild(MemoryAccount& account, u32 capacity) noexcept {
  Entry* old = entries_;
  const u32 old_used = used_;
  account.charge_anyway(block_bytes(capacity));
  account.release(block_bytes(capacity_));
  entries_ = static_cast<Entry*>(std::calloc(1, block_bytes(capacity)));
  VM_CHECK(entries_ != nullptr);
  capacity_ = capacity;
  used_ = first_ = 0;
  for (u32 i = 0; i < old_used; ++i) {
    if (old[i].pid == 0) continue;
    entries_[used_++] = old[i];
    if (has_index()) index()[slot_of(old[i].pid)] = used_;
  }
  std::free(old);
}

void PidMap::set(MemoryAccount& account, u64 pid, i64 tag) noexcept {
  VM_DCHECK(pid != 0);
  if (Entry* entry = entry_of(pid); entry != nullptr) {
    entry->tag = tag;
    return;
  }
  // A block that is half gaps has room enough.
  if (used_ == capacity_) rebuild(account, capacity_ == 0 ? 4 : size_ * 2 > capacity_ ? capacity_ * 2 : capacity_);
  entries_[used_++] = Entry{pid, tag};
  ++size_;
  if (has_index()) index()[slot_of(pid)] = used_;
}

const i64* PidMap::find(u64 pid) const noexcept {
  const Entry* entry = entry_of(pid);
  return entry == nullptr ? nullptr : &entry->tag;
}

// Backward shift: moves later slots of the probe run into the gap, so that no tombstones are needed.
void PidMap::erase_slot(u32 slot) noexcept {
  u32* slots = index();
  const u32 mask = 2 * capacity_ - 1;
  u32 gap = slot;
  for (u32 next = (gap + 1) & mask; slots[next] != 0; next = (next + 1) & mask) {
    const u32 home = home_of(entries_[slots[next] - 1].pid);
    if (((next - home) & mask) >= ((next - gap) & mask)) {
      slots[gap] = slots[next];
      gap = next;
    }
  }
  slots[gap] = 0;
}

void PidMap::erase_entry(MemoryAccount& account, Entry& entry) noexcept {
  if (has_index()) erase_slot(slot_of(entry.pid));
  entry = Entry{};
  --size_;
  if (size_ == 0) {
    clear(account);
  } else if (capacity_ >= 64 && size_ * 8 < capacity_) {
    rebuild(account, capacity_ / 4);
  }
}

bool PidMap::erase(MemoryAccount& account, u64 pid, i64* tag) noexcept {
  Entry* entry = entry_of(pid);
  if (entry == nullptr) return false;
  if (tag != nullptr) *tag = entry->tag;
  erase_entry(account, *entry);
  return true;
}

bool PidMap::pop(MemoryAccount& account, u64* pid, i64* tag) noexcept {
  if (size_ == 0) return false;
  while (entries_[first_].pid == 0) ++first_;
  Entry& entry = entries_[first_++];
  *pid = entry.pid;
  *tag = entry.tag;
  erase_entry(account, entry);
  return true;
}

Monitors& make_monitors(MemoryAccount& account, Monitors*& place) noexcept {
  if (place == nullptr) {
    account.charge_anyway(sizeof(Monitors));
    place = new (std::nothrow) Monitors;
    VM_CHECK(place != nullptr);
  }
  return *place;
}

void free_monitors(MemoryAccount& account, Monitors*& place) noexcept {
  if (place == nullptr) return;
  place->watchers.clear(account);
  place->watched.clear(account);
  account.release(sizeof(Monitors));
  delete place;
  place = nullptr;
}

}  // namespace lunabeam::runtime
