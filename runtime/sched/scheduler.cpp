// Turns, slices, ticks, idling: how processes get to run; and the answers to the engine's hooks.
#include "runtime/sched/scheduler.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "runtime/exit.h"
#include "runtime/signals.h"
#include "runtime/spawn.h"
#include "runtime/timers.h"
#include "vm/base/check.h"
#include "vm/process_stack.h"
#include "vm/reductions.h"

namespace lunabeam::runtime {

namespace {

#if defined(LUNABEAM_TORTURE)
constexpr bool kTorture = true;  // A yield at every tick.
#else
constexpr bool kTorture = false;
#endif

Scheduler& scheduler_of(vm::ExecContext& exec) { return *process_of(exec).scheduler; }

}  // namespace

Scheduler::Scheduler(Vm& vm, const SchedulerOptions& options, Clock& clock, EpochDomain& epochs,
                     MemoryBudget& budget) noexcept
    : vm_(vm),
      options_(options),
      clock_(clock),
      hooks_{.tick = &on_tick,
             .grow_stack = &on_grow_stack,
             .memory = {.allocate = &on_memory_allocate, .grow = &on_memory_grow, .free = &on_memory_free},
             .charge_bytes = &on_charge_bytes},
      transfer_(std::make_unique<u64[]>(vm::kTransferWords)),
      memories_(budget),
      account_(budget),
      timers_(clock.monotonic_ns()),
      epoch_(epochs, this),
      random_(options.seed) {}

Scheduler::~Scheduler() {
  drop_all();
  VM_CHECK(timers_.size() == 0);
  VM_CHECK(blocks_.stats().live_blocks == 0);
  VM_CHECK(memories_.stats().live_memories == 0);
  VM_CHECK(account_.live_messages == 0);
}

void Scheduler::drop_all() noexcept {
  VM_CHECK(current_ == nullptr);
  while (all_first_ != nullptr) drop_process(*all_first_);
  // Behind the processes: the end of a parent makes a child that it waits for runnable.
  while (queue_.pop_front() != nullptr) {
  }
  while (urgent_.pop_front() != nullptr) {
  }
  (void)inbox_.exchange(nullptr, std::memory_order_acquire);
  while (TimerEntry* timer = timers_.pop_any()) drop_timer(*timer);
  failure_log_.flush();
  epoch_.enter();
  epoch_.leave();
}

void Scheduler::add_process(Process& process) noexcept {
  process.all_next = all_first_;
  if (all_first_ != nullptr) all_first_->all_prev = &process;
  all_first_ = &process;
  ++stats_.spawned;
  stats_.peak_processes = std::max(stats_.peak_processes, ++stats_.live_processes);
}

void Scheduler::remove_process(Process& process) noexcept {
  (process.all_prev == nullptr ? all_first_ : process.all_prev->all_next) = process.all_next;
  if (process.all_next != nullptr) process.all_next->all_prev = process.all_prev;
  process.all_prev = process.all_next = nullptr;
  --stats_.live_processes;
}

void Scheduler::make_runnable(Scheduler& current, Process& process) noexcept {
  if (process.scheduler != &current) {
    process.scheduler->post(process);
  } else if (current.firing_timers_) {
    current.enqueue_urgent(process);
  } else {
    current.enqueue(process);
  }
}

// --- Other threads ---

void Scheduler::post(Process& process) noexcept {
  Process* head = inbox_.load(std::memory_order_relaxed);
  do {
    process.inbox_next = head;
  } while (!inbox_.compare_exchange_weak(head, &process, std::memory_order_seq_cst, std::memory_order_relaxed));
  wake_owner();
}

void Scheduler::request_stop() noexcept {
  stop_.store(true, std::memory_order_seq_cst);
  wake_owner();
}

// Sequentially consistent, as are the inbox and stop_: either the owner sees what was stored before it sleeps, or we see that it
// sleeps.
void Scheduler::wake_owner() noexcept {
  if (sleeping_.load(std::memory_order_seq_cst) == 0 || sleeping_.exchange(0, std::memory_order_seq_cst) == 0) return;
  syscall(SYS_futex, &sleeping_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

void Scheduler::drain_inbox() noexcept {
  Process* newest = inbox_.exchange(nullptr, std::memory_order_acquire);
  Process* oldest = nullptr;
  while (newest != nullptr) {
    Process* next = newest->inbox_next;
    newest->inbox_next = oldest;
    oldest = newest;
    newest = next;
  }
  while (oldest != nullptr) {
    Process* next = oldest->inbox_next;
    oldest->inbox_next = nullptr;
    enqueue(*oldest);
    oldest = next;
  }
}

// --- Turns ---

Scheduler::RunEnd Scheduler::run() noexcept {
  RunEnd end = RunEnd::kStopped;
  epoch_.enter();
  while (!stop_.load(std::memory_order_acquire)) {
    if (turn()) continue;
    epoch_.leave();
    const bool more = idle();
    epoch_.enter();
    if (!more) {
      end = RunEnd::kDeadlock;
      break;
    }
  }
  stop_.store(false, std::memory_order_relaxed);
  epoch_.leave();
  return end;
}

bool Scheduler::run_one() noexcept {
  epoch_.enter();
  const bool ran = turn();
  epoch_.leave();
  return ran;
}

bool Scheduler::turn() noexcept {
  epoch_.quiescent();
  if (inbox_.load(std::memory_order_relaxed) != nullptr) drain_inbox();
  if (until_clock_ <= 0) check_timers();
  Process* process = next_process();
  if (process == nullptr) {
    check_timers();
    process = next_process();
    if (process == nullptr) return false;
  }
  run_slice(*process);
  return true;
}

void Scheduler::check_timers() noexcept {
  until_clock_ = kClockReductions;
  (void)memories_.release_step();
  if (timers_.size() == 0 && !clock_.is_virtual()) return;
  firing_timers_ = true;
  timers_.advance(clock_.monotonic_ns());
  firing_timers_ = false;
}

Process* Scheduler::next_process() noexcept {
  RunQueue* from = &urgent_;
  is_urgent_turn_ = !urgent_.empty() && (urgent_left_ > 0 || queue_.empty());
  if (!is_urgent_turn_) {
    from = &queue_;
    urgent_left_ = kUrgentReductions;
  }
  if (from->empty()) return nullptr;
  if (options_.deterministic) return from->take_at(random_.below(from->size()));
  return from->pop_front();
}

void Scheduler::run_slice(Process& process) noexcept {
  ++stats_.slices;
  until_clock_ -= kTurnReductions;
  if (is_urgent_turn_) urgent_left_ -= kTurnReductions;
  if (process.state == ProcessState::kExiting) {
    if (!continue_exit(process)) enqueue(process);
    return;
  }
  current_ = &process;
  if (!handle_signals(process)) {
    end_process(process, process.reason);
  } else {
    // Rule R2: a first chunk of random length, so that what ticks sample is not always the same place.
    const auto first = static_cast<i64>(1 + random_.below(vm::kChunkReductions));
    process.slice_left = vm::kSliceReductions - first;
    process.chunk = process.exec.reductions = first;
    process.exec.transfer = transfer_.get();
    end_of_run(process, vm::run(process.exec, options_.dispatch));
  }
  current_ = nullptr;
}

// Accounts for what was used since the last time.
void Scheduler::charge(Process& process) noexcept {
  const i64 used = process.chunk - process.exec.reductions;
  process.chunk = process.exec.reductions;
  process.reductions += static_cast<u64>(used);
  stats_.reductions += static_cast<u64>(used);
  until_clock_ -= used;
  if (is_urgent_turn_) urgent_left_ -= used;  // What others overdraw is not the urgent ones' debt.
  if (process.fuel_left != INT64_MAX) process.fuel_left -= used;
  if (options_.deterministic) {
    clock_.advance_to(clock_.monotonic_ns() + static_cast<u64>(used) * kVirtualNsPerReduction);
  }
}

void Scheduler::end_of_run(Process& process, vm::ExecStatus status) noexcept {
  charge(process);
  if (process.spawner != nullptr && (status == vm::ExecStatus::kReturned || status == vm::ExecStatus::kTrapped)) {
    start_section_ended(process, status == vm::ExecStatus::kTrapped);
    return;
  }
  switch (status) {
    case vm::ExecStatus::kReturned: end_process(process, {}); break;
    case vm::ExecStatus::kTrapped: end_process(process, exit_reason_of(process.exec.trap)); break;
    case vm::ExecStatus::kYielded:
      ++stats_.preemptions;
      if ((process.exec.pending.load(std::memory_order_acquire) & kPendingKill) != 0 && !handle_signals(process)) {
        end_process(process, process.reason);
      } else {
        enqueue(process);
      }
      break;
    case vm::ExecStatus::kParked: park(process); break;
  }
}

void Scheduler::park(Process& process) noexcept {
  if (process.doomed) {
    end_process(process, process.reason);
    return;
  }
  if (!process.stack_noted) {
    process.stack_noted = true;
    stack_hints_.note(process.stack_hint_key, vm::used_stack_bytes(process.exec));
  }
  process.stack.shrink(process.exec, blocks_);
  // A yield, or signals that have arrived since they were last handled: its turn comes again.
  if (process.wait.timed_out || process.wait.woken || !process.signals.park()) enqueue(process);
}

void Scheduler::end_process(Process& process, const vm::ExitReason& reason) noexcept {
  if (process.state == ProcessState::kStarting) {
    process.reason = reason;
    start_section_died(process);
    return;
  }
  const vm::ExitReason final_reason = reason;  // May be the process's own field.
  begin_exit(process, final_reason);
  if (!continue_exit(process)) enqueue(process);
}

// --- Idle ---

bool Scheduler::idle() noexcept {
  if (options_.deterministic) {
    const u64 next_ns = timers_.next_event_ns();
    if (next_ns == kNeverNs) return false;
    clock_.advance_to(next_ns);
    check_timers();
    return true;
  }
  if (memories_.release_step()) {
    until_clock_ = 0;  // Look at timers between two steps.
    return true;
  }
  memories_.settle();
  sleep_until(timers_.next_event_ns());
  until_clock_ = 0;
  return true;
}

void Scheduler::sleep_until(u64 deadline_ns) noexcept {
  sleeping_.store(1, std::memory_order_seq_cst);
  if (inbox_.load(std::memory_order_seq_cst) == nullptr && !stop_.load(std::memory_order_seq_cst)) {
    timespec deadline{};
    deadline.tv_sec = static_cast<time_t>(deadline_ns / 1'000'000'000);
    deadline.tv_nsec = static_cast<long>(deadline_ns % 1'000'000'000);
    // Absolute, on CLOCK_MONOTONIC: the clock of RealClock.
    syscall(SYS_futex, &sleeping_, FUTEX_WAIT_BITSET_PRIVATE, 1, deadline_ns == kNeverNs ? nullptr : &deadline, nullptr,
            FUTEX_BITSET_MATCH_ANY);
  }
  sleeping_.store(0, std::memory_order_seq_cst);
}

// --- Hooks ---

i64 Scheduler::on_tick(vm::ExecContext& exec, i64 reductions) noexcept {
  Process& process = process_of(exec);
  Scheduler& scheduler = *process.scheduler;
  ++scheduler.stats_.ticks;
  exec.reductions = reductions;
  scheduler.charge(process);
  if (process.fuel_left < 0) [[unlikely]] {
    exec.trap = vm::Trap{.kind = vm::TrapKind::kOutOfFuel};
    return vm::kTickTrap;
  }
  process.slice_left += reductions;  // The overdraft.
  if (kTorture || process.slice_left <= 0 || exec.pending.load(std::memory_order_acquire) != 0 ||
      scheduler.stop_.load(std::memory_order_relaxed)) {
    return vm::kTickLeave;
  }
  const i64 next = std::min(process.slice_left, vm::kChunkReductions);
  process.slice_left -= next;
  process.chunk = next;
  return next;
}

bool Scheduler::on_grow_stack(vm::ExecContext& exec, u64 need_bytes) noexcept {
  Scheduler& scheduler = scheduler_of(exec);
  return process_of(exec).stack.grow(exec, scheduler.blocks_, need_bytes, scheduler.options_.max_stack_bytes);
}

// Tables count towards the limit of the process by themselves: bytes of tables <= max_memory_bytes.
bool Scheduler::on_charge_bytes(vm::ExecContext& exec, i64 bytes) noexcept {
  Process& process = process_of(exec);
  Scheduler& scheduler = *process.scheduler;
  if (bytes <= 0) {
    const u64 released = static_cast<u64>(-bytes);
    process.charged_bytes -= released;
    scheduler.account_.release(released);
    return true;
  }
  const auto more = static_cast<u64>(bytes);
  const u64 limit = process.config->max_memory_bytes;
  if (process.charged_bytes > limit || more > limit - process.charged_bytes || !scheduler.account_.charge(more))
    return false;
  process.charged_bytes += more;
  return true;
}

namespace {

// Whether all memories of the process together stay within its limit when one of them changes from old_bytes to new_bytes.
bool is_within_limit(const vm::ExecContext& exec, u64 old_bytes, u64 new_bytes, u64 limit) {
  if (new_bytes > limit) return false;
  const vm::Ctx& ctx = *exec.ctx;
  u64 others = 0;
  for (size_t i = 0; i < ctx.module->memories.size(); ++i) {
    if (ctx.memories[i] != nullptr) others += ctx.memories[i]->size_bytes;
  }
  return others - old_bytes <= limit - new_bytes;
}

}  // namespace

bool Scheduler::on_memory_allocate(vm::ExecContext& exec, vm::MemoryInst& memory, u64 size_bytes,
                                   const vm::MemoryImage* image, u64 key) noexcept {
  return is_within_limit(exec, 0, size_bytes, process_of(exec).config->max_memory_bytes) &&
         scheduler_of(exec).memories_.allocate(memory, size_bytes, image, key);
}

bool Scheduler::on_memory_grow(vm::ExecContext& exec, vm::MemoryInst& memory, u64 new_size_bytes) noexcept {
  return is_within_limit(exec, memory.size_bytes, new_size_bytes, process_of(exec).config->max_memory_bytes) &&
         scheduler_of(exec).memories_.grow(memory, new_size_bytes);
}

void Scheduler::on_memory_free(vm::ExecContext& exec, vm::MemoryInst& memory, u64 key) noexcept {
  scheduler_of(exec).memories_.free(memory, key);
}

}  // namespace lunabeam::runtime
