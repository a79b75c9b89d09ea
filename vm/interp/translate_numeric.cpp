// Arithmetic, comparisons, conversions, loads, stores, select, constants, locals and globals.
#include <array>
#include <utility>

#include "vm/interp/translate_values.h"

namespace lunabeam::vm::interp {

namespace {

struct Row {
  OpFamily family = OpFamily::kNone;
  ValType::Kind operand = ValType::kI32;  // Type of the last operand ...
  ValType::Kind result = ValType::kI32;   // ... and of the result.
  bool commutative = false;
};

constexpr ValType::Kind kind_of(char letter) {
  switch (letter) {
    case 'I': return ValType::kI64;
    case 'f': return ValType::kF32;
    case 'F': return ValType::kF64;
    case 'v': return ValType::kV128;
    default: return ValType::kI32;
  }
}

constexpr std::array<Row, kOpcodeCount> make_rows() {
  std::array<Row, kOpcodeCount> rows{};
  for (size_t i = 0; i < kOpcodeCount; ++i) {
    const OpcodeInfo& op = kOpcodes[i];
    rows[i].family = detail::family(op);
    if (!op.params().empty()) rows[i].operand = kind_of(op.params().back());
    if (!op.results().empty() && op.signature != "*") rows[i].result = kind_of(op.results()[0]);
    if (rows[i].family == OpFamily::kIntBinary) {
      const std::string_view name = op.text.substr(4);
      rows[i].commutative = name == "add" || name == "mul" || name == "and" || name == "or" || name == "xor";
    }
  }
  return rows;
}

constexpr std::array<Row, kOpcodeCount> kRows = make_rows();

constexpr const Row& row_of(Opcode op) { return kRows[static_cast<size_t>(op)]; }

// Whether an immediate of 16 bits, sign-extended to the operation's width, is the constant.
constexpr bool fits_imm16(u64 value, ValType::Kind kind) {
  const i64 number = kind == ValType::kI32 ? i64{static_cast<i32>(value)} : static_cast<i64>(value);
  return number == static_cast<i16>(number);
}

}  // namespace

void FunctionTranslator::numeric(u64 pc, Opcode op) {
  begin(pc);
  switch (row_of(op).family) {
    case OpFamily::kIntBinary:
    case OpFamily::kIntCompare: binary(op); return;
    case OpFamily::kFloatBinary:
    case OpFamily::kFloatCompare: float_binary(op); return;
    case OpFamily::kUnary: unary(op); return;
    default:
      if (op == Opcode::atomic_fence) return;  // Nothing to do (parts_atomic.h).
      vector(op);
      return;
  }
}

void FunctionTranslator::binary(Opcode op) {
  const Row& row = row_of(op);
  const bool compares = row.family == OpFamily::kIntCompare;
  Operand b = pop();
  Operand a = pop();
  if (a.place == Place::kConst && b.place != Place::kConst && (row.commutative || compares)) {
    std::swap(a, b);
    if (compares) op = swapped(op);
  }
  u32 start;
  u32 d_field = 1;
  Form form;
  if (b.place == Place::kConst && fits_imm16(b.value, row.operand)) {
    if (in_acc(a)) {
      form = Form::kAI;
      start = emit(op_id(op, form, Dest::kA), static_cast<u16>(b.value));
    } else {
      form = Form::kSI;
      start = emit(op_id(op, form, Dest::kA), slot(a), static_cast<u16>(b.value));
      d_field = 2;
    }
  } else if (in_acc(a)) {
    form = Form::kAS;
    start = emit(op_id(op, form, Dest::kA), slot(b));
  } else if (in_acc(b)) {
    form = Form::kSA;
    start = emit(op_id(op, form, Dest::kA), slot(a));
  } else {
    form = Form::kSS;
    const u32 a_slot = slot(a);
    start = emit(op_id(op, form, Dest::kA), a_slot, slot(b));
    d_field = 2;
  }
  produce(row.result, start, d_field);
  if (compares) {
    last_.compares = true;
    last_.op = op;
    last_.form = static_cast<u8>(form);
  }
}

void FunctionTranslator::float_binary(Opcode op) {
  const Row& row = row_of(op);
  Operand b = pop();
  Operand a = pop();
  u32 start;
  u32 d_field = 1;
  Form form;
  if (in_acc(a)) {
    form = Form::kAS;
    start = emit(op_id(op, form, Dest::kA), slot(b));
  } else if (in_acc(b)) {
    form = Form::kSA;
    start = emit(op_id(op, form, Dest::kA), slot(a));
  } else {
    form = Form::kSS;
    const u32 a_slot = slot(a);
    start = emit(op_id(op, form, Dest::kA), a_slot, slot(b));
    d_field = 2;
  }
  produce(row.result, start, d_field);
  if (row.family == OpFamily::kFloatCompare) {
    last_.compares = true;
    last_.op = op;
    last_.form = static_cast<u8>(form);
  }
}

void FunctionTranslator::unary(Opcode op) {
  const Row& row = row_of(op);
  Operand& top = stack_.top();
  switch (op) {
    case Opcode::i32_eqz: eqz(Opcode::i32_eq); return;
    case Opcode::i64_eqz: eqz(Opcode::i64_eq); return;
    case Opcode::i64_extend_i32_u:  // Every i32 is zero-extended already.
      top.kind = ValType::kI64;
      return;
    case Opcode::i32_wrap_i64:
      if (top.place == Place::kConst) {
        top.value &= 0xFFFF'FFFF;
        top.kind = ValType::kI32;
        return;
      }
      break;
    case Opcode::i32_reinterpret_f32:
    case Opcode::i64_reinterpret_f64:
    case Opcode::f32_reinterpret_i32:
    case Opcode::f64_reinterpret_i64:
      // In a slot the bits are the same.
      if (top.place == Place::kAcc) spill(top.is_float() ? 1 : 0);
      top.kind = row.result;
      return;
    default: break;
  }
  Operand a = pop();
  if (in_acc(a)) {
    produce(row.result, emit(op_id(op, UnaryForm::kA, Dest::kA)), 0);
  } else {
    produce(row.result, emit(op_id(op, UnaryForm::kS, Dest::kA), slot(a)), 1);
  }
}

// A test for zero is a comparison with 0, or the opposite of the comparison that made the value.
void FunctionTranslator::eqz(Opcode compare) {
  const bool of_compare = is_last(stack_.top()) && last_.compares;
  if (of_compare && row_of(last_.op).family == OpFamily::kIntCompare) {
    last_.op = negated(last_.op);
    code_[last_.start].op = op_id(last_.op, static_cast<Form>(last_.form), Dest::kA);
    return;
  }
  const Last before = last_;
  Operand a = pop();
  if (in_acc(a)) {
    produce(ValType::kI32, emit(op_id(compare, Form::kAI, Dest::kA), 0), 1);
    last_.form = static_cast<u8>(Form::kAI);
  } else {
    produce(ValType::kI32, emit(op_id(compare, Form::kSI, Dest::kA), slot(a), 0), 2);
    last_.form = static_cast<u8>(Form::kSI);
  }
  last_.compares = !store_at_once_;
  last_.op = compare;
  if (of_compare) {
    last_.inner_start = before.start;
    last_.inner_op = before.op;
    last_.inner_form = before.form;
  }
}

void FunctionTranslator::load(u64 pc, Opcode op, const MemArg& arg) {
  begin(pc);
  if (is_vector(row_of(op).family)) return vector_load(op, arg);
  Operand address = pop();
  const ValType::Kind kind = row_of(op).result;
  if (arg.offset > 0xFFFF || arg.memory != 0) [[unlikely]] {
    VM_CHECK(arg.memory <= 0xFFFF);
    const u32 start = emit(op_id(op, LoadForm::kX, Dest::kS), slot(address), 0, arg.memory);
    emit_u64(arg.offset);
    produce_in_slot(kind, start, 1, true);
    return;
  }
  const auto offset = static_cast<u32>(arg.offset);
  const bool is_long = address_kind(0) == ValType::kI64;
  if (in_acc(address)) {
    produce(kind, emit(op_id(op, is_long ? LoadForm::kLA : LoadForm::kA, Dest::kA), offset), 1);
  } else {
    produce(kind, emit(op_id(op, is_long ? LoadForm::kLS : LoadForm::kS, Dest::kA), slot(address), offset), 2);
  }
}

void FunctionTranslator::store(u64 pc, Opcode op, const MemArg& arg) {
  begin(pc);
  if (is_vector(row_of(op).family)) return vector_store(op, arg);
  Operand value = pop();
  Operand address = pop();
  if (arg.offset > 0xFFFF || arg.memory != 0) [[unlikely]] {
    VM_CHECK(arg.memory <= 0xFFFF);
    const u32 a = slot(address);
    emit(op_id(op, StoreForm::kX), a, slot(value), arg.memory);
    emit_u64(arg.offset);
    return;
  }
  const auto offset = static_cast<u32>(arg.offset);
  const bool is_long = address_kind(0) == ValType::kI64;
  const auto id = [&](StoreForm form) { return op_id(op, is_long ? long_form(form) : form); };
  if (value.place == Place::kConst && !value.is_float() && fits_imm16(value.value, value.kind)) {
    emit(id(StoreForm::kSI), slot(address), offset, static_cast<u16>(value.value));
  } else if (in_acc(address)) {
    if (value.is_float() && in_acc(value)) {
      emit(id(StoreForm::kAF), offset);
    } else {
      emit(id(StoreForm::kAS), offset, slot(value));
    }
  } else if (in_acc(value)) {
    emit(id(StoreForm::kSA), slot(address), offset);
  } else {
    const u32 a = slot(address);
    emit(id(StoreForm::kSS), a, offset, slot(value));
  }
}

void FunctionTranslator::wide_arithmetic(u64 pc, Opcode op) {
  begin(pc);
  const bool multiplies = op == Opcode::i64_mul_wide_s || op == Opcode::i64_mul_wide_u;
  const u32 count = multiplies ? 2 : 4;
  Operand operands[4];
  for (u32 i = count; i-- > 0;) operands[i] = pop();
  u32 words[4];
  for (u32 i = 0; i < count; ++i) words[i] = slot(operands[i]);
  const u32 home = stack_.push(Place::kTemp, ValType::kI64).home;
  stack_.push(Place::kTemp, ValType::kI64);
  const bool is_far = home + 1 > 0xFFFF;
  if (is_far) {
    VM_CHECK(scratch_used_ + 2 < scratch_count_);
    scratch_used_ += 2;
  }
  const u32 d = is_far ? scratch_ + scratch_used_ - 2 : home;
  if (multiplies) {
    emit(op == Opcode::i64_mul_wide_s ? Special::mul_wide_s : Special::mul_wide_u, words[0], words[1], d);
  } else {
    emit(op == Opcode::i64_add128 ? Special::add128 : Special::sub128, words[0], words[1], words[2]);
    code_.push({static_cast<u16>(words[3]), {static_cast<u16>(d), 0, 0}});
  }
  for (u32 i = 0; i < 2; ++i) {
    if (is_far) {
      emit(Special::wide_set, d + i);
      emit_u64(home + i);
    }
    note_write(home + i);
  }
  last_ = {};
}

void FunctionTranslator::constant(u64 pc, ValType type, u64 value) {
  begin(pc);
  Operand& entry = stack_.push(Place::kConst, type.kind());
  entry.value = value;
  if (!options_.peepholes) to_home(entry);
}

void FunctionTranslator::drop(u64 pc, ValType) {
  begin(pc);
  pop();
}

void FunctionTranslator::select(u64 pc, ValType type) {
  begin(pc);
  if (type == ValType::kV128) return vector_select();
  Operand condition = pop();
  Operand b = pop();
  Operand a = pop();
  bool acc_holds = condition.place == Place::kAcc;
  u32 condition_slot = 0;
  bool flipped = false;
  Detached compare;
  if (is_last(condition) && tests_zero()) {
    // Choose on the tested value itself.
    flipped = last_.op == Opcode::i32_eq;
    acc_holds = static_cast<Form>(last_.form) == Form::kAI;
    condition_slot = code_[last_.start].f[0];
    code_.truncate(last_.start);
    last_ = {};
  } else if (is_last(condition)) {
    compare = detach();  // Constants go before it, so that it stays next to the select.
  } else if (in_acc(condition)) {
    acc_holds = true;
  } else {
    condition_slot = slot(condition);
  }
  u32 a_slot = slot(a);
  u32 b_slot = slot(b);
  if (compare.count != 0) attach(compare, condition);
  if (flipped) std::swap(a_slot, b_slot);
  const bool is_float = type.is_float();
  u32 start;
  if (acc_holds) {
    start = emit(is_float ? Special::fselect_A_A : Special::select_A_A, a_slot, b_slot);
  } else {
    start = emit(is_float ? Special::fselect_S_A : Special::select_S_A, a_slot, b_slot);
    code_.push({static_cast<u16>(condition_slot), {0, 0, 0}});
  }
  produce(type.kind(), start, 2);
}

// Whether the last instruction, a comparison, asks whether an i32 is zero.
bool FunctionTranslator::tests_zero() {
  if (!last_.compares || (last_.op != Opcode::i32_eq && last_.op != Opcode::i32_ne)) return false;
  const auto form = static_cast<Form>(last_.form);
  const Insn& test = code_[last_.start];
  return (form == Form::kSI && test.f[1] == 0) || (form == Form::kAI && test.f[0] == 0);
}

void FunctionTranslator::local_get(u64 pc, u32 local, ValType type) {
  begin(pc);
  stack_.push_local(local, type.kind());
  if (!options_.peepholes) settle(1);
}

void FunctionTranslator::local_set(u64 pc, u32 local, ValType) {
  begin(pc);
  Operand value = pop();
  write_local(value, local);
}

void FunctionTranslator::local_tee(u64 pc, u32 local, ValType type) {
  begin(pc);
  Operand value = pop();
  write_local(value, local);
  if (value.place == Place::kConst) {
    stack_.push(Place::kConst, type.kind()).value = value.value;
  } else {
    stack_.push_local(local, type.kind());
  }
  if (!options_.peepholes) settle(1);
}

void FunctionTranslator::global_get(u64 pc, u32 global, ValType type) {
  begin(pc);
  if (type == ValType::kV128) return vector_global_get(global);
  const u64 word = module_.global_offsets[global];
  if (global < module_.imported_globals && module_.globals[global].type.is_mutable) {
    const u32 start = emit(Special::global_get_imported);
    emit_u64(global);
    produce_in_slot(type.kind(), start, 0, false);
  } else if (word > 0xFFFF) {
    const u32 start = emit(Special::global_get_x);
    emit_u64(word);
    produce_in_slot(type.kind(), start, 0, false);
  } else {
    produce(type.kind(), emit(type.is_float() ? Special::global_fget_A : Special::global_get_A, static_cast<u32>(word)),
            1);
  }
}

void FunctionTranslator::global_set(u64 pc, u32 global, ValType type) {
  begin(pc);
  if (type == ValType::kV128) return vector_global_set(global);
  Operand value = pop();
  const u64 word = module_.global_offsets[global];
  if (global < module_.imported_globals) {
    emit(Special::global_set_imported, slot(value));
    emit_u64(global);
  } else if (word > 0xFFFF) {
    emit(Special::global_set_x, slot(value));
    emit_u64(word);
  } else if (!in_acc(value)) {
    emit(Special::global_set_S, slot(value), static_cast<u32>(word));
  } else if (value.kind == ValType::kF32) {
    emit(Special::global_set_F32, static_cast<u32>(word));
  } else {
    emit(value.kind == ValType::kF64 ? Special::global_set_F : Special::global_set_A, static_cast<u32>(word));
  }
}

void FunctionTranslator::ref_null(u64 pc, ValType type) { constant(pc, type, 0); }

void FunctionTranslator::ref_is_null(u64 pc, ValType) {
  begin(pc);
  eqz(Opcode::i64_eq);  // Null is 0 in every hierarchy (vm/reference.h).
}

void FunctionTranslator::ref_func(u64 pc, u32 func, ValType type) {
  begin(pc);
  const u32 start = emit(Special::ref_func);
  emit_u64(func);
  produce_in_slot(type.kind(), start, 0, false);
}

}  // namespace lunabeam::vm::interp
