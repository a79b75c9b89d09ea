// A per-process table of resources: ids 0, 1, 2, ... that are never reused (ABI document 4.3). Sorted by id, found by binary
// search; removed entries leave holes that are squeezed out when half the table is holes. Allocation is nothrow.
#pragma once

#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "vm/base/ints.h"

namespace lunabeam::runtime {

template <class T>
class ResourceTable {
 public:
  ResourceTable() noexcept = default;
  ResourceTable(const ResourceTable&) = delete;
  ResourceTable& operator=(const ResourceTable&) = delete;

  // The new id; nullopt when memory is exhausted (the value is gone then).
  [[nodiscard]] std::optional<u64> add(T value) noexcept {
    if (size_ == capacity_ && !make_room()) return std::nullopt;
    entries_[size_].id = next_id_;
    entries_[size_].value.emplace(std::move(value));
    ++size_;
    ++live_;
    return next_id_++;
  }
  // nullptr: no such id. The pointer is valid until the next add or take.
  [[nodiscard]] T* find(u64 id) noexcept {
    Entry* entry = entry_of(id);
    return entry == nullptr ? nullptr : &*entry->value;
  }
  // Removes and returns; nullopt: no such id.
  [[nodiscard]] std::optional<T> take(u64 id) noexcept {
    Entry* entry = entry_of(id);
    if (entry == nullptr) return std::nullopt;
    std::optional<T> value(std::move(*entry->value));
    entry->value.reset();
    --live_;
    return value;
  }
  [[nodiscard]] u64 size() const { return live_; }

  // Removes entries, the newest first, each for 1 of `work`. False: no work is left, but entries are.
  [[nodiscard]] bool drop(u32& work) noexcept {
    for (; size_ != 0; --work) {
      if (work == 0) return false;
      Entry& entry = entries_[--size_];
      if (!entry.value) continue;
      entry.value.reset();
      --live_;
    }
    return true;
  }

  // Calls keep(T&) for every entry and removes those it answers false for.
  template <class Keep>
  void retain(Keep keep) noexcept {
    for (u64 i = 0; i < size_; ++i) {
      if (entries_[i].value && !keep(*entries_[i].value)) {
        entries_[i].value.reset();
        --live_;
      }
    }
    squeeze();
  }

 private:
  struct Entry {
    u64 id = 0;
    std::optional<T> value;
  };

  [[nodiscard]] Entry* entry_of(u64 id) noexcept {
    u64 low = 0;
    u64 high = size_;
    while (low < high) {
      const u64 middle = (low + high) / 2;
      if (entries_[middle].id < id) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low < size_ && entries_[low].id == id && entries_[low].value ? &entries_[low] : nullptr;
  }
  void squeeze() noexcept {
    u64 kept = 0;
    for (u64 i = 0; i < size_; ++i) {
      if (!entries_[i].value) continue;
      if (kept != i) {
        entries_[kept].id = entries_[i].id;
        entries_[kept].value.emplace(std::move(*entries_[i].value));
        entries_[i].value.reset();
      }
      ++kept;
    }
    size_ = kept;
  }
  [[nodiscard]] bool make_room() noexcept {
    if (size_ > 0 && live_ <= size_ / 2) {
      squeeze();
      return true;
    }
    const u64 capacity = capacity_ == 0 ? 4 : capacity_ * 2;
    std::unique_ptr<Entry[]> entries(new (std::nothrow) Entry[capacity]);
    if (entries == nullptr) return false;
    for (u64 i = 0; i < size_; ++i) {
      entries[i].id = entries_[i].id;
      if (entries_[i].value) entries[i].value.emplace(std::move(*entries_[i].value));
    }
    entries_ = std::move(entries);
    capacity_ = capacity;
    return true;
  }

  std::unique_ptr<Entry[]> entries_;
  u64 size_ = 0;
  u64 live_ = 0;
  u64 capacity_ = 0;
  u64 next_id_ = 0;
};

}  // namespace lunabeam::runtime
