// What the function validator tells its listener. The validator is one pass over a body (spec 3.0, "Validation Algorithm"); at load
// it drives NullSink, at a function's first call the translator, later the compiler's IR builder: all see the same abstract
// stack, so none of them repeats typing.
//
// Protocol
//  1. Calls come in program order, one per operator, after the operator was fully type-checked. `pc` = byte offset of the
//     operator in Module::bytes.
//  2. Operators in unreachable code are not reported, nor are blocks that begin in unreachable code. else_() and end() are
//     reported for every block that was reported, and say whether control falls into them.
//  3. After end() code counts as reachable, as in the spec's algorithm, even if no branch reaches it. After br, br_table, return,
//     unreachable, throws and tail calls code is unreachable until the next reported else_()/catch_()/catch_all()/delegate()/end().
//  4. The listener keeps its own stack of operands in parallel: entries pop and push exactly as the operator's type says. At
//     else_() the stack is that of the block's entry (its parameters on top); at end() the block's results are on top of what
//     was below its parameters, whether or not control fell in.
//  5. Labels are relative depths as in the binary format: 0 = innermost; depth == number of open blocks = the function itself.
//     A branch to a loop carries its parameters, to other blocks its results.
//  6. The labels of a try_table's clauses and of a delegate are counted outside of the block itself.
//  7. catch_() and catch_all() begin another arm of a legacy try: the stack is that of the block's entry without its parameters, then
//     one hidden reference (the exception; no operator but rethrow sees it, end() drops it), then the tag's parameters.
#pragma once

#include <array>
#include <span>

#include "vm/base/ints.h"
#include "vm/decode/operator_reader.h"
#include "vm/opcode.h"
#include "vm/types.h"

namespace lunabeam::vm {

// ORDER: those that block() may be told of come first.
enum class BlockKind : u8 {
  kBlock,
  kLoop,
  kIf,
  kTry,       // Legacy: its first arm.
  kCatch,     // Legacy: its other arms, once a catch has been reported.
  kTryTable,  // Told by try_table().
};

struct BlockSignature {
  std::span<const ValType> params;  // Valid during the call only.
  std::span<const ValType> results;
};

struct MemArg {
  u32 memory = 0;
  u64 offset = 0;
};

// The listener's interface, and the listener that ignores everything. Listeners are template arguments: no virtual calls.
struct NullSink {
  // locals: types of all locals, parameters included.
  void begin_function(std::span<const ValType> /*locals*/, u32 /*num_params*/, std::span<const ValType> /*results*/) {}
  void end_function(u64 /*pc*/) {}  // After the function's own end(): an implicit return when control falls in.

  void block(u64 /*pc*/, BlockKind, const BlockSignature&) {}  // kIf: pops the condition first.
  void else_(u64 /*pc*/, bool /*falls_in*/) {}
  void end(u64 /*pc*/, bool /*falls_in*/) {}  // Also for the function's body.
  void br(u64, u32 /*depth*/) {}
  void br_if(u64, u32 /*depth*/) {}
  void br_table(u64, std::span<const u32> /*depths, default last*/) {}
  void return_(u64) {}
  void unreachable(u64) {}
  void call(u64, u32 /*func*/, const FuncType&) {}
  void call_indirect(u64, u32 /*table*/, TypeId, const FuncType&) {}
  void return_call(u64, u32 /*func*/, const FuncType&) {}
  void return_call_indirect(u64, u32 /*table*/, TypeId, const FuncType&) {}
  void call_ref(u64, TypeId, const FuncType&) {}  // Pops the function reference behind the arguments.
  void return_call_ref(u64, TypeId, const FuncType&) {}
  void br_on_null(u64, u32 /*depth*/) {}      // The reference stays, when it is not null.
  void br_on_non_null(u64, u32 /*depth*/) {}  // The branch carries the reference; without it there is none.
  // The reference stays on the stack on both paths, only its static type differs.
  void br_on_cast(u64, Opcode /*br_on_cast or br_on_cast_fail*/, u32 /*depth*/, ValType /*source*/,
                  ValType /*target*/) {}

