// The rules of FunctionValidator for structs, arrays, i31, casts and conversions (spec 3.0, "Reference Instructions", "Aggregate
// Instructions"; fact sheet 7.2). Included by function_validator.h.
//
// Cost: constant per operator, but for struct.new and array.new_fixed, which take operands one by one: each was pushed by an operator
// of its own, and in unreachable code the popping stops where the operands end. Subtyping is a look at a display.
#pragma once

#include "vm/validate/function_validator.h"

namespace lunabeam::vm {

namespace detail {

// What a field or element is on the operand stack.
[[nodiscard]] constexpr ValType unpacked(ValType storage) { return storage.is_packed() ? ValType::kI32 : storage; }

// The reference that is left of `from` when those that a cast to `to` accepts are taken away (spec 3.0, "Type Difference").
[[nodiscard]] constexpr ValType difference(ValType from, ValType to) {
  return to.is_nullable() ? ValType::ref(from.heap(), false) : from;
}

}  // namespace detail

// The type behind an index, which must be of this kind.
template <class Sink>
bool FunctionValidator<Sink>::composite(u32 index, CompositeKind kind, TypeId& id) {
  if (index >= module_.types.size()) return unknown(ErrorCode::kUnknownType, index);
  id = module_.types[index];
  if (registry_.get(id).kind == kind) return true;
  return error(ErrorCode::kTypeMismatch,
               fmt::format("type {} is no {} type", index, kind == CompositeKind::kStruct ? "structure" : "array"));
}

template <class Sink>
bool FunctionValidator<Sink>::pop_fields(std::span<const FieldType> fields) {
  for (size_t i = fields.size(); i-- > 0;) {
    if (stack_.is_bottomless()) return true;
    if (!pop(detail::unpacked(fields[i].storage))) return false;
  }
  return true;
}

template <class Sink>
bool FunctionValidator<Sink>::pop_elements(ValType element, u32 count) {
  for (; count > 0; --count) {
    if (stack_.is_bottomless()) return true;
    if (!pop(element)) return false;
  }
  return true;
}

// get of a packed field must say how it is extended, of any other it must not.
template <class Sink>
bool FunctionValidator<Sink>::check_extension(ValType storage, bool is_plain) {
  if (storage.is_packed() != is_plain) return true;
  return error(ErrorCode::kTypeMismatch, is_plain ? "a packed field is read without an extension"
                                                  : "the extension of a field that is not packed");
}

template <class Sink>
bool FunctionValidator<Sink>::check_struct_op(const Operator& op) {
  TypeId id;
  if (!composite(op.index, CompositeKind::kStruct, id)) return false;
  const std::vector<FieldType>& fields = registry_.get(id).fields;
  const ValType object = ValType::ref(HeapType::concrete(id), false);
  const ValType nullable = ValType::ref(HeapType::concrete(id), true);
  switch (op.op) {
    case Opcode::struct_new:
      if (!pop_fields(fields)) return false;
      if (live()) sink_.struct_new(pc_, id);
      stack_.push(object);
      return true;
    case Opcode::struct_new_default:
      if (!registry_.has_default(id)) return error(ErrorCode::kTypeMismatch, "a field has no default value");
      if (live()) sink_.struct_new_default(pc_, id);
      stack_.push(object);
      return true;
    default: break;
  }
  if (op.index2 >= fields.size()) return unknown(ErrorCode::kUnknownField, op.index2);
  const FieldType& field = fields[op.index2];
  if (op.op == Opcode::struct_set) {
    if (!field.is_mutable) return unknown(ErrorCode::kImmutableField, op.index2);
    if (!pop(detail::unpacked(field.storage)) || !pop(nullable)) return false;
    if (live()) sink_.struct_set(pc_, id, op.index2);
    return true;
  }
  if (!check_extension(field.storage, op.op == Opcode::struct_get) || !pop(nullable)) return false;
  if (live()) sink_.struct_get(pc_, op.op, id, op.index2);
  stack_.push(detail::unpacked(field.storage));
  return true;
}

template <class Sink>
bool FunctionValidator<Sink>::check_array_op(const Operator& op) {
  if (op.op == Opcode::array_len) {
    if (!pop(ValType::ref(HeapType::kArray, true))) return false;
    if (live()) sink_.array_len(pc_);
    stack_.push(ValType::kI32);
    return true;
  }
  TypeId id;
  if (!composite(op.index, CompositeKind::kArray, id)) return false;
  const FieldType& element = registry_.get(id).fields[0];
  const ValType value = detail::unpacked(element.storage);
  const ValType nullable = ValType::ref(HeapType::concrete(id), true);
  switch (op.op) {
    case Opcode::array_new:
      if (!pop(ValType::kI32) || !pop(value)) return false;
      if (live()) sink_.array_new(pc_, id);
      break;
    case Opcode::array_new_default:
      if (!registry_.has_default(id)) return error(ErrorCode::kTypeMismatch, "the element has no default value");
      if (!pop(ValType::kI32)) return false;
      if (live()) sink_.array_new_default(pc_, id);
      break;
    case Opcode::array_new_fixed:
      if (!pop_elements(value, op.index2)) return false;
      if (live()) sink_.array_new_fixed(pc_, id, op.index2);
      break;
    case Opcode::array_new_data:
      if (!check_numeric_array(element) || !check_data(op.index2)) return false;
      if (!pop(ValType::kI32) || !pop(ValType::kI32)) return false;
      if (live()) sink_.array_new_data(pc_, id, op.index2);
      break;
    case Opcode::array_new_elem:
      if (!check_elem(element, op.index2)) return false;
      if (!pop(ValType::kI32) || !pop(ValType::kI32)) return false;
      if (live()) sink_.array_new_elem(pc_, id, op.index2);
      break;
    case Opcode::array_get:
    case Opcode::array_get_s:
    case Opcode::array_get_u:
      if (!check_extension(element.storage, op.op == Opcode::array_get)) return false;
      if (!pop(ValType::kI32) || !pop(nullable)) return false;
      if (live()) sink_.array_get(pc_, op.op, id);
      stack_.push(value);
      return true;
    default: return check_array_write(op, id);
  }
  stack_.push(ValType::ref(HeapType::concrete(id), false));
  return true;
}

// The operators that change an array, whose elements must be mutable.
template <class Sink>
bool FunctionValidator<Sink>::check_array_write(const Operator& op, TypeId id) {
  const FieldType& element = registry_.get(id).fields[0];
  const ValType value = detail::unpacked(element.storage);
  const ValType nullable = ValType::ref(HeapType::concrete(id), true);
  const auto pop_indices = [this](u32 count) {
    for (; count > 0; --count) {
      if (!pop(ValType::kI32)) return false;
    }
    return true;
  };
  if (!element.is_mutable) return unknown(ErrorCode::kImmutableArray, op.index);
  switch (op.op) {
    case Opcode::array_set:
      if (!pop(value) || !pop(ValType::kI32) || !pop(nullable)) return false;
      if (live()) sink_.array_set(pc_, id);
      return true;
    case Opcode::array_fill:
      if (!pop(ValType::kI32) || !pop(value) || !pop(ValType::kI32) || !pop(nullable)) return false;
      if (live()) sink_.array_fill(pc_, id);
      return true;
    case Opcode::array_copy: {
      TypeId source;
      if (!composite(op.index2, CompositeKind::kArray, source)) return false;
      const ValType from = registry_.get(source).fields[0].storage;
      if (!registry_.matches(from, element.storage))
        return error(ErrorCode::kArrayTypesDoNotMatch, fmt::format("{} and {}", op.index, op.index2));
      if (!pop_indices(2) || !pop(ValType::ref(HeapType::concrete(source), true)) || !pop_indices(1) ||
          !pop(nullable)) {
        return false;
      }
      if (live()) sink_.array_copy(pc_, id, source);
      return true;
    }
    case Opcode::array_init_data:
      if (!check_numeric_array(element) || !check_data(op.index2)) return false;
      if (!pop_indices(3) || !pop(nullable)) return false;
      if (live()) sink_.array_init_data(pc_, id, op.index2);
      return true;
    default:  // array_init_elem
      if (!check_elem(element, op.index2)) return false;
      if (!pop_indices(3) || !pop(nullable)) return false;
      if (live()) sink_.array_init_elem(pc_, id, op.index2);
      return true;
  }
}

template <class Sink>
bool FunctionValidator<Sink>::check_numeric_array(const FieldType& element) {
  return !element.storage.is_ref() || error(ErrorCode::kArrayNotNumeric);
}

template <class Sink>
bool FunctionValidator<Sink>::check_data(u32 data) {
  return data < module_.datas.size() || unknown(ErrorCode::kUnknownDataSegment, data);
}

// An element segment whose items fit the elements of an array.
template <class Sink>
bool FunctionValidator<Sink>::check_elem(const FieldType& element, u32 elem) {
  if (elem >= module_.elems.size()) return unknown(ErrorCode::kUnknownElemSegment, elem);
  const ValType item = module_.elems[elem].type;
  return registry_.matches(item, element.storage) || mismatch(element.storage, item);
}

// i31, identity, conversions.
template <class Sink>
bool FunctionValidator<Sink>::check_any_op(const Operator& op) {
  switch (op.op) {
    case Opcode::ref_eq: {
      const ValType eq = ValType::ref(HeapType::kEq, true);
      if (!pop(eq) || !pop(eq)) return false;
      if (live()) sink_.ref_eq(pc_);
      stack_.push(ValType::kI32);
      return true;
    }
    case Opcode::ref_i31:
      if (!pop(ValType::kI32)) return false;
      if (live()) sink_.ref_i31(pc_);
      stack_.push(ValType::ref(HeapType::kI31, false));
      return true;
    case Opcode::i31_get_s:
    case Opcode::i31_get_u:
      if (!pop(ValType::ref(HeapType::kI31, true))) return false;
      if (live()) sink_.i31_get(pc_, op.op);
      stack_.push(ValType::kI32);
      return true;
    default: {
      // The result is null when the operand is; a bottom is converted to what is not.
      const bool to_any = op.op == Opcode::any_convert_extern;
      const ValType wanted = ValType::ref(to_any ? HeapType::kExtern : HeapType::kAny, true);
      ValType found;
      if (!pop_any(found)) return false;
      if (!registry_.matches(found, wanted)) return mismatch(wanted, found);
      const ValType result = ValType::ref(to_any ? HeapType::kAny : HeapType::kExtern, found.is_nullable());
      if (live()) {
        if (to_any) {
          sink_.any_convert_extern(pc_, result);
        } else {
          sink_.extern_convert_any(pc_, result);
        }
      }
      stack_.push(result);
      return true;
    }
  }
}

template <class Sink>
bool FunctionValidator<Sink>::check_cast(const Operator& op) {
  if (deferred_.has_value()) return false;
  const bool tests = op.op == Opcode::ref_test || op.op == Opcode::ref_test_null;
  const bool nullable = op.op == Opcode::ref_test_null || op.op == Opcode::ref_cast_null;
  const ValType target = ValType::ref(op.type.heap(), nullable);
  // Whatever is there, it is of the same hierarchy.
  if (!pop(ValType::ref(registry_.top_of(target.heap()), true))) return false;
  if (live()) {
    if (tests) {
      sink_.ref_test(pc_, target);
    } else {
      sink_.ref_cast(pc_, target);
    }
  }
  stack_.push(tests ? ValType(ValType::kI32) : target);
  return true;
}

template <class Sink>
bool FunctionValidator<Sink>::check_br_on_cast(const Operator& op) {
  if (deferred_.has_value() || !check_label(op.index)) return false;
  const ValType source = op.type;
  const ValType target = op.type2;
  if (!registry_.matches(target, source)) return mismatch(source, target);
  const ControlFrame& label = stack_.at_depth(op.index);
  ValType carried;
  if (!last_reference(label, carried)) return false;
  const ValType rest = detail::difference(source, target);
  const bool on_cast = op.op == Opcode::br_on_cast;
  const ValType taken = on_cast ? target : rest;
  if (!registry_.matches(taken, carried)) return mismatch(carried, taken);
  if (!pop(source)) return false;
  const bool reported = live();
  if (!retype_all_but_last(label)) return false;
  if (reported) sink_.br_on_cast(pc_, op.op, op.index, source, target);
  stack_.push(on_cast ? rest : target);
  return check_height();
}

}  // namespace lunabeam::vm
