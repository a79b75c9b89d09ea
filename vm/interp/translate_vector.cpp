// Vectors: a v128 is in two consecutive slots, its home or a local's, and never in an accumulator. No vector operation touches an
// accumulator but those that give a number, so that pending numbers stay pending.
#include "vm/interp/translate_values.h"

namespace lunabeam::vm::interp {

namespace {

// Whether both words of a vector are within reach of an operand.
constexpr bool reaches(u32 word) { return word + 1 <= 0xFFFF; }

constexpr ValType::Kind number_kind(char letter) {
  switch (letter) {
    case 'I': return ValType::kI64;
    case 'f': return ValType::kF32;
    case 'F': return ValType::kF64;
    default: return ValType::kI32;
  }
}

}  // namespace

// An operand that reads the vector.
u32 FunctionTranslator::vector_slot(const Operand& value) {
  const u32 word = word_of(value);
  if (reaches(word)) return word;
  VM_CHECK(scratch_used_ + 3 < scratch_count_);
  const u32 near = scratch_ + scratch_used_;
  scratch_used_ += 2;
  emit(Special::wide_get_v, near);
  emit_u64(word);
  return near;
}

// Pushes the result of the last instruction, whose destination is field d_field of its first word.
void FunctionTranslator::produce_vector(u32 start, u32 d_field) {
  const Operand& value = stack_.push(Place::kTemp, ValType::kV128);
  note_write(value.home);
  note_write(value.home + 1);
  if (!reaches(value.home)) {
    const u32 near = transient() - 1;
    code_[start].f[d_field] = static_cast<u16>(near);
    emit(Special::wide_set_v, near);
    emit_u64(value.home);
    last_ = {};
    return;
  }
  code_[start].f[d_field] = static_cast<u16>(value.home);
  last_ = {};
  if (!store_at_once_)
    last_ = Last{.end = code_.size(), .d_word = start, .d_field = static_cast<u8>(d_field), .home = value.home};
}

void FunctionTranslator::move_vector(u32 from, u32 to) {
  if (from == to) return;
  if (!reaches(from)) {
    const u32 near = reaches(to) ? to : transient() - 1;
    emit(Special::wide_get_v, near);
    emit_u64(from);
    from = near;
  }
  if (!reaches(to)) {
    emit(Special::wide_set_v, from);
    emit_u64(to);
  } else if (from != to) {
    emit(Special::mov_v, from, to);
  }
  note_write(to);
  note_write(to + 1);
}

// The rows without immediates.
void FunctionTranslator::vector(Opcode op) {
  switch (family_of(op)) {
    case OpFamily::kVectorUnary: {
      const u32 a = vector_slot(pop());
      produce_vector(emit(op_id(op), a), 1);
      return;
    }
    case OpFamily::kVectorBinary: {
      const Operand b = pop();
      const u32 a_slot = vector_slot(pop());
      produce_vector(emit(op_id(op), a_slot, vector_slot(b)), 2);
      return;
    }
    case OpFamily::kVectorTernary: {
      const Operand c = pop();
      const Operand b = pop();
      const u32 a_slot = vector_slot(pop());
      const u32 b_slot = vector_slot(b);
      const u32 c_slot = vector_slot(c);
      const u32 start = emit(op_id(op), a_slot, b_slot);
      code_.push({static_cast<u16>(c_slot), {0, 0, 0}});
      produce_vector(start, 2);
      return;
    }
    case OpFamily::kVectorShift: {
      Operand count = pop();
      const u32 a = vector_slot(pop());
      // The lanes' widths divide what 16 bits can count.
      const bool known = count.place == Place::kConst;
      const u32 n = known ? static_cast<u16>(count.value) : slot(count);
      produce_vector(emit(op_id(op, known ? ShiftForm::kI : ShiftForm::kS), a, n), 2);
      return;
    }
    case OpFamily::kVectorSplat: {
      Operand number = pop();
      produce_vector(emit(op_id(op), slot(number)), 1);
      return;
    }
    case OpFamily::kVectorTest: {
      const u32 a = vector_slot(pop());
      produce(ValType::kI32, emit(op_id(op, Dest::kA), a), 1);
      return;
    }
    default: VM_UNREACHABLE("operator without a row");
  }
}

void FunctionTranslator::vector_constant(u64 pc, u64 low, u64 high) {
  begin(pc);
  const u32 start = emit(Special::const_v);
  emit_u64(low);
  emit_u64(high);
  produce_vector(start, 0);
}

void FunctionTranslator::vector_lane(u64 pc, Opcode op, u32 lane) {
  begin(pc);
  if (family_of(op) == OpFamily::kVectorExtract) {
    const u32 a = vector_slot(pop());
    produce(number_kind(info(op).results()[0]), emit(op_id(op, Dest::kA), a, lane), 2);
    return;
  }
  Operand number = pop();
  const u32 a = vector_slot(pop());
  const u32 start = emit(op_id(op), a, slot(number));
  code_.push({static_cast<u16>(lane), {0, 0, 0}});
  produce_vector(start, 2);
}

void FunctionTranslator::vector_shuffle(u64 pc, const std::array<u8, 16>& lanes) {
  begin(pc);
  const Operand b = pop();
  const u32 a_slot = vector_slot(pop());
  const u32 start = emit(op_id(Opcode::i8x16_shuffle), a_slot, vector_slot(b));
  for (u32 half = 0; half < 2; ++half) {
    u64 word = 0;
    for (u32 i = 0; i < 8; ++i) word |= u64{lanes[half * 8 + i]} << (i * 8);
    emit_u64(word);
  }
  produce_vector(start, 2);
}

void FunctionTranslator::vector_load(Opcode op, const MemArg& arg) {
  Operand address = pop();
  if (arg.offset > 0xFFFF || arg.memory != 0 || address.kind == ValType::kI64) {
    VM_CHECK(arg.memory <= 0xFFFF);
    const u32 start = emit(op_id(op, AddressForm::kX), slot(address), 0, arg.memory);
    emit_u64(arg.offset);
    produce_vector(start, 1);
    return;
  }
  const auto offset = static_cast<u32>(arg.offset);
  if (in_acc(address)) {
    produce_vector(emit(op_id(op, AddressForm::kA), offset), 1);
  } else {
    produce_vector(emit(op_id(op, AddressForm::kS), slot(address), offset), 2);
  }
}

void FunctionTranslator::vector_store(Opcode op, const MemArg& arg) {
  const Operand value = pop();
  Operand address = pop();
  if (arg.offset > 0xFFFF || arg.memory != 0 || address.kind == ValType::kI64) {
    VM_CHECK(arg.memory <= 0xFFFF);
    const u32 a = slot(address);
    emit(op_id(op, AddressForm::kX), a, vector_slot(value), arg.memory);
    emit_u64(arg.offset);
    return;
  }
  const auto offset = static_cast<u32>(arg.offset);
  if (in_acc(address)) {
    emit(op_id(op, AddressForm::kA), offset, vector_slot(value));
  } else {
    const u32 a = slot(address);
    emit(op_id(op, AddressForm::kS), a, offset, vector_slot(value));
  }
}

void FunctionTranslator::load_lane(u64 pc, Opcode op, const MemArg& arg, u32 lane) {
  begin(pc);
  vector_access_lane(op, arg, lane, true);
}

void FunctionTranslator::store_lane(u64 pc, Opcode op, const MemArg& arg, u32 lane) {
  begin(pc);
  vector_access_lane(op, arg, lane, false);
}

void FunctionTranslator::vector_access_lane(Opcode op, const MemArg& arg, u32 lane, bool loads) {
  VM_CHECK(arg.memory <= 0xFFFF);
  const Operand value = pop();
  Operand address = pop();
  const u32 a = slot(address);
  const u32 start = emit(op_id(op), a, vector_slot(value));
  emit_u64(arg.offset);
  code_.push({static_cast<u16>(arg.memory), {static_cast<u16>(lane), 0, 0}});
  if (loads) produce_vector(start, 2);
}

void FunctionTranslator::vector_select() {
  Operand condition = pop();
  const Operand b = pop();
  const u32 a_slot = vector_slot(pop());
  const u32 b_slot = vector_slot(b);
  const u32 c = slot(condition);
  const u32 start = emit(Special::select_v, a_slot, b_slot);
  code_.push({static_cast<u16>(c), {0, 0, 0}});
  produce_vector(start, 2);
}

void FunctionTranslator::vector_global_get(u32 global) {
  const bool elsewhere = global < module_.imported_globals && module_.globals[global].type.is_mutable;
  const u32 start = emit(elsewhere ? Special::global_get_imported_v : Special::global_get_v);
  emit_u64(elsewhere ? global : module_.global_offsets[global]);
  produce_vector(start, 0);
}

void FunctionTranslator::vector_global_set(u32 global) {
  const u32 a = vector_slot(pop());
  const bool elsewhere = global < module_.imported_globals;
  emit(elsewhere ? Special::global_set_imported_v : Special::global_set_v, a);
  emit_u64(elsewhere ? global : module_.global_offsets[global]);
}

}  // namespace lunabeam::vm::interp
