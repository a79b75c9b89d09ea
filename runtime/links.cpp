// The hash table behind links and monitors.
#include "runtime/links.h"

#include <cstdlib>

#include "vm/base/check.h"

namespace lunabeam::runtime {

PidMap::~PidMap() { std::free(entries_); }

void PidMap::clear() noexcept {
  std::free(entries_);
  entries_ = nullptr;
  size_ = capacity_ = pop_end_ = 0;
}

// The slot that holds pid, else the free slot where it belongs. REQUIRES: capacity_ > 0 and a free slot.
u32 PidMap::slot_of(u64 pid) const noexcept {
  u32 slot = home_of(pid);
  while (entries_[slot].pid != pid && entries_[slot].pid != 0) slot = (slot + 1) & (capacity_ - 1);
  return slot;
}

void PidMap::resize(u32 capacity) noexcept {
  Entry* old = entries_;
  const u32 old_capacity = capacity_;
  entries_ = static_cast<Entry*>(std::calloc(capacity, sizeof(Entry)));
  VM_CHECK(entries_ != nullptr);
  capacity_ = pop_end_ = capacity;
  for (u32 i = 0; i < old_capacity; ++i) {
    if (old[i].pid != 0) entries_[slot_of(old[i].pid)] = old[i];
  }
  std::free(old);
}

void PidMap::set(u64 pid, i64 tag) noexcept {
  VM_DCHECK(pid != 0);
  // At most three quarters full.
  if ((size_ + 1) * 4 > capacity_ * 3) resize(capacity_ == 0 ? 4 : capacity_ * 2);
  Entry& entry = entries_[slot_of(pid)];
  if (entry.pid == 0) {
    entry.pid = pid;
    ++size_;
    pop_end_ = capacity_;
  }
  entry.tag = tag;
}

const i64* PidMap::find(u64 pid) const noexcept {
  if (size_ == 0) return nullptr;
  const Entry& entry = entries_[slot_of(pid)];
  return entry.pid == 0 ? nullptr : &entry.tag;
}

// Backward shift: moves later entries of the probe run into the gap, so that no tombstones are needed.
void PidMap::erase_slot(u32 slot) noexcept {
  const u32 mask = capacity_ - 1;
  u32 gap = slot;
  for (u32 next = (gap + 1) & mask; entries_[next].pid != 0; next = (next + 1) & mask) {
    const u32 home = home_of(entries_[next].pid);
    if (((next - home) & mask) >= ((next - gap) & mask)) {
      entries_[gap] = entries_[next];
      gap = next;
    }
  }
  entries_[gap] = Entry{};
  --size_;
}

bool PidMap::erase(u64 pid, i64* tag) noexcept {
  if (size_ == 0) return false;
  const u32 slot = slot_of(pid);
  if (entries_[slot].pid == 0) return false;
  if (tag != nullptr) *tag = entries_[slot].tag;
  erase_slot(slot);
  if (size_ == 0) {
    clear();
  } else if (capacity_ >= 64 && size_ * 8 < capacity_) {
    resize(capacity_ / 4);
  }
  return true;
}

bool PidMap::pop(u64* pid, i64* tag) noexcept {
  if (size_ == 0) return false;
  // From the end of the array, and from where the last pop has left off: the whole table is emptied in linear time. The gap that
  // a pop leaves may be filled again by an entry that had wrapped around, so the slot itself is looked at once more.
  u32 slot = pop_end_;
  while (slot > 0 && entries_[slot - 1].pid == 0) --slot;
  VM_DCHECK(slot > 0);
  *pid = entries_[slot - 1].pid;
  *tag = entries_[slot - 1].tag;
  pop_end_ = slot;
  erase_slot(slot - 1);
  if (size_ == 0) {
    clear();
  } else if (capacity_ >= 64 && size_ * 8 < capacity_) {
    resize(capacity_ / 4);
  }
  return true;
}

}  // namespace lunabeam::runtime
