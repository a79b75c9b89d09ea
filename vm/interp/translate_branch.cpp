// Blocks and branches.
#include "vm/interp/translate_values.h"
#include "vm/reductions.h"

namespace lunabeam::vm::interp {

void FunctionTranslator::open_block(BlockKind kind, const BlockSignature& signature) {
  Control control;
  control.kind = kind;
  control.params = TypeList(signature.params);
  control.results = TypeList(signature.results);
  control.height = stack_.size() - control.params.size();
  control.home[0] = stack_.home_from(control.height, false);
  control.home[1] = stack_.home_from(control.height, true);
  control.range = control_.label(0).range;
  control_.push(control);
}

void FunctionTranslator::block(u64 pc, BlockKind kind, const BlockSignature& signature) {
  const auto num_params = static_cast<u32>(signature.params.size());
  switch (kind) {
    case BlockKind::kBlock:
      open_operator(pc);
      settle_lazy();
      open_block(kind, signature);
      break;
    case BlockKind::kLoop:
      open_operator(pc);
      settle(num_params);
      settle_lazy();
      empty_accumulators();
      last_ = {};
      open_block(kind, signature);
      control_.label(0).header = code_.size();
      control_.label(0).outer_ops = ops_;
      ops_ = 0;
      break;
    case BlockKind::kTry:
      open_operator(pc);
      settle_lazy();
      open_try(signature);
      break;
    case BlockKind::kCatch:
    case BlockKind::kTryTable: VM_UNREACHABLE("reported otherwise");
    case BlockKind::kIf: {
      begin(pc);
      Operand condition = pop();
      if (num_params == 0 && stack_.lazy_count() == 0) {
        open_block(kind, signature);
      } else {
        // The copies go before the comparison, so that it can become part of the branch.
        const bool last = is_last(condition);
        const Detached compare = last ? detach() : Detached{};
        settle(num_params);
        settle_lazy();
        if (last) attach(compare, condition);
        open_block(kind, signature);
      }
      branch_on(condition, false, nullptr, &control_.label(0).else_fixup);
      break;
    }
  }
}

void FunctionTranslator::else_(u64 pc, bool falls_in) {
  open_operator(pc);
  Control& control = control_.label(0);
  if (falls_in) {
    settle(control.results.size());
    jump(control);
  }
  truncate(control.height);
  bind(control.else_fixup);
  push_types(control.params);
}

void FunctionTranslator::end(u64 pc, bool falls_in) {
  open_operator(pc);
  Control& control = control_.label(0);
  if (control_.size() == 1) {
    if (falls_in) emit_return();
    truncate(control.height);
    if (control.fixups != kNoFixup) {
      bind(control.fixups);
      push_types(control.results);
      emit_return();
      truncate(control.height);
    }
  } else if (control.kind == BlockKind::kLoop) {
    end_loop(control, falls_in);
    if (!falls_in) {
      truncate(control.height);
      push_types(control.results);
    }
  } else if (control.kind == BlockKind::kCatch) {
    end_catch(control, falls_in);
  } else {
    const bool is_label = control.fixups != kNoFixup || control.else_fixup != kNoFixup;
    if (!falls_in) {
      truncate(control.height);
      push_types(control.results);
    } else if (is_label) {
      settle(control.results.size());
    }
    if (is_label) {
      bind(control.else_fixup);
      bind(control.fixups);
    }
  }
  const u32 range = control.range;
  control_.pop();
  if (control_.size() != 0 && control_.label(0).range != range) leave_range();
}

// A long loop charges more than the 1 of its back-edges: these are led over a trampoline that charges the rest (rule R1).
void FunctionTranslator::end_loop(Control& loop, bool falls_in) {
  const u32 cost = back_edge_cost(ops_);
  ops_ = loop.outer_ops;
  if (cost == 1) {
    while (loop.fixups != kNoFixup) fixups_.take(&loop.fixups);
    return;
  }
  if (loop.fixups == kNoFixup) return;
  u32 over = kNoFixup;
  if (falls_in) add_fixup(&over, emit(Special::br), kWideField);
  const u32 trampoline = code_.size();
  emit_wide(Special::charge, 0, cost - 1);
  const u32 branch = emit(Special::br);
  patch({.word = branch, .origin = branch, .next = kNoFixup, .number = 0, .field = kWideField}, loop.header);
  while (loop.fixups != kNoFixup) patch(fixups_.take(&loop.fixups), trampoline);
  if (falls_in) bind(over);
}

void FunctionTranslator::push_types(const TypeList& types) {
  for (const ValType type : types.types()) stack_.push(Place::kTemp, type.kind());
}

// --- Fixups ---

void FunctionTranslator::add_fixup(u32* list, u32 word, u8 field) {
  fixups_.add(list, {.word = word, .origin = word, .next = kNoFixup, .number = branch_number_, .field = field});
}

void FunctionTranslator::patch(const Fixup& fixup, u32 target) {
  if (fixup.field == kCatchField) {
    catches_.set_target(fixup.word, target);
    return;
  }
  const i32 distance = static_cast<i32>(target) - static_cast<i32>(fixup.origin);
  Insn& word = code_[fixup.word];
  if (fixup.field == kWideField) {
    word.f[1] = static_cast<u16>(distance);
    word.f[2] = static_cast<u16>(static_cast<u32>(distance) >> 16);
  } else if (distance == static_cast<i16>(distance)) {
    word.f[fixup.field] = static_cast<u16>(distance);
  } else if (!too_far_.insert(fixup.number)) {
    code_.fail();
  }
}

// Makes the code behind the last word the target of the branches, and leaves nothing but slots known there.
void FunctionTranslator::bind(u32& fixups) {
  while (fixups != kNoFixup) patch(fixups_.take(&fixups), code_.size());
  empty_accumulators();
  last_ = {};
}

// Connects the branch with its label: an open block's, or a list of its own.
void FunctionTranslator::link(Control* target, u32* fixups, u32 word, u8 field) {
  if (target == nullptr) {
    add_fixup(fixups, word, field);
    return;
  }
  add_fixup(&target->fixups, word, field);
  if (target->kind == BlockKind::kLoop) {
    patch({.word = word, .origin = word, .next = kNoFixup, .number = branch_number_, .field = field}, target->header);
  }
}

// --- Branches ---

void FunctionTranslator::jump(Control& target) {
  link(&target, nullptr, emit(target.kind == BlockKind::kLoop ? Special::br_back : Special::br), kWideField);
}

// Branches to `target`, or to a label of its own when that is null, if the truth of `condition` is `when`. REQUIRES: it was popped.
void FunctionTranslator::branch_on(Operand condition, bool when, Control* target, u32* fixups) {
  const bool back = target != nullptr && target->kind == BlockKind::kLoop;
  bool acc_holds = false;
  u32 c = 0;
  if (is_last(condition) && last_.compares) {
    const auto form = static_cast<Form>(last_.form);
    const bool zero = tests_zero();
    bool compare_branch = true;
    if (zero && last_.inner_start != kNone) {
      // i32.eqz of a float comparison: branch on the opposite outcome of that.
      if (last_.op == Opcode::i32_eq) when = !when;
      code_.truncate(last_.start);
      last_.start = last_.inner_start;
      last_.op = last_.inner_op;
      last_.form = last_.inner_form;
    } else if (zero) {
      if (last_.op == Opcode::i32_eq) when = !when;
      acc_holds = form == Form::kAI;
      c = code_[last_.start].f[0];
      code_.truncate(last_.start);
      compare_branch = false;
    }
    if (compare_branch) {
      ++branch_number_;
      if (options_.short_branches && !long_branches_.contains(branch_number_)) {
        Insn& insn = code_[last_.start];
        const auto compare_form = static_cast<Form>(last_.form);
        const bool is_float = last_.op >= Opcode::f32_eq && last_.op <= Opcode::f64_ge;
        insn.op = is_float ? fbranch_id(last_.op, compare_form, when, back)
                           : branch_id(when ? last_.op : negated(last_.op), compare_form, back);
        const u8 field = compare_form == Form::kSS || compare_form == Form::kSI ? 2 : 1;
        link(target, fixups, last_.start, field);
        last_ = {};
        return;
      }
      acc_holds = true;
    }
    last_ = {};
  } else if (in_acc(condition)) {
    acc_holds = true;
  } else {
    c = slot(condition);
  }
  // ORDER: br_if_S, br_if_A, br_ifz_S, br_ifz_A, then the same for back-edges.
  const auto first = static_cast<u16>(back ? Special::br_if_back_S : Special::br_if_S);
  const auto op = static_cast<Special>(first + (when ? 0 : 2) + (acc_holds ? 1 : 0));
  link(target, fixups, emit(op, acc_holds ? 0 : c), kWideField);
}

// First homes of the topmost `count` values, 0 where there are none of the class, and how many words they take.
FunctionTranslator::Values FunctionTranslator::values(u32 count) {
  Values values;
  for (u32 which = 0; which < 2; ++which) {
    const bool ref = which == 1;
    const u32 home = stack_.home_from(stack_.size() - count, ref);
    values.words[which] = stack_.next(ref) - home;
    if (values.words[which] != 0) values.home[which] = home;
  }
  return values;
}

// Whether the homes of the topmost `count` values are where a branch to the label carries them.
bool FunctionTranslator::at_label(const Control& target, const Values& values) {
  return (values.words[0] == 0 || values.home[0] == target.home[0]) &&
         (values.words[1] == 0 || values.home[1] == target.home[1]);
}

// The value for an instruction that is not popped. Its accumulator is released.
Operand FunctionTranslator::take(u32 depth) {
  Operand& value = stack_.top(depth);
  const Operand copy = value;
  if (value.place == Place::kAcc) {
    accumulator(value).entry = kNone;
    value.place = Place::kTemp;
  }
  return copy;
}

// Puts the topmost `count` values where a branch to the label carries them. They stay on the stack; kinds of places may change when
// there are more than kFewValues of them, so that conditional code settles these before.
// A label's temporaries lie below the values' own, both in the same order: moving upwards overwrites nothing still needed.
void FunctionTranslator::move_to_label(const Control& target, u32 count) {
  if (count == 0) return;
  const Values all = values(count);
  if (count > kFewValues) {
    settle(count);
    for (u32 which = 0; which < 2; ++which) {
      if (all.words[which] != 0 && all.home[which] != target.home[which]) {
        move_range(all.home[which], target.home[which], all.words[which]);
      }
    }
    return;
  }
  for (u32 i = count; i-- > 0;) {
    Operand value = take(i);
    const u32 which = value.is_ref() ? 1 : 0;
    const u32 word = value.home - (all.home[which] - target.home[which]);
    set_word(value, word);
  }
}

void FunctionTranslator::move_range(u32 from, u32 to, u32 count) {
  if (from + count <= 0x1'0000 && to + count <= 0x1'0000) {
    emit(Special::mov_range, from, to);
    emit_u64(count);
    return;
  }
  emit(Special::mov_range_x);
  emit_u64(u64{to} << 32 | from);
  emit_u64(count);
}

void FunctionTranslator::br(u64 pc, u32 depth) {
  begin(pc);
  Control& target = control_.label(depth);
  if (depth + 1 == control_.size()) {
    emit_return();
  } else {
    move_to_label(target, target.arity());
    jump(target);
  }
  truncate(control_.label(0).height);
}

void FunctionTranslator::br_if(u64 pc, u32 depth) {
  begin(pc);
  branch_with_values({.condition = pop()}, depth);
}

// Branches to `target`, or to a label of its own when that is null, if the reference in `word` is null (`when`) or is not.
void FunctionTranslator::branch_on_null(u32 word, bool when, Control* target, u32* fixups) {
  const bool back = target != nullptr && target->kind == BlockKind::kLoop;
  // Null is 0 in every hierarchy (vm/reference.h): comparing all bits is the test.
  const Opcode compare = when ? Opcode::i64_eq : Opcode::i64_ne;
  ++branch_number_;
  if (options_.short_branches && !long_branches_.contains(branch_number_)) {
    link(target, fixups, emit(branch_id(compare, Form::kSI, back), word), 2);
    return;
  }
  spill(0);
  acc_[0].mirror = kNone;
  emit(op_id(compare, Form::kSI, Dest::kA), word);
  link(target, fixups, emit(back ? Special::br_if_back_A : Special::br_if_A), kWideField);
}

// The same if the reference is of the cast's target or is not.
void FunctionTranslator::branch_on_cast(const Test& test, bool when, Control* target, u32* fixups) {
  const bool back = target != nullptr && target->kind == BlockKind::kLoop;
  // ORDER: br_cast, br_cast_back, br_castz, br_castz_back.
  const auto first = static_cast<u16>(Special::br_cast);
  const u32 word = emit(static_cast<Special>(first + (when ? 0 : 2) + (back ? 1 : 0)), test.word);
  emit_u64(test.target);
  link(target, fixups, word, kWideField);
}

void FunctionTranslator::branch_if(const Test& test, bool holds, Control* target, u32* fixups) {
  if (test.word == kNone) {
    branch_on(test.condition, holds, target, fixups);
  } else if (test.is_cast) {
    branch_on_cast(test, test.null == holds, target, fixups);
  } else {
    branch_on_null(test.word, test.null == holds, target, fixups);
  }
}

// Branches to the label if the test holds, with the topmost values, which stay on the stack.
void FunctionTranslator::branch_with_values(Test test, u32 depth) {
  Control& target = control_.label(depth);
  const u32 count = target.arity();
  if (count == 0) {
    branch_if(test, true, &target, nullptr);
    return;
  }
  Operand& condition = test.condition;
  const bool returns = depth + 1 == control_.size();
  const bool last = test.word == kNone && is_last(condition);
  if (count > kFewValues || wide_) {
    const Detached compare = last ? detach() : Detached{};
    settle(count);
    if (last) attach(compare, condition);
  }
  bool settled = true;
  for (u32 i = 0; settled && count <= kFewValues && i < count; ++i) {
    settled = stack_.top(i).place == Place::kTemp || stack_.top(i).place == Place::kAcc;
  }
  if (at_label(target, values(count)) && (settled || !returns)) {
    if (!settled) {
      // Copies for the taken branch; on the other way the values remain what they are.
      const Detached compare = last ? detach() : Detached{};
      for (u32 i = 0; i < count; ++i) {
        Operand value = stack_.top(i);
        if (value.place == Place::kLocal || value.place == Place::kConst) set_word(value, value.home);
      }
      if (last) attach(compare, condition);
    }
    spill_all();
    branch_if(test, true, &target, nullptr);
    return;
  }
  u32 over = kNoFixup;
  branch_if(test, false, nullptr, &over);
  spill_all();
  if (returns) {
    emit_return();
  } else {
    move_to_label(target, count);
    jump(target);
  }
  bind(over);
}

void FunctionTranslator::br_table(u64 pc, std::span<const u32> depths) {
  begin(pc);
  Operand index = pop();
  const u32 count = control_.label(depths.back()).arity();
  settle(count);
  const bool acc_holds = in_acc(index);
  const u32 c = acc_holds ? 0 : slot(index);
  empty_accumulators();
  if (!code_.reserve(static_cast<u32>(depths.size()) + CodeBuffer::kSlackWords)) return;
  const auto num_targets = static_cast<u32>(depths.size() - 1);
  const u32 start = emit_wide(acc_holds ? Special::br_table_A : Special::br_table_S, c, num_targets);
  for (size_t i = 0; i < depths.size(); ++i) code_.push({});
  const Values all = values(count);
  // Targets that values must be moved for, and loops, whose back-edges are charged, are reached over trampolines behind the table.
  for (u32 i = 0; i < depths.size(); ++i) {
    const u32 depth = depths[i];
    Control& target = control_.label(depth);
    const u32 word = start + 1 + i;
    if (target.kind != BlockKind::kLoop && at_label(target, all)) {
      fixups_.add(&target.fixups, {.word = word, .origin = start, .next = kNoFixup, .number = 0, .field = kWideField});
      continue;
    }
    if (target.table != start) {
      code_.reserve(CodeBuffer::kSlackWords);
      target.table = start;
      target.trampoline = code_.size();
      if (depth + 1 == control_.size()) {
        emit_return();
      } else {
        move_to_label(target, count);
        jump(target);
      }
    }
    patch({.word = word, .origin = start, .next = kNoFixup, .number = 0, .field = kWideField}, target.trampoline);
  }
  last_ = {};
  truncate(control_.label(0).height);
}

void FunctionTranslator::unreachable(u64 pc) {
  begin(pc);
  emit(Special::unreachable);
  truncate(control_.label(0).height);
}

}  // namespace lunabeam::vm::interp
