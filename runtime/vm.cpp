// The virtual machine as a whole.
#include "runtime/vm.h"

#include <sched.h>

#include <algorithm>
#include <csignal>
#include <ctime>

#include "runtime/failure_log.h"
#include "runtime/guest_memory.h"
#include "vm/backtrace.h"
#include "vm/base/check.h"

namespace lunabeam::runtime {

namespace {

// Of function bodies, for the offsets in a root's backtrace: other roots may be waiting, but it is what they were run for.
constexpr u64 kRootBodyBytes = u64{8} << 20;

std::unique_ptr<Clock> make_clock(const VmOptions& options) {
  if (options.make_clock != nullptr) return options.make_clock();
  if (options.deterministic) return std::make_unique<VirtualClock>();
  return std::make_unique<RealClock>();
}

u32 processors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<u32>(std::max(CPU_COUNT(&set), 1));
}

SchedulerOptions scheduler_options(const VmOptions& options, u32 worker, u32 workers) {
  return {.worker = static_cast<u8>(worker),
          .workers = workers,
          .spins = workers > 1 && workers <= processors(),
          .dispatch = options.dispatch,
          .max_stack_bytes = options.max_stack_bytes,
          .deterministic = options.deterministic,
          .seed = options.seed + worker};
}

void* run_worker(void* scheduler) {
  (void)static_cast<Scheduler*>(scheduler)->run();
  return nullptr;
}

}  // namespace

int RunResult::exit_status() const {
  if (!error.empty() || deadlock) return 1;
  switch (reason.kind) {
    case vm::ExitReason::Kind::kNormal: return 0;
    // The system keeps the low eight bits: a failure must not look like success.
    case vm::ExitReason::Kind::kExited: return (reason.trap.exit_code & 0xFF) != 0 ? reason.trap.exit_code : 1;
    default: return 1;
  }
}

std::string RunResult::message() const {
  if (!error.empty()) return error;
  if (deadlock) return "deadlock: every process waits for something that cannot happen";
  return describe(reason);
}

Vm::Vm(const VmOptions& options) noexcept
    : options_(options), clock_(make_clock(options)), budget_(options.memory_limit_bytes) {
  const u32 asked = options.workers != 0 ? options.workers : processors();
  const u32 workers = options.deterministic ? 1 : std::min(asked, balance::kMaxWorkers);
  threads_ = std::make_unique<WorkerThread[]>(workers);
  for (u32 i = 0; i < workers; ++i) {
    workers_.push_back(std::make_unique<Scheduler>(*this, scheduler_options(options, i, workers), *clock_, epochs_,
                                                   budget_, idle_workers_));
  }
}

Vm::~Vm() {
  drop_all();
  const VmStats left = stats();
  VM_CHECK(left.scheduler.live_processes == 0 && left.live_blocks == 0 && left.live_memories == 0 &&
           left.live_messages == 0);
  workers_.clear();
  VM_CHECK(budget_.used_bytes() == 0);
}

// Every phase on all workers before the next: what one drops is another's to free.
void Vm::drop_all() noexcept {
  // No thread of a pool may be about to wake anybody; afterwards they close and drop what processes have left there.
  for (BlockingPool* pool : {&blocking_pool_, &module_pool_}) pool->suspend();
  for (const auto& worker : workers_) worker->drop_dead();
  for (const auto& worker : workers_) worker->drop_processes();
  for (BlockingPool* pool : {&blocking_pool_, &module_pool_}) pool->resume();
  blocking_pool_.drain();
  for (const auto& worker : workers_) worker->drop_rest();
  module_pool_.drain();  // Messages may have held modules.
}

vm::Result<std::shared_ptr<const vm::Module>> Vm::load(std::vector<u8> bytes, std::string file_name,
                                                       std::unique_ptr<vm::ModuleBudget> budget) noexcept {
  VM_ASSIGN(std::shared_ptr<vm::Module> module,
            vm::Module::load(std::move(bytes), options_.hosts, vm::FeatureSet::supported(), std::move(budget)));
  VM_TRY(module->require_resolved());
  VM_TRY(require_host_memory(*module));
  module->file_name = std::move(file_name);
  module->id = next_module_id_.fetch_add(1, std::memory_order_relaxed);
  return module;
}

