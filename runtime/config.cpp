// Reference counting and copying of configs.
#include "runtime/config.h"

#include <new>

#include "runtime/memory_pool.h"

namespace lunabeam::runtime {

ConfigRef::Shared::~Shared() {
  if (budget != nullptr) budget->refund(charged_bytes);
}

bool ConfigRef::charge(MemoryBudget& budget, u64 size_bytes) noexcept {
  if (!budget.charge(size_bytes)) return false;
  shared_->budget = &budget;
  shared_->charged_bytes += size_bytes;
  return true;
}

ConfigRef ConfigRef::create() noexcept {
  ConfigRef ref;
  ref.shared_ = new (std::nothrow) Shared;
  return ref;
}

void ConfigRef::reset() noexcept {
  Shared* shared = std::exchange(shared_, nullptr);
  if (shared != nullptr && shared->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete shared;
}

Config* ConfigRef::writable() noexcept {
  if (shared_->references.load(std::memory_order_acquire) != 1) {
    auto* copy = new (std::nothrow) Shared;
    if (copy == nullptr) return nullptr;
    if (shared_->budget != nullptr && !shared_->budget->charge(shared_->charged_bytes)) {
      delete copy;
      return nullptr;
    }
    copy->budget = shared_->budget;
    copy->charged_bytes = shared_->charged_bytes;
    copy->config = shared_->config;
    reset();
    shared_ = copy;
  }
  return &shared_->config;
}

}  // namespace lunabeam::runtime
