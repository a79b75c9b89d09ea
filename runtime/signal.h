// Signals: everything that reaches a process from outside goes through one FIFO, so that the order of messages, links, kills
// and deaths from one sender is kept across kinds (ABI document 4.2; beam-lessons "Ordering").
#pragma once

#include <atomic>

#include "vm/base/ints.h"

namespace lunabeam::runtime {

class MemoryAccount;

enum class SignalKind : u8 {
  kMessage,  // A Message (message.h).
  kKill,
  kDieWhenLinkDies,  // detail: 0 or 1.
  kLink,             // pid, tag.
  kUnlink,           // pid.
  kLinkDied,         // pid, tag, detail = LinkDeath.
  kMonitor,          // pid.
  kStopMonitoring,   // pid.
  kProcessDied,      // pid.
  kWake,             // What a park waited for has happened; wait_epoch says which park (rule P8).
};

enum class LinkDeath : u8 { kNormal, kFailure, kNoProcess };

// Invariant 1: a signal is in at most one list.
struct Signal {
  Signal* next = nullptr;
  SignalKind kind;
  u8 detail = 0;
  u32 wait_epoch = 0;

  explicit Signal(SignalKind k) : kind(k) {}
};

// Everything but messages. Made by one of the functions below, freed by whoever handles it.
struct ControlSignal : Signal {
  u64 pid = 0;
  i64 tag = 0;

  explicit ControlSignal(SignalKind k) : Signal(k) {}
};
static_assert(sizeof(ControlSignal) == 32);

// Control signals count towards --memory-limit while they are under way (rule P13); one that asks for a link or a monitor counts the
// entry in its receiver's table too, so that handling it needs no more than it gives back. `account` is the calling thread's.
//
// What a guest asks for. nullptr: the limit is reached, or the system has no memory.
[[nodiscard]] ControlSignal* new_request(MemoryAccount& account, SignalKind kind, u64 pid = 0, i64 tag = 0,
                                         u8 detail = 0) noexcept;
// What cannot be refused, as a death notice: there are at most as many as entries in tables, which were charged before. Aborts
// when the system has no memory.
[[nodiscard]] ControlSignal* new_notice(MemoryAccount& account, SignalKind kind, u64 pid, i64 tag = 0,
                                        u8 detail = 0) noexcept;
// Any thread. Does not count: there is at most one for each wait.
[[nodiscard]] ControlSignal* new_wake(u32 wait_epoch) noexcept;
// nullptr is allowed.
void free_control_signal(MemoryAccount& account, ControlSignal* signal) noexcept;
// Any thread. REQUIRES: it came from new_wake.
void free_wake(ControlSignal* signal) noexcept;

// MPSC. Any thread pushes; the owner takes everything at once and handles it in steps. The head word also says whether the owner is parked, so that one
// compare-and-swap both queues a signal and finds out who has to wake the owner: no lost and no double wake-ups.
//
// States of head_: empty; a list (newest first); parked (empty, and the owner is in no run queue); closed (the owner is dead).
// Memory order: push releases the signal's contents, take acquires them.
// What was taken: ordered_, oldest first, and behind it newest_first_, which is being turned round.
// Invariant 1: ordered_ is handed out only when newest_first_ is empty.
class SignalQueue {
 public:
  enum class Push : u8 { kQueued, kWakeOwner, kClosed };

  // kWakeOwner: the caller must put the owner in a run queue. kClosed: not queued; the signal is still the caller's.
  // REQUIRES: the owner cannot be reclaimed meanwhile (epoch).
  [[nodiscard]] Push push(Signal* signal) noexcept {
    u64 head = head_.load(std::memory_order_relaxed);
    for (;;) {
      if (head == kClosedHead) return Push::kClosed;
      signal->next = head == kParkedHead ? nullptr : reinterpret_cast<Signal*>(head);
      if (head_.compare_exchange_weak(head, reinterpret_cast<u64>(signal), std::memory_order_acq_rel,
                                      std::memory_order_relaxed)) {
        return head == kParkedHead ? Push::kWakeOwner : Push::kQueued;
      }
    }
  }
  // Any thread with a reason to run the owner that is not a signal (a timer). True: the caller must put it in a run queue.
  [[nodiscard]] bool unpark() noexcept {
    u64 head = kParkedHead;
    return head_.compare_exchange_strong(head, kEmptyHead, std::memory_order_acq_rel, std::memory_order_relaxed);
  }

  // --- Owner only. ---
  [[nodiscard]] bool is_empty() const noexcept {
    const u64 head = head_.load(std::memory_order_acquire);
    return head == kEmptyHead || head == kParkedHead;
  }
  [[nodiscard]] bool is_parked() const noexcept { return head_.load(std::memory_order_relaxed) == kParkedHead; }
  // Takes everything queued, if nothing that was taken before is left. False: there is nothing to pop.
  [[nodiscard]] bool take() noexcept {
    if (has_taken()) return true;
    if (head_.load(std::memory_order_relaxed) == kEmptyHead) return false;
    newest_first_ = list_of(head_.exchange(kEmptyHead, std::memory_order_acq_rel));
    return has_taken();
  }
  // The oldest signal that was taken. Each costs 2 of `work`; nullptr: there is none left, or no work is.
  [[nodiscard]] Signal* pop(u32& work) noexcept {
    for (; newest_first_ != nullptr; --work) {
      if (work == 0) return nullptr;
      Signal* signal = newest_first_;
      newest_first_ = signal->next;
      signal->next = ordered_;
      ordered_ = signal;
    }
    if (ordered_ == nullptr || work == 0) return nullptr;
    --work;
    Signal* signal = ordered_;
    ordered_ = signal->next;
    return signal;
  }
  [[nodiscard]] bool has_taken() const noexcept { return ordered_ != nullptr || newest_first_ != nullptr; }
  // False: signals have arrived, the owner has to look at them first.
  [[nodiscard]] bool park() noexcept {
    u64 head = kEmptyHead;
    return head_.compare_exchange_strong(head, kParkedHead, std::memory_order_acq_rel, std::memory_order_relaxed);
  }
  // Refuses signals from now on, and takes what was still queued. REQUIRES: !has_taken().
  void close() noexcept { newest_first_ = list_of(head_.exchange(kClosedHead, std::memory_order_acq_rel)); }
  [[nodiscard]] bool is_closed() const noexcept { return head_.load(std::memory_order_relaxed) == kClosedHead; }

 private:
  static constexpr u64 kEmptyHead = 0;
  static constexpr u64 kParkedHead = 1;
  static constexpr u64 kClosedHead = 2;

  [[nodiscard]] static Signal* list_of(u64 head) noexcept {
    return head <= kClosedHead ? nullptr : reinterpret_cast<Signal*>(head);
  }

  std::atomic<u64> head_{kEmptyHead};
  // Owner only.
  Signal* ordered_ = nullptr;
  Signal* newest_first_ = nullptr;
};

}  // namespace lunabeam::runtime
