// Structs, arrays, i31 and casts.
//
// An operation that allocates may collect: references must be where the collector finds them then, in slots of the reference section.
// So whatever such an operation reads is a slot, no accumulator is live across it, and in wide frames, where operands are copied to
// scratch slots that are not of that section, its operands are read by range from where they are.
#include "vm/gc/layout.h"
#include "vm/interp/gc_access.h"
#include "vm/interp/gc_ops.h"
#include "vm/interp/translate_values.h"
#include "vm/type_registry.h"

namespace lunabeam::vm::interp {

namespace {

constexpr u64 pair(u32 low, u32 high) { return u64{high} << 32 | low; }

const gc::Layout& layout_of(TypeId type) { return TypeRegistry::global().layout(type); }
ValType storage_of(TypeId type, u32 field) { return TypeRegistry::global().get(type).fields[field].storage; }

// Kind of the value on the operand stack.
ValType::Kind unpacked(ValType storage) { return storage.is_packed() ? ValType::kI32 : storage.kind(); }

// ORDER: get_i8_A, get_i8_S, get_u8_A, ... in the order of Cell; then get_v128.
Special get_op(Special first, Cell cell) {
  const u32 index = cell == Cell::kV128 ? 2 * kScalarCells : 2 * static_cast<u32>(cell);
  return static_cast<Special>(static_cast<u32>(first) + index);
}
// ORDER: set_8, set_8_A, set_16, set_16_A, set_32, set_64, set_f32, set_f64, each with its A form; then set_v128.
Special set_op(Special first, Cell cell, bool from_acc) {
  constexpr u8 kPlace[] = {0, 0, 1, 1, 2, 3, 4, 5, 6};
  return static_cast<Special>(static_cast<u32>(first) + 2 * kPlace[static_cast<u32>(cell)] + (from_acc ? 1 : 0));
}

u64 cast_word(ValType target) {
  u32 flags = target.is_nullable() ? kCastNullable : 0;
  if (target.heap().is_concrete()) {
    const SubType& type = TypeRegistry::global().get(target.heap().type_id());
    if (type.kind != CompositeKind::kFunc) flags |= kCastObject | (type.is_final ? kCastFinal : 0);
  }
  return pair(target.heap().bits(), flags);
}

}  // namespace

// --- Reading and writing ---

// Ends an operation that reads a cell into its d, field 2 of its first word.
void FunctionTranslator::produce_cell(ValType::Kind kind, u32 start) {
  if (kind == ValType::kV128) {
    produce_vector(start, 2);
  } else {
    produce(kind, start, 2);
  }
}

void FunctionTranslator::struct_get(u64 pc, Opcode op, TypeId type, u32 field) {
  begin(pc);
  const ValType storage = storage_of(type, field);
  const Cell cell = cell_of(storage, op == Opcode::struct_get_s);
  const u32 offset = layout_of(type).fields[field];
  Operand object = pop();
  const u32 r = slot(object);
  if (offset > 0xFFFF) {
    const u32 start = emit(Special::struct_get_x, r, static_cast<u32>(cell));
    emit_u64(offset);
    if (cell == Cell::kV128) {
      produce_vector(start, 2);
    } else {
      produce_in_slot(unpacked(storage), start, 2, false);
    }
    return;
  }
  produce_cell(unpacked(storage), emit(op_id(get_op(Special::struct_get_i8_A, cell)), r, offset));
}

void FunctionTranslator::struct_set(u64 pc, TypeId type, u32 field) {
  begin(pc);
  const Cell cell = cell_of(storage_of(type, field), false);
  const u32 offset = layout_of(type).fields[field];
  Operand value = pop();
  Operand object = pop();
  if (offset > 0xFFFF) {
    const u32 v = near_value(value);
    const u32 r = slot(object);
    emit(Special::struct_set_x, r, static_cast<u32>(cell), v);
    emit_u64(offset);
    return;
  }
  const bool from_acc = cell != Cell::kV128 && in_acc(value);
  const u32 v = from_acc ? 0 : near_value(value);
  const u32 r = slot(object);
  emit(op_id(set_op(Special::struct_set_8, cell, from_acc)), r, offset, v);
}

void FunctionTranslator::array_get(u64 pc, Opcode op, TypeId type) {
  begin(pc);
  const ValType storage = storage_of(type, 0);
  Operand index = pop();
  Operand array = pop();
  const u32 i = slot(index);
  const u32 r = slot(array);
  produce_cell(unpacked(storage),
               emit(op_id(get_op(Special::array_get_i8_A, cell_of(storage, op == Opcode::array_get_s))), r, i));
}

void FunctionTranslator::array_set(u64 pc, TypeId type) {
  begin(pc);
  const Cell cell = cell_of(storage_of(type, 0), false);
  Operand value = pop();
  Operand index = pop();
  Operand array = pop();
  const bool from_acc = cell != Cell::kV128 && in_acc(value);
  const u32 v = from_acc ? 0 : near_value(value);
  const u32 i = slot(index);
  const u32 r = slot(array);
  emit(op_id(set_op(Special::array_set_8, cell, from_acc)), r, i, v);
}

// Operand of a popped value, within reach with both its words.
u32 FunctionTranslator::near_value(Operand& value) {
  return value.kind == ValType::kV128 ? vector_slot(value) : slot(value);
}

void FunctionTranslator::array_len(u64 pc) {
  begin(pc);
  Operand array = pop();
  produce(ValType::kI32, emit(Special::array_len_A, slot(array)), 1);
}

// --- Allocation ---

// Pops the values of the operation that was emitted at `start`, and pushes the object in its place.
void FunctionTranslator::replace_by_object(u32 count, u32 start, u32 d_field) {
  for (u32 i = 0; i < count; ++i) pop();
  produce_in_slot(ValType::kRef, start, d_field, false);
}

void FunctionTranslator::struct_new(u64 pc, TypeId type) {
  begin(pc);
  const gc::Layout& layout = layout_of(type);
  const auto count = static_cast<u32>(layout.fields.size());
  empty_accumulators();
  last_ = {};
  if (wide_ || count > kMaxListedFields || layout.bytes > 0xFFFF) {
    settle(count);
    const Values all = values(count);
    code_.reserve(CodeBuffer::kSlackWords);
    const u32 start = emit(Special::struct_new_range);
    emit_u64(layout.header);
    emit_u64(pair(all.home[0], all.home[1]));
    replace_by_object(count, start, 0);
    return;
  }
  u32 pairs = 0;
  for (u32 i = 0; i < count; ++i) {
    const u32 depth = count - 1 - i;
    const u32 words = stack_.top(depth).kind == ValType::kV128 ? 2 : 1;
    const u32 word = listed_operand(depth);
    for (u32 k = 0; k < words; ++k, ++pairs) {
      operands_[2 * pairs] = word + k;
      operands_[2 * pairs + 1] = layout.fields[i] + 8 * k;
    }
  }
  code_.reserve(CodeBuffer::kSlackWords);
  const u32 start = emit(Special::struct_new, pairs);
  emit_u64(layout.header);
  emit_list(2 * pairs, 0);
  replace_by_object(count, start, 1);
}

void FunctionTranslator::struct_new_default(u64 pc, TypeId type) {
  begin(pc);
  empty_accumulators();
  const u32 start = emit(Special::struct_new_default);
  emit_u64(layout_of(type).header);
  produce_in_slot(ValType::kRef, start, 0, false);
}

void FunctionTranslator::array_new(u64 pc, TypeId type) {
  begin(pc);
  // The length counts down where the array is long, so it is a copy.
  settle(1);
  empty_accumulators();
  last_ = {};
  const Operand length = pop();
  if (!wide_) {
    Operand value = pop();
    const u32 v = near_value(value);
    const u32 start = emit(Special::array_new, length.home, v);
    emit_u64(layout_of(type).header);
    const u32 fill = emit(Special::array_fill_all, length.home);
    produce_in_slot(ValType::kRef, start, 2, false);
    code_[fill].f[1] = code_[start].f[2];
  } else {
    settle(1);
    const u32 n = reach(length.home);
    const u32 start = emit(Special::array_new_x, n);
    emit_u64(layout_of(type).header);
    emit_u64(stack_.top().home);
    replace_by_object(1, start, 2);
    emit(Special::array_fill_all, n, reach(stack_.top().home));
  }
  last_ = {};
}

void FunctionTranslator::array_new_default(u64 pc, TypeId type) {
  begin(pc);
  settle(1);
  empty_accumulators();
  last_ = {};
  const Operand length = pop();
  const u32 n = reach(length.home);
  if (!wide_) {
    const u32 start = emit(Special::array_new_default, n);
    emit_u64(layout_of(type).header);
    const u32 clear = emit(Special::array_clear, n);
    produce_in_slot(ValType::kRef, start, 2, false);
    code_[clear].f[1] = code_[start].f[2];
    last_ = {};
    return;
  }
  const u32 start = emit(Special::array_alloc, n);
  emit_u64(layout_of(type).header);
  produce_in_slot(ValType::kRef, start, 2, false);
  emit(Special::array_clear, n, reach(stack_.top().home));
  last_ = {};
}

void FunctionTranslator::array_new_fixed(u64 pc, TypeId type, u32 count) {
  begin(pc);
  empty_accumulators();
  last_ = {};
  const u64 header = layout_of(type).header | u64{count} << 32;
  const u32 words = count * storage_of(type, 0).slots();
  if (wide_ || words > kMaxListedFields) {
    settle(count);
    const Values all = values(count);
    code_.reserve(CodeBuffer::kSlackWords);
    const u32 start = emit(Special::array_new_fixed_range);
    emit_u64(header);
    emit_u64(all.words[0] != 0 ? all.home[0] : all.home[1]);
    replace_by_object(count, start, 0);
    return;
  }
  const List list = list_values(count, true);
  code_.reserve(CodeBuffer::kSlackWords);
  const u32 start = emit(Special::array_new_fixed, list.nums + list.refs);
  emit_u64(header);
  emit_list(list.nums + list.refs, 0);
  replace_by_object(count, start, 1);
}

// array.new_data, array.new_elem: one operation checks and allocates, the next one copies.
void FunctionTranslator::array_new_segment(Special allocate, Special load, TypeId type, u32 segment) {
  const u32 operands = fresh_operands(2);
  const u32 start = emit(allocate, operands);
  emit_u64(layout_of(type).header);
  emit_u64(segment);
  produce_in_slot(ValType::kRef, start, 1, false);
  emit(load, operands, reach(stack_.top().home));
  emit_u64(segment);
  last_ = {};
}

void FunctionTranslator::array_new_data(u64 pc, TypeId type, u32 data) {
  begin(pc);
  array_new_segment(Special::array_new_data, Special::array_load_data, type, data);
}

void FunctionTranslator::array_new_elem(u64 pc, TypeId type, u32 elem) {
  begin(pc);
  array_new_segment(Special::array_new_elem, Special::array_load_elem, type, elem);
}

// --- Filling and copying ---

void FunctionTranslator::array_fill(u64 pc, TypeId) {
  begin(pc);
  settle(4);
  empty_accumulators();
  last_ = {};
  Operand count = pop();
  Operand value = pop();
  Operand index = pop();
  Operand array = pop();
  const u32 v = near_value(value);
  const u32 i = slot(index);
  const u32 n = slot(count);
  const u32 r = slot(array);
  emit(Special::array_fill, i, n, r);
  emit_u64(v);
}

void FunctionTranslator::array_copy(u64 pc, TypeId, TypeId) {
  begin(pc);
  // Array, index, array, index, count: the numbers lie next to each other.
  settle(5);
  empty_accumulators();
  last_ = {};
  const u32 to = stack_.top(4).home;
  const u32 from = stack_.top(2).home;
  const u32 first = near_range(stack_.top(3).home, 3);
  const u32 r = reach(to);
  const u32 s = reach(from);
  for (u32 i = 0; i < 5; ++i) pop();
  emit(Special::array_copy, first, r, s);
}

// `count` words from `home` on, copied to where operands reach.
u32 FunctionTranslator::near_range(u32 home, u32 count) {
  if (home + count <= 0x1'0000) return home;
  VM_CHECK(scratch_used_ + count < scratch_count_);
  const u32 near = scratch_ + scratch_used_;
  scratch_used_ += count;
  move_range(home, near, count);
  return near;
}

void FunctionTranslator::array_init(Special op, u32 segment) {
  settle(4);
  empty_accumulators();
  last_ = {};
  const u32 first = near_range(stack_.top(2).home, 3);
  const u32 r = reach(stack_.top(3).home);
  for (u32 i = 0; i < 4; ++i) pop();
  emit(op, first, r);
  emit_u64(segment);
}

void FunctionTranslator::array_init_data(u64 pc, TypeId, u32 data) {
  begin(pc);
  array_init(Special::array_init_data, data);
}

void FunctionTranslator::array_init_elem(u64 pc, TypeId, u32 elem) {
  begin(pc);
  array_init(Special::array_init_elem, elem);
}

// --- i31, comparison, conversion ---

void FunctionTranslator::ref_i31(u64 pc) {
  begin(pc);
  Operand value = pop();
  produce(ValType::kRef, emit(Special::ref_i31_A, slot(value)), 1);
}

void FunctionTranslator::i31_get(u64 pc, Opcode op) {
  begin(pc);
  Operand ref = pop();
  produce(ValType::kI32, emit(op == Opcode::i31_get_s ? Special::i31_get_s_A : Special::i31_get_u_A, slot(ref)), 1);
}

void FunctionTranslator::ref_eq(u64 pc) {
  begin(pc);
  Operand b = pop();
  Operand a = pop();
  const u32 word_b = slot(b);
  const u32 word_a = slot(a);
  produce(ValType::kI32, emit(Special::ref_eq_A, word_a, word_b), 2);
}

// A reference is the same bits in both hierarchies (vm/reference.h).
void FunctionTranslator::any_convert_extern(u64 pc, ValType) { begin(pc); }
void FunctionTranslator::extern_convert_any(u64 pc, ValType) { begin(pc); }

// --- Casts ---

void FunctionTranslator::ref_test(u64 pc, ValType target) {
  begin(pc);
  Operand ref = pop();
  const u32 start = emit(Special::ref_test_A, slot(ref));
  emit_u64(cast_word(target));
  produce(ValType::kI32, start, 1);
}

void FunctionTranslator::ref_cast(u64 pc, ValType target) {
  begin(pc);
  Operand ref = pop();
  emit(Special::ref_cast, slot(ref));
  emit_u64(cast_word(target));
  push_again(ref);
}

void FunctionTranslator::br_on_cast(u64 pc, Opcode op, u32 depth, ValType, ValType target) {
  begin(pc);
  Operand ref = pop();
  const u32 word = slot(ref);
  push_again(ref);
  branch_with_values(
      {.condition = {}, .word = word, .null = op == Opcode::br_on_cast, .is_cast = true, .target = cast_word(target)},
      depth);
}

}  // namespace lunabeam::vm::interp
