// The timer wheel. A timer lies at the level of the highest 6-bit digit in which its tick differs from the current tick, in the
// slot of that digit: so the slots of level 0 hold one tick each, and when a digit of level k > 0 comes up, its slot moves down.
#include "runtime/sched/timer_wheel.h"

#include <algorithm>
#include <bit>

#include "runtime/sched/clock.h"
#include "vm/base/check.h"

namespace lunabeam::runtime {

namespace {

void unlink(TimerEntry& timer) noexcept {
  timer.prev->next = timer.next;
  timer.next->prev = timer.prev;
  timer.prev = nullptr;
  timer.next = nullptr;
}

}  // namespace

TimerWheel::TimerWheel(u64 now_ns) noexcept : tick_(std::min(now_ns >> kTickShift, kLastTick - 1)) {
  for (auto& level : slots_) {
    for (TimerEntry& head : level) head.prev = head.next = &head;
  }
}

void TimerWheel::link(TimerEntry& timer) noexcept {
  // A deadline in the past fires at the next tick that advance() looks at: the current one is done.
  const u64 tick = std::clamp(tick_of(timer.deadline_ns), tick_ + 1, kLastTick);
  const u64 differs = tick ^ tick_;
  const u32 level = (63u - static_cast<u32>(std::countl_zero(differs))) / kSlotBits;
  const u32 slot = static_cast<u32>(tick >> (level * kSlotBits)) & (kSlots - 1);
  TimerEntry& head = slots_[level][slot];
  timer.prev = head.prev;
  timer.next = &head;
  head.prev->next = &timer;
  head.prev = &timer;
  occupied_[level] |= u64{1} << slot;
}

void TimerWheel::insert(TimerEntry& timer, u64 deadline_ns) noexcept {
  VM_DCHECK(!timer.is_armed() && timer.fire != nullptr && deadline_ns != kNeverNs);
  timer.deadline_ns = deadline_ns;
  link(timer);
  ++size_;
}

void TimerWheel::cancel(TimerEntry& timer) noexcept {
  if (!timer.is_armed()) return;
  unlink(timer);
  --size_;
}

u64 TimerWheel::next_event_ns() const noexcept {
  if (size_ == 0) return kNeverNs;
  if (const TimerEntry& due = slots_[0][tick_ & (kSlots - 1)]; level_ != 0 || due.next != &due) [[unlikely]]
    return tick_ << kTickShift;  // advance() has not come to an end.
  for (u32 level = 0; level < kLevels; ++level) {
    // Slots of this level come up in the order of their digits, all above the current digit: a smaller digit would differ from
    // the current tick in a higher digit too.
    const u32 shift = level * kSlotBits;
    const u32 digit = static_cast<u32>(tick_ >> shift) & (kSlots - 1);
    u64 ahead = digit + 1 == kSlots ? 0 : occupied_[level] & (~u64{0} << (digit + 1));
    while (ahead != 0) {
      const u32 slot = static_cast<u32>(std::countr_zero(ahead));
      const TimerEntry& head = slots_[level][slot];
      if (head.next != &head) {
        const u64 tick = ((tick_ >> shift) - digit + slot) << shift;
        return tick == kLastTick ? kNeverNs : tick << kTickShift;
      }
      ahead &= ahead - 1;  // Emptied by cancels.
    }
  }
  VM_UNREACHABLE("a timer wheel with timers has an occupied slot");
}

TimerEntry* TimerWheel::pop_any() noexcept {
  if (size_ == 0) return nullptr;
  for (auto& level : slots_) {
    for (TimerEntry& head : level) {
      if (head.next == &head) continue;
      TimerEntry* timer = head.next;
      cancel(*timer);
      return timer;
    }
  }
  VM_UNREACHABLE("a timer wheel with timers has an occupied slot");
}

// Moves down what comes up with tick_, from the highest level down, and fires what is due. What is inserted meanwhile lands behind
// tick_, in none of these slots. False: not done.
bool TimerWheel::finish_tick(u64& work) noexcept {
  TimerEntry& due = slots_[0][tick_ & (kSlots - 1)];
  for (; level_ > 0; --level_) {
    const u32 shift = level_ * kSlotBits;
    if ((tick_ >> shift << shift) != tick_) continue;
    const u32 slot = static_cast<u32>(tick_ >> shift) & (kSlots - 1);
    const u64 bit = u64{1} << slot;
    if ((occupied_[level_] & bit) == 0) continue;
    TimerEntry& head = slots_[level_][slot];
    while (head.next != &head) {
      if (work == 0) return false;
      --work;
      TimerEntry& timer = *head.next;
      unlink(timer);
      if (tick_of(timer.deadline_ns) <= tick_) {
        timer.prev = due.prev;
        timer.next = &due;
        due.prev->next = &timer;
        due.prev = &timer;
      } else {
        link(timer);
      }
    }
    occupied_[level_] &= ~bit;
  }
  while (due.next != &due) {
    if (work == 0) return false;
    work -= std::min(work, kFireWork);
    TimerEntry& timer = *due.next;
    unlink(timer);
    --size_;
    timer.fire(timer);
  }
  occupied_[0] &= ~(u64{1} << (tick_ & (kSlots - 1)));
  return true;
}

bool TimerWheel::advance(u64 now_ns, u64 work) noexcept {
  const u64 target = std::min(now_ns >> kTickShift, kLastTick - 1);
  for (;;) {
    if (!finish_tick(work)) return false;
    if (tick_ >= target) return true;
    // Jump to the next tick at which anything can happen.
    const u64 event_ns = next_event_ns();
    const u64 event_tick = event_ns == kNeverNs ? target + 1 : event_ns >> kTickShift;
    if (event_tick > target) {
      tick_ = target;
      return true;
    }
    tick_ = event_tick;
    level_ = kLevels - 1;
  }
}

}  // namespace lunabeam::runtime
