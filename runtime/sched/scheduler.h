// A scheduler: one thread, one run queue, one timer wheel, and the pools its processes live in. It runs processes in slices of
// 4,000 reductions, first in first out; processes that a timer made runnable go first, so that busy loops delay no sleeper by
// more than a slice.
//
// Threading: everything here belongs to the scheduler's own thread, except post(), request_stop() and what says otherwise.
#pragma once

#include <atomic>
#include <memory>

#include "runtime/block_pool.h"
#include "runtime/failure_log.h"
#include "runtime/memory_account.h"
#include "runtime/memory_pool.h"
#include "runtime/process.h"
#include "runtime/sched/clock.h"
#include "runtime/sched/epoch.h"
#include "runtime/sched/run_queue.h"
#include "runtime/sched/timer_wheel.h"
#include "runtime/stack.h"
#include "vm/exec_context.h"
#include "vm/interp/interp.h"

namespace lunabeam::runtime {

class Vm;

struct SchedulerOptions {
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
  u64 live_processes = 0;
  u64 peak_processes = 0;
  u64 timers_fired = 0;
  u64 messages_sent = 0;
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
  Scheduler(Vm& vm, const SchedulerOptions& options, Clock& clock, EpochDomain& epochs, MemoryBudget& budget) noexcept;
  // Drops every process that is left, without notification.
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
  // The end of the program: drops every process and timer that is left, without notification. REQUIRES: nothing is running.
  void drop_all() noexcept;
  // Any thread: run() returns after the current slice.
  void request_stop() noexcept;
  // Any thread: hands over a process that the caller has made runnable (SignalQueue said kWakeOwner).
  void post(Process& process) noexcept;

  // Owner: puts a runnable process at the tail, or among those that go first (which take at most kUrgentReductions in a row
  // from the others).
  void enqueue(Process& process) noexcept { queue_.push_back(&process); }
  void enqueue_urgent(Process& process) noexcept { urgent_.push_back(&process); }
  // Makes a process runnable after SignalQueue said kWakeOwner, from the thread of `current` (which may be its own).
  static void make_runnable(Scheduler& current, Process& process) noexcept;

  void add_process(Process& process) noexcept;
  void remove_process(Process& process) noexcept;

  [[nodiscard]] Vm& vm() { return vm_; }
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
  [[nodiscard]] u64 runnable() const { return queue_.size() + urgent_.size(); }

 private:
  static i64 on_tick(vm::ExecContext& exec, i64 reductions) noexcept;
  static bool on_grow_stack(vm::ExecContext& exec, u64 need_bytes) noexcept;
  static bool on_charge_bytes(vm::ExecContext& exec, i64 bytes) noexcept;
  static bool on_memory_allocate(vm::ExecContext& exec, vm::MemoryInst& memory, u64 size_bytes,
                                 const vm::MemoryImage* image, u64 key) noexcept;
  static bool on_memory_grow(vm::ExecContext& exec, vm::MemoryInst& memory, u64 new_size_bytes) noexcept;
  static void on_memory_free(vm::ExecContext& exec, vm::MemoryInst& memory, u64 key) noexcept;

  [[nodiscard]] Process* next_process() noexcept;
  void run_slice(Process& process) noexcept;
  void end_of_run(Process& process, vm::ExecStatus status) noexcept;
  void check_timers() noexcept;
  void drain_inbox() noexcept;
  bool turn() noexcept;
  void charge(Process& process) noexcept;
  void park(Process& process) noexcept;
  void end_process(Process& process, const vm::ExitReason& reason) noexcept;
  void sleep_until(u64 deadline_ns) noexcept;
  void wake_owner() noexcept;

  // Reductions, or what counts as many.
  static constexpr i64 kClockReductions = 4000;      // The clock is looked at this often ...
  static constexpr i64 kTurnReductions = 64;         // ... where a turn counts as so many, however short.
  static constexpr i64 kUrgentReductions = 16000;    // What urgent processes may use before an ordinary one has a turn.
  static constexpr u64 kVirtualNsPerReduction = 10;  // Deterministic mode: work takes time too.

  Vm& vm_;
  const SchedulerOptions options_;
  Clock& clock_;
  vm::ExecHooks hooks_;
  std::unique_ptr<u64[]> transfer_;
  RunQueue queue_;
  RunQueue urgent_;
  i64 urgent_left_ = kUrgentReductions;
  bool is_urgent_turn_ = false;
  i64 until_clock_ = 0;         // Reductions until the clock is looked at again.
  bool firing_timers_ = false;  // What becomes runnable now is urgent.
  Process* current_ = nullptr;
  Process* all_first_ = nullptr;  // Every process of this scheduler, for the end of the program.
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
  std::atomic<Process*> inbox_{nullptr};  // Processes made runnable by other threads: Treiber stack through inbox_next.
  std::atomic<bool> stop_{false};         // Release by the requester, acquire by the owner.
  std::atomic<u32> sleeping_{0};          // Futex word: 1 while the owner sleeps.
};

}  // namespace lunabeam::runtime
