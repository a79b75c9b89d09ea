// Reference counting and copying of configs.
#include "runtime/config.h"

#include <new>

namespace lunabeam::runtime {

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
    copy->config = shared_->config;
    reset();
    shared_ = copy;
  }
  return &shared_->config;
}

}  // namespace lunabeam::runtime
