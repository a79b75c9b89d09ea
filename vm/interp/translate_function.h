// Translation of one function body to register code: a Sink of the function validator (validate/sink.h), one forward pass, no
// second look at anything but the last instruction.
//
// Values are produced into an accumulator and stay there, without a slot, as long as nothing needs the accumulator: such a value is
// pending. When it must outlive the accumulator its producer is patched to the form that also stores it (op + 1), in place, at
// its own position. Hence a later patch is as good as an early one, and control flow between the two needs no care: the
// producer dominates everything that can still see the value.
//
// Invariant 1: at most one value is pending per accumulator; it is on the operand stack.
// Invariant 2: a mirror names a slot that holds the same bits as its accumulator at this point of the code.
// Invariant 3: below the base of an open block every value is in its home, pending, or a constant: locals are not lazy there,
//              because a write to the local inside the block would have to save it on one path only.
//              Hence a throw or call finds everything that code behind a handler can see in its slot or in the translator's head:
//              what the handler's label does not carry was below its base when the block was opened, so it is in its home or a
//              constant, or it is pending, and then a call or throw, which empties the accumulators, has given it its home by a
//              patch that dominates both; locals are in their slots whenever an operator has been executed.
// Invariant 4: the code of an operator that needs more than CodeBuffer::kSlackWords words is preceded by reserve().
//
// What counts as an operator for the metering (rules R1, reductions.h), for all tiers: every operator that the validator reports,
// except nop, block, loop, try_table, try, catch, catch_all, delegate, else and end. `if` counts. Operators of unreachable code are not reported.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "vm/interp/catch_builder.h"
#include "vm/interp/code_buffer.h"
#include "vm/interp/operand_stack.h"
#include "vm/interp/ops.h"
#include "vm/interp/translate_control.h"
#include "vm/interp/translate_options.h"
#include "vm/module.h"
#include "vm/validate/sink.h"

namespace lunabeam::vm::interp {

// Where the code at a position comes from; ordered by position.
struct CodeOrigin {
  u32 word;
  u64 pc;
};

class FunctionTranslator {
 public:
  // long_branches: compare-branches, by number, that must not use a 16-bit offset; found by an earlier attempt.
  FunctionTranslator(const Module& module, const FuncCode& code, TranslateOptions options,
                     const BranchSet& long_branches);

  // To be called before the sink's functions. False: out of memory.
  [[nodiscard]] bool open(const FuncBody& body);
  void record_origins(std::vector<CodeOrigin>* origins) { origins_ = origins; }

  // After end_function: false when memory was exhausted.
  [[nodiscard]] bool ok() const {
    return !code_.failed() && !control_.failed() && !fixups_.failed() && !catches_.failed();
  }
  [[nodiscard]] std::span<Insn> code() { return {code_.data(), code_.size()}; }
  // What the body catches, as one block to be freed; `out` is null when that is nothing. False: out of memory.
  [[nodiscard]] bool make_catch_table(CatchTable*& out) { return catches_.finish(out); }
  [[nodiscard]] u32 entry_cost() const { return entry_cost_; }
  // Compare-branches whose targets are too far for 16 bits: the code is of no use unless this is empty.
  [[nodiscard]] BranchSet& too_far() { return too_far_; }

  // --- Sink ---
  void begin_function(std::span<const ValType> locals, u32 num_params, std::span<const ValType> results);
  void end_function(u64 pc);
  void block(u64 pc, BlockKind kind, const BlockSignature& signature);
  void else_(u64 pc, bool falls_in);
  void end(u64 pc, bool falls_in);
  void br(u64 pc, u32 depth);
  void br_if(u64 pc, u32 depth);
  void br_table(u64 pc, std::span<const u32> depths);
  void return_(u64 pc);
  void unreachable(u64 pc);
  void call(u64 pc, u32 func, const FuncType& type);
  void call_indirect(u64 pc, u32 table, TypeId id, const FuncType& type);
  void return_call(u64 pc, u32 func, const FuncType& type);
  void return_call_indirect(u64 pc, u32 table, TypeId id, const FuncType& type);
  void call_ref(u64 pc, TypeId id, const FuncType& type);
  void return_call_ref(u64 pc, TypeId id, const FuncType& type);
  void br_on_null(u64 pc, u32 depth);
  void br_on_non_null(u64 pc, u32 depth);
  void br_on_cast(u64 pc, Opcode op, u32 depth, ValType source, ValType target);

