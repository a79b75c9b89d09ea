// Types one function body in one pass over its bytes and tells a sink what it finds (validate/sink.h). The specification's algorithm
// (spec 3.0, "Validation Algorithm"), iterative, allocation-free in steady state. Runs with NullSink when a module is loaded, with the
// translator when a function is called first.
#pragma once

#include <fmt/format.h>

#include <array>
#include <type_traits>
#include <vector>

#include "vm/decode/operator_reader.h"
#include "vm/decode/structure.h"
#include "vm/limits.h"
#include "vm/module.h"
#include "vm/validate/body_locals.h"
#include "vm/validate/body_stack.h"
#include "vm/validate/sink.h"

namespace lunabeam::vm {

namespace detail {

// Storage of one-value block types, by kind.
inline constexpr std::array<ValType, 5> kNumberTypes = {ValType::kI32, ValType::kI64, ValType::kF32, ValType::kF64,
                                                        ValType::kV128};

[[nodiscard]] constexpr ValType type_of_letter(char letter) {
  switch (letter) {
    case 'I': return ValType::kI64;
    case 'f': return ValType::kF32;
    case 'F': return ValType::kF64;
    case 'v': return ValType::kV128;
    default: return ValType::kI32;
  }
}

// What most opcodes are typed by: rows of opcodes.def, unpacked. Address types are taken as i32: rows with an 'a' have rules of their own.
enum class OpRule : u8 { kPlain, kAccess, kAtomic, kVector };
struct PlainSignature {
  Feature feature{};
  OpRule rule = OpRule::kPlain;
  u8 width_log2 = 0;  // Of accesses to memory.
  u8 num_params = 0;
  u8 num_results = 0;
  std::array<ValType, 3> params;
  ValType result;
};
inline constexpr auto kPlainSignatures = [] {
  std::array<PlainSignature, kOpcodeCount> table{};
  for (size_t i = 0; i < kOpcodeCount; ++i) {
    const OpcodeInfo& op = kOpcodes[i];
    table[i].feature = op.feature;
    if (op.width_log2 >= 0) table[i].width_log2 = static_cast<u8>(op.width_log2);
    if (op.prefix == 0xFD) {
      table[i].rule = OpRule::kVector;
    } else if (op.width_log2 >= 0) {
      table[i].rule = op.prefix == kAtomicPrefix ? OpRule::kAtomic : OpRule::kAccess;
    }
    if (op.is_special()) continue;
    for (const char letter : op.params()) table[i].params[table[i].num_params++] = type_of_letter(letter);
    for (const char letter : op.results()) {
      table[i].result = type_of_letter(letter);
      ++table[i].num_results;
    }
  }
  return table;
}();

// Names the types in the message of a mismatch; a bottom stands for an operand that is not there.
[[nodiscard]] std::string mismatch_text(ValType expected, ValType found);

}  // namespace detail

// Validates bodies of one module, one after the other; keeps its buffers in between. Not for several threads at once.
template <class Sink>
class FunctionValidator {
 public:
  // declared: bit set of functions that ref.func may name; nullptr: not checked (the module was validated before).
  FunctionValidator(const Module& module, Sink& sink, const std::vector<bool>* declared, bool has_data_count)
      : module_(module),
        registry_(TypeRegistry::global()),
        sink_(sink),
        declared_(declared),
        reader_(module.bytes, 0, module.bytes.size()),
        types_(reader_, module.types, module.features, deferred_),
        operators_(reader_, types_, has_data_count),
        has_plain_features_(module.features.has(Feature::kMvp) && module.features.has(Feature::kSignExtension)),
        has_plain_memory_(!module.memories.empty() && memory_address(0) == ValType::kI32) {}

  // Errors: malformed and invalid bodies, with offsets. max_*_slots are those of FuncBody.
  [[nodiscard]] Result<void> validate(u32 func_index, u32& max_num_slots, u32& max_ref_slots) {
    const FuncBody& body = module_.bodies[func_index - module_.imported_funcs];
    const TypeId type_id = module_.func_type_id(func_index);
    const FuncType& type = registry_.func(type_id);
    reader_.seek(body.begin);
    if (!open(body, type, registry_.func_shape(type_id)) || !walk() || !close(body))
      return std::unexpected(take_error());
    max_num_slots = stack_.max_num_slots();
    max_ref_slots = stack_.max_ref_slots();
    return {};
  }

