// Throwing and catching. Handlers are no code: an entry of the catch table is a branch that the thrower takes (catch_table.h), linked to
// its label like any other.
#include "vm/interp/translate_values.h"
#include "vm/type_registry.h"

namespace lunabeam::vm::interp {

// The payload is handed over as two ranges of temporaries, whatever it consists of: their addresses do not depend on the reach of
// short operands, and references are where the collector looks for them, should making the exception call it.
void FunctionTranslator::throw_(u64 pc, u32 tag, const FuncType& type) {
  begin(pc);
  const auto count = static_cast<u32>(type.params.size());
  settle(count);
  spill_all();
  const Values payload = values(count);
  code_.reserve(CodeBuffer::kSlackWords);
  emit(Special::throw_);
  emit_u64(tag);
  emit_u64(u64{payload.home[1]} << 32 | payload.home[0]);
  truncate(control_.label(0).height);
}

void FunctionTranslator::emit_throw_ref(u32 word) {
  spill_all();
  emit(Special::throw_ref, word);
  truncate(control_.label(0).height);
}

void FunctionTranslator::throw_ref(u64 pc) {
  begin(pc);
  Operand exception = pop();
  emit_throw_ref(slot(exception));
}

void FunctionTranslator::rethrow(u64 pc, u32 depth) {
  begin(pc);
  emit_throw_ref(reach(stack_[control_.label(depth).height].home));
}

// --- Ranges ---

// Code from here on is directly in `range`. What was emitted before must not be changed any more: an instruction that is taken back
// would move what follows across the boundary.
void FunctionTranslator::enter_range(u32 range) {
  control_.label(0).range = range;
  catches_.begin_segment(code_.size(), range);
  last_ = {};
}

// The innermost block was left, or its first arm.
void FunctionTranslator::leave_range() {
  catches_.begin_segment(code_.size(), control_.label(0).range);
  last_ = {};
}

void FunctionTranslator::try_table(u64 pc, const BlockSignature& signature, std::span<const CatchClause> clauses) {
  open_operator(pc);
  settle_lazy();
  if (clauses.empty()) {
    open_block(BlockKind::kTryTable, signature);
    return;
  }
  const u32 range = catches_.add_range(control_.label(0).range);
  for (const CatchClause& clause : clauses) {
    Control& target = control_.label(clause.label);
    CatchEntry entry{.home = {target.home[0], target.home[1]}};
    u32 references = 0;
    if (clause.kind < 2) {
      entry.tag = clause.tag;
      references = TypeRegistry::global().func_shape(module_.tags[clause.tag]).param_refs;
    }
    if ((clause.kind & 1) != 0) entry.exception = target.home[1] + references;
    link(&target, nullptr, catches_.add_entry(range, entry), kCatchField);
  }
  open_block(BlockKind::kTryTable, signature);
  enter_range(range);
}

// --- Legacy: the arms of a try follow one another; each catch begins where the thrower goes on ---

void FunctionTranslator::open_try(const BlockSignature& signature) {
  const u32 range = catches_.add_range(control_.label(0).range);
  open_block(BlockKind::kTry, signature);
  control_.label(0).own_range = range;
  enter_range(range);
}

void FunctionTranslator::next_arm(u32 tag, std::span<const ValType> payload, bool falls_in) {
  Control& control = control_.label(0);
  if (falls_in) {
    // The homes of a later arm are those of the label, one reference further up.
    move_to_label(control, control.results.size());
    code_.reserve(CodeBuffer::kSlackWords);
    jump(control);
  }
  truncate(control.height);
  empty_accumulators();
  if (control.kind == BlockKind::kTry) {
    control.kind = BlockKind::kCatch;
    control.range = control_.label(1).range;
  }
  leave_range();
  CatchEntry entry{.tag = tag, .target = code_.size()};
  entry.exception = stack_.push(Place::kTemp, ValType::kRef).home;
  entry.home[0] = stack_.next(false);
  entry.home[1] = stack_.next(true);
  catches_.add_entry(control.own_range, entry);
  for (const ValType type : payload) stack_.push(Place::kTemp, type.kind());
}

void FunctionTranslator::catch_(u64 pc, u32 tag, const FuncType& type, bool falls_in) {
  open_operator(pc);
  next_arm(tag, type.params, falls_in);
}

void FunctionTranslator::catch_all(u64 pc, bool falls_in) {
  open_operator(pc);
  next_arm(kNoCatch, {}, falls_in);
}

// The end of a try whose last arm is a catch.
void FunctionTranslator::end_catch(Control& control, bool falls_in) {
  if (falls_in) move_to_label(control, control.results.size());
  truncate(control.height);
  bind(control.fixups);
  push_types(control.results);
}

void FunctionTranslator::delegate(u64 pc, u32 depth, bool falls_in) {
  catches_.set_outer(control_.label(0).own_range, control_.label(depth + 1).range);
  end(pc, falls_in);
}

}  // namespace lunabeam::vm::interp