  // translate_exception.cpp
  void throw_(u64 pc, u32 tag, const FuncType& type);
  void throw_ref(u64 pc);
  void try_table(u64 pc, const BlockSignature& signature, std::span<const CatchClause> clauses);
  void catch_(u64 pc, u32 tag, const FuncType& type, bool falls_in);
  void catch_all(u64 pc, bool falls_in);
  void delegate(u64 pc, u32 depth, bool falls_in);
  void rethrow(u64 pc, u32 depth);

  void nop(u64) {}
  void drop(u64 pc, ValType type);
  void select(u64 pc, ValType type);
  void local_get(u64 pc, u32 local, ValType type);
  void local_set(u64 pc, u32 local, ValType type);
  void local_tee(u64 pc, u32 local, ValType type);
  void global_get(u64 pc, u32 global, ValType type);
  void global_set(u64 pc, u32 global, ValType type);
  void constant(u64 pc, ValType type, u64 value);
  void ref_null(u64 pc, ValType type);
  void ref_is_null(u64 pc, ValType type);
  void ref_func(u64 pc, u32 func, ValType type);
  void ref_as_non_null(u64 pc, ValType type);
  void ref_eq(u64 pc);
  void ref_test(u64 pc, ValType target);
  void ref_cast(u64 pc, ValType target);
  void ref_i31(u64 pc);
  void i31_get(u64 pc, Opcode op);
  void any_convert_extern(u64 pc, ValType result);
  void extern_convert_any(u64 pc, ValType result);
  void struct_new(u64 pc, TypeId type);
  void struct_new_default(u64 pc, TypeId type);
  void struct_get(u64 pc, Opcode op, TypeId type, u32 field);
  void struct_set(u64 pc, TypeId type, u32 field);
  void array_new(u64 pc, TypeId type);
  void array_new_default(u64 pc, TypeId type);
  void array_new_fixed(u64 pc, TypeId type, u32 count);
  void array_new_data(u64 pc, TypeId type, u32 data);
  void array_new_elem(u64 pc, TypeId type, u32 elem);
  void array_get(u64 pc, Opcode op, TypeId type);
  void array_set(u64 pc, TypeId type);
  void array_len(u64 pc);
  void array_fill(u64 pc, TypeId type);
  void array_copy(u64 pc, TypeId dst, TypeId src);
  void array_init_data(u64 pc, TypeId type, u32 data);
  void array_init_elem(u64 pc, TypeId type, u32 elem);
  void table_get(u64 pc, u32 table, ValType type);
  void table_set(u64 pc, u32 table, ValType type);
  void table_size(u64 pc, u32 table);
  void table_grow(u64 pc, u32 table, ValType type);
  void table_fill(u64 pc, u32 table, ValType type);
  void table_copy(u64 pc, u32 dst, u32 src);
  void table_init(u64 pc, u32 elem, u32 table);
  void elem_drop(u64 pc, u32 elem);
  void load(u64 pc, Opcode op, const MemArg& arg);
  void store(u64 pc, Opcode op, const MemArg& arg);
  void memory_size(u64 pc, u32 memory);
  void memory_grow(u64 pc, u32 memory);
  void memory_init(u64 pc, u32 data, u32 memory);
  void memory_copy(u64 pc, u32 dst, u32 src);
  void memory_fill(u64 pc, u32 memory);
  void data_drop(u64 pc, u32 data);
  void atomic(u64 pc, Opcode op, const MemArg& arg);
  void wide_arithmetic(u64 pc, Opcode op);
  void numeric(u64 pc, Opcode op);
  void vector_constant(u64 pc, u64 low, u64 high);
  void vector_lane(u64 pc, Opcode op, u32 lane);
  void vector_shuffle(u64 pc, const std::array<u8, 16>& lanes);
  void load_lane(u64 pc, Opcode op, const MemArg& arg, u32 lane);
  void store_lane(u64 pc, Opcode op, const MemArg& arg, u32 lane);

 private:
  static constexpr u32 kNone = 0xFFFF'FFFF;