 private:
  [[nodiscard]] bool open(const FuncBody& bounds, const FuncType& type, const FuncShape& shape) {
    stack_.clear(bounds.end - bounds.begin);
    pc_ = reader_.pos();
    if (!read_locals(reader_, types_, runs_)) return false;
    if (!runs_.empty() && runs_.back().end > kMaxLocals) {
      return error(ErrorCode::kImplementationLimit, fmt::format("{} locals", runs_.back().end));
    }
    // Only a listener wants them all in a list.
    locals_.reset(type.params, runs_, /*list_all=*/!std::is_same_v<Sink, NullSink>);
    if (deferred_.has_value()) return false;
    BlockShape body;
    body.results = type.results;
    body.slots.result_slots = shape.result_slots;
    body.slots.result_refs = shape.result_refs;
    stack_.enter(Opcode::block, body, 0);
    sink_.begin_function(locals_.types(), static_cast<u32>(type.params.size()), type.results);
    return true;
  }

  [[nodiscard]] bool walk() {
    Operator op;
    while (stack_.depth() != 0) {
      walk_plain();
      if (!operators_.next(op)) return false;
      pc_ = op.pc;
      if (!module_.features.has(detail::kPlainSignatures[static_cast<size_t>(op.op)].feature)) [[unlikely]]
        return error(ErrorCode::kUnsupportedFeature,
                     fmt::format("{} ({})", name_of(info(op.op).feature), info(op.op).text));
      if (!check(op)) [[unlikely]]
        return false;
    }
    return true;
  }

  void walk_plain();  // function_validator_plain.h

  [[nodiscard]] bool close(const FuncBody& body) {
    if (reader_.pos() != body.end) return error(ErrorCode::kSectionSizeMismatch);
    sink_.end_function(pc_);
    return true;
  }

  [[nodiscard]] Error take_error() {
    if (deferred_.has_value()) return deferred_.error();
    return reader_.take_error();
  }
  [[gnu::cold, gnu::noinline]] bool error(ErrorCode code, std::string detail = {}) {
    return reader_.fail(code, pc_, std::move(detail));
  }
  [[gnu::cold, gnu::noinline]] bool unknown(ErrorCode code, u32 index) { return error(code, fmt::format("{}", index)); }
  [[gnu::cold, gnu::noinline]] bool mismatch(ValType expected, ValType found) {
    return error(ErrorCode::kTypeMismatch, detail::mismatch_text(expected, found));
  }

  [[nodiscard]] bool pop(ValType expected) {
    ValType found;
    if (stack_.pop(expected, found)) [[likely]]
      return true;
    return mismatch(expected, found);
  }
  [[nodiscard]] bool pop_any(ValType& type) {
    if (stack_.pop_any(type)) [[likely]]
      return true;
    return error(ErrorCode::kTypeMismatch, "an operand is missing");
  }
  // The operand of any reference type, or a bottom.
  [[nodiscard]] bool pop_reference(ValType& type) {
    if (!pop_any(type)) return false;
    if (type.is_ref() || type.is_bottom()) return true;
    return error(ErrorCode::kTypeMismatch, "expected a reference, found " + to_string(type));
  }
  [[nodiscard]] bool pop_all(std::span<const ValType> types, u32 num, u32 refs) {
    size_t index = 0;
    ValType found;
    const Fit fit = stack_.pop_all(types, num, refs, index, found);
    return fit == Fit::kYes || misfit(fit, types, index, found);
  }
  // The operands of a conditional branch to `frame`: they stay, with the label's types.
  [[nodiscard]] bool retype(const ControlFrame& frame) {
    const std::span<const ValType> types = frame.label_types();
    size_t index = 0;
    ValType found;
    const Fit fit = stack_.retype(types, frame.label_slots(), frame.label_refs(), index, found);
    return fit == Fit::kYes ? check_height() : misfit(fit, types, index, found);
  }
  // The same for a label whose last operand the branch brings itself.
  [[nodiscard]] bool retype_all_but_last(const ControlFrame& frame) {
    const std::span<const ValType> types = frame.label_types().first(frame.label_types().size() - 1);
    size_t index = 0;
    ValType found;
    const Fit fit = stack_.retype(types, frame.label_slots(), frame.label_refs() - 1, index, found);
    return fit == Fit::kYes ? check_height() : misfit(fit, types, index, found);
  }
  // The last of the types that a branch to the label carries, which must be a reference.
  [[nodiscard]] bool last_reference(const ControlFrame& frame, ValType& type) {
    const std::span<const ValType> types = frame.label_types();
    if (!types.empty() && types.back().is_ref()) {
      type = types.back();
      return true;
    }
    return error(ErrorCode::kTypeMismatch, "the label takes no reference as its last operand");
  }
  // The type of a reference that is known not to be null; of a bottom, a reference that matches all of them.
  [[nodiscard]] static ValType non_null(ValType type) {
    return ValType::ref(type.is_bottom() ? HeapType(HeapType::kBottom) : type.heap(), false);
  }
  // The operands of a branch behind which code is unreachable: they match, and stay what they are.
  [[nodiscard]] bool check_branch_operands(std::span<const ValType> types) {
    size_t index = 0;
    ValType found;
    const Fit fit = stack_.check_top(types, index, found);
    return fit == Fit::kYes || misfit(fit, types, index, found);
  }
  [[gnu::cold, gnu::noinline]] bool misfit(Fit fit, std::span<const ValType> types, size_t index, ValType found) {
    if (fit == Fit::kTooMuchWork)
      return error(ErrorCode::kImplementationLimit, "too many comparisons of types in a function");
    return mismatch(types[index], found);
  }
  // Lists of declared types of the same length.
  [[nodiscard]] bool check_list(std::span<const ValType> types, std::span<const ValType> wanted) {
    size_t index = 0;
    const Fit fit = stack_.check_list(types, wanted, index);
    return fit == Fit::kYes || misfit(fit, wanted, index, types[index]);
  }
  [[nodiscard]] bool live() const { return stack_.is_live(); }

