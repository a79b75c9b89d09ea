// The parts of FunctionTranslator that every operator goes through: emission, accumulators, and where a value can be read.
#pragma once

#include "vm/frame.h"
#include "vm/interp/translate_function.h"

namespace lunabeam::vm::interp {

// Opens an operator that is metered.
inline void FunctionTranslator::begin(u64 pc) {
  ++ops_;
  open_operator(pc);
}

inline void FunctionTranslator::open_operator(u64 pc) {
  code_.reserve(CodeBuffer::kSlackWords);
  scratch_used_ = 0;
  if (origins_ != nullptr) [[unlikely]]
    record_origin(pc);
}

inline u32 FunctionTranslator::emit(u16 op, u32 f0, u32 f1, u32 f2) {
  VM_DCHECK(f0 <= 0xFFFF && f1 <= 0xFFFF && f2 <= 0xFFFF);
  code_.push({op, {static_cast<u16>(f0), static_cast<u16>(f1), static_cast<u16>(f2)}});
  return code_.size() - 1;
}

// The operation and a u32 in f[1..2].
inline u32 FunctionTranslator::emit_wide(Special op, u32 f0, u32 value) {
  return emit(op_id(op), f0, value & 0xFFFF, value >> 16);
}

inline void FunctionTranslator::emit_u64(u64 word) {
  code_.push({static_cast<u16>(word),
              {static_cast<u16>(word >> 16), static_cast<u16>(word >> 32), static_cast<u16>(word >> 48)}});
}

// The slot that holds the value. REQUIRES: kTemp or kLocal.
inline u32 FunctionTranslator::word_of(const Operand& value) {
  return value.place == Place::kLocal ? local_words_[value.lazy.local] : value.home;
}

// Whether an A operand may be used for the value.
inline bool FunctionTranslator::in_acc(const Operand& value) {
  if (value.place == Place::kAcc) return true;
  if (value.place == Place::kConst) return false;
  return word_of(value) == accumulator(value).mirror;
}

inline Operand FunctionTranslator::pop() {
  const Operand value = stack_.pop();
  if (value.place == Place::kAcc) accumulator(value).entry = kNone;
  return value;
}

// Gives the pending value of an accumulator its slot, by patching its producer.
inline void FunctionTranslator::spill(u32 which) {
  Accumulator& acc = acc_[which];
  if (acc.entry == kNone) return;
  Operand& value = stack_[acc.entry];
  ++code_[value.producer].op;
  value.place = Place::kTemp;
  acc.entry = kNone;
  acc.mirror = value.home;
}

inline void FunctionTranslator::spill_all() {
  spill(0);
  spill(1);
}

// The accumulators are empty from here on.
inline void FunctionTranslator::empty_accumulators() {
  spill_all();
  acc_[0].mirror = kNone;
  acc_[1].mirror = kNone;
}

// A slot gets another value.
inline void FunctionTranslator::note_write(u32 word) {
  if (acc_[0].mirror == word) acc_[0].mirror = kNone;
  if (acc_[1].mirror == word) acc_[1].mirror = kNone;
}

// The same as spill(), for a value that was popped. REQUIRES: its accumulator was not overwritten since.
inline void FunctionTranslator::finish_pending(Operand& value) {
  ++code_[value.producer].op;
  value.place = Place::kTemp;
  accumulator(value).mirror = value.home;
}

inline u32 FunctionTranslator::reach(u32 word) { return word <= 0xFFFF ? word : far_slot(word); }

// An operand that reads the popped value.
inline u32 FunctionTranslator::slot(Operand& value) {
  switch (value.place) {
    case Place::kTemp: return reach(value.home);
    case Place::kLocal: return reach(local_words_[value.lazy.local]);
    case Place::kAcc: finish_pending(value); return value.home;
    case Place::kConst: break;
  }
  return constant_slot(value);
}

// Whether the value is pending and its producer is the last instruction, so that it can still be redirected or taken back.
inline bool FunctionTranslator::is_last(const Operand& value) const {
  return value.place == Place::kAcc && last_.end == code_.size() && last_.start == value.producer;
}

// Pushes the result of the operation in its A form at `start`, whose destination is field d_field of its first word.
inline void FunctionTranslator::produce(ValType::Kind kind, u32 start, u32 d_field) {
  Operand& value = stack_.push(Place::kAcc, kind);
  const u32 which = value.is_float() ? 1 : 0;
  spill(which);
  note_write(value.home);
  value.producer = start;
  acc_[which] = {.entry = stack_.size() - 1, .mirror = kNone};
  last_ = Last{
      .start = start, .end = code_.size(), .d_word = start, .d_field = static_cast<u8>(d_field), .home = value.home};
  code_[start].f[d_field] = static_cast<u16>(value.home);
  if (store_at_once_) [[unlikely]]
    store_result();
}

}  // namespace lunabeam::vm::interp
