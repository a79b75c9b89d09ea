// Epoch reclamation (rule P7). Threads that follow pointers out of shared tables (pid table: send, link, monitor, kill) are
// inside an epoch while they hold them; what was unlinked from such a table is freed when every participant has left the epoch
// in which that happened. A scheduler enters when it starts a turn and passes a quiescent point between two processes.
#pragma once

#include <atomic>

#include "vm/base/ints.h"

namespace lunabeam::runtime {

// A sequentially consistent fence behind an atomic read-modify-write, which is one already on x86.
inline void fence_behind_update() noexcept {
#if defined(__x86_64__)
  std::atomic_signal_fence(std::memory_order_seq_cst);
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

// Intrusive; the object must stay untouched between retire() and reclaim.
struct Retired {
  Retired* next = nullptr;
  void (*reclaim)(Retired& object, void* context) noexcept = nullptr;
  u64 epoch = 0;
};

// Shared by all threads of a VM.
class EpochDomain {
 public:
  static constexpr u32 kMaxParticipants = 256;

  EpochDomain() noexcept = default;
  EpochDomain(const EpochDomain&) = delete;
  EpochDomain& operator=(const EpochDomain&) = delete;

 private:
  friend class EpochParticipant;
  struct alignas(64) Slot {
    // 0: outside. Else the global epoch that its thread has seen. Written by its thread only.
    std::atomic<u64> seen{0};
    std::atomic<bool> used{false};
  };
  alignas(64) std::atomic<u64> global_{1};
  std::atomic<u32> slot_limit_{0};  // Slots from here on have never been used. Raised before a slot's first enter().
  Slot slots_[kMaxParticipants];
};

// One per thread that reads shared tables or retires objects: schedulers, later timer, I/O and pool threads.
// Threading: used by its own thread only.
class EpochParticipant {
 public:
  // context is handed to Retired::reclaim. REQUIRES: fewer than kMaxParticipants are alive.
  EpochParticipant(EpochDomain& domain, void* context) noexcept;
  // REQUIRES: outside. Reclaims what is left; no other thread may still be reading.
  ~EpochParticipant();
  EpochParticipant(const EpochParticipant&) = delete;
  EpochParticipant& operator=(const EpochParticipant&) = delete;

  void enter() noexcept;
  void leave() noexcept;
  // A moment at which this thread holds no pointer from a shared table. REQUIRES: inside. Reclaims what has become free.
  void quiescent() noexcept {
    if (first_ != nullptr) [[unlikely]] {
      collect();
    } else {
      announce();
    }
  }
  // The same for every turn: with other participants about, raising the epoch moves a cache line of theirs, so what was retired
  // is looked at in batches.
  void pass() noexcept {
    if (retired_ >= collect_at_) [[unlikely]] {
      collect();
    } else {
      announce();
    }
  }
  // Hands over an object that no new reader can reach any more. REQUIRES: fence_behind_update() between the store that unlinked it
  // and this.
  void retire(Retired& object) noexcept;
  [[nodiscard]] bool has_retired() const { return first_ != nullptr; }

 private:
  static constexpr u64 kBatch = 32;

  void collect() noexcept;
  // What others have retired waits for us: tell that we have seen the newest epoch.
  void announce() noexcept {
    const u64 now = domain_.global_.load(std::memory_order_acquire);
    if (now != seen_) [[unlikely]]
      see(now);
  }
  void see(u64 epoch) noexcept {
    seen_ = epoch;
    (void)slot_->seen.exchange(epoch, std::memory_order_seq_cst);
    fence_behind_update();  // What is loaded from shared tables now is not older.
  }
  [[nodiscard]] u64 oldest_seen() const noexcept;

  EpochDomain& domain_;
  EpochDomain::Slot* slot_ = nullptr;
  void* context_;
  u64 seen_ = 0;              // What slot_->seen holds.
  u64 retired_ = 0;           // Objects in the list.
  u64 collect_at_ = 1;        // pass() collects when there are so many.
  Retired* first_ = nullptr;  // FIFO by epoch.
  Retired* last_ = nullptr;
};

}  // namespace lunabeam::runtime
