// The rules of FunctionValidator for exceptions: those of 3.0 ("Validation", "Instructions", throw, throw_ref, try_table) and the legacy
// operators, which the exceptions proposal had before (try, catch, catch_all, delegate, rethrow). Included by function_validator.h.
#pragma once

#include "vm/validate/function_validator.h"

namespace lunabeam::vm {

// What a clause hands to its label: the tag's parameters, then the exception itself if asked for.
template <class Sink>
bool FunctionValidator<Sink>::check_catch_clause(const CatchClause& clause) {
  static constexpr ValType kCaught = ValType::ref(HeapType::kExn, false);
  std::span<const ValType> payload;
  if (clause.kind < 2) {
    if (clause.tag >= module_.tags.size()) return unknown(ErrorCode::kUnknownTag, clause.tag);
    payload = registry_.func(module_.tags[clause.tag]).params;
  }
  if (!check_label(clause.label)) return false;
  const std::span<const ValType> wanted = stack_.at_depth(clause.label).label_types();
  const bool with_exception = (clause.kind & 1) != 0;
  if (wanted.size() != payload.size() + (with_exception ? 1 : 0))
    return error(ErrorCode::kTypeMismatch, "a label takes another number of values than its catch clause has");
  if (with_exception && !registry_.matches(kCaught, wanted.back())) return mismatch(wanted.back(), kCaught);
  return check_list(payload, wanted.first(payload.size()));
}

template <class Sink>
bool FunctionValidator<Sink>::check_try_table(const Operator& op) {
  BlockShape shape;
  if (!block_shape(op.block, shape)) return false;
  if (!pop_all(shape.params, shape.slots.param_slots, shape.slots.param_refs)) return false;
  for (const CatchClause& clause : operators_.catches()) {
    if (!check_catch_clause(clause)) return false;
  }
  if (live()) sink_.try_table(pc_, BlockSignature{shape.params, shape.results}, operators_.catches());
  stack_.enter(op.op, shape, locals_.undo_height());
  return true;
}

// Ends one arm of a legacy try and begins another.
template <class Sink>
bool FunctionValidator<Sink>::check_catch(const Operator& op) {
  const Opcode arm = stack_.top().opcode;
  if (arm != Opcode::try_ && arm != Opcode::catch_) return error(ErrorCode::kEndOpcodeExpected);
  const bool has_tag = op.op == Opcode::catch_;
  if (has_tag && op.index >= module_.tags.size()) return unknown(ErrorCode::kUnknownTag, op.index);
  if (!pop_results()) return false;
  const ControlFrame& frame = stack_.top();
  locals_.undo_to(frame.undo_height);
  const bool falls_in = !frame.is_unreachable;
  if (!has_tag) {
    if (!frame.is_dead) sink_.catch_all(pc_, falls_in);
    stack_.restart_as_catch(op.op);
    return true;
  }
  const TypeId id = module_.tags[op.index];
  const FuncType& type = registry_.func(id);
  const FuncShape& shape = registry_.func_shape(id);
  if (!frame.is_dead) sink_.catch_(pc_, op.index, type, falls_in);
  stack_.restart_as_catch(op.op);
  stack_.push_all(type.params, shape.param_slots, shape.param_refs);
  return check_height();
}

template <class Sink>
bool FunctionValidator<Sink>::check_delegate(const Operator& op) {
  if (stack_.top().opcode != Opcode::try_) return error(ErrorCode::kEndOpcodeExpected);
  if (op.index >= stack_.depth() - 1) return unknown(ErrorCode::kUnknownLabel, op.index);
  if (!pop_results()) return false;
  const ControlFrame& frame = stack_.top();
  locals_.undo_to(frame.undo_height);
  if (!frame.is_dead) sink_.delegate(pc_, op.index, !frame.is_unreachable);
  stack_.leave();
  return check_height();
}

template <class Sink>
bool FunctionValidator<Sink>::check_exception_op(const Operator& op) {
  switch (op.op) {
    case Opcode::throw_: {
      if (op.index >= module_.tags.size()) return unknown(ErrorCode::kUnknownTag, op.index);
      const TypeId id = module_.tags[op.index];
      const FuncType& type = registry_.func(id);
      const FuncShape& shape = registry_.func_shape(id);
      if (!pop_all(type.params, shape.param_slots, shape.param_refs)) return false;
      if (live()) sink_.throw_(pc_, op.index, type);
      break;
    }
    case Opcode::throw_ref:
      if (!pop(kExnRef)) return false;
      if (live()) sink_.throw_ref(pc_);
      break;
    case Opcode::try_table: return check_try_table(op);
    case Opcode::try_: return enter(op, BlockKind::kTry);
    case Opcode::catch_:
    case Opcode::catch_all: return check_catch(op);
    case Opcode::delegate: return check_delegate(op);
    default:  // rethrow
      if (!check_label(op.index)) return false;
      if (!stack_.at_depth(op.index).holds_exception()) return unknown(ErrorCode::kInvalidRethrowLabel, op.index);
      if (live()) sink_.rethrow(pc_, op.index);
      break;
  }
  stack_.set_unreachable();
  return true;
}

}  // namespace lunabeam::vm
