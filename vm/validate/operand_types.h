// The types on the validator's operand stack: a growing array whose top a run of plain operators keeps in a register
// (function_validator_plain.h).
#pragma once

#include <algorithm>
#include <memory>
#include <span>

#include "vm/types.h"

namespace lunabeam::vm {

// Invariant 1: begin_ <= top_ <= limit_.
class OperandTypes {
 public:
  // Room for what most bodies need, so that a validator made for one body does not grow step by step.
  OperandTypes() { grow(64); }

  [[nodiscard]] size_t size() const { return static_cast<size_t>(top_ - begin_.get()); }
  [[nodiscard]] const ValType* data() const { return begin_.get(); }
  [[nodiscard]] ValType back() const { return top_[-1]; }  // REQUIRES: size() > 0.
  [[nodiscard]] ValType operator[](size_t index) const { return begin_[index]; }

  void clear() { top_ = begin_.get(); }
  // Drops what is behind the first `size`. REQUIRES: size <= size().
  void cut(size_t size) { top_ = begin_.get() + size; }
  void push_back(ValType type) {
    if (top_ == limit_) [[unlikely]]
      grow(1);
    *top_++ = type;
  }
  void pop_back() { --top_; }
  void append(std::span<const ValType> types) {
    if (static_cast<size_t>(limit_ - top_) < types.size()) [[unlikely]]
      grow(types.size());
    top_ = std::ranges::copy(types, top_).out;
  }

  // For a run: what lies from `size` on, the end, and the end of the room.
  [[nodiscard]] ValType* at(size_t size) { return begin_.get() + size; }
  [[nodiscard]] ValType* top() { return top_; }
  [[nodiscard]] ValType* limit() { return limit_; }
  // REQUIRES: at(0) <= top <= limit(), and everything below was written.
  void set_top(ValType* top) { top_ = top; }

 private:
  [[gnu::cold, gnu::noinline]] void grow(size_t more) {
    const size_t size = begin_ == nullptr ? 0 : this->size();
    const size_t capacity = std::max(2 * size, size + more);
    auto bigger = std::make_unique<ValType[]>(capacity);
    std::copy_n(begin_.get(), size, bigger.get());
    begin_ = std::move(bigger);
    top_ = begin_.get() + size;
    limit_ = begin_.get() + capacity;
  }

  std::unique_ptr<ValType[]> begin_;
  ValType* top_ = nullptr;
  ValType* limit_ = nullptr;
};

}  // namespace lunabeam::vm
