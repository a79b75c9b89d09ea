// Sending and handling signals. All of a process's queue is handled by its owner, in order, while no guest code runs.
#include "runtime/signals.h"

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

MemoryAccount& account_of(Process& self) { return self.scheduler->account(); }

Process* find_peer(Process& self, u64 pid) { return pid == self.pid ? &self : self.environment->processes.find(pid); }

// To a process that may be gone.
void deliver_or_free(Process& self, Process* target, ControlSignal* signal) {
  if (target == nullptr || !deliver(*self.scheduler, *target, signal)) free_control_signal(account_of(self), signal);
}

void tell_self(Process& self, ControlSignal* signal) { VM_CHECK(deliver(*self.scheduler, self, signal)); }

Monitors& monitors_of(Process& self) { return make_monitors(account_of(self), self.monitors); }

}  // namespace

bool kill(Process& self, u64 pid) noexcept {
  Process* target = find_peer(self, pid);
  if (target == nullptr) return true;
  ControlSignal* signal = new_request(account_of(self), SignalKind::kKill, self.pid);
  if (signal == nullptr) return false;
  deliver_or_free(self, target, signal);
  return true;
}

bool link(Process& self, i64 tag, u64 pid) noexcept {
  MemoryAccount& account = account_of(self);
  constexpr auto kNobody = static_cast<u8>(LinkDeath::kNoProcess);
  if (pid == 0) {
    // Nobody's, and may not enter the table of links: the answer is all there is.
    ControlSignal* answer = new_request(account, SignalKind::kLinkDied, pid, tag, kNobody);
    if (answer != nullptr) tell_self(self, answer);
    return answer != nullptr;
  }
  ControlSignal* own = new_request(account, SignalKind::kLink, pid, tag);
  ControlSignal* theirs = new_request(account, SignalKind::kLink, self.pid, tag);
  if (own == nullptr || theirs == nullptr) {
    free_control_signal(account, own);
    free_control_signal(account, theirs);
    return false;
  }
  // Our own entry first: the peer may die, and tell us, as soon as it has the link.
  tell_self(self, own);
  Process* peer = find_peer(self, pid);
  if (peer != nullptr && deliver(*self.scheduler, *peer, theirs)) return true;
  free_control_signal(account, theirs);
  tell_self(self, new_notice(account, SignalKind::kLinkDied, pid, tag, kNobody));
  return true;
}

bool unlink(Process& self, u64 pid) noexcept {
  if (pid == 0) return true;
  MemoryAccount& account = account_of(self);
  ControlSignal* own = new_request(account, SignalKind::kUnlink, pid);
  ControlSignal* theirs = new_request(account, SignalKind::kUnlink, self.pid);
  if (own == nullptr || theirs == nullptr) {
    free_control_signal(account, own);
    free_control_signal(account, theirs);
    return false;
  }
  tell_self(self, own);
  deliver_or_free(self, pid == self.pid ? nullptr : find_peer(self, pid), theirs);
  return true;
}

bool monitor(Process& self, u64 pid) noexcept {
  Process* target = find_peer(self, pid);
  if (target == nullptr) return true;
  MemoryAccount& account = account_of(self);
  // There must be room for our own entry too, which is made last.
  if (!account.charge(PidMap::kMostBytesPerEntry)) return false;
  ControlSignal* signal = new_request(account, SignalKind::kMonitor, self.pid);
  account.release(PidMap::kMostBytesPerEntry);
  if (signal == nullptr) return false;
  if (deliver(*self.scheduler, *target, signal)) {
    monitors_of(self).watched.set(account, pid, 0);
  } else {
    free_control_signal(account, signal);
  }
  return true;
}

