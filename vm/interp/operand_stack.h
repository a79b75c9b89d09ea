// The translator's view of the operand stack: for every value not where it is pushed, but where it can be read. Runs in parallel
// to the validator's stack of types.
#pragma once

#include <cstdlib>

#include "vm/base/check.h"
#include "vm/types.h"

namespace lunabeam::vm::interp {

enum class Place : u8 {
  kTemp,   // In its home.
  kLocal,  // Still in the local it was read from: a local.get that has cost nothing so far.
  kConst,  // Known; in no slot.
  kAcc,    // In the accumulator of its class only: its producer is in the A form (interp/ops.h).
};

// One value. 24 bytes.
struct Operand {
  struct Lazy {
    u32 local;
    u32 below;  // Index + 1 of the next deeper operand that stands for the same local; 0 = none.
  };

  Place place = Place::kTemp;
  ValType::Kind kind = ValType::kI32;
  // The canonical temporary (rule P4): an operand (vm/frame.h) in the area of its class, counted from the bottom of the stack.
  u32 home = 0;
  union {
    u64 value = 0;  // kConst: as a slot.
    Lazy lazy;      // kLocal.
    u32 producer;   // kAcc: position of the producing operation.
  };

  [[nodiscard]] bool is_float() const { return kind == ValType::kF32 || kind == ValType::kF64; }
  [[nodiscard]] bool is_ref() const { return kind == ValType::kRef; }
};

// Invariant 1: homes ascend with the index, separately for references and other values, without gaps.
// Invariant 2: for every local, the operands that stand for it form a list from the topmost one down, so that popping and
//              the materialisation that a local.set demands touch only operands concerned.
class OperandStack {
 public:
  OperandStack() = default;
  OperandStack(const OperandStack&) = delete;
  OperandStack& operator=(const OperandStack&) = delete;
  ~OperandStack() {
    std::free(entries_);
    std::free(tops_);
  }

  // max_size: deepest stack, known from the validator's first pass. False: out of memory.
  [[nodiscard]] bool open(u32 max_size, u32 num_locals) noexcept {
    entries_ = static_cast<Operand*>(std::malloc((u64{max_size} + 1) * sizeof(Operand)));
    tops_ = static_cast<u32*>(std::calloc(u64{num_locals} + 1, sizeof(u32)));
    capacity_ = max_size + 1;
    return entries_ != nullptr && tops_ != nullptr;
  }
  // base, ref_base: first temporaries of the two classes.
  void start(u32 base, u32 ref_base) noexcept {
    next_[0] = base;
    next_[1] = ref_base;
  }

  [[nodiscard]] u32 size() const noexcept { return size_; }
  [[nodiscard]] Operand& operator[](u32 index) noexcept {
    VM_DCHECK(index < size_);
    return entries_[index];
  }
  [[nodiscard]] Operand& top(u32 depth = 0) noexcept { return (*this)[size_ - 1 - depth]; }
  // First free temporary: home of the next value of the class.
  [[nodiscard]] u32 next(bool ref) const noexcept { return next_[ref ? 1 : 0]; }

  Operand& push(Place place, ValType::Kind kind) noexcept {
    VM_DCHECK(size_ < capacity_);
    Operand& entry = entries_[size_++];
    u32& next = next_[kind == ValType::kRef ? 1 : 0];
    entry.place = place;
    entry.kind = kind;
    entry.home = next;
    next += kind == ValType::kV128 ? 2 : 1;
    return entry;
  }
  void push_local(u32 local, ValType::Kind kind) noexcept {
    Operand& entry = push(Place::kLocal, kind);
    entry.lazy = {.local = local, .below = tops_[local]};
    tops_[local] = size_;
    ++lazy_count_;
  }

  Operand pop() noexcept {
    VM_DCHECK(size_ > 0);
    const Operand entry = entries_[--size_];
    next_[entry.kind == ValType::kRef ? 1 : 0] = entry.home;
    if (entry.place == Place::kLocal) unlink(entry);
    return entry;
  }

  // Takes the operand out of its local's list. REQUIRES: no operand above it stands for the same local.
  void unlink(const Operand& entry) noexcept {
    tops_[entry.lazy.local] = entry.lazy.below;
    --lazy_count_;
  }
  // Index + 1 of the topmost operand that stands for the local; 0 = none.
  [[nodiscard]] u32 topmost(u32 local) const noexcept { return tops_[local]; }
  // Operands that stand for locals.
  [[nodiscard]] u32 lazy_count() const noexcept { return lazy_count_; }

 private:
  Operand* entries_ = nullptr;
  u32* tops_ = nullptr;  // By local.
  u32 size_ = 0;
  u32 capacity_ = 0;
  u32 next_[2] = {0, 0};  // Non-references, references.
  u32 lazy_count_ = 0;
};

}  // namespace lunabeam::vm::interp
