// A scheduler (worker): one thread, one run queue, one timer wheel, and the pools its processes live in. It runs processes in
// slices of 4,000 reductions, first in first out; processes that a timer made runnable go first, so that busy loops delay no sleeper
// by more than a slice. Surplus goes to idle schedulers by donation (balance.h).
//
// A process has a home, the scheduler whose pool gave its block, and a current scheduler, which changes when it is given away. What
// a process frees elsewhere comes back through remote lists.
//
// Threading: everything here belongs to the scheduler's own thread, except what says otherwise.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "runtime/block_pool.h"
#include "runtime/failure_log.h"
#include "runtime/memory_account.h"
#include "runtime/memory_pool.h"
#include "runtime/process.h"
#include "runtime/sched/balance.h"
#include "runtime/sched/clock.h"
#include "runtime/sched/epoch.h"
#include "runtime/sched/run_lanes.h"
#include "runtime/sched/timer_wheel.h"
#include "runtime/stack.h"
#include "vm/exec_context.h"
#include "vm/interp/interp.h"
#include "vm/reductions.h"

namespace lunabeam::runtime {

class Vm;
struct GuestTimer;

struct SchedulerOptions {
  u8 worker = 0;      // Index in the VM.
  u32 workers = 1;    // Schedulers of the VM.
  bool spins = true;  // There is a processor for every worker.
  vm::Dispatch dispatch = vm::kDefaultDispatch;
  u64 max_stack_bytes = 8 * 1024 * 1024;  // Cap of one process stack (rule P6).
  bool deterministic = false;  // Virtual clock, seeded choice among runnable processes, seeded chunk lengths.
  u64 seed = 1;
};

// Figures since the scheduler started.
struct SchedulerStats {
  u64 slices = 0;
  u64 ticks = 0;
  u64 preemptions = 0;  // Slices that ran out.
  u64 reductions = 0;
  u64 spawned = 0;
  u64 exited = 0;
  i64 live_processes = 0;  // Spawned here less ended here: only the sum over all schedulers is a number of processes.
  u64 peak_processes = 0;  // Most that the environment of a process spawned here has had.
  u64 timers_fired = 0;
  u64 messages_sent = 0;
  u64 given = 0;     // Processes donated to other schedulers.
  u64 received = 0;  // Processes that came from other schedulers.
  u64 posted = 0;    // Wake-ups of processes of other schedulers.
  u64 sleeps = 0;    // Times there was nothing to do.

  void add(const SchedulerStats& other) noexcept;
};

// What one worker looks like from outside.
struct WorkerStats {
  SchedulerStats scheduler;
  u64 home_processes = 0;  // In its home list: alive, or dead and not freed yet.
  u64 runnable = 0;
  u64 timers = 0;
  BlockPool::Stats blocks;
  MemoryPool::Stats memories;
  i64 live_messages = 0;
  u64 advance_bytes = 0;  // Charged to the budget ahead of use.
};

// xorshift64*: cheap, seedable; not for secrets.
class Random {
 public:
  explicit Random(u64 seed) noexcept : state_(seed * 0x9E37'79B9'7F4A'7C15ull | 1) {}
  [[nodiscard]] u64 next() noexcept {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545'F491'4F6C'DD1Dull;
  }
  // 0 .. bound-1. REQUIRES: bound > 0.
  [[nodiscard]] u64 below(u64 bound) noexcept {
    return static_cast<u64>((static_cast<unsigned __int128>(next()) * bound) >> 64);
  }

 private:
  u64 state_;
};

class Scheduler {
 public:
  Scheduler(Vm& vm, const SchedulerOptions& options, Clock& clock, EpochDomain& epochs, MemoryBudget& budget,
            IdleWorkers& idle_workers) noexcept;
  // REQUIRES: drop_processes() and drop_rest() have been called on every scheduler of the VM.
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Why run() returned.
  enum class RunEnd : u8 {
    kStopped,   // request_stop().
    kDeadlock,  // Deterministic mode: every process waits for something that no timer will bring.
  };
  // Runs processes on the calling thread until stopped.
  RunEnd run() noexcept;
  // One turn: timers, inbox, one slice. False: nothing is runnable. For tests.
  bool run_one() noexcept;
  // Nothing is runnable: waits for the next timer or post(). Deterministic mode jumps to the next timer; false: there is none.
  [[nodiscard]] bool idle() noexcept;
  // The end of the program, in this order on all schedulers, by one thread while none runs: the dead are freed, ...
  void drop_dead() noexcept;
  // ... every process of the home list is dropped without notification, ...
  void drop_processes() noexcept;
  // ... and the timers, queues and reports that are left.
  void drop_rest() noexcept;
  // Any thread: run() returns after the current slice.
  void request_stop() noexcept;
  // After run() has returned.
  void clear_stop() noexcept { stop_.store(false, std::memory_order_relaxed); }
  // Any thread: hands over a process that the caller has made runnable (SignalQueue said kWakeOwner). `from`: the worker whose
  // thread this is.
  void post(Process& process, u8 from = balance::kNoWorker) noexcept;
  // Any thread: gives the block of a process back whose home this is. Nobody can reach the process any more.
  void post_dead(Process& process) noexcept;
  // Owner: a process that nobody can reach any more goes back to its home.
  void send_dead_home(Process& process) noexcept;
  // Any thread: a timer of this wheel that was cancelled elsewhere.
  void post_cancelled(GuestTimer& timer) noexcept;
  // Any thread: whether run() has returned, so that there is nobody to make a report.
  [[nodiscard]] bool has_ended() const noexcept { return ended_.load(std::memory_order_acquire); }
  // Any thread: asks for a fresh report(), made at the next look at the clock; its number.
  u64 request_report() noexcept;
  // Any thread: the last report, if its number is at least `number`.
  [[nodiscard]] bool take_report(u64 number, WorkerStats& stats) noexcept;
  [[nodiscard]] WorkerStats worker_stats() noexcept;

