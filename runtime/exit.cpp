// The end of a process.
#include "runtime/exit.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "runtime/environment.h"
#include "runtime/sched/scheduler.h"
#include "runtime/signals.h"
#include "runtime/spawn.h"
#include "runtime/vm.h"
#include "vm/base/check.h"
#include "vm/process_stack.h"

namespace lunabeam::runtime {

namespace {

// A process that never parked leaves a hint of at most this much: its stack may have been deep for a moment only.
constexpr u64 kUnparkedHintBytes = 4 * 1024;

void destroy_signal(Process& process, Signal* signal) {
  if (signal->kind == SignalKind::kMessage) {
    Message::destroy(process.scheduler->account(), static_cast<Message*>(signal));
  } else {
    free_control_signal(process.scheduler->account(), static_cast<ControlSignal*>(signal));
  }
}

// Takes every signal that is left, or comes until the queue is closed, out of it and calls use(Signal*). False: no work is left.
template <class Use>
bool drain_signals(Process& process, u32& work, Use use) {
  for (;;) {
    while (Signal* signal = process.signals.pop(work)) use(signal);
    if (process.signals.has_taken()) return false;
    if (process.signals.is_closed()) return true;
    process.signals.close();
  }
}

void release_instance(Process& process) {
  vm::Ctx* ctx = process.exec.ctx;
  if (ctx == nullptr) return;
  vm::destroy_instance(ctx);
  VM_DCHECK(process.exec.ctx == nullptr);
  process.memory = nullptr;
  if (process.ctx_is_separate) {
    std::free(ctx);
    process.scheduler->account().release(vm::instance_bytes(*process.module));
  }
}

void release_stack(Process& process) {
  if (!process.stack_noted && process.stack.grown_bytes(process.exec) != 0) {
    const u64 used_bytes = vm::stack_capacity_bytes(process.exec) / 2;
    process.scheduler->stack_hints().note(process.stack_hint_key, std::min(used_bytes, kUnparkedHintBytes));
  }
  process.stack.release(process.exec, process.scheduler->blocks(), &process.scheduler->account());
}

// What has a meaning outside the process (sockets, files) or is bounded in size; not the table of timers.
void release_resources(Process& process) {
  set_scratch(process, nullptr);
  if (Resources* resources = process.resources; resources != nullptr) {
    u32 work = ~u32{0};
    (void)(resources->configs.drop(work) && resources->modules.drop(work) && resources->errors.drop(work));
  }
  if (process.embedder.destroy != nullptr && process.embedder.data != nullptr) {
    process.embedder.destroy(process.embedder.data);
  }
  process.embedder = {};
}

void reclaim(Retired& retired, void* context) noexcept {
  auto& process = *reinterpret_cast<Process*>(reinterpret_cast<u8*>(&retired) - offsetof(Process, retired));
  static_cast<Scheduler*>(context)->send_dead_home(process);
}

// The last step: nothing of the process is left but its control block.
void retire(Process& process) {
  Scheduler& scheduler = *process.scheduler;
  release_instance(process);
  free_monitors(scheduler.account(), process.monitors);
  process.module.reset();
  process.config.reset();
  process.state = ProcessState::kDead;
  --scheduler.stats().live_processes;
  ++scheduler.stats().exited;
  process.retired.reclaim = &reclaim;
  scheduler.epoch().retire(process.retired);
}

// One of the signals that were still queued. Links and monitors that the process never got to see must be told too.
void handle_leftover(Process& process, Signal& signal) {
  MemoryAccount& account = process.scheduler->account();
  if (signal.kind == SignalKind::kMessage) {
    Message::destroy(account, static_cast<Message*>(&signal));
    return;
  }
  auto& control = static_cast<ControlSignal&>(signal);
  switch (control.kind) {
    case SignalKind::kLink: process.links.set(account, control.pid, control.tag); break;
    case SignalKind::kUnlink:
    case SignalKind::kLinkDied: (void)process.links.erase(account, control.pid); break;
    case SignalKind::kMonitor: make_monitors(account, process.monitors).watchers.set(account, control.pid, 0); break;
    case SignalKind::kStopMonitoring:
      if (process.monitors != nullptr) (void)process.monitors->watchers.erase(account, control.pid);
      break;
    case SignalKind::kProcessDied:
      if (process.monitors != nullptr) (void)process.monitors->watched.erase(account, control.pid);
      break;
    default: break;
  }
  free_control_signal(account, &control);
}

void tell(Process& process, u64 pid, SignalKind kind, i64 tag = 0, u8 detail = 0) {
  Process* peer = process.environment->processes.find(pid);
  if (peer == nullptr) return;
  MemoryAccount& account = process.scheduler->account();
  ControlSignal* signal = new_notice(account, kind, process.pid, tag, detail);
  if (!deliver(*process.scheduler, *peer, signal)) free_control_signal(account, signal);
}

}  // namespace

vm::ExitReason exit_reason_of(const vm::Trap& trap) noexcept {
  if (trap.kind != vm::TrapKind::kExit) return {.kind = vm::ExitReason::Kind::kTrapped, .trap = trap};
  if (trap.exit_code == 0) return {};
  return {.kind = vm::ExitReason::Kind::kExited, .trap = trap};
}

void begin_exit(Process& process, const vm::ExitReason& reason) noexcept {
  VM_DCHECK(process.state == ProcessState::kRunning);
  Scheduler& scheduler = *process.scheduler;
  process.doomed = true;
  process.reason = reason;
  // Reports need the backtrace and the module.
  if (process.is_root) {
    scheduler.vm().root_ended(process);
  } else if (reason.is_failure()) {
    scheduler.failure_log().report(process);
  }
  vm::abandon(process.exec);
  end_wait(process);
  forget_spawner(process);
  process.state = ProcessState::kExiting;
  process.environment->processes.erase(process.pid, scheduler.epoch());
  release_stack(process);
  release_instance(process);  // A large memory is unmapped in steps, by the pool.
  release_resources(process);
}

bool continue_exit(Process& process) noexcept {
  u32 left = kExitBatch;
  if (!drain_signals(process, left, [&](Signal* signal) { handle_leftover(process, *signal); })) return false;
  for (; process.mailbox.size() != 0; --left) {
    if (left == 0) return false;
    Message::destroy(process.scheduler->account(), process.mailbox.pop_front());
  }
  if (process.resources != nullptr) {
    if (!process.resources->timers.drop(left)) return false;
    delete process.resources;
    process.resources = nullptr;
  }
  MemoryAccount& account = process.scheduler->account();
  u64 pid;
  i64 tag;
  const auto death = process.reason.is_failure() ? LinkDeath::kFailure : LinkDeath::kNormal;
  for (; process.links.size() != 0; --left) {
    if (left == 0) return false;
    (void)process.links.pop(account, &pid, &tag);
    tell(process, pid, SignalKind::kLinkDied, tag, static_cast<u8>(death));
  }
  if (process.monitors != nullptr) {
    for (; process.monitors->watchers.size() != 0; --left) {
      if (left == 0) return false;
      (void)process.monitors->watchers.pop(account, &pid, &tag);
      tell(process, pid, SignalKind::kProcessDied);
    }
    for (; process.monitors->watched.size() != 0; --left) {
      if (left == 0) return false;
      (void)process.monitors->watched.pop(account, &pid, &tag);
      tell(process, pid, SignalKind::kStopMonitoring);
    }
  }
  retire(process);
  return true;
}

void drop_process(Process& process) noexcept {
  Scheduler& scheduler = *process.scheduler;
  vm::abandon(process.exec);
  end_wait(process);
  forget_spawner(process);
  if (process.state == ProcessState::kRunning) process.environment->processes.erase(process.pid, scheduler.epoch());
  process.stack.release(process.exec, scheduler.blocks(), &scheduler.account());
  release_instance(process);
  release_resources(process);
  delete process.resources;
  process.resources = nullptr;
  u32 work = ~u32{0};
  (void)drain_signals(process, work, [&](Signal* signal) { destroy_signal(process, signal); });
  while (process.mailbox.size() != 0) Message::destroy(scheduler.account(), process.mailbox.pop_front());
  process.links.clear(scheduler.account());
  free_monitors(scheduler.account(), process.monitors);
  --scheduler.stats().live_processes;
  // There is no grace period.
  scheduler.vm().blocking_pool().await_wakers();
  scheduler.vm().module_pool().await_wakers();
  reclaim_block(process, scheduler.vm().worker(process.home));
}

void drop_unborn(Process& process) noexcept {
  u32 work = ~u32{0};
  (void)drain_signals(process, work, [&](Signal* signal) { handle_leftover(process, *signal); });
  u64 pid;
  i64 tag;
  while (process.links.pop(process.scheduler->account(), &pid, &tag)) tell(process, pid, SignalKind::kUnlink);
  if (process.monitors != nullptr) {
    while (process.monitors->watched.pop(process.scheduler->account(), &pid, &tag))
      tell(process, pid, SignalKind::kStopMonitoring);
  }
  drop_process(process);
}

void reclaim_block(Process& process, Scheduler& home) noexcept {
  VM_DCHECK(home.worker() == process.home);
  home.remove_process(process);
  const u32 block_bytes = process.block_bytes;
  process.~Process();
  home.blocks().free(&process, block_bytes);
  home.account().release(block_bytes);
}

}  // namespace lunabeam::runtime
