// The run queue of one scheduler: an array deque of processes, first in first out. The deque prefetches control blocks some
// entries ahead, because a hundred thousand of them do not fit any cache (engine.md 1.2). Owned by one scheduler.
#pragma once

#include "vm/base/ints.h"

namespace lunabeam::runtime {

struct Process;

class RunQueue {
 public:
  RunQueue() noexcept = default;
  ~RunQueue();
  RunQueue(const RunQueue&) = delete;
  RunQueue& operator=(const RunQueue&) = delete;

  // Amortised O(1). Aborts when the VM itself is out of memory.
  void push_back(Process* process) noexcept {
    if (size_ == capacity_) [[unlikely]]
      grow();
    slots_[(head_ + size_) & (capacity_ - 1)] = process;
    ++size_;
  }
  // nullptr when empty.
  [[nodiscard]] Process* pop_front() noexcept {
    if (size_ == 0) return nullptr;
    Process* process = slots_[head_];
    head_ = (head_ + 1) & (capacity_ - 1);
    --size_;
    if (size_ >= kPrefetchAhead) __builtin_prefetch(slots_[(head_ + kPrefetchAhead - 1) & (capacity_ - 1)], 1);
    return process;
  }
  // Removes entry `index` (0 = front) and closes the gap with the front entry. For seeded choice. REQUIRES: index < size().
  [[nodiscard]] Process* take_at(u64 index) noexcept {
    const u64 slot = (head_ + index) & (capacity_ - 1);
    Process* process = slots_[slot];
    slots_[slot] = slots_[head_];
    head_ = (head_ + 1) & (capacity_ - 1);
    --size_;
    return process;
  }
  // Removes those of the first `count` entries that take(Process&) answers true for, asking the last of them first; the order of
  // the others stays. REQUIRES: count <= size().
  template <class Take>
  void take_if(u64 count, Take take) noexcept {
    u64 kept_from = count;
    for (u64 i = count; i-- > 0;) {
      Process* process = slots_[(head_ + i) & (capacity_ - 1)];
      if (!take(*process)) slots_[(head_ + --kept_from) & (capacity_ - 1)] = process;
    }
    if (kept_from == 0) return;
    head_ = (head_ + kept_from) & (capacity_ - 1);
    size_ -= kept_from;
  }
  [[nodiscard]] u64 size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

 private:
  static constexpr u64 kPrefetchAhead = 6;
  void grow() noexcept;

  Process** slots_ = nullptr;
  u64 capacity_ = 0;  // Power of two, or 0.
  u64 head_ = 0;
  u64 size_ = 0;
};

}  // namespace lunabeam::runtime