  // Owner: makes a process runnable, in the lane where it belongs, before all others or behind them (run_lanes.h).
  void enqueue(Process& process) noexcept;
  void enqueue_urgent(Process& process) noexcept { lanes_.push(RunLanes::kUrgent, process); }
  void enqueue_spent(Process& process) noexcept;
  // Makes a process runnable after SignalQueue said kWakeOwner, from the thread of `current` (which may be its own).
  static void make_runnable(Scheduler& current, Process& process) noexcept;

  // The home list.
  void add_process(Process& process) noexcept;
  void remove_process(Process& process) noexcept;

  [[nodiscard]] Vm& vm() { return vm_; }
  [[nodiscard]] u8 worker() const { return options_.worker; }
  [[nodiscard]] const SchedulerOptions& options() const { return options_; }
  [[nodiscard]] Clock& clock() { return clock_; }
  [[nodiscard]] TimerWheel& timers() { return timers_; }
  [[nodiscard]] EpochParticipant& epoch() { return epoch_; }
  [[nodiscard]] MemoryAccount& account() { return account_; }
  [[nodiscard]] BlockPool& blocks() { return blocks_; }
  [[nodiscard]] MemoryPool& memories() { return memories_; }
  [[nodiscard]] StackSizeHints& stack_hints() { return stack_hints_; }
  [[nodiscard]] Random& random() { return random_; }
  [[nodiscard]] SchedulerStats& stats() { return stats_; }
  [[nodiscard]] FailureLog& failure_log() { return failure_log_; }
  [[nodiscard]] const vm::ExecHooks& hooks() const { return hooks_; }
  // The process that runs now, nullptr between slices.
  [[nodiscard]] Process* current() const { return current_; }
  [[nodiscard]] u64* transfer() { return transfer_.get(); }
  [[nodiscard]] u64 runnable() const { return lanes_.size(); }

 private:
  static i64 on_tick(vm::ExecContext& exec, i64 reductions) noexcept;
  static bool on_grow_stack(vm::ExecContext& exec, u64 need_bytes) noexcept;
  static bool on_charge_bytes(vm::ExecContext& exec, i64 bytes) noexcept;
  static u8* on_heap_allocate(vm::ExecContext& exec, u64 bytes) noexcept;
  static void on_heap_free(vm::ExecContext& exec, u8* space, u64 bytes) noexcept;
  static bool on_memory_allocate(vm::ExecContext& exec, vm::MemoryInst& memory, u64 size_bytes,
                                 const vm::MemoryImage* image, u64 key) noexcept;
  static bool on_memory_grow(vm::ExecContext& exec, vm::MemoryInst& memory, u64 new_size_bytes) noexcept;
  static void on_memory_free(vm::ExecContext& exec, vm::MemoryInst& memory, u64 key) noexcept;

  [[nodiscard]] Process* next_process() noexcept;
  void run_slice(Process& process) noexcept;
  [[nodiscard]] bool fill_memories(Process& process) noexcept;
  void end_of_run(Process& process, vm::ExecStatus status) noexcept;
  void check_clock() noexcept;
  void check_timers() noexcept;
  void drain_inbox() noexcept;
  void take_over(Process& process) noexcept;
  bool sent_to_its_waker(Process& process) noexcept;
  bool drain_remote_step() noexcept;
  void publish_report() noexcept;
  void share_backlog() noexcept;
  void note_turns() noexcept;
  [[nodiscard]] bool is_backlog_long() const noexcept;
  bool give_work(u8 worker) noexcept;
  [[nodiscard]] static bool is_pinned(const Process& process) noexcept;
  void hand_to(Scheduler& target, Process& process) noexcept;
  bool turn() noexcept;
  void charge(Process& process) noexcept;
  [[nodiscard]] bool is_time_up() noexcept;
  [[nodiscard]] bool is_look_due() noexcept;
  [[nodiscard]] bool is_look_overdue() noexcept;
  void mark_look() noexcept;
  void park(Process& process) noexcept;
  void enqueue_exiting(Process& process) noexcept;
  void end_process(Process& process, const vm::ExitReason& reason) noexcept;
  [[nodiscard]] bool has_post() const noexcept {
    return inbox_.load(std::memory_order_relaxed) != nullptr || stop_.load(std::memory_order_relaxed);
  }
  bool spin(u64 deadline_ns) noexcept;
  void sleep_until(u64 deadline_ns) noexcept;
  void push_inbox(Process* first, Process* last) noexcept;
  void wake_owner() noexcept;

