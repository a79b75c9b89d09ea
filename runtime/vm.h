// The virtual machine as a whole: loads modules, runs a root process to its end, and owns everything (schedulers, environments,
// registries). What tools and tests use.
//
//   Vm vm({.hosts = &registry});
//   auto module = vm.load(bytes, "app.wasm");
//   RunResult result = vm.run_root({.module = *module, .config = config});
#pragma once

#include <pthread.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/blocking_pool.h"
#include "runtime/config.h"
#include "runtime/environment.h"
#include "runtime/hostcalls/metric_table.h"
#include "runtime/memory_pool.h"
#include "runtime/name_registry.h"
#include "runtime/output_capture.h"
#include "runtime/sched/clock.h"
#include "runtime/sched/epoch.h"
#include "runtime/sched/scheduler.h"
#include "runtime/spawn.h"
#include "vm/base/error.h"
#include "vm/exit_reason.h"
#include "vm/host_function.h"
#include "vm/interp/interp.h"
#include "vm/module.h"

namespace lunabeam::runtime {

struct VmOptions {
  const vm::HostRegistry* hosts = nullptr;  // Import universe of every module; outlives the VM.
  u32 workers = 1;  // Schedulers; 0: one for each processor. At most balance::kMaxWorkers; deterministic: one.
  u64 max_stack_bytes = 8 * 1024 * 1024;
  vm::Dispatch dispatch = vm::kDefaultDispatch;
  bool deterministic = false;
  u64 seed = 1;
  std::unique_ptr<Clock> (*make_clock)() = nullptr;  // For tests; nullptr: by `deterministic`.
  u64 memory_limit_bytes =
      MemoryBudget::kUnlimited;  // --memory-limit: process blocks, stacks, memories, tables, messages, timers.
};

// Exit status and cause of a root process.
struct RunResult {
  vm::ExitReason reason;
  bool deadlock = false;  // Deterministic mode: nothing can ever run again; reason is a failure.
  std::string error;      // The process could not be made: one line. Else empty.
  std::string backtrace;  // Symbolised, one frame per line; empty unless it trapped.
  std::string limit;      // Behind the message: " (limit: --max-stack)"; empty unless the process has met a limit.

  // 0; proc_exit's code; 1 for every other failure.
  [[nodiscard]] int exit_status() const;
  // One line for standard error, empty for a normal end: "trap: unreachable", "killed", ...
  [[nodiscard]] std::string message() const;
};

struct RootOptions {
  std::shared_ptr<const vm::Module> module = {};
  ConfigRef config = {};  // Empty: root_config().
  std::string_view function = "_start";
  std::span<const SpawnParam> params = {};
  u64 environment_id = 1;
  OutputCapture* output = nullptr;  // Of the root and its descendants; outlives the run. nullptr: the host's streams.
  u64 token = 0;                    // Names the root to RootSource::ended.
};

// Where run_roots gets its root processes from, and whom it tells how they ended. Called by one worker at a time, between slices.
class RootSource {
 public:
  // Fills in the next root. False: there is no more.
  [[nodiscard]] virtual bool next(RootOptions& options) noexcept = 0;
  // Exactly once for each root that next() gave.
  virtual void ended(u64 token, RunResult&& result) noexcept = 0;

 protected:
  ~RootSource() = default;
};

struct VmStats {
  SchedulerStats scheduler;  // Sums over all workers.
  u64 live_blocks = 0;       // Of the block pools.
  u64 live_block_bytes = 0;
  u64 live_memories = 0;
  u64 memory_bytes = 0;  // Charged to the limit.
  u64 live_messages = 0;
};

class Vm {
 public:
  explicit Vm(const VmOptions& options) noexcept;
  // Drops every process that is left. Afterwards nothing of theirs is alive (asserted).
  ~Vm();
  Vm(const Vm&) = delete;
  Vm& operator=(const Vm&) = delete;

  // Decodes, validates and links against the host functions; every import must be one. `budget` pays for the module (vm/module.h).
  // Any thread.
  [[nodiscard]] vm::Result<std::shared_ptr<const vm::Module>> load(
      std::vector<u8> bytes, std::string file_name, std::unique_ptr<vm::ModuleBudget> budget = nullptr) noexcept;

  // Rights and limits of a root process (ABI document 4.4), without directories, arguments and environment.
  [[nodiscard]] static ConfigRef root_config() noexcept;