  struct Accumulator {
    u32 entry = kNone;   // Index of the pending value.
    u32 mirror = kNone;  // Slot with the same contents.
  };

  // The instruction at the end of the code, as far as it can still be changed.
  struct Last {
    u32 start = kNone;
    u32 end = kNone;  // == code_.size(), else it is not the last one any more.
    u32 d_word = 0;   // Where the destination is: word and field.
    u8 d_field = 0;
    u8 form = 0;  // Form of a comparison.
    bool compares = false;
    Opcode op{};       // The comparison.
    u32 home = kNone;  // Temporary that the value was produced for.
    // A float comparison just before, which this one (i32.eqz) negates.
    u32 inner_start = kNone;
    Opcode inner_op{};
    u8 inner_form = 0;
  };

  // Instructions taken off the end of the code, to be put back behind others.
  struct Detached {
    u32 count = 0;
    Insn words[2];
    Last last;
    u64 pc = 0;  // Where they come from.
  };

  // The topmost values of the stack, non-references and references.
  struct Values {
    u32 home[2] = {0, 0};  // First home.
    u32 words[2] = {0, 0};
  };

  // Operands of a call or return, in operands_.
  struct List {
    u32 nums;     // Words that are no references ...
    u32 refs;     // ... and references.
    u32 home[2];  // First homes, for the forms that take ranges.
  };

  // What a conditional branch asks: an i32 that was popped, or whether the reference in slot `word` is null (or is not), or of the
  // cast's target (or is not).
  struct Test {
    Operand condition;
    u32 word = kNone;
    bool null = true;  // The outcome, of casts too.
    bool is_cast = false;
    u64 target = 0;  // The word behind a cast.
  };

  // A branch may carry this many values one by one; more are moved as a range, so that code stays linear in the body.
  static constexpr u32 kFewValues = 4;
  static constexpr u32 kMaxOperands = 2 * 1000;  // Parameters, or results, of one function: each at most a vector.

  // --- translate_values.h: what every operator goes through ---
  void begin(u64 pc);
  void open_operator(u64 pc);
  u32 emit(u16 op, u32 f0 = 0, u32 f1 = 0, u32 f2 = 0);
  u32 emit(Special op, u32 f0 = 0, u32 f1 = 0, u32 f2 = 0) { return emit(op_id(op), f0, f1, f2); }
  u32 emit_wide(Special op, u32 f0, u32 value);
  void emit_u64(u64 word);
  Accumulator& accumulator(const Operand& value) { return acc_[value.is_float() ? 1 : 0]; }
  [[nodiscard]] u32 word_of(const Operand& value);
  [[nodiscard]] bool in_acc(const Operand& value);
  [[nodiscard]] bool is_last(const Operand& value) const;
  Operand pop();
  void spill(u32 which);
  void spill_all();
  void empty_accumulators();
  void note_write(u32 word);
  void finish_pending(Operand& value);
  [[nodiscard]] u32 slot(Operand& value);
  [[nodiscard]] u32 reach(u32 word);
  void produce(ValType::Kind kind, u32 start, u32 d_field);

  // --- translate_values.cpp ---
  void record_origin(u64 pc);
  [[nodiscard]] u32 constant_slot(Operand& value);
  [[nodiscard]] u32 far_slot(u32 word);
  [[nodiscard]] u32 transient() const { return scratch_ + scratch_count_ - 1; }
  void store_result();
  void produce_in_slot(ValType::Kind kind, u32 d_word, u32 d_field, bool mirrored);
  void emit_const(u64 value, u32 word);
  void emit_mov(u32 from, u32 to);
  void copy_value(ValType::Kind kind, u32 from, u32 to);
  void set_word(Operand& value, u32 word);
  void to_home(Operand& value);
  void settle(u32 count);
  void settle_lazy();
  void save_readers(u32 local);
  void write_local(Operand& value, u32 local);
  Detached detach();
  void attach(const Detached& detached, Operand& value);
  void truncate(u32 height);

  // --- translate_numeric.cpp ---
  void binary(Opcode op);
  void float_binary(Opcode op);
  void unary(Opcode op);
  void eqz(Opcode compare);
  [[nodiscard]] bool tests_zero();

