// The virtual machine as a whole.
#include "runtime/vm.h"

#include "runtime/failure_log.h"
#include "vm/backtrace.h"
#include "vm/base/check.h"

namespace lunabeam::runtime {

namespace {

std::unique_ptr<Clock> make_clock(bool is_virtual) {
  if (is_virtual) return std::make_unique<VirtualClock>();
  return std::make_unique<RealClock>();
}

SchedulerOptions scheduler_options(const VmOptions& options) {
  return {.dispatch = options.dispatch,
          .max_stack_bytes = options.max_stack_bytes,
          .deterministic = options.deterministic,
          .seed = options.seed};
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
    : options_(options),
      clock_(make_clock(options.deterministic)),
      budget_(options.memory_limit_bytes),
      scheduler_(std::make_unique<Scheduler>(*this, scheduler_options(options), *clock_, epochs_, budget_)) {}

Vm::~Vm() {
  scheduler_.reset();
  VM_CHECK(budget_.used_bytes() == 0);
}

vm::Result<std::shared_ptr<const vm::Module>> Vm::load(std::vector<u8> bytes, std::string file_name) noexcept {
  VM_ASSIGN(std::shared_ptr<vm::Module> module, vm::Module::load(std::move(bytes), options_.hosts));
  VM_TRY(module->require_resolved());
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

RunResult Vm::run_root(const RootOptions& options) noexcept {
  root_result_ = {};
  root_ended_ = false;
  const SpawnRequest request{.config = options.config ? options.config : root_config(),
                             .module = options.module,
                             .function = options.function,
                             .params = options.params};
  RunResult failed;
  if (spawn_root(*scheduler_, make_environment(options.environment_id), make_registry(), request, failed.error) == 0) {
    failed.reason.kind = vm::ExitReason::Kind::kTrapped;
    return failed;
  }
  const Scheduler::RunEnd end = scheduler_->run();
  scheduler_->drop_all();
  if (!root_ended_) {
    root_result_.deadlock = end == Scheduler::RunEnd::kDeadlock;
    root_result_.reason = {.kind = vm::ExitReason::Kind::kKilled};
  }
  return std::move(root_result_);
}

void Vm::request_stop() noexcept { scheduler_->request_stop(); }

void Vm::root_ended(Process& process) noexcept {
  if (root_ended_) return;
  root_ended_ = true;
  root_result_.reason = process.reason;
  if (process.reason.kind == vm::ExitReason::Kind::kTrapped) {
    root_result_.backtrace = backtrace_text(process.exec, vm::Backtrace::kMaxFrames);
  }
  scheduler_->request_stop();
}

VmStats Vm::stats() noexcept {
  VmStats stats;
  stats.scheduler = scheduler_->stats();
  const BlockPool::Stats blocks = scheduler_->blocks().stats();
  stats.live_blocks = blocks.live_blocks;
  stats.live_block_bytes = blocks.live_bytes;
  stats.live_memories = static_cast<u64>(scheduler_->memories().stats().live_memories);
  stats.memory_bytes = budget_.used_bytes() - scheduler_->account().advance_bytes();
  stats.live_messages = static_cast<u64>(scheduler_->account().live_messages);
  return stats;
}

}  // namespace lunabeam::runtime
