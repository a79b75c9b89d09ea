// The validator's operand stack with its control frames: types, polymorphism of unreachable code, and how many frame slots the
// operands take (spec 3.0, "Validation Algorithm", "Data Structures").
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "vm/decode/deferred.h"
#include "vm/type_registry.h"
#include "vm/validate/operand_types.h"
#include "vm/validate/sink.h"

namespace lunabeam::vm {

// A block's types with their sizes in slots. The lists stand in the type registry, or in kSingleTypes for one-value blocks.
struct BlockShape {
  std::span<const ValType> params;
  std::span<const ValType> results;
  FuncShape slots;
};

struct ControlFrame {
  // block, loop, if_, else_, try_table, try_, catch_, catch_all; the function's body is a block.
  Opcode opcode = Opcode::block;
  BlockShape shape;
  u32 height = 0;       // Operands below the block's parameters.
  u32 num_slots = 0;    // Their slots, references apart ...
  u32 ref_slots = 0;    // ... and references.
  u32 undo_height = 0;  // Locals set since (BodyLocals).
  bool is_unreachable = false;
  bool is_dead = false;  // Begins in unreachable code: nothing of it is reported.

  // Its arm has caught an exception, which rethrow can name (legacy): it lies in a reference operand of its own below `height`.
  [[nodiscard]] bool holds_exception() const { return opcode == Opcode::catch_ || opcode == Opcode::catch_all; }

  // What a branch to it carries.
  [[nodiscard]] std::span<const ValType> label_types() const {
    return opcode == Opcode::loop ? shape.params : shape.results;
  }
  [[nodiscard]] u32 label_slots() const {
    return opcode == Opcode::loop ? shape.slots.param_slots : shape.slots.result_slots;
  }
  [[nodiscard]] u32 label_refs() const {
    return opcode == Opcode::loop ? shape.slots.param_refs : shape.slots.result_refs;
  }
};

// Whether a list of operands is what is wanted.
enum class Fit : u8 {
  kYes,
  kNo,
  kTooMuchWork,  // The body asks for more comparisons of types than its size allows.
};

// Invariant 1: num_slots/ref_slots count exactly what is on the stack, a bottom as one slot.
//
// Cost: a branch of two bytes may name a thousand operands. Lists that are equal are compared and copied as blocks of memory
// (tens of nanoseconds a thousand); each comparison of types that differ is charged against what the body's size allows, and then
// against what all bodies together have free, so that time stays linear in the size of the module. What a body does not use is not
// left to the next one: a body that is valid in its module is valid on its own.
class BodyStack {
 public:
  BodyStack() { controls_.reserve(16); }  // What most bodies need.

  // Starts a new body of that many bytes.
  void clear(u32 body_bytes) {
    comparisons_left_ = u64{body_bytes} * kComparisonsPerByte;
    operands_.clear();
    controls_.clear();
    num_slots_ = ref_slots_ = max_num_slots_ = max_ref_slots_ = 0;
  }

  [[nodiscard]] ControlFrame& top() { return controls_.back(); }
  [[nodiscard]] size_t depth() const { return controls_.size(); }
  // REQUIRES: depth < this->depth().
  [[nodiscard]] const ControlFrame& at_depth(u32 depth) const { return controls_[controls_.size() - 1 - depth]; }
  [[nodiscard]] bool is_live() const { return !controls_.back().is_unreachable && !controls_.back().is_dead; }
  [[nodiscard]] u32 max_num_slots() const { return max_num_slots_; }
  [[nodiscard]] u32 max_ref_slots() const { return max_ref_slots_; }

  void push(ValType type) {
    operands_.push_back(type);
    if (type.is_ref()) [[unlikely]] {
      if (++ref_slots_ > max_ref_slots_) max_ref_slots_ = ref_slots_;
    } else {
      num_slots_ += type.slots();
      if (num_slots_ > max_num_slots_) max_num_slots_ = num_slots_;
    }
  }
  // num, refs: the sizes of `types` in slots.
  void push_all(std::span<const ValType> types, u32 num, u32 refs) {
    operands_.append(types);
    num_slots_ += num;
    ref_slots_ += refs;
    if (num_slots_ > max_num_slots_) max_num_slots_ = num_slots_;
    if (ref_slots_ > max_ref_slots_) max_ref_slots_ = ref_slots_;
  }

