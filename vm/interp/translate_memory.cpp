// Memory and table operations beyond single loads and stores.
#include "vm/interp/translate_values.h"

namespace lunabeam::vm::interp {

namespace {

constexpr u64 pair(u32 low, u32 high) { return u64{high} << 32 | low; }

}  // namespace

// Pops `count` non-reference operands into consecutive fresh slots and returns the first: operands of operations that write their
// progress back (rule R3).
u32 FunctionTranslator::fresh_operands(u32 count) {
  settle(count);
  empty_accumulators();
  last_ = {};
  const u32 home = stack_.top(count - 1).home;
  u32 first = home;
  if (home + count > 0xFFFF) {
    VM_CHECK(count < scratch_count_);
    first = scratch_;
    for (u32 i = 0; i < count; ++i) {
      emit(Special::wide_get, first + i);
      emit_u64(home + i);
    }
    scratch_used_ = count;
  }
  for (u32 i = 0; i < count; ++i) pop();
  return first;
}

void FunctionTranslator::atomic(u64 pc, Opcode op, const MemArg& arg) {
  begin(pc);
  VM_CHECK(arg.memory <= 0xFFFF);
  const OpcodeInfo& row = info(op);
  const u32 count = static_cast<u32>(row.params().size());
  Operand operands[3];
  for (u32 i = count; i-- > 0;) operands[i] = pop();
  u32 words[3] = {0, 0, 0};
  for (u32 i = 0; i < count; ++i) words[i] = slot(operands[i]);
  // A wait may be left behind itself.
  const bool waits = op == Opcode::memory_atomic_wait32 || op == Opcode::memory_atomic_wait64;
  if (waits) empty_accumulators();
  emit(atomic_id(op), words[0], words[1], words[2]);
  emit_u64(arg.offset);
  code_.push({static_cast<u16>(arg.memory), {0, 0, 0}});
  last_ = {};
  if (row.results().empty()) return;
  produce_in_slot(row.results() == "I" ? ValType::kI64 : ValType::kI32, code_.size() - 1, 2, true);
}

void FunctionTranslator::memory_size(u64 pc, u32 memory) {
  begin(pc);
  VM_CHECK(memory <= 0xFFFF);
  produce(address_kind(memory), emit(Special::memory_size_A, 0, memory), 0);
}

void FunctionTranslator::memory_grow(u64 pc, u32 memory) {
  begin(pc);
  VM_CHECK(memory <= 0xFFFF);
  Operand delta = pop();
  const u32 a = slot(delta);
  empty_accumulators();
  const u32 start = emit(Special::memory_grow, a, 0, memory);
  produce_in_slot(address_kind(memory), start, 1, true);
}

ValType::Kind FunctionTranslator::address_kind(u32 memory) const {
  return value_type_of(module_.memories[memory].limits.address_type).kind();
}

void FunctionTranslator::memory_init(u64 pc, u32 data, u32 memory) {
  begin(pc);
  emit(Special::memory_init, fresh_operands(3), memory);
  emit_u64(data);
}

void FunctionTranslator::memory_copy(u64 pc, u32 dst, u32 src) {
  begin(pc);
  emit(Special::memory_copy, fresh_operands(3), dst, src);
}

void FunctionTranslator::memory_fill(u64 pc, u32 memory) {
  begin(pc);
  emit(Special::memory_fill, fresh_operands(3), memory);
}

void FunctionTranslator::data_drop(u64 pc, u32 data) {
  begin(pc);
  emit(Special::data_drop);
  emit_u64(data);
}

void FunctionTranslator::table_get(u64 pc, u32 table, ValType type) {
  begin(pc);
  Operand index = pop();
  const u32 start = emit(Special::table_get, slot(index));
  emit_u64(table);
  produce_in_slot(type.kind(), start, 1, false);
}

void FunctionTranslator::table_set(u64 pc, u32 table, ValType) {
  begin(pc);
  Operand value = pop();
  Operand index = pop();
  const u32 a = slot(index);
  const u32 r = slot(value);
  empty_accumulators();
  emit(Special::table_set, a, r);
  emit_u64(table);
}

void FunctionTranslator::table_size(u64 pc, u32 table) {
  begin(pc);
  const u32 start = emit(Special::table_size);
  emit_u64(table);
  produce_in_slot(value_type_of(module_.tables[table].type.limits.address_type).kind(), start, 0, false);
}

void FunctionTranslator::table_grow(u64 pc, u32 table, ValType) {
  begin(pc);
  Operand delta = pop();
  Operand init = pop();
  const u32 a = slot(delta);
  const u32 r = slot(init);
  empty_accumulators();
  const u32 start = emit(Special::table_grow, a, r);
  emit_u64(table);
  // Ends in d like a call: it may be left behind itself.
  produce_in_slot(value_type_of(module_.tables[table].type.limits.address_type).kind(), start + 1, 2, true);
}

void FunctionTranslator::table_fill(u64 pc, u32 table, ValType) {
  begin(pc);
  // index, value, count: the numbers lie next to each other, the reference apart (rule P4).
  settle(3);
  empty_accumulators();
  last_ = {};
  const u32 r_home = stack_.top(1).home;
  const u32 home = stack_.top(2).home;
  u32 first = home;
  if (home + 2 > 0xFFFF) {
    first = scratch_;
    for (u32 i = 0; i < 2; ++i) {
      emit(Special::wide_get, first + i);
      emit_u64(home + i);
    }
    scratch_used_ = 2;
  }
  const u32 r = reach(r_home);
  for (u32 i = 0; i < 3; ++i) pop();
  emit(Special::table_fill, first, r);
  emit_u64(table);
}

void FunctionTranslator::table_copy(u64 pc, u32 dst, u32 src) {
  begin(pc);
  emit(Special::table_copy, fresh_operands(3));
  emit_u64(pair(dst, src));
}

void FunctionTranslator::table_init(u64 pc, u32 elem, u32 table) {
  begin(pc);
  emit(Special::table_init, fresh_operands(3));
  emit_u64(pair(elem, table));
}

void FunctionTranslator::elem_drop(u64 pc, u32 elem) {
  begin(pc);
  emit(Special::elem_drop);
  emit_u64(elem);
}

}  // namespace lunabeam::vm::interp