bool stop_monitoring(Process& self, u64 pid) noexcept {
  if (self.monitors == nullptr || self.monitors->watched.find(pid) == nullptr) return true;
  MemoryAccount& account = account_of(self);
  ControlSignal* signal = new_request(account, SignalKind::kStopMonitoring, self.pid);
  if (signal == nullptr) return false;
  (void)self.monitors->watched.erase(account, pid);
  deliver_or_free(self, find_peer(self, pid), signal);
  return true;
}

bool set_die_when_link_dies(Process& self, bool value) noexcept {
  ControlSignal* signal = new_request(account_of(self), SignalKind::kDieWhenLinkDies, 0, 0, value ? 1 : 0);
  if (signal == nullptr) return false;
  tell_self(self, signal);
  return true;
}

bool exists(const Process& self, u64 pid) noexcept { return self.environment->processes.find(pid) != nullptr; }

void hear_of_dead_peers(Process& self) noexcept {
  (void)handle_signals(self);  // Its own requests. One that must die dies in its turn.
  MemoryAccount& account = account_of(self);
  self.links.for_each([&](u64 pid, i64 tag) {
    if (exists(self, pid)) return;
    tell_self(self, new_notice(account, SignalKind::kLinkDied, pid, tag, static_cast<u8>(LinkDeath::kNoProcess)));
  });
  if (self.monitors == nullptr) return;
  self.monitors->watched.for_each([&](u64 pid, i64) {
    if (!exists(self, pid)) tell_self(self, new_notice(account, SignalKind::kProcessDied, pid));
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
  Message* message = Message::create(account_of(self), kind, tag);
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
  if (signal.pid != 0 && !self.links.erase(account_of(self), signal.pid)) return;
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
    case SignalKind::kLink: self.links.set(account_of(self), signal.pid, signal.tag); break;
    case SignalKind::kUnlink: (void)self.links.erase(account_of(self), signal.pid); break;
    case SignalKind::kLinkDied: link_died(self, signal); break;
    case SignalKind::kMonitor: monitors_of(self).watchers.set(account_of(self), signal.pid, 0); break;
    case SignalKind::kStopMonitoring:
      if (self.monitors != nullptr) (void)self.monitors->watchers.erase(account_of(self), signal.pid);
      break;
    case SignalKind::kProcessDied:
      // No longer watched: the notice crossed the request to stop.
      if (self.monitors == nullptr || !self.monitors->watched.erase(account_of(self), signal.pid)) break;
      accept_notice(self, MessageKind::kProcessDied, 0, signal.pid);
      break;
    case SignalKind::kWake:
      if (signal.wait_epoch == self.wait.epoch) self.wait.woken = true;
      break;
    case SignalKind::kMessage: VM_UNREACHABLE("a message is no control signal");
  }
}

// A turn's worth, as SignalQueue::pop counts: 1,024 signals.
constexpr u32 kTurnWork = 2048;

// What is left when the process is doomed may hold links and monitors that have to be told: it stays in the queue (exit.h).
void handle_taken(Process& self, u32 work) {
  while (!self.doomed) {
    Signal* signal = self.signals.pop(work);
    if (signal == nullptr) return;
    if (signal->kind == SignalKind::kMessage) {
      accept(self, static_cast<Message*>(signal));
    } else {
      auto* control = static_cast<ControlSignal*>(signal);
      handle_control(self, *control);
      free_control_signal(account_of(self), control);
    }
  }
}

}  // namespace

bool handle_signals(Process& self) noexcept {
  if (self.doomed) return false;
  if (self.signals.has_taken()) handle_taken(self, ~u32{0});
  if (!self.doomed && self.signals.take()) handle_taken(self, ~u32{0});
  return !self.doomed;
}

Handled handle_some_signals(Process& self) noexcept {
  if (self.doomed) return Handled::kDies;
  if (!self.signals.take()) return Handled::kAll;
  handle_taken(self, kTurnWork);
  if (self.doomed) return Handled::kDies;
  return self.signals.has_taken() ? Handled::kSome : Handled::kAll;
}

}  // namespace lunabeam::runtime
