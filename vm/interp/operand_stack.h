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

// One value.
struct Operand {
  struct Lazy {
    u32 local;
    u32 below;  // Index + 1 of the next deeper operand that stands for the same local; 0 = none.
  };

  Place place = Place::kTemp;
  ValType::Kind kind = ValType::kI32;
  // The canonical temporary (rule P4): an operand (vm/frame.h) in the area of its class, counted from the bottom of the stack.
  u32 home = 0;
  u32 other_home = 0;  // The next temporary of the other class.
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
// Invariant 3: unsettled_ lists, in ascending order, every operand whose place is not kTemp, and some that have become so: a branch
//              of two bytes may name a thousand values, and must not look at those that are where they belong.
class OperandStack {
 public:
  OperandStack() = default;
  OperandStack(const OperandStack&) = delete;
  OperandStack& operator=(const OperandStack&) = delete;
  ~OperandStack() {
    std::free(entries_);
    std::free(tops_);
    std::free(unsettled_);
  }

  // max_size: deepest stack, known from the validator's first pass. False: out of memory.
  [[nodiscard]] bool open(u32 max_size, u32 num_locals) noexcept {
    entries_ = static_cast<Operand*>(std::malloc((u64{max_size} + 1) * sizeof(Operand)));
    tops_ = static_cast<u32*>(std::calloc(u64{num_locals} + 1, sizeof(u32)));
    unsettled_ = static_cast<u32*>(std::malloc((u64{max_size} + 2) * sizeof(u32)));
    capacity_ = max_size + 1;
    if (entries_ == nullptr || tops_ == nullptr || unsettled_ == nullptr) return false;
    unsettled_[0] = kNone;
    return true;
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
  // Home of the first value of the class from `index` on, or of the next one if there is none.
  [[nodiscard]] u32 home_from(u32 index, bool ref) const noexcept {
    if (index == size_) return next(ref);
    const Operand& entry = entries_[index];
    return entry.is_ref() == ref ? entry.home : entry.other_home;
  }

  Operand& push(Place place, ValType::Kind kind) noexcept {
    VM_DCHECK(size_ < capacity_);
    Operand& entry = entries_[size_++];
    const u32 which = kind == ValType::kRef ? 1 : 0;
    u32& next = next_[which];
    if (place != Place::kTemp) unsettled_[++unsettled_count_] = size_ - 1;
    entry.place = place;
    entry.kind = kind;
    entry.home = next;
    entry.other_home = next_[1 - which];
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
    if (unsettled_[unsettled_count_] == size_) --unsettled_count_;
    return entry;
  }
  // Pops the values from `height` on. REQUIRES: none of them is unsettled.
  void shrink(u32 height) noexcept {
    VM_DCHECK(height <= size_ && topmost_unsettled(height) == kNone);
    for (u32 which = 0; which < 2; ++which) next_[which] = home_from(height, which == 1);
    size_ = height;
  }

  static constexpr u32 kNone = 0xFFFF'FFFF;
  // Index of the topmost operand from `height` on that may not be in its home (Invariant 3); kNone: all of them are.
  [[nodiscard]] u32 topmost_unsettled(u32 height) const noexcept {
    const u32 index = unsettled_[unsettled_count_];
    return index != kNone && index >= height ? index : kNone;
  }
  // Takes it off the list. REQUIRES: it is in its home, or is being dropped.
  void forget_unsettled() noexcept { --unsettled_count_; }

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
  u32* tops_ = nullptr;       // By local.
  u32* unsettled_ = nullptr;  // From 1 on; 0 is kNone.
  u32 unsettled_count_ = 0;
  u32 size_ = 0;
  u32 capacity_ = 0;
  u32 next_[2] = {0, 0};  // Non-references, references.
  u32 lazy_count_ = 0;
};

}  // namespace lunabeam::vm::interp
