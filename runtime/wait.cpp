// Waits, and the receive and sleep protocols.
#include "runtime/wait.h"

#include <cstddef>

#include "runtime/process.h"
#include "runtime/sched/scheduler.h"
#include "runtime/signals.h"
#include "vm/base/check.h"

namespace lunabeam::runtime {

namespace {

bool is_waiting(const Wait& wait) { return (wait.epoch & 1) != 0; }

// The deadline of a wait has passed.
void on_deadline(TimerEntry& timer) noexcept {
  static_assert(offsetof(Wait, timer) == 0);
  auto& process = *reinterpret_cast<Process*>(reinterpret_cast<u8*>(&timer) - offsetof(Process, wait));
  VM_DCHECK(is_waiting(process.wait));
  process.wait.timed_out = true;
  ++process.scheduler->stats().timers_fired;
  if (process.signals.unpark()) process.scheduler->enqueue_urgent(process);
}

u64 now_ns(Process& process) { return process.scheduler->clock().monotonic_ns(); }

TagFilter filter_of(Process& process, u32 tags_ptr, u32 tag_count) {
  if (tag_count == 0) return {};
  return {.bytes = process.memory->base + tags_ptr, .count = tag_count};
}

// A step of a search in a mailbox, in comparisons of tags, and how many of them cost a reduction: a step is about a slice.
constexpr u64 kSearchStep = 128 * 1024;
constexpr u64 kComparisonsPerReduction = 32;

enum class Search : u8 {
  kFound,  // The message is in the scratch area.
  kNone,   // There is none yet.
  kMore,   // Not everything has been looked at.
};

// Looks for a message behind the mailbox's marker.
Search search(Process& process, const TagFilter& filter) {
  u64 work = kSearchStep;
  Message* message = process.mailbox.take(filter, work);
  process.exec.reductions -= static_cast<i64>((kSearchStep - work) / kComparisonsPerReduction);
  if (message == nullptr) return work == 0 ? Search::kMore : Search::kNone;
  set_scratch(process, message);
  return Search::kFound;
}

// How a receive that has begun goes on when it looks again.
WaitStatus settle(Process& process, Search found) {
  process.wait.woken = found == Search::kMore;
  if (found == Search::kMore || (found == Search::kNone && !process.wait.timed_out)) return WaitStatus::kPark;
  end_wait(process);
  return found == Search::kFound ? WaitStatus::kDone : WaitStatus::kTimedOut;
}

// What a receive does after its first look; arg0 and arg1 are its notes.
WaitStatus after_first_look(Process& process, Search found, u64 timeout_ms, u64 arg0, u64 arg1) {
  if (found == Search::kFound) return WaitStatus::kDone;
  if (timeout_ms == 0 && found == Search::kNone) return WaitStatus::kTimedOut;
  begin_wait(process,
             timeout_ms == kForeverMs || timeout_ms == 0 ? kNeverNs : deadline_after_ms(now_ns(process), timeout_ms));
  process.wait.timed_out = timeout_ms == 0;
  process.wait.woken = found == Search::kMore;  // Its turn comes again.
  process.wait.args[0] = arg0;
  process.wait.args[1] = arg1;
  return WaitStatus::kPark;
}

}  // namespace

void begin_wait(Process& process, u64 deadline_ns) noexcept {
  Wait& wait = process.wait;
  VM_CHECK(!is_waiting(wait));
  ++wait.epoch;
  wait.timed_out = false;
  wait.woken = false;
  if (deadline_ns == kNeverNs) return;
  wait.timer.fire = &on_deadline;
  process.scheduler->timers().insert(wait.timer, deadline_ns);
}

void end_wait(Process& process) noexcept {
  Wait& wait = process.wait;
  if (!is_waiting(wait)) return;
  ++wait.epoch;
  process.scheduler->timers().cancel(wait.timer);
  if (wait.op != nullptr) {
    WaitOp* op = wait.op;
    wait.op = nullptr;
    delete op;
  }
}

void cancel_wait(vm::ExecContext& exec) noexcept { end_wait(process_of(exec)); }

void wake(Process& process, u32 epoch) noexcept {
  ControlSignal* signal = new_wake(epoch);
  switch (process.signals.push(signal)) {
    case SignalQueue::Push::kQueued: break;
    case SignalQueue::Push::kWakeOwner: process.scheduler->post(process); break;
    case SignalQueue::Push::kClosed: free_wake(signal); break;
  }
}

WaitStatus receive_begin(Process& process, u32 tags_ptr, u32 tag_count, u64 timeout_ms) noexcept {
  if (!handle_signals(process)) return WaitStatus::kPark;
  process.mailbox.search_from_front();
  const Search found = search(process, filter_of(process, tags_ptr, tag_count));
  return after_first_look(process, found, timeout_ms, tags_ptr, tag_count);
}

WaitStatus receive_resume(Process& process) noexcept {
  const auto tags_ptr = static_cast<u32>(process.wait.args[0]);
  const auto tag_count = static_cast<u32>(process.wait.args[1]);
  return settle(process, search(process, filter_of(process, tags_ptr, tag_count)));
}

void mark_mailbox_end(Process& process) noexcept {
  // What is queued has arrived before: it goes in front of the mark. A process that must die will not get to the wait.
  (void)handle_signals(process);
  process.mailbox.search_from_end();
}

WaitStatus await_tag_begin(Process& process, i64 tag, u64 timeout_ms) noexcept {
  if (!handle_signals(process)) return WaitStatus::kPark;
  const TagFilter filter{.bytes = reinterpret_cast<const u8*>(&tag), .count = 1};
  return after_first_look(process, search(process, filter), timeout_ms, static_cast<u64>(tag), 0);
}

WaitStatus await_tag_resume(Process& process) noexcept {
  const TagFilter filter{.bytes = reinterpret_cast<const u8*>(&process.wait.args[0]), .count = 1};
  return settle(process, search(process, filter));
}

WaitStatus send_receive_begin(Process& process, u64 pid, i64 tag, u64 timeout_ms) noexcept {
  mark_mailbox_end(process);
  if (process.doomed) return WaitStatus::kPark;
  send_scratch(process, pid);
  return await_tag_begin(process, tag, timeout_ms);
}

WaitStatus sleep_begin(Process& process, u64 ms) noexcept {
  if (ms == 0) return yield_begin(process);
  begin_wait(process, ms == kForeverMs ? kNeverNs : deadline_after_ms(now_ns(process), ms));
  return WaitStatus::kPark;
}

WaitStatus sleep_until_begin(Process& process, u64 deadline_ns) noexcept {
  if (deadline_ns <= now_ns(process)) return yield_begin(process);
  begin_wait(process, deadline_ns);
  return WaitStatus::kPark;
}

WaitStatus yield_begin(Process& process) noexcept {
  begin_wait(process, kNeverNs);
  // Due at once: the scheduler puts it behind all that are runnable instead of parking it.
  process.wait.timed_out = true;
  process.round_left = 0;
  return WaitStatus::kPark;
}

WaitStatus sleep_resume(Process& process) noexcept {
  if (!process.wait.timed_out && !process.wait.woken) return WaitStatus::kPark;
  end_wait(process);
  return WaitStatus::kDone;
}

}  // namespace lunabeam::runtime
