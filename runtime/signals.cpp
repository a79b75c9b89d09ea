// Sending and handling signals. All of a process's queue is handled by its owner, in order, while no guest code runs.
#include "runtime/signals.h"

#include <new>

#include "runtime/environment.h"
#include "runtime/sched/scheduler.h"
#include "vm/base/check.h"

namespace lunabeam::runtime {

bool deliver(Scheduler& scheduler, Process& target, Signal* signal) noexcept {
  const bool is_kill = signal->kind == SignalKind::kKill;
  const SignalQueue::Push pushed = target.signals.push(signal);
  if (pushed == SignalQueue::Push::kClosed) return false;
  // Behind the push: whoever sees the bit finds the signal. Read with acquire by the owner's tick.
  if (is_kill) target.exec.pending.fetch_or(kPendingKill, std::memory_order_release);
  if (pushed == SignalQueue::Push::kWakeOwner) Scheduler::make_runnable(scheduler, target);
  return true;
}

void send_message(Scheduler& scheduler, Environment& environment, u64 pid, Message* message) noexcept {
  ++scheduler.stats().messages_sent;
  Process* target = environment.processes.find(pid);
  if (target == nullptr || !deliver(scheduler, *target, message)) Message::destroy(scheduler.account(), message);
}

void send_scratch(Process& self, u64 pid) noexcept {
  VM_DCHECK(self.scratch != nullptr);
  Message* message = self.scratch;
  self.scratch = nullptr;
  send_message(*self.scheduler, *self.environment, pid, message);
}

namespace {

// False: nobody there.
bool deliver_control(Process& self, u64 pid, SignalKind kind, u64 about, i64 tag = 0, u8 detail = 0) {
  Process* target = pid == self.pid ? &self : self.environment->processes.find(pid);
  if (target == nullptr) return false;
  ControlSignal* signal = new_control_signal(kind, about, tag, detail);
  if (deliver(*self.scheduler, *target, signal)) return true;
  free_control_signal(signal);
  return false;
}

Monitors& monitors_of(Process& process) {
  if (process.monitors == nullptr) {
    process.monitors = new (std::nothrow) Monitors;
    VM_CHECK(process.monitors != nullptr);
  }
  return *process.monitors;
}

}  // namespace

void kill(Process& self, u64 pid) noexcept { (void)deliver_control(self, pid, SignalKind::kKill, self.pid); }

void link(Process& self, i64 tag, u64 pid) noexcept {
  // pid 0 is nobody's and may not enter the table of links: the answer is all there is.
  // Our own entry first: the peer may die, and tell us, as soon as it has the link.
  if (pid != 0) (void)deliver_control(self, self.pid, SignalKind::kLink, pid, tag);
  if (pid != 0 && deliver_control(self, pid, SignalKind::kLink, self.pid, tag)) return;
  (void)deliver_control(self, self.pid, SignalKind::kLinkDied, pid, tag, static_cast<u8>(LinkDeath::kNoProcess));
}

void unlink(Process& self, u64 pid) noexcept {
  if (pid == 0) return;
  (void)deliver_control(self, self.pid, SignalKind::kUnlink, pid);
  if (pid != self.pid) (void)deliver_control(self, pid, SignalKind::kUnlink, self.pid);
}

void monitor(Process& self, u64 pid) noexcept {
  if (deliver_control(self, pid, SignalKind::kMonitor, self.pid)) monitors_of(self).watched.set(pid, 0);
}

void stop_monitoring(Process& self, u64 pid) noexcept {
  if (self.monitors == nullptr || !self.monitors->watched.erase(pid)) return;
  (void)deliver_control(self, pid, SignalKind::kStopMonitoring, self.pid);
}

void set_die_when_link_dies(Process& self, bool value) noexcept {
  (void)deliver_control(self, self.pid, SignalKind::kDieWhenLinkDies, 0, 0, value ? 1 : 0);
}

bool exists(const Process& self, u64 pid) noexcept { return self.environment->processes.find(pid) != nullptr; }

void hear_of_dead_peers(Process& self) noexcept {
  (void)handle_signals(self);  // Its own requests. One that must die dies in its turn.
  self.links.for_each([&self](u64 pid, i64 tag) {
    if (exists(self, pid)) return;
    (void)deliver_control(self, self.pid, SignalKind::kLinkDied, pid, tag, static_cast<u8>(LinkDeath::kNoProcess));
  });
  if (self.monitors == nullptr) return;
  self.monitors->watched.for_each([&self](u64 pid, i64) {
    if (!exists(self, pid)) (void)deliver_control(self, self.pid, SignalKind::kProcessDied, pid);
  });
}

namespace {

void doom(Process& self, vm::ExitReason reason) {
  self.doomed = true;
  self.reason = reason;
}

void accept(Process& self, Message* message) {
  self.mailbox.push_back(message);
  const u64 limit = self.config->max_mailbox;
  if (limit != 0 && self.mailbox.size() > limit) [[unlikely]]
    doom(self, {.kind = vm::ExitReason::Kind::kMailboxFull});
}

// A death notice for the mailbox. A process that cannot be told, because the VM's limit is reached, must not go on as if nothing
// had happened.
void accept_notice(Process& self, MessageKind kind, i64 tag, u64 pid) {
  Message* message = Message::create(self.scheduler->account(), kind, tag);
  if (message == nullptr) {
    doom(self, {.kind = vm::ExitReason::Kind::kTrapped, .trap = vm::Trap{.kind = vm::TrapKind::kOutOfMemory}});
    return;
  }
  message->process_id = pid;
  accept(self, message);
}

void link_died(Process& self, const ControlSignal& signal) {
  const auto death = static_cast<LinkDeath>(signal.detail);
  // Unlinked meanwhile: nothing comes of it. A pid that never existed has no entry.
  if (signal.pid != 0 && !self.links.erase(signal.pid)) return;
  if (death == LinkDeath::kNormal) return;
  if (self.die_when_link_dies) {
    doom(self, {.kind = vm::ExitReason::Kind::kLinkDied});
  } else {
    accept_notice(self, MessageKind::kLinkDied, signal.tag, 0);
  }
}

void handle_control(Process& self, const ControlSignal& signal) {
  switch (signal.kind) {
    case SignalKind::kKill: doom(self, {.kind = vm::ExitReason::Kind::kKilled}); break;
    case SignalKind::kDieWhenLinkDies: self.die_when_link_dies = signal.detail != 0; break;
    case SignalKind::kLink: self.links.set(signal.pid, signal.tag); break;
    case SignalKind::kUnlink: (void)self.links.erase(signal.pid); break;
    case SignalKind::kLinkDied: link_died(self, signal); break;
    case SignalKind::kMonitor: monitors_of(self).watchers.set(signal.pid, 0); break;
    case SignalKind::kStopMonitoring:
      if (self.monitors != nullptr) (void)self.monitors->watchers.erase(signal.pid);
      break;
    case SignalKind::kProcessDied:
      // No longer watched: the notice crossed the request to stop.
      if (self.monitors == nullptr || !self.monitors->watched.erase(signal.pid)) break;
      accept_notice(self, MessageKind::kProcessDied, 0, signal.pid);
      break;
    case SignalKind::kWake:
      if (signal.wait_epoch == self.wait.epoch) self.wait.woken = true;
      break;
    case SignalKind::kMessage: VM_UNREACHABLE("a message is no control signal");
  }
}

}  // namespace

bool handle_signals(Process& self) noexcept {
  if (self.doomed) return false;
  Signal* signal = self.signals.take_all();
  while (signal != nullptr) {
    Signal* next = signal->next;
    if (signal->kind == SignalKind::kMessage) {
      accept(self, static_cast<Message*>(signal));
    } else {
      auto* control = static_cast<ControlSignal*>(signal);
      handle_control(self, *control);
      free_control_signal(control);
    }
    if (self.doomed) [[unlikely]] {
      // What is behind may hold links and monitors that have to be told: exit.h.
      self.leftover = next;
      return false;
    }
    signal = next;
  }
  return true;
}

}  // namespace lunabeam::runtime