  void throw_(u64, u32 /*tag*/, const FuncType& /*of the tag*/) {}
  void throw_ref(u64) {}
  void try_table(u64, const BlockSignature&, std::span<const CatchClause>) {}
  void catch_(u64, u32 /*tag*/, const FuncType&, bool /*falls_in*/) {}
  void catch_all(u64, bool /*falls_in*/) {}
  void delegate(u64, u32 /*depth*/, bool /*falls_in*/) {}  // Instead of the try's end().
  void rethrow(u64, u32 /*depth of a kCatch*/) {}

  void nop(u64) {}
  void drop(u64, ValType) {}
  void select(u64, ValType) {}
  void local_get(u64, u32 /*local*/, ValType) {}
  void local_set(u64, u32, ValType) {}
  void local_tee(u64, u32, ValType) {}
  void global_get(u64, u32 /*global*/, ValType) {}
  void global_set(u64, u32, ValType) {}
  void constant(u64, ValType, u64 /*value as slot*/) {}
  void ref_null(u64, ValType) {}
  void ref_is_null(u64, ValType) {}
  void ref_func(u64, u32 /*func*/, ValType) {}
  void ref_as_non_null(u64, ValType /*of the result*/) {}
  void ref_eq(u64) {}
  void ref_test(u64, ValType /*target*/) {}
  void ref_cast(u64, ValType /*target*/) {}
  void ref_i31(u64) {}
  void i31_get(u64, Opcode /*i31.get_s, i31.get_u*/) {}
  void any_convert_extern(u64, ValType /*of the result*/) {}
  void extern_convert_any(u64, ValType /*of the result*/) {}
  // The type ids of structs and arrays are canonical.
  void struct_new(u64, TypeId) {}
  void struct_new_default(u64, TypeId) {}
  void struct_get(u64, Opcode /*struct.get, struct.get_s, struct.get_u*/, TypeId, u32 /*field*/) {}
  void struct_set(u64, TypeId, u32 /*field*/) {}
  void array_new(u64, TypeId) {}
  void array_new_default(u64, TypeId) {}
  void array_new_fixed(u64, TypeId, u32 /*count*/) {}
  void array_new_data(u64, TypeId, u32 /*data*/) {}
  void array_new_elem(u64, TypeId, u32 /*elem*/) {}
  void array_get(u64, Opcode /*array.get, array.get_s, array.get_u*/, TypeId) {}
  void array_set(u64, TypeId) {}
  void array_len(u64) {}
  void array_fill(u64, TypeId) {}
  void array_copy(u64, TypeId /*dst*/, TypeId /*src*/) {}
  void array_init_data(u64, TypeId, u32 /*data*/) {}
  void array_init_elem(u64, TypeId, u32 /*elem*/) {}
  void table_get(u64, u32 /*table*/, ValType) {}
  void table_set(u64, u32, ValType) {}
  void table_size(u64, u32) {}
  void table_grow(u64, u32, ValType) {}
  void table_fill(u64, u32, ValType) {}
  void table_copy(u64, u32 /*dst*/, u32 /*src*/) {}
  void table_init(u64, u32 /*elem*/, u32 /*table*/) {}
  void elem_drop(u64, u32) {}
  void load(u64, Opcode, const MemArg&) {}
  void store(u64, Opcode, const MemArg&) {}
  void memory_size(u64, u32 /*memory*/) {}
  void memory_grow(u64, u32) {}
  void memory_init(u64, u32 /*data*/, u32 /*memory*/) {}
  void memory_copy(u64, u32 /*dst*/, u32 /*src*/) {}
  void memory_fill(u64, u32) {}
  void data_drop(u64, u32) {}
  void vector_constant(u64, u64 /*low*/, u64 /*high*/) {}
  void vector_lane(u64, Opcode, u32 /*lane*/) {}  // Extracts from a lane or replaces one.
  void vector_shuffle(u64, const std::array<u8, 16>& /*lanes*/) {}
  void load_lane(u64, Opcode, const MemArg&, u32 /*lane*/) {}
  void store_lane(u64, Opcode, const MemArg&, u32 /*lane*/) {}
  // Behind prefix 0xFE, but for atomic.fence, which is numeric(): pops address and operands, pushes the result if there is one.
  void atomic(u64, Opcode, const MemArg&) {}
  void wide_arithmetic(u64, Opcode) {}  // Pops 4 i64 (i64.add128, i64.sub128) or 2, pushes low and high half.
  void numeric(u64, Opcode) {}          // Every other row with a plain signature and no immediates.
};

}  // namespace lunabeam::vm
