// Guest timers. One is held by the wheel while it is pending and by its creator's timer table.
#include "runtime/timers.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <new>

#include "runtime/environment.h"
#include "runtime/process.h"
#include "runtime/sched/scheduler.h"
#include "runtime/signals.h"
#include "runtime/vm.h"
#include "vm/base/check.h"

namespace lunabeam::runtime {

// Threading: `entry` belongs to the scheduler that made it. Its creator's table may be on another one by now: who changes `state`
// from kArmed owns the message. A timer that is cancelled on another scheduler is posted back to its own, which unlinks it.
// Invariant 1: state == kArmed <=> message != nullptr, except for who has just changed it.
// Invariant 2: it has counted in `fired` <=> state == kFired.
struct GuestTimer {
  enum State : u8 { kArmed, kFired, kCancelled };

  TimerEntry entry;
  std::atomic<u32> references = 2;  // The wheel's and the table's. acq_rel.
  std::atomic<u8> state = kArmed;   // acq_rel.
  u64 pid = 0;                      // 0: the target did not exist when the timer was made.
  Environment* environment = nullptr;
  Scheduler* scheduler = nullptr;
  Message* message = nullptr;
  GuestTimer* next_cancelled = nullptr;
  FiredTimers* fired = nullptr;  // Of its creator.
};

// Invariant 1: count is how many have fired; once their creator is dead, less how many it had made and not cancelled: 0 again when
// the last one has fired.
struct FiredTimers {
  std::atomic<i64> count = 0;  // acq_rel.
};

PendingTimers::~PendingTimers() {
  if (fired_ != nullptr && fired_->count.fetch_sub(made_, std::memory_order_acq_rel) == made_) delete fired_;
}

u64 PendingTimers::count() const noexcept {
  if (fired_ == nullptr) return 0;
  return static_cast<u64>(made_ - fired_->count.load(std::memory_order_relaxed));
}

FiredTimers* PendingTimers::fired() noexcept {
  if (fired_ == nullptr) fired_ = new (std::nothrow) FiredTimers;
  return fired_;
}

namespace {

GuestTimer& timer_of(TimerEntry& entry) {
  static_assert(offsetof(GuestTimer, entry) == 0);
  return reinterpret_cast<GuestTimer&>(entry);
}

// `account` is that of the calling thread; nullptr: not known.
void destroy(GuestTimer& timer, MemoryAccount* account) {
  if (account != nullptr) {
    account->release(sizeof(GuestTimer));
  } else {
    timer.scheduler->vm().budget().refund(sizeof(GuestTimer));
  }
  delete &timer;
}

void release(GuestTimer& timer, MemoryAccount* account) {
  if (timer.references.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy(timer, account);
}

// True: the caller has the message.
bool claim(GuestTimer& timer, GuestTimer::State state) {
  u8 armed = GuestTimer::kArmed;
  return timer.state.compare_exchange_strong(armed, state, std::memory_order_acq_rel, std::memory_order_relaxed);
}

// REQUIRES: the caller has claimed it.
void count_fired(GuestTimer& timer) {
  if (timer.fired->count.fetch_add(1, std::memory_order_acq_rel) == -1) delete timer.fired;
}

void on_due(TimerEntry& entry) noexcept {
  GuestTimer& timer = timer_of(entry);
  if (!claim(timer, GuestTimer::kFired)) return;  // On its way back: finish_cancelled.
  count_fired(timer);
  ++timer.scheduler->stats().timers_fired;
  Message* message = std::exchange(timer.message, nullptr);
  if (timer.pid == 0) {
    Message::destroy(timer.scheduler->account(), message);
  } else {
    send_message(*timer.scheduler, *timer.environment, timer.pid, message);
  }
  release(timer, &timer.scheduler->account());
}

bool is_pending(const GuestTimerRef& timer) {
  return timer.get()->state.load(std::memory_order_relaxed) == GuestTimer::kArmed;
}

// Timers of a table that are looked at for one reduction.
constexpr u64 kSweptPerReduction = 16;

// Takes those that have fired out of the table. Once it has doubled, so that it costs the same per timer.
void sweep(Process& process, Resources& resources) {
  if (resources.timers.size() < resources.timer_sweep_size) return;
  process.exec.reductions -= static_cast<i64>(resources.timers.size() / kSweptPerReduction);
  resources.timers.retain(is_pending);
  resources.timer_sweep_size = std::max<u64>(16, resources.timers.size() * 2);
}

}  // namespace

void set_next_cancelled(GuestTimer& timer, GuestTimer* next) noexcept { timer.next_cancelled = next; }

GuestTimer* finish_cancelled(GuestTimer& timer) noexcept {
  GuestTimer* next = timer.next_cancelled;
  timer.scheduler->timers().cancel(timer.entry);
  release(timer, &timer.scheduler->account());
  return next;
}

bool has_room_for_timer(const Process& process, u64 bound) noexcept {
  return process.resources == nullptr || process.resources->pending_timers.count() < bound;
}

void GuestTimerRef::reset() noexcept {
  if (GuestTimer* timer = std::exchange(timer_, nullptr); timer != nullptr) release(*timer, nullptr);
}

u64 send_after(Process& process, u64 pid, Message* message, u64 delay_ms) noexcept {
  constexpr u64 kNoId = ~u64{0};
  Scheduler& scheduler = *process.scheduler;
  Resources* resources = resources_of(process);
  FiredTimers* fired = resources != nullptr ? resources->pending_timers.fired() : nullptr;
  const bool is_charged = fired != nullptr && scheduler.account().charge(sizeof(GuestTimer));
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
  timer->fired = fired;
  sweep(process, *resources);
  const std::optional<u64> id = resources->timers.add(GuestTimerRef(timer));
  if (!id) {  // The table's reference is gone already.
    Message::destroy(scheduler.account(), message);
    destroy(*timer, &scheduler.account());
    return kNoId;
  }
  resources->pending_timers.made();
  // "Never" is the last deadline there is.
  const u64 deadline_ns = deadline_after_ms(scheduler.clock().monotonic_ns(), delay_ms);
  scheduler.timers().insert(timer->entry, std::min(deadline_ns, kNeverNs - 1));
  return *id;
}

bool cancel_timer(Process& process, u64 timer_id) noexcept {
  if (process.resources == nullptr) return false;
  std::optional<GuestTimerRef> taken = process.resources->timers.take(timer_id);
  if (!taken) return false;
  GuestTimer& timer = *taken->detach();
  MemoryAccount& account = process.scheduler->account();
  if (timer.scheduler == process.scheduler) {
    // Nobody else can reach it: it is in our wheel and was in our table.
    const bool is_armed = timer.state.load(std::memory_order_relaxed) == GuestTimer::kArmed;
    if (is_armed) {
      timer.scheduler->timers().cancel(timer.entry);
      process.resources->pending_timers.cancelled();
      Message::destroy(account, timer.message);
    }
    destroy(timer, &account);
    return is_armed;
  }
  if (!claim(timer, GuestTimer::kCancelled)) {
    release(timer, &account);
    return false;
  }
  process.resources->pending_timers.cancelled();
  Message::destroy(account, std::exchange(timer.message, nullptr));
  // The wheel's reference is still there, so this is not the last one.
  release(timer, &account);
  timer.scheduler->post_cancelled(timer);
  return true;
}

void drop_timer(TimerEntry& entry) noexcept {
  VM_CHECK(entry.fire == &on_due);
  GuestTimer& timer = timer_of(entry);
  MemoryAccount& account = timer.scheduler->account();
  VM_CHECK(claim(timer, GuestTimer::kFired));
  count_fired(timer);
  Message::destroy(account, std::exchange(timer.message, nullptr));
  release(timer, &account);
}

}  // namespace lunabeam::runtime