  // Pops whatever is there; a bottom below an unreachable base. False: the stack is empty.
  [[nodiscard]] bool pop_any(ValType& type) {
    const ControlFrame& frame = controls_.back();
    if (operands_.size() == frame.height) [[unlikely]] {
      type = ValType();
      return frame.is_unreachable;
    }
    type = operands_.back();
    drop_top(type);
    return true;
  }
  // Pops an operand that must match `expected`; `found` is what was there (bottom: nothing).
  [[nodiscard]] bool pop(ValType expected, ValType& found) {
    if (operands_.size() > controls_.back().height && operands_.back() == expected) [[likely]] {
      found = expected;
      drop_top(expected);
      return true;
    }
    return pop_any(found) && TypeRegistry::global().matches(found, expected);
  }
  // The topmost operands are exactly `types`: the case that needs no rule.
  [[nodiscard]] bool ends_with(std::span<const ValType> types) const {
    return operands_.size() - controls_.back().height >= types.size() &&
           (types.empty() ||
            std::memcmp(operands_.data() + (operands_.size() - types.size()), types.data(), types.size_bytes()) == 0);
  }
  // Whether `types` match `wanted`, one by one, the last one first. REQUIRES: the same length. On kNo `index` is the misfit.
  [[nodiscard]] Fit check_list(std::span<const ValType> types, std::span<const ValType> wanted, size_t& index) {
    if (types.empty() || std::memcmp(types.data(), wanted.data(), types.size_bytes()) == 0) return Fit::kYes;
    if (!pay_comparisons(types.size())) return Fit::kTooMuchWork;
    for (index = types.size(); index-- > 0;) {
      if (!TypeRegistry::global().matches(types[index], wanted[index])) return Fit::kNo;
    }
    index = 0;
    return Fit::kYes;
  }
  // Whether the topmost operands match `types`; what is missing below an unreachable base matches anything. Nothing is popped.
  // On kNo `index` is the position that did not match and `found` what was there (bottom: nothing).
  [[nodiscard]] Fit check_top(std::span<const ValType> types, size_t& index, ValType& found) {
    const size_t there = std::min(types.size(), operands_in_block());
    const ValType* const operands = operands_.data() + (operands_.size() - there);
    const ValType* const wanted = types.data() + (types.size() - there);
    const Fit fit = check_list({operands, there}, {wanted, there}, index);
    if (fit != Fit::kYes) {
      found = operands[index];
      index += types.size() - there;
      return fit;
    }
    if (there == types.size() || controls_.back().is_unreachable) return Fit::kYes;
    index = types.size() - there - 1;
    found = ValType();
    return Fit::kNo;
  }
  // Pops all of `types`, num and refs slots in sum; index and found as in check_top.
  [[nodiscard]] Fit pop_all(std::span<const ValType> types, u32 num, u32 refs, size_t& index, ValType& found) {
    if (ends_with(types)) [[likely]] {
      operands_.cut(operands_.size() - types.size());
      num_slots_ -= num;
      ref_slots_ -= refs;
      return Fit::kYes;
    }
    const Fit fit = check_top(types, index, found);
    if (fit == Fit::kYes) drop_all(types.size());
    return fit;
  }
  // Pops all of `types` and pushes them: operands of subtypes, and those that are missing in unreachable code, become what is wanted.
  [[nodiscard]] Fit retype(std::span<const ValType> types, u32 num, u32 refs, size_t& index, ValType& found) {
    if (ends_with(types)) [[likely]]
      return Fit::kYes;
    const Fit fit = check_top(types, index, found);
    if (fit == Fit::kYes) {
      drop_all(types.size());
      push_all(types, num, refs);
    }
    return fit;
  }

  // Every further operand of the block is a bottom, which matches anything.
  [[nodiscard]] bool is_bottomless() const { return operands_in_block() == 0 && controls_.back().is_unreachable; }

  [[nodiscard]] size_t operands() const { return operands_.size(); }
  [[nodiscard]] size_t operands_in_block() const { return operands_.size() - controls_.back().height; }