  [[nodiscard]] bool block_shape(const BlockType& type, BlockShape& shape) {
    shape = {};
    switch (type.kind) {
      case BlockType::Kind::kEmpty: return true;
      case BlockType::Kind::kValue:
        if (deferred_.has_value()) return false;
        if (type.value.is_ref()) {
          shape.results = registry_.single(type.value);
          shape.slots.result_refs = 1;
        } else {
          shape.results = std::span(&detail::kNumberTypes[type.value.kind()], 1);
          shape.slots.result_slots = type.value.slots();
        }
        return true;
      case BlockType::Kind::kIndex: {
        const TypeId id = types_.func_type_at(type.index, pc_);
        if (deferred_.has_value()) return false;
        const FuncType& function = registry_.func(id);
        shape = {function.params, function.results, registry_.func_shape(id)};
        return true;
      }
    }
    return true;
  }
  [[nodiscard]] bool enter(const Operator& op, BlockKind kind) {
    BlockShape shape;
    if (!block_shape(op.block, shape)) return false;
    if (!shape.params.empty() && !pop_all(shape.params, shape.slots.param_slots, shape.slots.param_refs)) return false;
    if (live()) sink_.block(pc_, kind, BlockSignature{shape.params, shape.results});
    stack_.enter(op.op, shape, locals_.undo_height());
    return true;
  }

  // The results of the innermost block are on the stack, and nothing else.
  [[nodiscard]] bool pop_results() {
    const BlockShape& shape = stack_.top().shape;
    if (!pop_all(shape.results, shape.slots.result_slots, shape.slots.result_refs)) return false;
    if (stack_.operands_in_block() != 0)
      return error(ErrorCode::kTypeMismatch, "values remain on the stack at the end of the block");
    return true;
  }

  [[nodiscard]] bool check_else() {
    if (stack_.top().opcode != Opcode::if_) return error(ErrorCode::kEndOpcodeExpected);
    if (!pop_results()) return false;
    const ControlFrame& frame = stack_.top();
    locals_.undo_to(frame.undo_height);
    if (!frame.is_dead) sink_.else_(pc_, !frame.is_unreachable);
    stack_.restart_as_else();
    return true;
  }

  [[nodiscard]] bool check_end() {
    if (!pop_results()) return false;
    const ControlFrame& frame = stack_.top();
    if (frame.opcode == Opcode::if_) {
      // Without an else the parameters are the results.
      const auto& params = frame.shape.params;
      const auto& results = frame.shape.results;
      if (params.size() != results.size())
        return error(ErrorCode::kTypeMismatch, "an if without else must not change the stack");
      if (!check_list(params, results)) return false;
    }
    locals_.undo_to(frame.undo_height);
    if (!frame.is_dead) sink_.end(pc_, !frame.is_unreachable);
    stack_.leave();
    return check_height();
  }

