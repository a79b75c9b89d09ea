// Calls and returns.
#include <bit>

#include "vm/host_function.h"
#include "vm/interp/translate_values.h"
#include "vm/type_registry.h"

namespace lunabeam::vm::interp {

namespace {

// Longer argument and result lists are put next to each other first, so that code stays linear in the body.
constexpr u32 kMaxListed = 16;

u64 address_of(const void* object) {
  const u64 address = std::bit_cast<u64>(object);
  VM_CHECK(address >> 48 == 0);  // Shares its word with a destination.
  return address;
}

bool has_references(const FuncType& type) {
  for (const ValType param : type.params) {
    if (param.is_ref()) return true;
  }
  for (const ValType result : type.results) {
    if (result.is_ref()) return true;
  }
  return false;
}

bool returns_references(const FuncType& type) {
  for (const ValType result : type.results) {
    if (result.is_ref()) return true;
  }
  return false;
}

}  // namespace

// Operand of an argument or result, which stays on the stack.
u32 FunctionTranslator::listed_operand(u32 depth) {
  Operand& value = stack_.top(depth);
  switch (value.place) {
    case Place::kTemp: break;
    case Place::kLocal: return local_words_[value.lazy.local];
    case Place::kAcc: spill(value.is_float() ? 1 : 0); break;
    case Place::kConst:
      code_.reserve(CodeBuffer::kSlackWords);
      emit_const(value.value, value.home);
      break;
  }
  return value.home;
}

// Lists the operands of the topmost `count` values: in_order as they come, else references last. Out of reach in a wide frame, they
// are copied to where operands reach; then the stack changes, so that conditional code settles the values before.
FunctionTranslator::List FunctionTranslator::list_values(u32 count, bool in_order) {
  const Values all = values(count);
  List list{.nums = all.words[0], .refs = all.words[1], .home = {all.home[0], all.home[1]}};
  if (wide_) bring_near(list, count);
  u32 next = 0;
  u32 next_ref = in_order ? 0 : list.nums;
  for (u32 i = count; i-- > 0;) {
    const bool is_ref = stack_.top(i).is_ref();
    const bool is_vector = stack_.top(i).kind == ValType::kV128;
    u32 word = listed_operand(i);
    if (wide_) word = word - all.home[is_ref ? 1 : 0] + list.home[is_ref ? 1 : 0];
    u32& at = is_ref && !in_order ? next_ref : next;
    operands_[at++] = word;
    if (is_vector) operands_[at++] = word + 1;
  }
  return list;
}

// The values as ranges, each from list.home on.
FunctionTranslator::List FunctionTranslator::range_of_values(u32 count) {
  settle(count);
  const Values all = values(count);
  List list{.nums = all.words[0], .refs = all.words[1], .home = {all.home[0], all.home[1]}};
  if (wide_) bring_near(list, count);
  return list;
}

// In a wide frame: settles the topmost `count` values and moves list.home to where operands reach.
void FunctionTranslator::bring_near(List& list, u32 count) {
  settle(count);
  const u32 words[2] = {list.nums, list.refs};
  for (u32 which = 0; which < 2; ++which) {
    if (list.home[which] + words[which] <= 0x1'0000) continue;
    VM_CHECK(scratch_used_ + words[which] < scratch_count_);
    code_.reserve(CodeBuffer::kSlackWords);
    if (words[which] != 0) move_range(list.home[which], scratch_ + scratch_used_, words[which]);
    list.home[which] = scratch_ + scratch_used_;
    scratch_used_ += words[which];
  }
}

// The operand words of a list, and `tail` u16 fields behind it that end the last word. Returns the position of the last word.
u32 FunctionTranslator::emit_list(u32 count, u32 tail) {
  const u32 words = packed_words(count, tail);
  if (!code_.reserve(words + CodeBuffer::kSlackWords)) return code_.size();
  for (u32 i = 0; i < words; ++i) {
    const auto operand = [&](u32 at) { return static_cast<u16>(at < count ? operands_[at] : 0); };
    code_.push({operand(4 * i), {operand(4 * i + 1), operand(4 * i + 2), operand(4 * i + 3)}});
  }
  return code_.size() - 1;
}

// Pushes the results of the call that ends with the last word: d in its f[2], dref in its f[1].
void FunctionTranslator::push_results(const FuncType& type) {
  const u32 word = code_.size() == 0 ? 0 : code_.size() - 1;  // 0: memory is exhausted.
  empty_accumulators();
  last_ = {};
  if (type.results.empty()) return;
  if (type.results.size() == 1 && type.results[0].kind() != ValType::kV128) {
    const ValType::Kind kind = type.results[0].kind();
    produce_in_slot(kind, word, kind == ValType::kRef ? 1 : 2, true);
    return;
  }
  u32 next[2] = {stack_.next(false), stack_.next(true)};
  for (const ValType result : type.results) stack_.push(Place::kTemp, result.kind());
  const bool far =
      next[0] > 0xFFFF || next[1] > 0xFFFF || stack_.next(false) > 0x1'0000 || stack_.next(true) > 0x1'0000;
  if (!far) {
    if (stack_.next(true) != next[1]) code_[word].f[1] = static_cast<u16>(next[1]);
    code_[word].f[2] = static_cast<u16>(next[0]);
    return;
  }
  const u32 count[2] = {stack_.next(false) - next[0], stack_.next(true) - next[1]};
  VM_CHECK(count[0] + count[1] < scratch_count_);
  const u32 near[2] = {scratch_, scratch_ + count[0]};
  if (count[1] != 0) code_[word].f[1] = static_cast<u16>(near[1]);
  code_[word].f[2] = static_cast<u16>(near[0]);
  for (u32 which = 0; which < 2; ++which) {
    code_.reserve(CodeBuffer::kSlackWords);
    if (count[which] != 0) move_range(near[which], next[which], count[which]);
  }
}

void FunctionTranslator::emit_call(u32 func, const FuncType& type) {
  const auto count = static_cast<u32>(type.params.size());
  const FuncCode& callee = module_.codes[func];
  if (func < module_.imported_funcs && callee.host == nullptr) {
    const List list = list_values(count, false);
    truncate(stack_.size() - count);
    spill_all();
    emit(Special::call_import, list.nums, list.refs);
    emit_u64(func);
    emit_list(list.nums + list.refs, 2);
  } else if (func < module_.imported_funcs && !returns_references(type)) {
    const List list = list_values(count, true);
    truncate(stack_.size() - count);
    spill_all();
    u32 results = 0;
    for (const ValType result : type.results) results += result.slots();
    emit(Special::call_host, list.nums + list.refs, results);
    emit_u64(address_of(callee.host));
    emit_list(list.nums + list.refs, 2);
  } else if (count > kMaxListed) {
    const List list = range_of_values(count);
    spill_all();
    truncate(stack_.size() - count);
    emit(Special::call_range, list.home[0], list.nums, list.home[1]);
    emit_u64(address_of(&callee));
    code_.push({static_cast<u16>(list.refs), {0, 0, 0}});
  } else {
    const List list = list_values(count, false);
    truncate(stack_.size() - count);
    spill_all();
    const bool fast = list.nums <= 6 && !wide_ && callee.ref_base == callee.num_slots && !has_references(type);
    if (fast) {
      const auto a = [&](u32 i) { return i < list.nums ? operands_[i] : 0; };
      emit(static_cast<Special>(static_cast<u32>(Special::call_0) + list.nums), a(0), a(1), a(2));
      emit_u64(address_of(&callee));
      if (list.nums > 3) code_.push({static_cast<u16>(a(3)), {static_cast<u16>(a(4)), static_cast<u16>(a(5)), 0}});
    } else {
      emit(Special::call, list.nums, list.refs);
      emit_u64(address_of(&callee));
      emit_list(list.nums + list.refs, 2);
    }
  }
  push_results(type);
}

void FunctionTranslator::call(u64 pc, u32 func, const FuncType& type) {
  begin(pc);
  emit_call(func, type);
}

void FunctionTranslator::call_indirect(u64 pc, u32 table, TypeId id, const FuncType& type) {
  begin(pc);
  Operand index = pop();
  const u32 c = slot(index);
  const auto count = static_cast<u32>(type.params.size());
  const List list = count > kMaxListed ? range_of_values(count) : list_values(count, false);
  truncate(stack_.size() - count);
  spill_all();
  const auto type_bits = static_cast<u32>(id);
  if (count > kMaxListed) {
    emit(Special::call_indirect_range, c, list.home[0], list.home[1]);
    emit_u64(u64{table} << 32 | type_bits);
    code_.push({static_cast<u16>(list.nums), {static_cast<u16>(list.refs), 0, 0}});
  } else if (table == 0 && list.nums <= 3 && !has_references(type) && !wide_) {
    const auto a = [&](u32 i) { return i < list.nums ? operands_[i] : 0; };
    emit(static_cast<Special>(static_cast<u32>(Special::call_indirect_0) + list.nums), c, a(0), a(1));
    emit_u64(u64{a(2)} << 32 | type_bits);
  } else {
    emit(Special::call_indirect, c, list.nums, list.refs);
    emit_u64(u64{table} << 32 | type_bits);
    emit_list(list.nums + list.refs, 2);
  }
  push_results(type);
}

void FunctionTranslator::return_call(u64 pc, u32 func, const FuncType& type) {
  begin(pc);
  const FuncCode& callee = module_.codes[func];
  const auto count = static_cast<u32>(type.params.size());
  const bool imported = func < module_.imported_funcs;
  if (imported && callee.host != nullptr && !returns_references(type)) {
    emit_call(func, type);
    emit_return();
  } else {
    const bool other_instance = imported && callee.host == nullptr;
    if (count > kMaxListed && !other_instance) {
      const List range = range_of_values(count);
      spill_all();
      emit(Special::return_call_range, range.home[0], range.nums, range.home[1]);
      emit_u64(address_of(&callee));
      code_.push({static_cast<u16>(range.refs), {0, 0, 0}});
      truncate(control_.label(0).height);
      return;
    }
    const List list = list_values(count, false);
    spill_all();
    emit(other_instance ? Special::return_call_import : Special::return_call, list.nums, list.refs);
    emit_u64(other_instance ? func : address_of(&callee));
    emit_list(list.nums + list.refs, 0);
  }
  truncate(control_.label(0).height);
}

void FunctionTranslator::return_call_indirect(u64 pc, u32 table, TypeId id, const FuncType& type) {
  begin(pc);
  Operand index = pop();
  const u32 c = slot(index);
  const auto count = static_cast<u32>(type.params.size());
  const u64 type_and_table = u64{table} << 32 | static_cast<u32>(id);
  if (count > kMaxListed) {
    const List range = range_of_values(count);
    spill_all();
    emit(Special::return_call_indirect_range, c, range.home[0], range.home[1]);
    emit_u64(type_and_table);
    code_.push({static_cast<u16>(range.nums), {static_cast<u16>(range.refs), 0, 0}});
  } else {
    const List list = list_values(count, false);
    spill_all();
    emit(Special::return_call_indirect, c, list.nums, list.refs);
    emit_u64(type_and_table);
    emit_list(list.nums + list.refs, 0);
  }
  truncate(control_.label(0).height);
}

void FunctionTranslator::call_ref(u64 pc, TypeId, const FuncType& type) {
  begin(pc);
  Operand callee = pop();
  const u32 c = slot(callee);
  const auto count = static_cast<u32>(type.params.size());
  const List list = count > kMaxListed ? range_of_values(count) : list_values(count, false);
  truncate(stack_.size() - count);
  spill_all();
  if (count > kMaxListed) {
    emit(Special::call_ref_range, c, list.home[0], list.home[1]);
    code_.push({static_cast<u16>(list.nums), {static_cast<u16>(list.refs), 0, 0}});
  } else if (list.nums <= 3 && !has_references(type) && !wide_) {
    const auto a = [&](u32 i) { return i < list.nums ? operands_[i] : 0; };
    emit(static_cast<Special>(static_cast<u32>(Special::call_ref_0) + list.nums), c, a(0), a(1));
    code_.push({static_cast<u16>(a(2)), {0, 0, 0}});
  } else {
    emit(Special::call_ref, c, list.nums, list.refs);
    emit_list(list.nums + list.refs, 2);
  }
  push_results(type);
}

void FunctionTranslator::return_call_ref(u64 pc, TypeId, const FuncType& type) {
  begin(pc);
  Operand callee = pop();
  const u32 c = slot(callee);
  const auto count = static_cast<u32>(type.params.size());
  if (count > kMaxListed) {
    const List range = range_of_values(count);
    spill_all();
    emit(Special::return_call_ref_range, c, range.home[0], range.home[1]);
    code_.push({static_cast<u16>(range.nums), {static_cast<u16>(range.refs), 0, 0}});
  } else {
    const List list = list_values(count, false);
    spill_all();
    emit(Special::return_call_ref, c, list.nums, list.refs);
    emit_list(list.nums + list.refs, 0);
  }
  truncate(control_.label(0).height);
}

void FunctionTranslator::return_(u64 pc) {
  begin(pc);
  emit_return();
  truncate(control_.label(0).height);
}

// Returns the topmost values, which stay on the stack.
void FunctionTranslator::emit_return() {
  const u32 count = results_.size();
  const u32 frame = func_.frame_words;
  if (count == 0 && !wide_) {
    emit(Special::ret_0, frame);
    return;
  }
  if (count == 1 && !wide_ && results_.types()[0].is_num()) {
    Operand value = take(0);
    const bool acc_holds = in_acc(value);
    if (!value.is_float()) {
      if (acc_holds) {
        emit(Special::ret_A, frame);
      } else if (value.place == Place::kConst && value.value <= 0xFFFF) {
        emit(Special::ret_I, static_cast<u32>(value.value), frame);
      } else {
        emit(Special::ret_S, slot(value), frame);
      }
    } else if (acc_holds) {
      emit(value.kind == ValType::kF32 ? Special::ret_F32 : Special::ret_F, frame);
    } else {
      emit(Special::ret_SF, slot(value), frame);
    }
    return;
  }
  if (count == 1 && !wide_ && results_.types()[0] == ValType::kV128) {
    const Operand value = take(0);
    emit(Special::ret_V, vector_slot(value), frame);
    return;
  }
  const bool float_first = count > 0 && results_.types()[0].is_float();
  if (count > kMaxListed) {
    const List list = range_of_values(count);
    emit(Special::ret_range, list.home[0], list.nums, list.home[1]);
    code_.push({static_cast<u16>(list.refs), {0, 0, 0}});
    return;
  }
  const List list = list_values(count, false);
  emit(Special::ret_many, list.nums, list.refs, float_first ? 1 : 0);
  emit_list(list.nums + list.refs, 0);
}

}  // namespace lunabeam::vm::interp
