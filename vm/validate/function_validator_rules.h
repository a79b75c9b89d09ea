// The rules of FunctionValidator, operator by operator (spec 3.0, "Validation", "Instructions"). Included by function_validator.h.
#pragma once

#include "vm/validate/function_validator.h"

namespace lunabeam::vm {

template <class Sink>
bool FunctionValidator<Sink>::check_memory_op(const Operator& op) {
  switch (op.op) {
    case Opcode::memory_size:
      if (!check_memory(op.index)) return false;
      if (live()) sink_.memory_size(pc_, op.index);
      stack_.push(memory_address(op.index));
      return true;
    case Opcode::memory_grow:
      if (!check_memory(op.index) || !pop(memory_address(op.index))) return false;
      if (live()) sink_.memory_grow(pc_, op.index);
      stack_.push(memory_address(op.index));
      return true;
    case Opcode::memory_init:
      if (!check_memory(op.index2)) return false;
      if (op.index >= module_.datas.size()) return unknown(ErrorCode::kUnknownDataSegment, op.index);
      if (!pop(ValType::kI32) || !pop(ValType::kI32) || !pop(memory_address(op.index2))) return false;
      if (live()) sink_.memory_init(pc_, op.index, op.index2);
      return true;
    case Opcode::data_drop:
      if (op.index >= module_.datas.size()) return unknown(ErrorCode::kUnknownDataSegment, op.index);
      if (live()) sink_.data_drop(pc_, op.index);
      return true;
    case Opcode::memory_copy: {
      if (!check_memory(op.index) || !check_memory(op.index2)) return false;
      const ValType target = memory_address(op.index);
      const ValType source = memory_address(op.index2);
      // The count has the smaller of the two address types.
      if (!pop(target == ValType::kI32 ? target : source) || !pop(source) || !pop(target)) return false;
      if (live()) sink_.memory_copy(pc_, op.index, op.index2);
      return true;
    }
    default:  // memory_fill
      if (!check_memory(op.index)) return false;
      if (!pop(memory_address(op.index)) || !pop(ValType::kI32) || !pop(memory_address(op.index))) return false;
      if (live()) sink_.memory_fill(pc_, op.index);
      return true;
  }
}

template <class Sink>
bool FunctionValidator<Sink>::check_table_op(const Operator& op) {
  if (op.op == Opcode::elem_drop) {
    if (op.index >= module_.elems.size()) return unknown(ErrorCode::kUnknownElemSegment, op.index);
    if (live()) sink_.elem_drop(pc_, op.index);
    return true;
  }
  const u32 table = op.op == Opcode::table_init ? op.index2 : op.index;
  if (!check_table(table)) return false;
  const ValType address = table_address(table);
  const ValType element = module_.tables[table].type.element;
  switch (op.op) {
    case Opcode::table_get:
      if (!pop(address)) return false;
      if (live()) sink_.table_get(pc_, table, element);
      stack_.push(element);
      return true;
    case Opcode::table_set:
      if (!pop(element) || !pop(address)) return false;
      if (live()) sink_.table_set(pc_, table, element);
      return true;
    case Opcode::table_size:
      if (live()) sink_.table_size(pc_, table);
      stack_.push(address);
      return true;
    case Opcode::table_grow:
      if (!pop(address) || !pop(element)) return false;
      if (live()) sink_.table_grow(pc_, table, element);
      stack_.push(address);
      return true;
    case Opcode::table_fill:
      if (!pop(address) || !pop(element) || !pop(address)) return false;
      if (live()) sink_.table_fill(pc_, table, element);
      return true;
    case Opcode::table_copy: {
      if (!check_table(op.index2)) return false;
      const ValType source = table_address(op.index2);
      const ValType source_element = module_.tables[op.index2].type.element;
      if (!registry_.matches(source_element, element)) return mismatch(element, source_element);
      if (!pop(address == ValType::kI32 ? address : source) || !pop(source) || !pop(address)) return false;
      if (live()) sink_.table_copy(pc_, table, op.index2);
      return true;
    }
    default:  // table_init
      if (op.index >= module_.elems.size()) return unknown(ErrorCode::kUnknownElemSegment, op.index);
      if (!registry_.matches(module_.elems[op.index].type, element))
        return mismatch(element, module_.elems[op.index].type);
      if (!pop(ValType::kI32) || !pop(ValType::kI32) || !pop(address)) return false;
      if (live()) sink_.table_init(pc_, op.index, table);
      return true;
  }
}

template <class Sink>
bool FunctionValidator<Sink>::check_reference_op(const Operator& op) {
  switch (op.op) {
    case Opcode::ref_null:
      if (deferred_.has_value()) return false;
      if (live()) sink_.ref_null(pc_, op.type);
      stack_.push(op.type);
      return true;
    case Opcode::ref_is_null: {
      ValType type;
      if (!pop_reference(type)) return false;
      if (live()) sink_.ref_is_null(pc_, type);
      stack_.push(ValType::kI32);
      return true;
    }
    case Opcode::ref_as_non_null: {
      ValType type;
      if (!pop_reference(type)) return false;
      const ValType result = non_null(type);
      if (live()) sink_.ref_as_non_null(pc_, result);
      stack_.push(result);
      return true;
    }
    case Opcode::br_on_null: {
      ValType type;
      if (!check_label(op.index) || !pop_reference(type)) return false;
      const bool reported = live();
      if (!retype(stack_.at_depth(op.index))) return false;
      if (reported) sink_.br_on_null(pc_, op.index);
      stack_.push(non_null(type));
      return check_height();
    }
    case Opcode::br_on_non_null: {
      if (!check_label(op.index)) return false;
      const ControlFrame& label = stack_.at_depth(op.index);
      ValType carried;
      if (!last_reference(label, carried)) return false;
      if (!pop(ValType::ref(carried.heap(), true))) return false;
      const bool reported = live();
      if (!retype_all_but_last(label)) return false;
      if (reported) sink_.br_on_non_null(pc_, op.index);
      return true;
    }
    default: {  // ref_func
      if (op.index >= module_.func_types.size()) return unknown(ErrorCode::kUnknownFunction, op.index);
      if (declared_ != nullptr && !(*declared_)[op.index])
        return unknown(ErrorCode::kUndeclaredFunctionReference, op.index);
      const ValType type = ValType::ref(HeapType::concrete(module_.func_types[op.index]), false);
      if (live()) sink_.ref_func(pc_, op.index, type);
      stack_.push(type);
      return true;
    }
  }
}

template <class Sink>
bool FunctionValidator<Sink>::check_vector_op(const Operator& op) {
  const detail::PlainSignature& signature = detail::kPlainSignatures[static_cast<size_t>(op.op)];
  switch (info(op.op).immediate) {
    case Immediate::kMemArg: return check_access(op, signature);
    case Immediate::kMemArgLane: {
      if (!check_mem_arg(op, signature.width_log2) || !check_lane(op)) return false;
      if (!pop(ValType::kV128) || !pop(memory_address(op.memory))) return false;
      const MemArg arg{op.memory, op.value};
      if (signature.num_results == 0) {
        if (live()) sink_.store_lane(pc_, op.op, arg, op.lanes[0]);
        return true;
      }
      if (live()) sink_.load_lane(pc_, op.op, arg, op.lanes[0]);
      break;
    }
    case Immediate::kV128:
      if (live()) sink_.vector_constant(pc_, op.value, op.high);
      break;
    case Immediate::kLane:
      if (!check_lane(op)) return false;
      for (u32 i = signature.num_params; i-- > 0;) {
        if (!pop(signature.params[i])) return false;
      }
      if (live()) sink_.vector_lane(pc_, op.op, op.lanes[0]);
      break;
    case Immediate::kShuffle:
      for (const u8 lane : op.lanes) {
        if (lane >= 32) return unknown(ErrorCode::kInvalidLaneIndex, lane);
      }
      if (!pop(ValType::kV128) || !pop(ValType::kV128)) return false;
      if (live()) sink_.vector_shuffle(pc_, op.lanes);
      break;
    default: return check_plain(op, signature);
  }
  stack_.push(signature.result);
  return true;
}

template <class Sink>
bool FunctionValidator<Sink>::check_control(const Operator& op) {
  switch (op.op) {
    case Opcode::unreachable:
      if (live()) sink_.unreachable(pc_);
      stack_.set_unreachable();
      return true;
    case Opcode::block: return enter(op, BlockKind::kBlock);
    case Opcode::loop: return enter(op, BlockKind::kLoop);
    case Opcode::if_: return pop(ValType::kI32) && enter(op, BlockKind::kIf);
    case Opcode::else_: return check_else();
    case Opcode::end: return check_end();
    case Opcode::br: {
      if (!check_label(op.index) || !check_branch_operands(stack_.at_depth(op.index).label_types())) return false;
      if (live()) sink_.br(pc_, op.index);
      stack_.set_unreachable();
      return true;
    }
    case Opcode::br_if: {
      if (!pop(ValType::kI32) || !check_label(op.index)) return false;
      const bool reported = live();
      if (!retype(stack_.at_depth(op.index))) return false;
      if (reported) sink_.br_if(pc_, op.index);
      return true;
    }
    case Opcode::br_table: return check_br_table();
    default: {  // return_
      const ControlFrame& body = stack_.at_depth(static_cast<u32>(stack_.depth() - 1));
      if (!check_branch_operands(body.shape.results)) return false;
      if (live()) sink_.return_(pc_);
      stack_.set_unreachable();
      return true;
    }
  }
}

template <class Sink>
[[gnu::always_inline]] inline bool FunctionValidator<Sink>::check(const Operator& op) {
  switch (op.op) {
    case Opcode::local_get:
    case Opcode::local_set:
    case Opcode::local_tee: return check_local(op);
    case Opcode::i32_const: return check_constant(ValType::kI32, op.value);
    case Opcode::i64_const: return check_constant(ValType::kI64, op.value);
    case Opcode::f32_const: return check_constant(ValType::kF32, op.value);
    case Opcode::f64_const: return check_constant(ValType::kF64, op.value);
    case Opcode::unreachable:
    case Opcode::block:
    case Opcode::loop:
    case Opcode::if_:
    case Opcode::else_:
    case Opcode::end:
    case Opcode::br:
    case Opcode::br_if:
    case Opcode::br_table:
    case Opcode::return_: return check_control(op);
    case Opcode::nop:
      if (live()) sink_.nop(pc_);
      return true;
    case Opcode::call:
    case Opcode::return_call: return check_call(op);
    case Opcode::call_indirect:
    case Opcode::return_call_indirect: return check_call_indirect(op);
    case Opcode::throw_:
    case Opcode::throw_ref:
    case Opcode::try_table:
    case Opcode::try_:
    case Opcode::catch_:
    case Opcode::catch_all:
    case Opcode::delegate:
    case Opcode::rethrow: return check_exception_op(op);
    case Opcode::drop: {
      ValType type;
      if (!pop_any(type)) return false;
      if (live()) sink_.drop(pc_, type);
      return true;
    }
    case Opcode::select:
    case Opcode::select_t: return check_select(op);
    case Opcode::global_get:
    case Opcode::global_set: return check_global(op);
    case Opcode::table_get:
    case Opcode::table_set:
    case Opcode::table_size:
    case Opcode::table_grow:
    case Opcode::table_fill:
    case Opcode::table_copy:
    case Opcode::table_init:
    case Opcode::elem_drop: return check_table_op(op);
    case Opcode::memory_size:
    case Opcode::memory_grow:
    case Opcode::memory_init:
    case Opcode::data_drop:
    case Opcode::memory_copy:
    case Opcode::memory_fill: return check_memory_op(op);
    case Opcode::ref_null:
    case Opcode::ref_is_null:
    case Opcode::ref_func:
    case Opcode::ref_as_non_null:
    case Opcode::br_on_null:
    case Opcode::br_on_non_null: return check_reference_op(op);
    case Opcode::call_ref:
    case Opcode::return_call_ref: return check_call_ref(op);
    case Opcode::struct_new:
    case Opcode::struct_new_default:
    case Opcode::struct_get:
    case Opcode::struct_get_s:
    case Opcode::struct_get_u:
    case Opcode::struct_set: return check_struct_op(op);
    case Opcode::array_new:
    case Opcode::array_new_default:
    case Opcode::array_new_fixed:
    case Opcode::array_new_data:
    case Opcode::array_new_elem:
    case Opcode::array_get:
    case Opcode::array_get_s:
    case Opcode::array_get_u:
    case Opcode::array_set:
    case Opcode::array_len:
    case Opcode::array_fill:
    case Opcode::array_copy:
    case Opcode::array_init_data:
    case Opcode::array_init_elem: return check_array_op(op);
    case Opcode::ref_eq:
    case Opcode::ref_i31:
    case Opcode::i31_get_s:
    case Opcode::i31_get_u:
    case Opcode::any_convert_extern:
    case Opcode::extern_convert_any: return check_any_op(op);
    case Opcode::ref_test:
    case Opcode::ref_test_null:
    case Opcode::ref_cast:
    case Opcode::ref_cast_null: return check_cast(op);
    case Opcode::br_on_cast:
    case Opcode::br_on_cast_fail: return check_br_on_cast(op);
    case Opcode::i64_add128:
    case Opcode::i64_sub128:
    case Opcode::i64_mul_wide_s:
    case Opcode::i64_mul_wide_u: return check_wide_arithmetic(op);
    default: break;
  }
  const detail::PlainSignature& signature = detail::kPlainSignatures[static_cast<size_t>(op.op)];
  if (signature.rule == detail::OpRule::kPlain) return check_plain(op, signature);
  if (signature.rule == detail::OpRule::kAccess) return check_access(op, signature);
  return signature.rule == detail::OpRule::kAtomic ? check_atomic(op, signature) : check_vector_op(op);
}

}  // namespace lunabeam::vm