  [[nodiscard]] bool check_label(u32 depth) {
    return depth < stack_.depth() || unknown(ErrorCode::kUnknownLabel, depth);
  }

  [[nodiscard]] bool check_br_table() {
    const std::span<const u32> labels = operators_.labels();
    if (!pop(ValType::kI32) || !check_label(labels.back())) return false;
    const size_t arity = stack_.at_depth(labels.back()).label_types().size();
    const ValType* checked = nullptr;
    for (const u32 depth : labels) {
      if (!check_label(depth)) return false;
      const std::span<const ValType> types = stack_.at_depth(depth).label_types();
      if (types.size() != arity) return error(ErrorCode::kTypeMismatch, "labels of a br_table differ in arity");
      if (types.data() == checked && arity != 0) continue;
      checked = types.data();
      if (!check_branch_operands(types)) return false;
    }
    if (live()) sink_.br_table(pc_, labels);
    stack_.set_unreachable();
    return true;
  }
  [[nodiscard]] bool check_callee_results(const FuncType& callee) {
    const std::span<const ValType> wanted = stack_.at_depth(static_cast<u32>(stack_.depth() - 1)).shape.results;
    if (callee.results.size() != wanted.size()) return error(ErrorCode::kTypeMismatch, "results of a tail call");
    return check_list(callee.results, wanted);
  }

  // Pops the parameters of a call and, unless it is a tail call, pushes its results.
  [[nodiscard]] bool apply_call(const FuncType& type, const FuncShape& shape) {
    if (!pop_all(type.params, shape.param_slots, shape.param_refs)) return false;
    stack_.push_all(type.results, shape.result_slots, shape.result_refs);
    return check_height();
  }
  // Calls and blocks push many operands for few bytes: what they may add up to is bounded by what plain operators could push.
  [[nodiscard]] bool check_height() {
    return stack_.operands() <= kMaxOperands || error(ErrorCode::kImplementationLimit, "operand stack is too deep");
  }

  [[nodiscard]] bool check_call(const Operator& op) {
    if (op.index >= module_.func_types.size()) return unknown(ErrorCode::kUnknownFunction, op.index);
    const TypeId id = module_.func_types[op.index];
    const FuncType& type = registry_.func(id);
    const FuncShape& shape = registry_.func_shape(id);
    if (op.op == Opcode::call) {
      const bool reported = live();
      if (!apply_call(type, shape)) return false;
      if (reported) sink_.call(pc_, op.index, type);
      return true;
    }
    if (!pop_all(type.params, shape.param_slots, shape.param_refs) || !check_callee_results(type)) return false;
    if (live()) sink_.return_call(pc_, op.index, type);
    stack_.set_unreachable();
    return true;
  }

  [[nodiscard]] bool check_call_indirect(const Operator& op) {
    if (op.index2 >= module_.tables.size()) return unknown(ErrorCode::kUnknownTable, op.index2);
    const TableType& table = module_.tables[op.index2].type;
    if (!registry_.matches(table.element, kFuncRef)) return mismatch(kFuncRef, table.element);
    const TypeId id = types_.func_type_at(op.index, pc_);
    if (deferred_.has_value()) return false;
    const FuncType& type = registry_.func(id);
    const FuncShape& shape = registry_.func_shape(id);
    if (!pop(value_type_of(table.limits.address_type))) return false;
    if (op.op == Opcode::call_indirect) {
      const bool reported = live();
      if (!apply_call(type, shape)) return false;
      if (reported) sink_.call_indirect(pc_, op.index2, id, type);
      return true;
    }
    if (!pop_all(type.params, shape.param_slots, shape.param_refs) || !check_callee_results(type)) return false;
    if (live()) sink_.return_call_indirect(pc_, op.index2, id, type);
    stack_.set_unreachable();
    return true;
  }

  [[nodiscard]] bool check_call_ref(const Operator& op) {
    const TypeId id = types_.func_type_at(op.index, pc_);
    if (deferred_.has_value()) return false;
    const FuncType& type = registry_.func(id);
    const FuncShape& shape = registry_.func_shape(id);
    if (!pop(ValType::ref(HeapType::concrete(id), true))) return false;
    if (op.op == Opcode::call_ref) {
      const bool reported = live();
      if (!apply_call(type, shape)) return false;
      if (reported) sink_.call_ref(pc_, id, type);
      return true;
    }
    if (!pop_all(type.params, shape.param_slots, shape.param_refs) || !check_callee_results(type)) return false;
    if (live()) sink_.return_call_ref(pc_, id, type);
    stack_.set_unreachable();
    return true;
  }

