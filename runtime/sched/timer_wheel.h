// Hierarchical timer wheel of one scheduler: eight levels of 64 slots over ticks of 2^16 ns (65.5 us), so that every deadline
// of 64 bits fits. Insert and cancel are O(1), a timer moves down at most seven times. Never fires early; fires at most one tick
// late. Owned by one scheduler; no function may be called from another thread.
#pragma once

#include "vm/base/ints.h"

namespace lunabeam::runtime {

// Intrusive. Invariant 1: prev == nullptr <=> not in a wheel.
struct TimerEntry {
  TimerEntry* prev = nullptr;
  TimerEntry* next = nullptr;
  u64 deadline_ns = 0;
  // Called by advance() once the deadline has passed, after the entry left the wheel. May insert and cancel timers, this one
  // included, and free it.
  void (*fire)(TimerEntry& timer) noexcept = nullptr;

  [[nodiscard]] bool is_armed() const { return prev != nullptr; }
};

class TimerWheel {
 public:
  static constexpr u32 kTickShift = 16;

  explicit TimerWheel(u64 now_ns) noexcept;
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // REQUIRES: not armed; fire is set; deadline_ns != kNeverNs.
  void insert(TimerEntry& timer, u64 deadline_ns) noexcept;
  // No effect when not armed.
  void cancel(TimerEntry& timer) noexcept;
  // Fires every timer whose deadline is <= now_ns, in tick order. Time never goes back. Timers of the very last tick, 584 years
  // after the clock's start, never fire. In steps: a timer that fires costs kFireWork of `work`, one that moves down 1. False: no
  // work is left, but timers are; next_event_ns() is in the past then.
  bool advance(u64 now_ns, u64 work = ~u64{0}) noexcept;
  static constexpr u64 kFireWork = 4;
  // A moment at which advance() has to be called: not later than the tick of the first deadline. kNeverNs when nothing will fire. When the
  // first timer is more than 64 ticks away this may be the start of its slot, after which the answer is exact.
  [[nodiscard]] u64 next_event_ns() const noexcept;
  // Removes some timer without firing it; nullptr when empty. For the end of the program.
  [[nodiscard]] TimerEntry* pop_any() noexcept;
  [[nodiscard]] u64 size() const { return size_; }

 private:
  static constexpr u32 kLevels = 8;
  static constexpr u32 kSlotBits = 6;
  static constexpr u32 kSlots = 1u << kSlotBits;
  static constexpr u64 kLastTick =
      (u64{1} << (kLevels * kSlotBits)) - 1;  // Never reached, so that something is behind any time.

  void link(TimerEntry& timer) noexcept;
  [[nodiscard]] bool finish_tick(u64& work) noexcept;
  [[nodiscard]] static u64 tick_of(u64 deadline_ns) {
    return (deadline_ns >> kTickShift) + ((deadline_ns & 0xFFFF) != 0);
  }

  TimerEntry slots_[kLevels][kSlots];  // List heads of circular lists.
  u64 occupied_[kLevels] = {};  // Bit set: slot is not empty (may be stale-set after a cancel; cleared when seen).
  // All timers of ticks < tick_ have fired. Those of tick_ too, unless there are some in its slot of level 0 or in slots of levels up
  // to level_, which come up with it.
  u64 tick_;
  u32 level_ = 0;  // 0: no slots of higher levels are left.
  u64 size_ = 0;
};

}  // namespace lunabeam::runtime