  // --- translate_vector.cpp: a v128 is never pending, and no constant ---
  [[nodiscard]] u32 vector_slot(const Operand& value);
  void produce_vector(u32 start, u32 d_field);
  void move_vector(u32 from, u32 to);
  void vector(Opcode op);
  void vector_load(Opcode op, const MemArg& arg);
  void vector_store(Opcode op, const MemArg& arg);
  void vector_access_lane(Opcode op, const MemArg& arg, u32 lane, bool loads);
  void vector_select();
  void vector_global_get(u32 global);
  void vector_global_set(u32 global);

  // --- translate_memory.cpp ---
  [[nodiscard]] u32 fresh_operands(u32 count);
  [[nodiscard]] ValType::Kind address_kind(u32 memory) const;

  // --- translate_gc.cpp ---
  void produce_cell(ValType::Kind kind, u32 start);
  [[nodiscard]] u32 near_value(Operand& value);
  [[nodiscard]] u32 near_range(u32 home, u32 count);
  void replace_by_object(u32 count, u32 start, u32 d_field);
  void array_new_segment(Special allocate, Special load, TypeId type, u32 segment);
  void array_init(Special op, u32 segment);

  // --- translate_branch.cpp ---
  void open_block(BlockKind kind, const BlockSignature& signature);
  void end_loop(Control& loop, bool falls_in);
  void push_types(const TypeList& types);
  void add_fixup(u32* list, u32 word, u8 field);
  void patch(const Fixup& fixup, u32 target);
  void bind(u32& fixups);
  void link(Control* target, u32* fixups, u32 word, u8 field);
  void jump(Control& target);
  void branch_on(Operand condition, bool when, Control* target, u32* fixups);
  void branch_on_null(u32 word, bool when, Control* target, u32* fixups);
  void branch_on_cast(const Test& test, bool when, Control* target, u32* fixups);
  void branch_if(const Test& test, bool holds, Control* target, u32* fixups);
  void branch_with_values(Test test, u32 depth);
  [[nodiscard]] Values values(u32 count);
  [[nodiscard]] static bool at_label(const Control& target, const Values& values);
  Operand take(u32 depth);
  void move_to_label(const Control& target, u32 count);
  void move_range(u32 from, u32 to, u32 count);

  // --- translate_exception.cpp ---
  void open_try(const BlockSignature& signature);
  void enter_range(u32 range);
  void leave_range();
  void next_arm(u32 tag, std::span<const ValType> payload, bool falls_in);
  void end_catch(Control& control, bool falls_in);
  void emit_throw_ref(u32 word);

  // --- translate_reference.cpp ---
  void push_again(const Operand& value);

  // --- translate_call.cpp ---
  [[nodiscard]] u32 listed_operand(u32 depth);
  [[nodiscard]] List list_values(u32 count, bool in_order);
  [[nodiscard]] List range_of_values(u32 count);
  void bring_near(List& list, u32 count);
  u32 emit_list(u32 count, u32 tail);
  void push_results(const FuncType& type);
  void emit_call(u32 func, const FuncType& type);
  void emit_return();

  const Module& module_;
  const FuncCode& func_;
  const TranslateOptions options_;
  const BranchSet& long_branches_;
  const bool wide_;           // The frame has operands beyond the reach of a u16.
  const bool store_at_once_;  // No value is ever pending.

  CodeBuffer code_;
  OperandStack stack_;
  ControlStack control_;
  FixupPool fixups_;
  CatchBuilder catches_;
  Buffer<u32> local_words_;  // By local: its operand.
  Accumulator acc_[2];       // acc, facc.
  Last last_;
  TypeList results_;

  u64 ops_ = 0;  // Operators of the innermost loop, or outside of loops.
  u32 entry_cost_ = 1;
  u32 branch_number_ = 0;  // Compare-branches so far.
  BranchSet too_far_;
  u32 max_num_slots_ = 0;
  u32 max_ref_slots_ = 0;
  u32 scratch_ = 0;  // First scratch slot of wide frames ...
  u32 scratch_count_ = 0;
  u32 scratch_used_ = 0;  // ... and how many the current operator has taken.
  u32 operands_[kMaxOperands];
  std::vector<CodeOrigin>* origins_ = nullptr;
  u64 pc_ = 0;  // Of the current operator; kept only while origins are recorded.
};

}  // namespace lunabeam::vm::interp
