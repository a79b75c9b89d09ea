#include "vm/validate/const_expr_validator.h"

#include <fmt/format.h>

#include "vm/type_registry.h"
#include "vm/validate/function_validator.h"

namespace lunabeam::vm {

ConstExprValidator::ConstExprValidator(const Module& module, std::vector<bool>& declared)
    : module_(module),
      declared_(declared),
      reader_(module.bytes, 0, module.bytes.size()),
      types_(reader_, module.types, module.features, deferred_),
      operators_(reader_, types_, /*has_data_count=*/true) {}

bool ConstExprValidator::check_binary(ValType type) {
  if (!module_.features.has(Feature::kExtendedConst)) return error(ErrorCode::kConstantExpressionRequired);
  if (stack_.size() < 2 || stack_.back() != type || stack_[stack_.size() - 2] != type) {
    return error(ErrorCode::kTypeMismatch, fmt::format("expected two operands of type {}", to_string(type)));
  }
  stack_.pop_back();
  return true;
}

bool ConstExprValidator::pop(ValType expected) {
  const ValType found = stack_.empty() ? ValType() : stack_.back();
  if (stack_.empty() || !TypeRegistry::global().matches(found, expected))
    return error(ErrorCode::kTypeMismatch, detail::mismatch_text(expected, found));
  stack_.pop_back();
  return true;
}

// struct.new and array.new in all their forms. Every operand popped was pushed by an operator of its own.
bool ConstExprValidator::check_object(const Operator& op) {
  if (op.index >= module_.types.size()) return error(ErrorCode::kUnknownType, fmt::format("{}", op.index));
  const TypeId id = module_.types[op.index];
  const SubType& type = TypeRegistry::global().get(id);
  const bool is_struct = op.op == Opcode::struct_new || op.op == Opcode::struct_new_default;
  if (type.kind != (is_struct ? CompositeKind::kStruct : CompositeKind::kArray))
    return error(ErrorCode::kTypeMismatch, fmt::format("type {} for {}", op.index, info(op.op).text));
  const auto is_defaultable = [&] {
    return TypeRegistry::global().has_default(id) || error(ErrorCode::kTypeMismatch, "a field has no default value");
  };
  switch (op.op) {
    case Opcode::struct_new:
      for (size_t i = type.fields.size(); i-- > 0;) {
        if (!pop(detail::unpacked(type.fields[i].storage))) return false;
      }
      break;
    case Opcode::struct_new_default:
      if (!is_defaultable()) return false;
      break;
    case Opcode::array_new:
      if (!pop(ValType::kI32) || !pop(detail::unpacked(type.fields[0].storage))) return false;
      break;
    case Opcode::array_new_default:
      if (!is_defaultable() || !pop(ValType::kI32)) return false;
      break;
    default:  // array_new_fixed
      for (u32 i = 0; i < op.index2; ++i) {
        if (!pop(detail::unpacked(type.fields[0].storage))) return false;
      }
      break;
  }
  stack_.push_back(ValType::ref(HeapType::concrete(id), false));
  return true;
}

bool ConstExprValidator::check_conversion(const Operator& op) {
  if (op.op == Opcode::ref_i31) {
    if (!pop(ValType::kI32)) return false;
    stack_.push_back(ValType::ref(HeapType::kI31, false));
    return true;
  }
  const bool to_any = op.op == Opcode::any_convert_extern;
  const bool is_nullable = !stack_.empty() && stack_.back().is_nullable();
  if (!pop(ValType::ref(to_any ? HeapType::kExtern : HeapType::kAny, true))) return false;
  stack_.push_back(ValType::ref(to_any ? HeapType::kAny : HeapType::kExtern, is_nullable));
  return true;
}

bool ConstExprValidator::check(const Operator& op, u32 visible_globals) {
  const OpcodeInfo& row = info(op.op);
  if (!row.is_const_expr) return error(ErrorCode::kConstantExpressionRequired, std::string(row.text));
  if (!module_.features.has(row.feature)) {
    return error(ErrorCode::kUnsupportedFeature, fmt::format("{} ({})", name_of(row.feature), row.text));
  }
  const auto constant = [&](ValType type) {
    stack_.push_back(type);
    expr_->kind = ConstExpr::Kind::kValue;
    expr_->value = op.value;
    return true;
  };
  switch (op.op) {
    case Opcode::i32_const: return constant(ValType::kI32);
    case Opcode::i64_const: return constant(ValType::kI64);
    case Opcode::f32_const: return constant(ValType::kF32);
    case Opcode::f64_const: return constant(ValType::kF64);
    case Opcode::v128_const: expr_->high = op.high; return constant(ValType::kV128);
    case Opcode::ref_null:
      if (deferred_.has_value()) return false;
      expr_->kind = ConstExpr::Kind::kValue;
      expr_->value = 0;
      stack_.push_back(op.type);
      return true;
    case Opcode::ref_func:
      if (op.index >= module_.func_types.size()) return error(ErrorCode::kUnknownFunction, fmt::format("{}", op.index));
      declared_[op.index] = true;
      expr_->kind = ConstExpr::Kind::kRefFunc;
      expr_->value = op.index;
      stack_.push_back(ValType::ref(HeapType::concrete(module_.func_types[op.index]), false));
      return true;
    case Opcode::global_get: {
      if (op.index >= visible_globals) return error(ErrorCode::kUnknownGlobal, fmt::format("{}", op.index));
      const GlobalType& type = module_.globals[op.index].type;
      if (type.is_mutable)
        return error(ErrorCode::kConstantExpressionRequired, fmt::format("global {} is mutable", op.index));
      expr_->kind = ConstExpr::Kind::kGlobalGet;
      expr_->value = op.index;
      stack_.push_back(type.type);
      return true;
    }
    case Opcode::i32_add:
    case Opcode::i32_sub:
    case Opcode::i32_mul: return check_binary(ValType::kI32);
    case Opcode::i64_add:
    case Opcode::i64_sub:
    case Opcode::i64_mul: return check_binary(ValType::kI64);
    case Opcode::struct_new:
    case Opcode::struct_new_default:
    case Opcode::array_new:
    case Opcode::array_new_default:
    case Opcode::array_new_fixed: return check_object(op);
    case Opcode::ref_i31:
    case Opcode::any_convert_extern:
    case Opcode::extern_convert_any: return check_conversion(op);
    default: return error(ErrorCode::kConstantExpressionRequired, std::string(row.text));
  }
}

Result<void> ConstExprValidator::validate(ConstExpr& expr, ValType expected, u32 visible_globals) {
  if (expr.kind == ConstExpr::Kind::kRefFunc) {  // An element segment's function index.
    if (expr.value >= module_.func_types.size())
      return fail(ErrorCode::kUnknownFunction, expr.begin, fmt::format("{}", expr.value));
    declared_[expr.value] = true;
    expr.type = expected;
    return {};
  }
  expr_ = &expr;
  stack_.clear();
  operators_read_ = 0;
  reader_.seek(expr.begin);
  const auto taken = [this] {
    return std::unexpected(deferred_.has_value() ? deferred_.error() : reader_.take_error());
  };
  for (Operator op;;) {
    if (!operators_.next(op)) return taken();
    pc_ = op.pc;
    if (op.op == Opcode::end) break;
    ++operators_read_;
    if (!check(op, visible_globals)) return taken();
  }
  if (operators_read_ != 1) expr.kind = ConstExpr::Kind::kGeneral;
  if (stack_.size() != 1 || !TypeRegistry::global().matches(stack_.back(), expected)) {
    return fail(ErrorCode::kTypeMismatch, expr.begin,
                stack_.size() > 1 ? "values remain on the stack"
                                  : detail::mismatch_text(expected, stack_.empty() ? ValType() : stack_.back()));
  }
  expr.type = stack_.back();
  return {};
}

}  // namespace lunabeam::vm
