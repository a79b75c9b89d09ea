// Accounting of guest-driven host memory that is not linear memory (rule P13): process blocks, stacks, message bytes, private tables,
// timers, signals, links. The VM-wide total is the MemoryBudget that the memory pools charge too (--memory-limit); each scheduler
// pays in advance, so that a small message does not touch the shared counter.
#pragma once

#include "runtime/mapping.h"
#include "runtime/memory_pool.h"
#include "vm/base/ints.h"

namespace lunabeam::runtime {

// Owned by one scheduler (or one test).
class MemoryAccount {
 public:
  static constexpr u64 kAdvanceBytes = 64 * 1024;
  static constexpr u64 kUnlimitedAdvanceBytes = 4 * 1024 * 1024;  // Where nobody can miss what is held.

  // `pool`: what it has freed and not unmapped yet is, before a charge fails. Outlives the account; nullptr: none.
  explicit MemoryAccount(MemoryBudget& budget, MemoryPool* pool = nullptr) noexcept
      : budget_(budget),
        pool_(pool),
        step_bytes_(budget.limit_bytes() == MemoryBudget::kUnlimited ? kUnlimitedAdvanceBytes : kAdvanceBytes) {}
  ~MemoryAccount() { settle(); }
  MemoryAccount(const MemoryAccount&) = delete;
  MemoryAccount& operator=(const MemoryAccount&) = delete;

  // False: the VM's limit would be exceeded; nothing changed.
  [[nodiscard]] bool charge(u64 size_bytes) noexcept {
    if (size_bytes > advance_bytes_) [[unlikely]] {
      if (!pay(size_bytes)) return false;
    }
    advance_bytes_ -= size_bytes;
    return true;
  }
  // For what cannot be refused: counted, beyond the limit if need be.
  void charge_anyway(u64 size_bytes) noexcept {
    if (charge(size_bytes)) [[likely]]
      return;
    budget_.charge_anyway(size_bytes - advance_bytes_);
    advance_bytes_ = 0;
  }
  void release(u64 size_bytes) noexcept {
    advance_bytes_ += size_bytes;
    if (advance_bytes_ > 2 * step_bytes_) [[unlikely]] {
      budget_.refund(advance_bytes_ - step_bytes_);
      advance_bytes_ = step_bytes_;
    }
  }
  // Gives up a mapping (mapping.h) that is charged here: unmapped in steps by the pool, and released as it goes.
  void unmap(u8* base, u64 bytes, u64 charged_bytes) noexcept {
    if (pool_ != nullptr) {
      pool_->unmap_later(base, bytes, charged_bytes);
    } else {
      mapping::unmap(base, bytes);
      release(charged_bytes);
    }
  }
  // Returns what was paid in advance. False: nothing was.
  bool settle() noexcept {
    if (advance_bytes_ == 0) return false;
    budget_.refund(advance_bytes_);
    advance_bytes_ = 0;
    return true;
  }
  [[nodiscard]] u64 advance_bytes() const { return advance_bytes_; }

  // Messages made minus messages destroyed through this account; the sum over all accounts is the number alive.
  i64 live_messages = 0;

 private:
  [[gnu::noinline]] bool pay(u64 size_bytes) noexcept {
    const u64 missing = size_bytes - advance_bytes_;
    if (missing <= MemoryBudget::kUnlimited - step_bytes_ && budget_.charge(missing + step_bytes_)) {
      advance_bytes_ += missing + step_bytes_;
      return true;
    }
    while (!budget_.charge(missing)) {
      if (pool_ == nullptr || !pool_->release_step()) return false;
    }
    advance_bytes_ += missing;
    return true;
  }

  MemoryBudget& budget_;
  MemoryPool* const pool_;
  const u64 step_bytes_;   // Paid in advance at a time.
  u64 advance_bytes_ = 0;  // Charged to the budget and in nobody's use.
};

}  // namespace lunabeam::runtime