  // Runs a root process to its end; the calling thread is worker 0, the others get threads of their own as soon as there is work for
  // them, with all signals blocked. When it ends the program ends: all other processes of the VM are dropped without notification. May be called again
  // afterwards.
  [[nodiscard]] RunResult run_root(const RootOptions& options) noexcept;

  // Runs roots beside one another, at most `at_once` of them, each in an environment and with a registry of its own, until all
  // have ended; then, as run_root, drops whatever they have left behind. What a root leaves behind runs on until then.
  void run_roots(RootSource& source, u64 at_once) noexcept;

  // Any thread: ends run_root after the current slice, as if the root had been killed.
  void request_stop() noexcept;

  // REQUIRES: no worker runs, or there is one worker and this is its thread.
  [[nodiscard]] VmStats stats() noexcept;
  [[nodiscard]] std::vector<WorkerStats> worker_stats() noexcept;
  // Any thread but the workers', while run_root runs: figures of every worker. Waits for each to come to a look at the clock; who
  // has not answered in time is left out (nullopt).
  [[nodiscard]] std::vector<std::optional<WorkerStats>> sample(u64 timeout_ms) noexcept;
  [[nodiscard]] u32 workers() const { return static_cast<u32>(workers_.size()); }
  [[nodiscard]] const VmOptions& options() const { return options_; }
  [[nodiscard]] Scheduler& worker(u8 index) { return *workers_[index]; }
  // Worker 0, where roots begin.
  [[nodiscard]] Scheduler& scheduler() { return *workers_[0]; }
  [[nodiscard]] IdleWorkers& idle_workers() { return idle_workers_; }
  [[nodiscard]] Clock& clock() { return *clock_; }
  [[nodiscard]] MemoryBudget& budget() { return budget_; }
  // For calls that may block. Any thread.
  [[nodiscard]] BlockingPool& blocking_pool() { return blocking_pool_; }
  // For work on modules that takes long: loading, translating, dropping. Files do not queue behind it. Any thread.
  [[nodiscard]] BlockingPool& module_pool() { return module_pool_; }
  // What guests reported through lunatic::metrics. Any thread.
  [[nodiscard]] MetricTable& metrics() { return metrics_; }

  // A scheduler has claimed a worker as idle and is going to give it work: makes its thread if it has none. False: that is
  // impossible now.
  [[nodiscard]] bool ensure_thread(u8 worker) noexcept;
  // A scheduler tells how a root process ended.
  void root_ended(Process& process) noexcept;
  // Makes an environment and a registry that live as long as the VM; for tests that spawn roots of their own.
  [[nodiscard]] Environment& make_environment(u64 id) noexcept;
  [[nodiscard]] NameRegistry& make_registry() noexcept;

 private:
  // The thread of a worker but the first: made when there is work for it, so that a program of one process has one thread.
  struct WorkerThread {
    enum class State : u8 {
      kNone,     // No run, or its workers are driven by whoever has made the VM (tests).
      kAwaited,  // Whoever claims the worker as idle makes the thread.
      kMade,  // Is being made: `handle` is not written yet. Who claims the worker meanwhile finds a thread all the same.
      kRuns,  // `handle` is to be joined.
    };
    std::atomic<State> state{State::kNone};
    pthread_t handle{};  // Written by the thread that has claimed the worker.
  };

  // The work computes: more threads than a few take processors away from the workers.
  static constexpr u32 kModuleThreads = 2;

  void await_threads() noexcept;
  void join_threads() noexcept;
  void drop_all() noexcept;
  void start_roots(Scheduler& scheduler) noexcept;

  const VmOptions options_;
  std::unique_ptr<Clock> clock_;
  EpochDomain epochs_;
  MemoryBudget budget_;
  BlockingPool blocking_pool_{epochs_};
  BlockingPool module_pool_{epochs_, kModuleThreads};
  MetricTable metrics_;
  std::vector<std::unique_ptr<Environment>> environments_;
  std::vector<std::unique_ptr<NameRegistry>> registries_;
  IdleWorkers idle_workers_;
  std::vector<std::unique_ptr<Scheduler>> workers_;
  std::unique_ptr<WorkerThread[]> threads_;  // One for each worker; the first is the caller of run_roots.
  std::mutex roots_lock_;
  // Under roots_lock_, as are environments_ and registries_ while workers run.
  RootSource* root_source_ = nullptr;  // nullptr: nobody asked (tests that spawn roots of their own).
  u64 roots_at_once_ = 0;
  std::vector<u64> open_roots_;  // Their tokens.
  std::atomic<u64> next_module_id_{1};
};

}  // namespace lunabeam::runtime
