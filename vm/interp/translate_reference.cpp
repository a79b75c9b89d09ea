// Typed function references: null tests, their branches, and calls.
#include "vm/interp/translate_values.h"
#include "vm/trap.h"

namespace lunabeam::vm::interp {

// Puts a value back that was popped, and read from its slot since.
void FunctionTranslator::push_again(const Operand& value) {
  switch (value.place) {
    case Place::kLocal: stack_.push_local(value.lazy.local, value.kind); break;
    case Place::kConst: stack_.push(Place::kConst, value.kind).value = value.value; break;
    case Place::kTemp: stack_.push(Place::kTemp, value.kind); break;
    case Place::kAcc: VM_UNREACHABLE("a pending value was read from its slot");
  }
}

void FunctionTranslator::ref_as_non_null(u64 pc, ValType) {
  begin(pc);
  Operand ref = pop();
  emit(Special::trap_null, slot(ref), static_cast<u32>(TrapKind::kNullReference));
  push_again(ref);
}

void FunctionTranslator::br_on_null(u64 pc, u32 depth) {
  begin(pc);
  Operand ref = pop();
  const u32 word = slot(ref);
  branch_with_values({.condition = {}, .word = word, .null = true}, depth);
  push_again(ref);
}

void FunctionTranslator::br_on_non_null(u64 pc, u32 depth) {
  begin(pc);
  Operand ref = pop();
  const u32 word = slot(ref);
  push_again(ref);
  branch_with_values({.condition = {}, .word = word, .null = false}, depth);
  pop();
}

}  // namespace lunabeam::vm::interp