  [[nodiscard]] bool check_select(const Operator& op) {
    if (!pop(ValType::kI32)) return false;
    ValType type = op.type;
    if (op.op == Opcode::select_t) {
      if (deferred_.has_value()) return false;
      if (op.count != 1) return error(ErrorCode::kInvalidResultArity);
      if (!pop(type) || !pop(type)) return false;
    } else {
      ValType second;
      if (!pop_any(type) || !pop_any(second)) return false;
      if (type.is_ref() || second.is_ref())
        return error(ErrorCode::kTypeMismatch, "select without a type takes no references");
      if (type.is_bottom()) type = second;
      if (!second.is_bottom() && second != type) return mismatch(type, second);
    }
    if (live()) sink_.select(pc_, type);
    stack_.push(type);
    return true;
  }

  [[nodiscard]] bool check_memory(u32 memory) {
    return memory < module_.memories.size() || unknown(ErrorCode::kUnknownMemory, memory);
  }
  [[nodiscard]] bool check_table(u32 table) {
    return table < module_.tables.size() || unknown(ErrorCode::kUnknownTable, table);
  }
  [[nodiscard]] ValType memory_address(u32 memory) const {
    return value_type_of(module_.memories[memory].limits.address_type);
  }
  [[nodiscard]] ValType table_address(u32 table) const {
    return value_type_of(module_.tables[table].type.limits.address_type);
  }