ConfigRef Vm::root_config() noexcept {
  ConfigRef config = ConfigRef::create();
  VM_CHECK(static_cast<bool>(config));
  Config& rights = *config.writable();
  rights.can_compile_modules = true;
  rights.can_create_configs = true;
  rights.can_spawn_processes = true;
  return config;
}

Environment& Vm::make_environment(u64 id) noexcept {
  return *environments_.emplace_back(std::make_unique<Environment>(id));
}

NameRegistry& Vm::make_registry() noexcept { return *registries_.emplace_back(std::make_unique<NameRegistry>()); }

// --- Roots ---

namespace {

// One root, and how it ended.
class SingleRoot final : public RootSource {
 public:
  explicit SingleRoot(const RootOptions& options) : options_(&options) {}
  bool next(RootOptions& options) noexcept override {
    if (options_ == nullptr) return false;
    options = *std::exchange(options_, nullptr);
    return true;
  }
  void ended(u64 /*token*/, RunResult&& result) noexcept override { result_ = std::move(result); }
  [[nodiscard]] RunResult take() { return std::move(result_); }

 private:
  const RootOptions* options_;
  RunResult result_;
};

}  // namespace

RunResult Vm::run_root(const RootOptions& options) noexcept {
  SingleRoot root(options);
  run_roots(root, 1);
  return root.take();
}

void Vm::run_roots(RootSource& source, u64 at_once) noexcept {
  VM_CHECK(root_source_ == nullptr && at_once > 0);
  root_source_ = &source;
  roots_at_once_ = at_once;
  start_roots(scheduler());
  if (!open_roots_.empty()) {
    await_threads();
    const Scheduler::RunEnd end = scheduler().run();
    request_stop();
    join_threads();
    for (const auto& worker : workers_) worker->clear_stop();
    drop_all();
    for (const u64 token : open_roots_) {
      RunResult result;
      result.deadlock = end == Scheduler::RunEnd::kDeadlock;
      result.reason = {.kind = vm::ExitReason::Kind::kKilled};
      source.ended(token, std::move(result));
    }
    open_roots_.clear();
  }
  root_source_ = nullptr;
}

// As many as there is room for, on the scheduler whose thread this is. REQUIRES: roots_lock_ is held, or no worker runs.
void Vm::start_roots(Scheduler& scheduler) noexcept {
  RootOptions options;
  while (open_roots_.size() < roots_at_once_ && root_source_->next(options)) {
    Environment& environment = make_environment(options.environment_id);
    environment.output = options.output;
    environment.root_token = options.token;
    SpawnRequest request{.config = options.config ? options.config : root_config(),
                         .module = options.module,
                         .function = options.function,
                         .params = options.params};
    RunResult failed;
    if (spawn_root(scheduler, environment, make_registry(), std::move(request), failed.error) != 0) {
      open_roots_.push_back(options.token);
    } else {
      failed.reason.kind = vm::ExitReason::Kind::kTrapped;
      failed.limit = limit_hint(failed.error, budget_.is_limited());
      root_source_->ended(options.token, std::move(failed));
    }
    options = RootOptions();
  }
}

void Vm::root_ended(Process& process) noexcept {
  RunResult result;
  result.reason = process.reason;
  result.limit = limit_hint(process.reason, budget_.is_limited());
  if (process.reason.kind == vm::ExitReason::Kind::kTrapped) {
    u64 body_bytes = kRootBodyBytes;
    result.backtrace = backtrace_text(process.exec, vm::Backtrace::kMaxFrames, body_bytes);
  }
  const std::lock_guard guard(roots_lock_);
  if (root_source_ != nullptr) {
    const u64 token = process.environment->root_token;
    std::erase(open_roots_, token);
    root_source_->ended(token, std::move(result));
    start_roots(*process.scheduler);
  }
  if (open_roots_.empty()) request_stop();
}