  // Reductions, or what counts as many.
  static constexpr i64 kClockReductions = 4000;      // The clock is looked at this often ...
  static constexpr u64 kTimerWork = 2048;            // In TimerWheel::kFireWork: 512 timers fire per look.
  static constexpr i64 kTurnReductions = 64;         // ... where a turn counts as so many, however short.
  static constexpr i64 kSignalReductions = 4000;     // A turn that was all signals.
  static constexpr i64 kExitReductions = 500;        // A step of an exit.
  static constexpr u64 kVirtualNsPerReduction = 10;  // Deterministic mode: work takes time too.
  // A slice ends, and timers are looked at, at the first tick behind this too: page faults cost no reductions.
  static constexpr u64 kSliceNs = kNsPerMs / 2;
  static constexpr i64 kLeastChunkReductions = 16;
  static constexpr u64 kTurnsPerLook = 8;        // Turns after which kSliceNs is asked for too: a power of two.
  static constexpr u64 kEndless = u64{1} << 40;  // turn_cycles_ where slices run out.
  static constexpr u64 kRemoteStep = 256;        // What comes back from others, per look at the clock.
  static constexpr u64 kDeadPerWake = 256;  // Blocks of others freed here before a sleeping home is woken to take them.
  static constexpr u64 kGraceNs = kNsPerMs;  // A sleeper with retired objects looks again whether they are free.

  Vm& vm_;
  const SchedulerOptions options_;
  Clock& clock_;
  vm::ExecHooks hooks_;
  std::unique_ptr<u64[]> transfer_;
  RunLanes lanes_;
  i64 until_clock_ = 0;         // Reductions until the clock is looked at again.
  bool firing_timers_ = false;  // What becomes runnable now is urgent.
  u64 slice_cycles_ = 0;        // kSliceNs in Clock::cycles(); 0: not known.
  // In Clock::cycles(): when timers were last looked at, and the last look at the time.
  u64 timers_looked_ = 0;
  u64 ticked_ = 0;
  i64 chunk_reductions_ = vm::kChunkReductions;  // Shorter while what runs takes long for its reductions.
  Process* current_ = nullptr;
  Process* all_first_ = nullptr;  // Every process whose home this is, for the end of the program.
  u64 home_processes_ = 0;
  Process* dead_ = nullptr;  // Taken from dead_posted_, not yet freed.
  IdleWorkers& idle_workers_;
  // Since the last look at the clock: what a turn takes on average, in Clock::cycles().
  u64 look_cycles_ = 0;  // 0: the worker was idle since.
  u64 look_slices_ = 0;
  u64 look_preemptions_ = 0;
  u64 turn_cycles_ = kEndless;
  u32 backlog_checks_ = 0;    // Looks at the clock in a row at which there was surplus.
  u64 slices_at_sleep_ = 0;   // stats_.slices when it last had nothing to do.
  u32 lonely_wakes_ = 0;      // Times in a row that it was idle and woken for one process alone.
  u64 dead_for_others_ = 0;   // Blocks sent to other homes.
  u64 published_report_ = 0;  // Number of the last one.
  BlockPool blocks_;
  MemoryPool memories_;
  MemoryAccount account_;
  StackSizeHints stack_hints_;
  TimerWheel timers_;
  EpochParticipant epoch_;
  Random random_;
  SchedulerStats stats_;
  FailureLog failure_log_;

  // --- Shared. ---
  // Processes made runnable or given away by other threads: Treiber stack through inbox_next, pushed with release, taken with
  // acquire.
  alignas(64) std::atomic<Process*> inbox_{nullptr};
  std::atomic<bool> stop_{false};      // Release by the requester, acquire by the owner.
  std::atomic<bool> ended_{false};     // Written by the owner.
  std::atomic<u32> sleeping_{0};       // Futex word: 1 while the owner sleeps.
  std::atomic<u64> waiting_{0};        // Runnable processes behind the current one; a hint, relaxed.
  std::atomic<u64> wanted_report_{0};  // Relaxed: the report itself is under the lock.
  // Home lists: as the inbox.
  alignas(64) std::atomic<Process*> dead_posted_{nullptr};
  std::atomic<GuestTimer*> cancelled_{nullptr};
  std::mutex report_lock_;
  u64 report_number_ = 0;  // Under report_lock_.
  WorkerStats report_;     // Under report_lock_.
};

}  // namespace lunabeam::runtime
