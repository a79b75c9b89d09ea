// Values in the translator: giving them slots, moving them, and the effects of writing locals.
#include "vm/interp/translate_values.h"

namespace lunabeam::vm::interp {

void FunctionTranslator::record_origin(u64 pc) {
  pc_ = pc;
  origins_->push_back({code_.size(), pc});
}

u32 FunctionTranslator::constant_slot(Operand& value) {
  if (value.home > 0xFFFF) {
    const u32 word = scratch_ + scratch_used_++;
    emit_const(value.value, word);
    return word;
  }
  emit_const(value.value, value.home);
  value.place = Place::kTemp;
  return value.home;
}

// A copy within reach of a slot that is not. One operator asks for at most scratch_count_ - 1 of them, or reserves them itself.
u32 FunctionTranslator::far_slot(u32 word) {
  VM_CHECK(scratch_used_ + 1 < scratch_count_);
  const u32 near = scratch_ + scratch_used_++;
  emit(Special::wide_get, near);
  emit_u64(word);
  return near;
}

// Ends produce() where values are not left pending: in wide frames, where d may be out of reach, and without peepholes.
void FunctionTranslator::store_result() {
  Operand& value = stack_.top();
  const u32 which = value.is_float() ? 1 : 0;
  Insn& producer = code_[value.producer];
  if (value.home > 0xFFFF) {
    producer.f[last_.d_field] = static_cast<u16>(transient());
    emit(Special::wide_set, transient());
    emit_u64(value.home);
  }
  ++code_[value.producer].op;
  value.place = Place::kTemp;
  acc_[which] = {};
  last_ = {};
}

// Pushes the result of an operation that stores it itself: the destination is field d_field of word d_word, within the last
// instruction. mirrored: the result is in its accumulator too; else both accumulators count as lost.
void FunctionTranslator::produce_in_slot(ValType::Kind kind, u32 d_word, u32 d_field, bool mirrored) {
  Operand& value = stack_.push(Place::kTemp, kind);
  const u32 which = value.is_float() ? 1 : 0;
  spill(which);
  if (!mirrored) empty_accumulators();
  note_write(value.home);
  if (wide_) {
    acc_[which].mirror = kNone;
    last_ = {};
    if (value.home > 0xFFFF) {
      code_[d_word].f[d_field] = static_cast<u16>(transient());
      emit(Special::wide_set, transient());
      emit_u64(value.home);
      return;
    }
  } else if (!store_at_once_) {
    if (mirrored) acc_[which].mirror = value.home;
    last_ = Last{.end = code_.size(), .d_word = d_word, .d_field = static_cast<u8>(d_field), .home = value.home};
  }
  code_[d_word].f[d_field] = static_cast<u16>(value.home);
}

void FunctionTranslator::emit_const(u64 value, u32 word) {
  if (word > 0xFFFF) {
    emit_const(value, transient());
    emit(Special::wide_set, transient());
    emit_u64(word);
    return;
  }
  if (static_cast<u64>(static_cast<i64>(static_cast<i16>(value))) == value) {
    emit(Special::const16, static_cast<u16>(value), word);
  } else if (value <= 0xFFFF'FFFF) {
    emit_wide(Special::const32u, word, static_cast<u32>(value));
  } else {
    emit(Special::const64, word);
    emit_u64(value);
  }
  note_write(word);
}

void FunctionTranslator::emit_mov(u32 from, u32 to) {
  if (from > 0xFFFF) {
    const u32 near = to <= 0xFFFF ? to : transient();
    emit(Special::wide_get, near);
    emit_u64(from);
    from = near;
  }
  if (to > 0xFFFF) {
    emit(Special::wide_set, from);
    emit_u64(to);
  } else if (from != to) {
    emit(Special::mov, from, to);
  }
  note_write(to);
}

void FunctionTranslator::copy_value(ValType::Kind kind, u32 from, u32 to) {
  if (kind == ValType::kV128) {
    move_vector(from, to);
  } else {
    emit_mov(from, to);
  }
}

// Makes `word`, a local or a temporary that no live value has, hold the popped value.
void FunctionTranslator::set_word(Operand& value, u32 word) {
  Accumulator& acc = accumulator(value);
  switch (value.place) {
    case Place::kAcc:
      if (is_last(value)) {
        ++code_[value.producer].op;
        code_[last_.d_word].f[last_.d_field] = static_cast<u16>(word);
        last_ = {};
      } else if (!value.is_float()) {
        emit(Special::store_acc, word);
      } else {
        emit(value.kind == ValType::kF32 ? Special::store_facc32 : Special::store_facc, word);
      }
      note_write(word);
      acc.mirror = word;
      break;
    case Place::kTemp:
      if (last_.end == code_.size() && last_.home == value.home && word <= 0xFFFF) {
        // The instruction that made the value is the last one, and nothing else has seen its temporary.
        code_[last_.d_word].f[last_.d_field] = static_cast<u16>(word);
        const bool mirrored = acc.mirror == value.home;
        note_write(word);
        if (value.kind == ValType::kV128) note_write(word + 1);
        if (mirrored) acc.mirror = word;
        last_ = {};
      } else if (value.home != word) {
        copy_value(value.kind, value.home, word);
      }
      break;
    case Place::kLocal:
      if (local_words_[value.lazy.local] != word) copy_value(value.kind, local_words_[value.lazy.local], word);
      break;
    case Place::kConst: emit_const(value.value, word); break;
  }
}

// Makes the value lie in its home. REQUIRES: it was popped, or unlinked and its accumulator released.
void FunctionTranslator::to_home(Operand& value) {
  switch (value.place) {
    case Place::kTemp: return;
    case Place::kAcc: finish_pending(value); return;
    case Place::kLocal: copy_value(value.kind, local_words_[value.lazy.local], value.home); break;
    case Place::kConst: emit_const(value.value, value.home); break;
  }
  value.place = Place::kTemp;
}

// Makes the topmost `count` values lie in their homes. Amortised constant: each value is looked at once per push.
void FunctionTranslator::settle(u32 count) {
  const u32 height = stack_.size() - count;
  for (;; stack_.forget_unsettled()) {
    const u32 index = stack_.topmost_unsettled(height);
    if (index == OperandStack::kNone) return;
    Operand& value = stack_[index];
    switch (value.place) {
      case Place::kTemp: continue;
      case Place::kAcc: spill(value.is_float() ? 1 : 0); continue;
      case Place::kLocal: stack_.unlink(value); break;
      case Place::kConst: break;
    }
    code_.reserve(CodeBuffer::kSlackWords);
    to_home(value);
  }
}

// Gives every value that stands for a local its own copy. Amortised constant: after this, values below the top stand for none,
// so each value is looked at once per push.
void FunctionTranslator::settle_lazy() {
  for (u32 i = 0; stack_.lazy_count() > 0; ++i) {
    Operand& value = stack_.top(i);
    if (value.place != Place::kLocal) continue;
    stack_.unlink(value);
    code_.reserve(CodeBuffer::kSlackWords);
    to_home(value);
  }
}

// Before a local changes: copies it for the values that stand for it.
void FunctionTranslator::save_readers(u32 local) {
  while (const u32 reader = stack_.topmost(local)) {
    Operand& value = stack_[reader - 1];
    stack_.unlink(value);
    code_.reserve(CodeBuffer::kSlackWords);
    to_home(value);
  }
}

void FunctionTranslator::write_local(Operand& value, u32 local) {
  if (value.place == Place::kLocal && value.lazy.local == local) return;
  if (stack_.topmost(local) != 0) {
    // The copies must be made before the producer writes to the local.
    if (is_last(value)) {
      const Detached producer = detach();
      save_readers(local);
      attach(producer, value);
    } else {
      save_readers(local);
    }
  }
  set_word(value, local_words_[local]);
}

// Takes the last producer off the code, so that moves and constants, which touch no accumulator and none of its operands, can be
// put before it. REQUIRES: is_last(value).
FunctionTranslator::Detached FunctionTranslator::detach() {
  const u32 start = last_.inner_start != kNone ? last_.inner_start : last_.start;
  Detached detached{.count = code_.size() - start, .words = {}, .last = last_, .pc = 0};
  VM_DCHECK(detached.count <= 2);
  for (u32 i = 0; i < detached.count; ++i) detached.words[i] = code_[start + i];
  code_.truncate(start);
  if (origins_ != nullptr) {
    while (!origins_->empty() && origins_->back().word > start) origins_->pop_back();
    detached.pc = origins_->empty() ? pc_ : origins_->back().pc;
  }
  return detached;
}

void FunctionTranslator::attach(const Detached& detached, Operand& value) {
  code_.reserve(CodeBuffer::kSlackWords);
  const u32 start = code_.size();
  last_ = detached.last;
  const u32 shift = start - (last_.inner_start != kNone ? last_.inner_start : last_.start);
  if (last_.inner_start != kNone) last_.inner_start += shift;
  last_.start += shift;
  last_.end += shift;
  last_.d_word += shift;
  value.producer += shift;
  for (u32 i = 0; i < detached.count; ++i) code_.push(detached.words[i]);
  if (origins_ != nullptr) {
    origins_->push_back({start, detached.pc});
    origins_->push_back({code_.size(), pc_});
  }
}

// Drops the values above `height`.
void FunctionTranslator::truncate(u32 height) {
  for (;; stack_.forget_unsettled()) {
    const u32 index = stack_.topmost_unsettled(height);
    if (index == OperandStack::kNone) break;
    const Operand& value = stack_[index];
    if (value.place == Place::kAcc) accumulator(value).entry = kNone;
    if (value.place == Place::kLocal) stack_.unlink(value);
  }
  stack_.shrink(height);
}

}  // namespace lunabeam::vm::interp
