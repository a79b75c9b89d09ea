// Guest timers. One is held by the wheel while it is pending and by its creator's timer table.
#include "runtime/timers.h"

#include <algorithm>
#include <cstddef>
#include <new>

#include "runtime/environment.h"
#include "runtime/process.h"
#include "runtime/sched/scheduler.h"
#include "runtime/signals.h"
#include "vm/base/check.h"

namespace lunabeam::runtime {

// Threading: owned by the scheduler that made it.
// Invariant 1: entry.is_armed() <=> message != nullptr.
struct GuestTimer {
  TimerEntry entry;
  u32 references = 2;  // The wheel's and the table's.
  u64 pid = 0;         // 0: the target did not exist when the timer was made.
  Environment* environment = nullptr;
  Scheduler* scheduler = nullptr;
  Message* message = nullptr;
};

namespace {

GuestTimer& timer_of(TimerEntry& entry) {
  static_assert(offsetof(GuestTimer, entry) == 0);
  return reinterpret_cast<GuestTimer&>(entry);
}

void release(GuestTimer& timer) {
  if (--timer.references != 0) return;
  timer.scheduler->account().release(sizeof(GuestTimer));
  delete &timer;
}

void on_due(TimerEntry& entry) noexcept {
  GuestTimer& timer = timer_of(entry);
  ++timer.scheduler->stats().timers_fired;
  Message* message = std::exchange(timer.message, nullptr);
  if (timer.pid == 0) {
    Message::destroy(timer.scheduler->account(), message);
  } else {
    send_message(*timer.scheduler, *timer.environment, timer.pid, message);
  }
  release(timer);
}

// Takes a pending timer's message away. REQUIRES: it has left the wheel.
void discard(GuestTimer& timer) {
  Message::destroy(timer.scheduler->account(), std::exchange(timer.message, nullptr));
  release(timer);
}

bool is_pending(const GuestTimerRef& timer) { return timer.get()->message != nullptr; }

}  // namespace

// A table that is swept when it has doubled, or is as large as its bound, costs the same per timer.
bool has_room_for_timer(Process& process, u64 bound) noexcept {
  if (process.resources == nullptr) return true;
  Resources& resources = *process.resources;
  if (resources.timers.size() < resources.timer_sweep_size) return true;
  resources.timers.retain(is_pending);
  const u64 pending = resources.timers.size();
  resources.timer_sweep_size = std::max<u64>(16, std::min(pending * 2, bound));
  return pending < bound;
}

void GuestTimerRef::reset() noexcept {
  if (GuestTimer* timer = std::exchange(timer_, nullptr); timer != nullptr) release(*timer);
}

u64 send_after(Process& process, u64 pid, Message* message, u64 delay_ms) noexcept {
  constexpr u64 kNoId = ~u64{0};
  Scheduler& scheduler = *process.scheduler;
  Resources* resources = resources_of(process);
  const bool is_charged = resources != nullptr && scheduler.account().charge(sizeof(GuestTimer));
  GuestTimer* timer = is_charged ? new (std::nothrow) GuestTimer : nullptr;
  if (timer == nullptr) {
    if (is_charged) scheduler.account().release(sizeof(GuestTimer));
    Message::destroy(scheduler.account(), message);
    return kNoId;
  }
  timer->pid = exists(process, pid) ? pid : 0;
  timer->environment = process.environment;
  timer->scheduler = &scheduler;
  timer->message = message;
  timer->entry.fire = &on_due;
  (void)has_room_for_timer(process, ~u64{0});
  const std::optional<u64> id = resources->timers.add(GuestTimerRef(timer));
  if (!id) {  // The table's reference is gone already.
    discard(*timer);
    return kNoId;
  }
  // "Never" is the last deadline there is.
  const u64 deadline_ns = deadline_after_ms(scheduler.clock().monotonic_ns(), delay_ms);
  scheduler.timers().insert(timer->entry, std::min(deadline_ns, kNeverNs - 1));
  return *id;
}

bool cancel_timer(Process& process, u64 timer_id) noexcept {
  if (process.resources == nullptr) return false;
  const std::optional<GuestTimerRef> timer = process.resources->timers.take(timer_id);
  if (!timer || !is_pending(*timer)) return false;
  timer->get()->scheduler->timers().cancel(timer->get()->entry);
  discard(*timer->get());
  return true;
}

void drop_timer(TimerEntry& entry) noexcept {
  VM_CHECK(entry.fire == &on_due);
  discard(timer_of(entry));
}

}  // namespace lunabeam::runtime
