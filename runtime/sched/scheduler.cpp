// Turns, slices, ticks, idling: how processes get to run; and the answers to the engine's hooks.
#include "runtime/sched/scheduler.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cfenv>
#include <cstdlib>
#include <ctime>

#include "runtime/exit.h"
#include "runtime/signals.h"
#include "runtime/spawn.h"
#include "runtime/timers.h"
#include "runtime/translation.h"
#include "runtime/vm.h"
#include "vm/base/check.h"
#include "vm/memory_image.h"
#include "vm/process_stack.h"
#include "vm/reductions.h"

namespace lunabeam::runtime {

namespace {

#if defined(LUNABEAM_TORTURE)
constexpr bool kTorture = true;  // A yield at every tick.
#else
constexpr bool kTorture = false;
#endif

// Between two steps of unmapping by an idle worker: first touches of pages on the others wait for the kernel's lock that a step holds,
// and would not get it if one step followed the other.
constexpr u64 kReleasePauseNs = kNsPerMs;

Scheduler& scheduler_of(vm::ExecContext& exec) { return *process_of(exec).scheduler; }

// Chunks end with the fuel, so that a process that uses more than it has traps at the same place wherever its slices ended.
// Who has used more already, in what it parked for, traps at its first tick.
i64 within_fuel(const Process& process, i64 chunk) { return std::min(process.fuel_left, chunk); }

}  // namespace

Scheduler::Scheduler(Vm& vm, const SchedulerOptions& options, Clock& clock, EpochDomain& epochs, MemoryBudget& budget,
                     IdleWorkers& idle_workers) noexcept
    : vm_(vm),
      options_(options),
      clock_(clock),
      hooks_{.tick = &on_tick,
             .grow_stack = &on_grow_stack,
             .memory = {.allocate = &on_memory_allocate, .grow = &on_memory_grow, .free = &on_memory_free},
             .charge_bytes = &on_charge_bytes,
             .heap = {.allocate = &on_heap_allocate, .free = &on_heap_free},
             .translate_elsewhere = options.deterministic ? nullptr : &translate_in_pool},
      transfer_(std::make_unique<u64[]>(vm::kTransferWords)),
      idle_workers_(idle_workers),
      memories_(budget, {.wake_owner = [](void* self) noexcept { static_cast<Scheduler*>(self)->wake_owner(); },
                         .wake_context = this}),
      account_(budget, &memories_),
      timers_(clock.monotonic_ns()),
      epoch_(epochs, this),
      random_(options.seed) {}

Scheduler::~Scheduler() { VM_CHECK(all_first_ == nullptr && timers_.size() == 0); }

void Scheduler::drop_dead() noexcept {
  VM_CHECK(current_ == nullptr);
  epoch_.enter();
  epoch_.leave();
  VM_CHECK(!epoch_.has_retired());
}

void Scheduler::drop_processes() noexcept {
  while (drain_remote_step()) {
  }
  while (all_first_ != nullptr) drop_process(*all_first_);
}

void Scheduler::drop_rest() noexcept {
  // Behind the processes: the end of a parent makes a child that it waits for runnable.
  lanes_.clear();
  (void)inbox_.exchange(nullptr, std::memory_order_acquire);
  while (drain_remote_step()) {
  }
  while (TimerEntry* timer = timers_.pop_any()) drop_timer(*timer);
  while (memories_.release_step()) {
  }
  failure_log_.flush();
  drop_dead();
}

void SchedulerStats::add(const SchedulerStats& other) noexcept {
  slices += other.slices;
  ticks += other.ticks;
  preemptions += other.preemptions;
  reductions += other.reductions;
  spawned += other.spawned;
  exited += other.exited;
  live_processes += other.live_processes;
  peak_processes = std::max(peak_processes, other.peak_processes);
  timers_fired += other.timers_fired;
  messages_sent += other.messages_sent;
  given += other.given;
  received += other.received;
  posted += other.posted;
  sleeps += other.sleeps;
}

void Scheduler::add_process(Process& process) noexcept {
  process.all_next = all_first_;
  if (all_first_ != nullptr) all_first_->all_prev = &process;
  all_first_ = &process;
  ++stats_.spawned;
  ++stats_.live_processes;
  ++home_processes_;
}

void Scheduler::remove_process(Process& process) noexcept {
  (process.all_prev == nullptr ? all_first_ : process.all_prev->all_next) = process.all_next;
  if (process.all_next != nullptr) process.all_next->all_prev = process.all_prev;
  process.all_prev = process.all_next = nullptr;
  --home_processes_;
}

void Scheduler::enqueue(Process& process) noexcept {
  lanes_.push(process.round_left > 0 ? RunLanes::kFresh : RunLanes::kSpent, process);
}

void Scheduler::enqueue_spent(Process& process) noexcept {
  process.round_left = 0;
  lanes_.push(RunLanes::kSpent, process);
}

void Scheduler::make_runnable(Scheduler& current, Process& process) noexcept {
  if (process.scheduler != &current) {
    ++current.stats_.posted;
    process.scheduler->post(process, current.worker());
  } else if (current.firing_timers_) {
    current.enqueue_urgent(process);
  } else {
    current.enqueue(process);
  }
}

// --- Other threads ---

void Scheduler::push_inbox(Process* first, Process* last) noexcept {
  Process* head = inbox_.load(std::memory_order_relaxed);
  do {
    last->inbox_next = head;
  } while (!inbox_.compare_exchange_weak(head, first, std::memory_order_seq_cst, std::memory_order_relaxed));
  wake_owner();
}

void Scheduler::post(Process& process, u8 from) noexcept {
  process.woken_by = from;
  push_inbox(&process, &process);
}

void Scheduler::post_dead(Process& process) noexcept {
  process.inbox_next = dead_posted_.load(std::memory_order_relaxed);
  while (!dead_posted_.compare_exchange_weak(process.inbox_next, &process, std::memory_order_release,
                                             std::memory_order_relaxed)) {
  }
}

void Scheduler::post_cancelled(GuestTimer& timer) noexcept {
  GuestTimer* head = cancelled_.load(std::memory_order_relaxed);
  do {
    set_next_cancelled(timer, head);
  } while (!cancelled_.compare_exchange_weak(head, &timer, std::memory_order_release, std::memory_order_relaxed));
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

u64 Scheduler::request_report() noexcept {
  const u64 number = wanted_report_.fetch_add(1, std::memory_order_seq_cst) + 1;
  wake_owner();
  return number;
}

bool Scheduler::take_report(u64 number, WorkerStats& stats) noexcept {
  const std::lock_guard guard(report_lock_);
  if (report_number_ < number) return false;
  stats = report_;
  return true;
}

// --- What comes from other threads ---

void Scheduler::drain_inbox() noexcept {
  Process* newest = inbox_.exchange(nullptr, std::memory_order_acquire);
  if (newest == nullptr) return;
  const bool is_lonely = newest->inbox_next == nullptr && runnable() == 0;
  if (!is_lonely) {
    lonely_wakes_ = 0;
  } else if (sent_to_its_waker(*newest)) {
    return;
  }
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
    take_over(*oldest);
    oldest = next;
  }
}

// A process that arrives: woken by another worker, or given away by one.
void Scheduler::take_over(Process& process) noexcept {
  if (process.woken_by == balance::kGiven) ++stats_.received;
  if (process.timer_moves) {
    process.timer_moves = false;
    timers_.insert(process.wait.timer, process.wait.timer.deadline_ns);
  }
  enqueue(process);
}

// True: the process, which an idle worker was woken for, has gone to the worker of who woke it (balance::kLonelyWakes).
bool Scheduler::sent_to_its_waker(Process& process) noexcept {
  const u8 peer = process.woken_by;
  if (peer >= balance::kMaxWorkers || process.state != ProcessState::kRunning) return false;
  if (lonely_wakes_ < balance::kLonelyWakes) {
    ++lonely_wakes_;
    return false;
  }
  Scheduler& target = vm_.worker(peer);
  if (is_pinned(process) || target.waiting_.load(std::memory_order_relaxed) != 0) return false;
  hand_to(target, process);
  target.push_inbox(&process, &process);
  return true;
}

bool Scheduler::drain_remote_step() noexcept {
  if (options_.workers == 1) return false;
  for (u64 left = kRemoteStep; left > 0; --left) {
    if (dead_ == nullptr) {
      if (dead_posted_.load(std::memory_order_relaxed) == nullptr) break;
      dead_ = dead_posted_.exchange(nullptr, std::memory_order_acquire);
    }
    Process* process = dead_;
    dead_ = process->inbox_next;
    reclaim_block(*process, *this);
  }
  if (cancelled_.load(std::memory_order_relaxed) != nullptr) {
    GuestTimer* timer = cancelled_.exchange(nullptr, std::memory_order_acquire);
    while (timer != nullptr) timer = finish_cancelled(*timer);
  }
  const bool more_blocks = blocks_.drain_remote(kRemoteStep);
  const bool more_memories = memories_.drain_remote(kRemoteStep / 4);
  return more_blocks || more_memories || dead_ != nullptr || dead_posted_.load(std::memory_order_relaxed) != nullptr;
}

void Scheduler::send_dead_home(Process& process) noexcept {
  if (process.home == worker()) {
    reclaim_block(process, *this);
    return;
  }
  Scheduler& home = vm_.worker(process.home);
  home.post_dead(process);
  if (++dead_for_others_ % kDeadPerWake == 0) home.wake_owner();
}

WorkerStats Scheduler::worker_stats() noexcept {
  return {.scheduler = stats_,
          .home_processes = home_processes_,
          .runnable = runnable(),
          .timers = timers_.size(),
          .blocks = blocks_.stats(),
          .memories = memories_.stats(),
          .live_messages = account_.live_messages,
          .advance_bytes = account_.advance_bytes()};
}

void Scheduler::publish_report() noexcept {
  const u64 wanted = wanted_report_.load(std::memory_order_relaxed);
  if (wanted == published_report_) return;
  const std::lock_guard guard(report_lock_);
  report_ = worker_stats();
  report_number_ = published_report_ = wanted;
}

// --- Giving work away ---

// Start sections tie a process to the one that waits for it, and an operation of a wait may be tied to its worker.
bool Scheduler::is_pinned(const Process& process) noexcept {
  return process.state == ProcessState::kStarting || process.spawner != nullptr || process.wait.op != nullptr;
}

// Makes a runnable process another worker's. The caller posts it.
void Scheduler::hand_to(Scheduler& target, Process& process) noexcept {
  if (process.wait.timer.is_armed()) {
    timers_.cancel(process.wait.timer);
    process.timer_moves = true;
  }
  process.scheduler = &target;
  process.woken_by = balance::kGiven;
  ++stats_.given;
}

// Half of what is runnable: first who computes, then who has waited longest. What was woken last stays beside who woke it. False: none of
// them may leave, or the worker cannot be had.
bool Scheduler::give_work(u8 worker) noexcept {
  if (!vm_.ensure_thread(worker)) return false;
  Scheduler& target = vm_.worker(worker);
  Process* first = nullptr;
  Process* last = nullptr;
  lanes_.take_if(std::min(runnable() / 2, balance::kMostGiven), [&](Process& process) {
    if (is_pinned(process)) return false;
    hand_to(target, process);
    (first == nullptr ? first : last->inbox_next) = &process;
    last = &process;
    return true;
  });
  if (first == nullptr) return false;
  target.push_inbox(first, last);
  return true;
}

void Scheduler::note_turns() noexcept {
  const u64 now = clock_.cycles();
  const u64 turns = stats_.slices - look_slices_;
  if (stats_.preemptions != look_preemptions_) {
    turn_cycles_ = kEndless;
  } else if (look_cycles_ != 0 && turns != 0) {
    turn_cycles_ = std::min((now - look_cycles_) / turns, kEndless);
  }
  look_cycles_ = now;
  look_slices_ = stats_.slices;
  look_preemptions_ = stats_.preemptions;
}

// Whether what is runnable is worth another worker (balance::kWorthNs).
bool Scheduler::is_backlog_long() const noexcept {
  return runnable() * turn_cycles_ >= slice_cycles_ / (kSliceNs / balance::kWorthNs);
}

// At a look at the clock.
void Scheduler::share_backlog() noexcept {
  note_turns();
  if (runnable() < 2 || !is_backlog_long()) {
    backlog_checks_ = 0;
    return;
  }
  if (++backlog_checks_ < balance::kBacklogChecks) return;
  if (const u8 worker = idle_workers_.claim_spinning(); worker != balance::kNoWorker) {
    (void)give_work(worker);
  } else if (const u8 sleeper = idle_workers_.claim_sleeping(); sleeper != balance::kNoWorker) {
    if (!give_work(sleeper)) idle_workers_.put_back_sleeping(sleeper);
  }
}

// --- Turns ---

Scheduler::RunEnd Scheduler::run() noexcept {
  // Guests compute with denormals and round to nearest, whatever the thread was left with by who started it.
  std::fenv_t outer;
  std::fegetenv(&outer);
  std::fesetenv(FE_DFL_ENV);
  RunEnd end = RunEnd::kStopped;
  ended_.store(false, std::memory_order_relaxed);
  epoch_.enter();
  while (!stop_.load(std::memory_order_acquire)) {
    if (turn()) continue;
    epoch_.leave();
    const bool more = idle();
    mark_look();
    epoch_.enter();
    if (!more) {
      end = RunEnd::kDeadlock;
      break;
    }
  }
  epoch_.leave();
  ended_.store(true, std::memory_order_release);
  std::fesetenv(&outer);
  return end;
}

bool Scheduler::run_one() noexcept {
  epoch_.enter();
  const bool ran = turn();
  epoch_.leave();
  return ran;
}

bool Scheduler::turn() noexcept {
  epoch_.pass();
  if (inbox_.load(std::memory_order_relaxed) != nullptr) drain_inbox();
  if (until_clock_ <= 0 || is_look_due()) check_clock();
  if (runnable() >= balance::kCrowd && idle_workers_.any_spinning() && is_backlog_long()) [[unlikely]] {
    if (const u8 worker = idle_workers_.claim_spinning(); worker != balance::kNoWorker) (void)give_work(worker);
  }
  Process* process = next_process();
  if (process == nullptr) {
    check_timers();
    process = next_process();
    if (process == nullptr) return false;
  }
  if (options_.workers != 1) waiting_.store(runnable(), std::memory_order_relaxed);
  run_slice(*process);
  return true;
}

void Scheduler::check_clock() noexcept {
  epoch_.quiescent();
  if (is_look_overdue()) lanes_.end_budget();
  check_timers();
  if (options_.workers != 1) {
    (void)drain_remote_step();
    share_backlog();
  }
  publish_report();
}

// Turns are measured from here.
void Scheduler::mark_look() noexcept {
  if (slice_cycles_ != 0) timers_looked_ = ticked_ = clock_.cycles();
}

void Scheduler::check_timers() noexcept {
  until_clock_ = kClockReductions;
  if (slice_cycles_ == 0) [[unlikely]]
    slice_cycles_ = clock_.cycles_in(kSliceNs);
  mark_look();
  (void)memories_.release_step();
  if (timers_.size() == 0 && !clock_.is_virtual()) return;
  firing_timers_ = true;
  if (!timers_.advance(clock_.monotonic_ns(), kTimerWork)) until_clock_ = 0;  // The rest behind the next turn.
  firing_timers_ = false;
}

Process* Scheduler::next_process() noexcept {
  return options_.deterministic ? lanes_.pop_random(random_) : lanes_.pop();
}

void Scheduler::run_slice(Process& process) noexcept {
  ++stats_.slices;
  until_clock_ -= kTurnReductions;
  lanes_.charge(kTurnReductions);
  if (process.round_left <= 0) process.round_left = vm::kSliceReductions;
  if (process.state == ProcessState::kExiting) {
    if (!continue_exit(process)) enqueue_exiting(process);
    return;
  }
  current_ = &process;
  const Handled handled = handle_some_signals(process);
  if (handled == Handled::kDies) {
    end_process(process, process.reason);
  } else if (handled == Handled::kSome) [[unlikely]] {
    until_clock_ -= kSignalReductions;
    enqueue_spent(process);
  } else if (process.memory_is_reserved && !fill_memories(process)) [[unlikely]] {
    end_process(process, {.kind = vm::ExitReason::Kind::kTrapped, .trap = {.kind = vm::TrapKind::kOutOfMemory}});
  } else {
    // Rule R2: a first chunk of random length, so that what ticks sample is not always the same place.
    const auto length = static_cast<i64>(1 + random_.below(static_cast<u64>(chunk_reductions_)));
    const i64 first = within_fuel(process, length);
    process.slice_left = vm::kSliceReductions - first;
    process.chunk = process.exec.reductions = first;
    process.exec.transfer = transfer_.get();
    end_of_run(process, vm::run(process.exec, options_.dispatch));
  }
  current_ = nullptr;
}

// What was put off at the spawn (on_memory_allocate).
bool Scheduler::fill_memories(Process& process) noexcept {
  const vm::Module& module = *process.module;
  vm::Ctx& ctx = *process.ctx();
  for (u32 i = 0; i < module.memories.size(); ++i) {
    vm::MemoryInst& memory = *ctx.memories[i];
    if (!MemoryPool::is_reserved(memory)) continue;
    if (!memories_.fill(memory, vm::memory_image(module, i), vm::memory_key(module.id, i))) return false;
  }
  ctx.reload_memory();
  process.memory_is_reserved = false;
  return true;
}

// Accounts for what was used since the last time.
void Scheduler::charge(Process& process) noexcept {
  const i64 used = process.chunk - process.exec.reductions;
  process.chunk = process.exec.reductions;
  process.reductions += static_cast<u64>(used);
  stats_.reductions += static_cast<u64>(used);
  until_clock_ -= used;
  process.round_left -= used;
  lanes_.charge(used);
  if (process.fuel_left != INT64_MAX) process.fuel_left -= used;
  if (options_.deterministic) {
    clock_.advance_to(clock_.monotonic_ns() + static_cast<u64>(used) * kVirtualNsPerReduction);
  }
}

// At a tick: whether kSliceNs have passed since timers were looked at. Not since the slice began: a slice without a tick pays nothing.
// Signed differences: another processor's counter may be behind.
bool Scheduler::is_time_up() noexcept {
  if (slice_cycles_ == 0) return false;
  const u64 now = clock_.cycles();
  const auto chunk_cycles = static_cast<i64>(now - ticked_);
  ticked_ = now;
  // A chunk of first touches of pages may take a thousand times as long as another.
  if (chunk_cycles > static_cast<i64>(slice_cycles_ / 4)) {
    chunk_reductions_ = std::max(chunk_reductions_ / 4, kLeastChunkReductions);
  } else if (chunk_reductions_ < vm::kChunkReductions) {
    chunk_reductions_ *= 2;
  }
  return static_cast<i64>(now - timers_looked_) >= static_cast<i64>(slice_cycles_);
}

// Whether turns that use few reductions have taken long together: first touches of pages cost none.
bool Scheduler::is_look_due() noexcept { return (stats_.slices & (kTurnsPerLook - 1)) == 0 && is_look_overdue(); }

bool Scheduler::is_look_overdue() noexcept {
  return slice_cycles_ != 0 && static_cast<i64>(clock_.cycles() - timers_looked_) >= static_cast<i64>(slice_cycles_);
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
      lonely_wakes_ = 0;
      if ((process.exec.pending.load(std::memory_order_acquire) & kPendingKill) != 0 &&
          handle_some_signals(process) == Handled::kDies) {
        end_process(process, process.reason);
      } else {
        enqueue_spent(process);
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
  VM_DCHECK(!process.signals.has_taken());
  if (!process.stack_noted) {
    process.stack_noted = true;
    stack_hints_.note(process.stack_hint_key, vm::used_stack_bytes(process.exec));
  }
  process.stack.shrink(process.exec, blocks_, &account_);
  // Who computes between two messages gains from a worker of its own.
  if (lonely_wakes_ != 0 &&
      vm::kSliceReductions - process.slice_left - process.exec.reductions > balance::kLonelyReductions) {
    lonely_wakes_ = 0;
  }
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
  if (!continue_exit(process)) enqueue_exiting(process);
}

// Between two steps of an exit.
void Scheduler::enqueue_exiting(Process& process) noexcept {
  process.round_left -= kExitReductions;
  enqueue(process);
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
  publish_report();
  if (drain_remote_step()) {
    until_clock_ = 0;  // Look at timers between two steps.
    return true;
  }
  backlog_checks_ = 0;
  look_cycles_ = 0;
  until_clock_ = 0;
  waiting_.store(0, std::memory_order_relaxed);
  const u64 deadline_ns = timers_.next_event_ns();
  if (memories_.release_step()) {
    if (options_.workers != 1) sleep_until(std::min(deadline_ns, clock_.monotonic_ns() + kReleasePauseNs));
    return true;
  }
  if (spin(deadline_ns)) return true;
  memories_.settle();
  // Others may hold what was retired here for a little longer.
  const u64 grace_ns = epoch_.has_retired() ? clock_.monotonic_ns() + kGraceNs : kNeverNs;
  sleep_until(std::min(deadline_ns, grace_ns));
  return true;
}

// Looks out for work. True: there is some.
bool Scheduler::spin(u64 deadline_ns) noexcept {
  const bool has_worked = stats_.slices != slices_at_sleep_;
  slices_at_sleep_ = stats_.slices;
  if (!options_.spins || !has_worked || !idle_workers_.start_spinning(worker())) return false;
  const u64 end_ns = std::min(clock_.monotonic_ns() + balance::kSpinNs, deadline_ns);
  bool found = has_post();
  // Reading the clock is the pause between two looks.
  while (!found && clock_.monotonic_ns() < end_ns) found = has_post();
  idle_workers_.stop_spinning(worker());
  return found;
}

void Scheduler::sleep_until(u64 deadline_ns) noexcept {
  ++stats_.sleeps;
  sleeping_.store(1, std::memory_order_seq_cst);
  idle_workers_.start_sleeping(worker());
  if (inbox_.load(std::memory_order_seq_cst) == nullptr && !stop_.load(std::memory_order_seq_cst) &&
      wanted_report_.load(std::memory_order_seq_cst) == published_report_) {
    timespec deadline{};
    deadline.tv_sec = static_cast<time_t>(deadline_ns / 1'000'000'000);
    deadline.tv_nsec = static_cast<long>(deadline_ns % 1'000'000'000);
    // Absolute, on CLOCK_MONOTONIC: the clock of RealClock.
    syscall(SYS_futex, &sleeping_, FUTEX_WAIT_BITSET_PRIVATE, 1, deadline_ns == kNeverNs ? nullptr : &deadline, nullptr,
            FUTEX_BITSET_MATCH_ANY);
  }
  idle_workers_.stop_sleeping(worker());
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
  if (scheduler.is_time_up()) [[unlikely]] {
    scheduler.until_clock_ = 0;  // Timers are due.
    return vm::kTickLeave;
  }
  const i64 next = within_fuel(process, std::min(process.slice_left, scheduler.chunk_reductions_));
  process.slice_left -= next;
  process.chunk = next;
  return next;
}

bool Scheduler::on_grow_stack(vm::ExecContext& exec, u64 need_bytes) noexcept {
  Scheduler& scheduler = scheduler_of(exec);
  return process_of(exec).stack.grow(exec, scheduler.blocks_, need_bytes, scheduler.options_.max_stack_bytes,
                                     &scheduler.account_);
}

// Tables and the heap count towards the limit of the process by themselves: their bytes <= max_memory_bytes.
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
  Process& process = process_of(exec);
  if (!is_within_limit(exec, 0, size_bytes, process.config->max_memory_bytes)) return false;
  Scheduler& scheduler = *process.scheduler;
  // Nobody looks into it before the process runs, unless data segments are to be run one by one.
  if (process.state == ProcessState::kStarting && (image != nullptr || exec.ctx->module->datas.empty())) {
    process.memory_is_reserved = true;
    return scheduler.memories_.reserve(memory, size_bytes) ||
           (scheduler.account_.settle() && scheduler.memories_.reserve(memory, size_bytes));
  }
  return scheduler.memories_.allocate(memory, size_bytes, image, key) ||
         (scheduler.account_.settle() && scheduler.memories_.allocate(memory, size_bytes, image, key));
}

bool Scheduler::on_memory_grow(vm::ExecContext& exec, vm::MemoryInst& memory, u64 new_size_bytes) noexcept {
  if (!is_within_limit(exec, memory.size_bytes, new_size_bytes, process_of(exec).config->max_memory_bytes))
    return false;
  Scheduler& scheduler = scheduler_of(exec);
  return scheduler.memories_.grow(memory, new_size_bytes) ||
         (scheduler.account_.settle() && scheduler.memories_.grow(memory, new_size_bytes));
}

namespace {

// Torture builds take every space from malloc: the address is new as long as the old space lives, and the address sanitizer watches
// what has been left behind.
bool is_pooled_space(u64 bytes) { return !kTorture && bytes <= BlockPool::kMaxBlockBytes; }

}  // namespace

u8* Scheduler::on_heap_allocate(vm::ExecContext& exec, u64 bytes) noexcept {
  void* const space = is_pooled_space(bytes) ? scheduler_of(exec).blocks_.allocate(bytes) : std::malloc(bytes);
  return static_cast<u8*>(space);
}

void Scheduler::on_heap_free(vm::ExecContext& exec, u8* space, u64 bytes) noexcept {
  if (is_pooled_space(bytes)) {
    scheduler_of(exec).blocks_.free(space, bytes);
  } else {
    scheduler_of(exec).memories_.free_in_steps(space, bytes);
  }
}

void Scheduler::on_memory_free(vm::ExecContext& exec, vm::MemoryInst& memory, u64 key) noexcept {
  scheduler_of(exec).memories_.free(memory, key);
}

}  // namespace lunabeam::runtime