// Workers without a thread count as asleep: whoever has work for one makes its thread.
void Vm::await_threads() noexcept {
  for (u32 i = 1; i < workers(); ++i) {
    threads_[i].state.store(WorkerThread::State::kAwaited, std::memory_order_relaxed);
    idle_workers_.start_sleeping(i);
  }
}

bool Vm::ensure_thread(u8 worker) noexcept {
  WorkerThread& thread = threads_[worker];
  // The thread may be idle, and claimed again, before we are back from making it: the state changes first.
  auto state = WorkerThread::State::kAwaited;
  if (!thread.state.compare_exchange_strong(state, WorkerThread::State::kMade, std::memory_order_acq_rel)) return true;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const bool made = pthread_create(&thread.handle, nullptr, &run_worker, workers_[worker].get()) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  thread.state.store(made ? WorkerThread::State::kRuns : WorkerThread::State::kAwaited, std::memory_order_release);
  return made;
}

// Workers may make threads of others until they have ended themselves: goes on until a pass finds none that runs.
void Vm::join_threads() noexcept {
  for (bool more = true; more;) {
    more = false;
    for (u32 i = 1; i < workers(); ++i) {
      WorkerThread& thread = threads_[i];
      auto state = thread.state.load(std::memory_order_acquire);
      for (; state == WorkerThread::State::kMade; state = thread.state.load(std::memory_order_acquire)) sched_yield();
      if (state != WorkerThread::State::kRuns) continue;
      pthread_join(thread.handle, nullptr);
      thread.state.store(WorkerThread::State::kNone, std::memory_order_relaxed);
      more = true;
    }
  }
  for (u32 i = 1; i < workers(); ++i) {
    threads_[i].state.store(WorkerThread::State::kNone, std::memory_order_relaxed);
    idle_workers_.stop_sleeping(i);
  }
}

void Vm::request_stop() noexcept {
  for (const auto& worker : workers_) worker->request_stop();
}

VmStats Vm::stats() noexcept {
  VmStats stats;
  i64 live_memories = 0;
  i64 live_messages = 0;
  stats.memory_bytes = budget_.used_bytes();
  for (const WorkerStats& worker : worker_stats()) {
    stats.scheduler.add(worker.scheduler);
    stats.live_blocks += worker.blocks.live_blocks;
    stats.live_block_bytes += worker.blocks.live_bytes;
    stats.memory_bytes -= worker.advance_bytes;
    live_memories += worker.memories.live_memories;
    live_messages += worker.live_messages;
  }
  stats.live_memories = static_cast<u64>(live_memories);
  stats.live_messages = static_cast<u64>(live_messages);
  return stats;
}

std::vector<WorkerStats> Vm::worker_stats() noexcept {
  std::vector<WorkerStats> all;
  for (const auto& worker : workers_) all.push_back(worker->worker_stats());
  return all;
}

std::vector<std::optional<WorkerStats>> Vm::sample(u64 timeout_ms) noexcept {
  std::vector<u64> numbers;
  for (const auto& worker : workers_) numbers.push_back(worker->request_report());
  std::vector<std::optional<WorkerStats>> all(workers_.size());
  RealClock clock;  // The VM's own may be virtual, and stand still for as long as we wait.
  const u64 end_ns = deadline_after_ms(clock.monotonic_ns(), timeout_ms);
  for (size_t i = 0; i < workers_.size(); ++i) {
    WorkerStats stats;
    // Without a thread it has not done anything since its last report.
    if (threads_[i].state.load(std::memory_order_acquire) == WorkerThread::State::kAwaited) numbers[i] = 0;
    while (!workers_[i]->take_report(numbers[i], stats)) {
      if (workers_[i]->has_ended() || clock.monotonic_ns() >= end_ns) break;
      const timespec pause{.tv_sec = 0, .tv_nsec = 200'000};
      nanosleep(&pause, nullptr);
    }
    if (workers_[i]->take_report(numbers[i], stats)) all[i] = stats;
  }
  return all;
}

}  // namespace lunabeam::runtime