  // The innermost block's operands, for operators that pop and push numbers only, of one slot each.
  struct Run {
    ValType* top;
    ValType* floor;  // Below are operands of other blocks.
    ValType* limit;  // There is no room behind.
  };
  [[nodiscard]] Run begin_run() { return {operands_.top(), operands_.at(controls_.back().height), operands_.limit()}; }
  // The run left `top`, and had got as far as `highest`.
  void end_run(ValType* top, const ValType* highest) {
    max_num_slots_ = std::max(max_num_slots_, num_slots_ + static_cast<u32>(highest - operands_.top()));
    num_slots_ += static_cast<u32>(top - operands_.top());  // Modulo 2^32: the run may have popped more than it pushed.
    operands_.set_top(top);
  }

  // Enters a block whose parameters were popped.
  void enter(Opcode opcode, const BlockShape& shape, u32 undo_height) {
    ControlFrame frame;
    frame.opcode = opcode;
    frame.shape = shape;
    frame.height = static_cast<u32>(operands_.size());
    frame.num_slots = num_slots_;
    frame.ref_slots = ref_slots_;
    frame.undo_height = undo_height;
    frame.is_dead = !controls_.empty() && !is_live();
    controls_.push_back(frame);
    push_all(shape.params, shape.slots.param_slots, shape.slots.param_refs);
  }
  // Code behind is unreachable: everything the block pushed is gone.
  void set_unreachable() {
    ControlFrame& frame = controls_.back();
    cut_to(frame);
    frame.is_unreachable = true;
  }
  // The else arm of an if: the stack of the block's entry.
  void restart_as_else() {
    ControlFrame& frame = controls_.back();
    cut_to(frame);
    frame.opcode = Opcode::else_;
    frame.is_unreachable = false;
    push_all(frame.shape.params, frame.shape.slots.param_slots, frame.shape.slots.param_refs);
  }
  // The next arm of a legacy try: the stack of the block's entry without its parameters, and the exception.
  void restart_as_catch(Opcode opcode) {
    ControlFrame& frame = controls_.back();
    cut_to(frame);
    if (!frame.holds_exception()) {
      push(kExnRef);
      ++frame.height;
      ++frame.ref_slots;
    }
    frame.opcode = opcode;
    frame.is_unreachable = false;
  }
  // Leaves a block whose results were popped, and pushes them.
  void leave() {
    ControlFrame frame = controls_.back();
    if (frame.holds_exception()) {
      --frame.height;
      --frame.ref_slots;
    }
    cut_to(frame);
    controls_.pop_back();
    push_all(frame.shape.results, frame.shape.slots.result_slots, frame.shape.slots.result_refs);
  }

 private:
  static constexpr u64 kFreeComparisons = 100'000;
  static constexpr u64 kComparisonsPerByte = 32;

  [[nodiscard]] bool pay_comparisons(u64 count) {
    const u64 of_body = std::min(count, comparisons_left_);
    if (count - of_body > free_comparisons_left_) return false;
    comparisons_left_ -= of_body;
    free_comparisons_left_ -= count - of_body;
    return true;
  }

  // Drops `count` operands, or all of the block when it has fewer.
  void drop_all(size_t count) {
    if (count >= operands_in_block()) {
      cut_to(controls_.back());
      return;
    }
    for (size_t i = operands_.size() - count; i < operands_.size(); ++i) {
      if (operands_[i].is_ref()) {
        --ref_slots_;
      } else {
        num_slots_ -= operands_[i].slots();
      }
    }
    operands_.cut(operands_.size() - count);
  }
  void drop_top(ValType type) {
    operands_.pop_back();
    if (type.is_ref()) [[unlikely]] {
      --ref_slots_;
    } else {
      num_slots_ -= type.slots();
    }
  }
  void cut_to(const ControlFrame& frame) {
    operands_.cut(frame.height);
    num_slots_ = frame.num_slots;
    ref_slots_ = frame.ref_slots;
  }

  OperandTypes operands_;
  std::vector<ControlFrame> controls_;
  u64 comparisons_left_ = 0;                      // The body's own.
  u64 free_comparisons_left_ = kFreeComparisons;  // Of all bodies.
  u32 num_slots_ = 0, ref_slots_ = 0, max_num_slots_ = 0, max_ref_slots_ = 0;
};

}  // namespace lunabeam::vm
