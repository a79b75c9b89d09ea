// Epoch reclamation: an object retired in epoch e is free once every participant inside has seen an epoch above e, or is outside.
//
// Why this is safe: a reader publishes `seen` before it loads from a shared table, with a fence between, and the writer unlinks
// before it looks at the global epoch and at what others have seen, with a fence between: either the reader finds the object
// unlinked, or the writer finds the reader, which has seen <= e.
#include "runtime/sched/epoch.h"

#include "vm/base/check.h"

namespace lunabeam::runtime {

EpochParticipant::EpochParticipant(EpochDomain& domain, void* context) noexcept : domain_(domain), context_(context) {
  for (u32 i = 0; i < EpochDomain::kMaxParticipants; ++i) {
    bool expected = false;
    if (!domain.slots_[i].used.compare_exchange_strong(expected, true, std::memory_order_acq_rel)) continue;
    slot_ = &domain.slots_[i];
    u32 limit = domain.slot_limit_.load(std::memory_order_relaxed);
    while (limit <= i && !domain.slot_limit_.compare_exchange_weak(limit, i + 1, std::memory_order_seq_cst)) {
    }
    return;
  }
  VM_UNREACHABLE("more threads than EpochDomain::kMaxParticipants");
}

EpochParticipant::~EpochParticipant() {
  VM_CHECK(seen_ == 0);
  while (first_ != nullptr) {
    Retired* object = first_;
    first_ = object->next;
    --retired_;
    object->reclaim(*object, context_);
  }
  slot_->used.store(false, std::memory_order_release);
}

void EpochParticipant::enter() noexcept { see(domain_.global_.load(std::memory_order_acquire)); }

void EpochParticipant::leave() noexcept {
  quiescent();
  seen_ = 0;
  slot_->seen.store(0, std::memory_order_release);
}

void EpochParticipant::retire(Retired& object) noexcept {
  object.next = nullptr;
  object.epoch = domain_.global_.load(std::memory_order_seq_cst);
  (first_ == nullptr ? first_ : last_->next) = &object;
  last_ = &object;
  ++retired_;
}

u64 EpochParticipant::oldest_seen() const noexcept {
  u64 oldest = ~u64{0};
  const u32 limit = domain_.slot_limit_.load(std::memory_order_seq_cst);
  for (u32 i = 0; i < limit; ++i) {
    const EpochDomain::Slot& slot = domain_.slots_[i];
    if (!slot.used.load(std::memory_order_acquire)) continue;
    const u64 seen = slot.seen.load(std::memory_order_seq_cst);
    if (seen != 0 && seen < oldest) oldest = seen;
  }
  return oldest;
}

void EpochParticipant::collect() noexcept {
  see(domain_.global_.fetch_add(1, std::memory_order_seq_cst) + 1);
  const u64 oldest = oldest_seen();
  while (first_ != nullptr && first_->epoch < oldest) {
    Retired* object = first_;
    first_ = object->next;
    --retired_;
    object->reclaim(*object, context_);
  }
  const bool is_alone = domain_.slot_limit_.load(std::memory_order_relaxed) == 1;
  collect_at_ = retired_ + (is_alone ? 1 : kBatch);
}

}  // namespace lunabeam::runtime