  // The immediates of a memory access.
  [[nodiscard]] bool check_mem_arg(const Operator& op, u32 width_log2) {
    if (!check_memory(op.memory)) return false;
    if (op.align_log2 > width_log2) return error(ErrorCode::kAlignmentTooLarge);
    if (memory_address(op.memory) == ValType::kI32 && op.value > 0xFFFF'FFFF)
      return error(ErrorCode::kOffsetOutOfRange);
    return true;
  }
  [[nodiscard]] bool check_access(const Operator& op, const detail::PlainSignature& signature) {
    if (!check_mem_arg(op, signature.width_log2)) return false;
    const ValType address = memory_address(op.memory);
    const MemArg arg{op.memory, op.value};
    if (signature.num_results == 1) {
      if (!pop(address)) return false;
      if (live()) sink_.load(pc_, op.op, arg);
      stack_.push(signature.result);
    } else {
      if (!pop(signature.params[1]) || !pop(address)) return false;
      if (live()) sink_.store(pc_, op.op, arg);
    }
    return true;
  }

  [[nodiscard]] bool check_atomic(const Operator& op, const detail::PlainSignature& signature) {
    if (!check_memory(op.memory)) return false;
    if (op.align_log2 != signature.width_log2) return error(ErrorCode::kAtomicAlignment);
    const ValType address = memory_address(op.memory);
    if (address == ValType::kI32 && op.value > 0xFFFF'FFFF) return error(ErrorCode::kOffsetOutOfRange);
    for (u32 i = signature.num_params; i-- > 1;) {
      if (!pop(signature.params[i])) return false;
    }
    if (!pop(address)) return false;
    if (live()) sink_.atomic(pc_, op.op, MemArg{op.memory, op.value});
    if (signature.num_results != 0) stack_.push(signature.result);
    return true;
  }

  [[nodiscard]] bool check_wide_arithmetic(const Operator& op) {
    const bool adds = op.op == Opcode::i64_add128 || op.op == Opcode::i64_sub128;
    for (u32 i = adds ? 4 : 2; i > 0; --i) {
      if (!pop(ValType::kI64)) return false;
    }
    if (live()) sink_.wide_arithmetic(pc_, op.op);
    stack_.push(ValType::kI64);
    stack_.push(ValType::kI64);
    return true;
  }

  [[nodiscard]] bool check_plain(const Operator& op, const detail::PlainSignature& signature) {
    for (u32 i = signature.num_params; i-- > 0;) {
      if (!pop(signature.params[i])) return false;
    }
    if (live()) sink_.numeric(pc_, op.op);
    if (signature.num_results != 0) stack_.push(signature.result);
    return true;
  }

  [[nodiscard]] bool check_constant(ValType type, u64 value) {
    if (live()) sink_.constant(pc_, type, value);
    stack_.push(type);
    return true;
  }

  [[nodiscard]] bool check_local(const Operator& op) {
    if (op.index >= locals_.count()) return unknown(ErrorCode::kUnknownLocal, op.index);
    const ValType type = locals_.type(op.index);
    switch (op.op) {
      case Opcode::local_get:
        if (!locals_.is_set(op.index)) return unknown(ErrorCode::kUninitializedLocal, op.index);
        if (live()) sink_.local_get(pc_, op.index, type);
        stack_.push(type);
        return true;
      case Opcode::local_set:
        if (!pop(type)) return false;
        if (live()) sink_.local_set(pc_, op.index, type);
        break;
      default:
        if (!pop(type)) return false;
        if (live()) sink_.local_tee(pc_, op.index, type);
        stack_.push(type);
        break;
    }
    locals_.set(op.index);
    return true;
  }

  [[nodiscard]] bool check_global(const Operator& op) {
    if (op.index >= module_.globals.size()) return unknown(ErrorCode::kUnknownGlobal, op.index);
    const GlobalType& type = module_.globals[op.index].type;
    if (op.op == Opcode::global_get) {
      if (live()) sink_.global_get(pc_, op.index, type.type);
      stack_.push(type.type);
      return true;
    }
    if (!type.is_mutable) return unknown(ErrorCode::kImmutableGlobal, op.index);
    if (!pop(type.type)) return false;
    if (live()) sink_.global_set(pc_, op.index, type.type);
    return true;
  }

  [[nodiscard]] bool check_lane(const Operator& op) {
    const u32 lane = op.lanes[0];
    return lane < lane_count(info(op.op)) || unknown(ErrorCode::kInvalidLaneIndex, lane);
  }

  [[nodiscard]] bool check_memory_op(const Operator& op);
  [[nodiscard]] bool check_vector_op(const Operator& op);
  [[nodiscard]] bool check_table_op(const Operator& op);
  [[nodiscard]] bool check_reference_op(const Operator& op);
  [[nodiscard]] bool check_control(const Operator& op);
  // function_validator_gc.h
  [[nodiscard]] bool composite(u32 index, CompositeKind kind, TypeId& id);
  [[nodiscard]] bool pop_fields(std::span<const FieldType> fields);
  [[nodiscard]] bool pop_elements(ValType element, u32 count);
  [[nodiscard]] bool check_extension(ValType storage, bool is_plain);
  [[nodiscard]] bool check_numeric_array(const FieldType& element);
  [[nodiscard]] bool check_data(u32 data);
  [[nodiscard]] bool check_elem(const FieldType& element, u32 elem);
  [[nodiscard]] bool check_struct_op(const Operator& op);
  [[nodiscard]] bool check_array_op(const Operator& op);
  [[nodiscard]] bool check_array_write(const Operator& op, TypeId id);
  [[nodiscard]] bool check_any_op(const Operator& op);
  [[nodiscard]] bool check_cast(const Operator& op);
  [[nodiscard]] bool check_br_on_cast(const Operator& op);
  // function_validator_exceptions.h
  [[nodiscard]] bool check_catch_clause(const CatchClause& clause);
  [[nodiscard]] bool check_try_table(const Operator& op);
  [[nodiscard]] bool check_catch(const Operator& op);
  [[nodiscard]] bool check_delegate(const Operator& op);
  [[nodiscard]] bool check_exception_op(const Operator& op);
  [[nodiscard]] bool check(const Operator& op);

  const Module& module_;
  const TypeRegistry& registry_;
  Sink& sink_;
  const std::vector<bool>* declared_;
  DeferredError deferred_;
  Reader reader_;
  TypeReader types_;
  OperatorReader operators_;
  BodyStack stack_;
  BodyLocals locals_;
  std::vector<LocalRun> runs_;
  u32 pc_ = 0;
  const bool has_plain_features_;
  const bool has_plain_memory_;  // The first memory is there and has 32-bit addresses.
};

// Types the body of a function of a module that was validated, for a sink. func_index >= module.imported_funcs.
template <class Sink>
[[nodiscard]] Result<void> validate_body(const Module& module, u32 func_index, Sink& sink) {
  FunctionValidator<Sink> validator(module, sink, nullptr, /*has_data_count=*/true);
  u32 max_num_slots;
  u32 max_ref_slots;
  return validator.validate(func_index, max_num_slots, max_ref_slots);
}

}  // namespace lunabeam::vm

#include "vm/validate/function_validator_exceptions.h"
#include "vm/validate/function_validator_gc.h"
#include "vm/validate/function_validator_plain.h"
#include "vm/validate/function_validator_rules.h"
