// Bytes that a call in the blocking pool owns (rule P10), counted against the VM's limit for as long as they exist.
#pragma once

#include <memory>
#include <new>
#include <utility>

#include "runtime/memory_pool.h"

namespace lunabeam::wasi {

// Threading: made by one thread, may be destroyed by another.
class ChargedBytes {
 public:
  ChargedBytes() noexcept = default;
  ChargedBytes(ChargedBytes&& other) noexcept
      : budget_(other.budget_), data_(std::move(other.data_)), size_bytes_(std::exchange(other.size_bytes_, 0)) {}
  ChargedBytes& operator=(ChargedBytes&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(data_, other.data_);
    std::swap(size_bytes_, other.size_bytes_);
    return *this;
  }
  ~ChargedBytes() {
    if (size_bytes_ != 0) budget_->refund(size_bytes_);
  }

  // Empty when memory or the limit is exhausted. REQUIRES: size_bytes > 0. The bytes are not initialised.
  [[nodiscard]] static ChargedBytes allocate(runtime::MemoryBudget& budget, u64 size_bytes) noexcept {
    ChargedBytes made;
    if (!budget.charge(size_bytes)) return made;
    made.data_.reset(new (std::nothrow) u8[size_bytes]);
    if (made.data_ == nullptr) {
      budget.refund(size_bytes);
      return made;
    }
    made.budget_ = &budget;
    made.size_bytes_ = size_bytes;
    return made;
  }

  [[nodiscard]] explicit operator bool() const { return data_ != nullptr; }
  [[nodiscard]] u8* data() const { return data_.get(); }
  [[nodiscard]] u64 size_bytes() const { return size_bytes_; }

 private:
  runtime::MemoryBudget* budget_ = nullptr;
  std::unique_ptr<u8[]> data_;
  u64 size_bytes_ = 0;
};

}  // namespace lunabeam::wasi
