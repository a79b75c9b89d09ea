// Random valid modules for differential tests of execution: structured functions that call each other, with memories, tables, globals
// and, as the options say, vectors, objects of the garbage-collected heap, exceptions and recursion. The same seed and options give the same
// module. Bits of NaNs, which the specification leaves open, never reach integers, vectors, memory or control flow, so that all engines
// must agree on everything but the NaN results themselves.
//
// Types are letters as in module_builder.h, and
//   n  (ref null $node)   $node = (sub (struct (mut i32) (mut n) (mut anyref) (mut i8) (mut v128) (mut m))); N: not null
//   b  (ref null $bytes)  $bytes = (array (mut i8)); B
//   m  (ref null $nodes)  $nodes = (array (mut n)); M
//   a  anyref             x  exnref
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/support/module_builder.h"
#include "tests/support/random.h"
#include "vm/opcode.h"

namespace lunabeam::tests {

// What a generated module exports: functions f0, f1, ..., memory 0 and the globals.
struct GeneratedFunction {
  std::string params;
  std::string results;
};

struct GeneratorOptions {
  u32 num_functions = 5;
  u32 statements = 40;  // About so many per function.
  // Every function gets so many more i32 locals, and pushes so many constants before its first statement: with enough of both,
  // its operands are out of reach of short operand fields.
  u32 extra_locals = 0;
  u32 extra_operands = 0;
  bool vectors = false;      // v128 everywhere.
  bool objects = false;      // The types above, references of them everywhere, allocation in loops, casts.
  bool exceptions = false;   // try_table, throw, throw_ref; exnref everywhere.
  bool wide_memory = false;  // A second memory with 64-bit addresses, and atomic accesses to both.
  // Functions may call themselves and later ones: so many calls in all, then they return at once. 0: earlier ones only.
  u32 calls = 0;
  // Before f<i> a function r<i> is exported that fills up fuel and calls; globals g<i>, tables t<i> and memory 1 are exported too.
  bool exports_all = false;
};

class ProgramGenerator {
 public:
  static constexpr i32 kFuel = 300;  // First value of global 0: so often do loops go round, in all functions together.

  ProgramGenerator(u64 seed, GeneratorOptions options) : ProgramGenerator(Random(seed), options) {}
  ProgramGenerator(Random random, GeneratorOptions options);

  [[nodiscard]] Bytes build();
  [[nodiscard]] const std::vector<GeneratedFunction>& functions() const { return functions_; }

 private:
  struct Label {
    std::string types;
    size_t floor;  // Operands below its block's parameters.
  };

  static constexpr u8 kEnd = 0x0B;

  // --- program_generator.cpp: the module, operands, control flow, calls ---

  void declare_types();
  void define_tables_and_globals();
  void define_exports();
  std::string types(u32 most);
  void function(u32 index);
  void guard_calls();

  void put(std::initializer_list<u8> bytes) { append(code_, bytes); }
  void put(u8 code, u64 immediate) { append(code_, op(code, immediate)); }
  // The operator and its block type, a type index.
  void open_block(u8 code, u32 type) { append(code_, seq({{code}, signed_leb(static_cast<i64>(type))})); }
  [[nodiscard]] size_t height() const { return stack_.size() - labels_.back().floor; }
  char any_letter() { return letters_[random_.below(static_cast<u32>(letters_.size()))]; }

  void constant(char type);
  void float_constant(char type);
  // A local of the type, or -1.
  int local_of(char type);
  [[nodiscard]] u32 global_of(char type) const { return static_cast<u32>(global_letters_.find(type)); }
  void push(char type);
  // Makes the topmost operands be of these types, using what lies there where it fits.
  void need(std::string_view wanted);
  void pop(size_t n) { stack_.resize(stack_.size() - n); }
  // Leaves exactly these operands above the innermost floor.
  void finish(std::string_view wanted);
  // Masks the i32 or i64 on top so that accesses behind it are in bounds, mostly.
  void mask(i32 bits, char type = 'i');
  // Replaces a NaN on top, in any lane, by 0.
  void canonical(char type);
  void canonical_lanes(bool is_f32);

  // Statements: false when the code behind is unreachable.
  bool statement();
  bool set_local();
  bool select();
  bool block();
  void arm(const std::string& results, bool loops);
  // Ends the program when the loops of all functions have gone round often enough.
  void spend_fuel();
  u32 label() { return random_.chance(60) ? 0 : random_.below(static_cast<u32>(labels_.size())); }
  [[nodiscard]] const std::string& label_types(u32 depth) const { return labels_[labels_.size() - 1 - depth].types; }
  bool br_if();
  bool branch();
  bool br_table();
  bool call();
  bool call_indirect();
  bool call_ref();
  // The call behind its operands, or a tail call: false.
  bool finish_call(const GeneratedFunction& function, u8 call_code, u8 tail_code, const Bytes& immediates);

  // --- program_statements.cpp: numbers, vectors, memories, tables ---

  bool numeric();
  [[nodiscard]] bool may_use(const vm::OpcodeInfo& row) const;
  void put_row(const vm::OpcodeInfo& row);
  bool load();
  bool store();
  // Any access to any memory: vectors and atomics too.
  bool access();
  void put_memarg(const vm::OpcodeInfo& row, u32 memory);
  void small_operands(u32 n, i32 bits);
  bool bulk();
  bool wide_bulk();
  bool table();

  // --- program_objects.cpp: references, objects, exceptions ---

  // Null tests, branches on them, and calls of references.
  bool reference();
  void object_constant(char type);
  // A new object of n, b or m with default values; not on stack_.
  void fresh(char type);
  // Replaces a null on top, an n, b or m, by a fresh object; mostly.
  void non_null(char type);
  bool object();
  bool struct_field();
  bool array_element();
  bool array_range();
  bool new_object();
  bool cast();
  // Loops that allocate, make lists and walk along them.
  bool churn();
  bool walk();
  bool exception();
  void conditional_throw();
  bool try_block();

  Random random_;
  GeneratorOptions options_;
  ModuleBuilder module_;
  std::string value_letters_;     // Of signatures, locals and blocks: the more often, the more likely.
  std::string letters_;           // Each once.
  std::string global_letters_;    // By global index; ' ' for fuel and calls.
  std::string extra_statements_;  // Of the optional kinds: the more often, the more likely.
  std::vector<std::string> tags_;
  std::vector<GeneratedFunction> functions_;
  u32 print_i32_ = 0, print_mixed_ = 0, first_func_ = 0, num_tables_ = 0, calls_global_ = 0, node_elems_ = 0;
  u32 guard_node_ = 0, guard_bytes_ = 0, guard_nodes_ = 0, any_to_node_ = 0;  // Block types.
  // The function being made.
  Bytes code_;
  std::string locals_;  // Letters; without the extra ones.
  std::string results_;
  std::string stack_;  // Letters of the operands.
  std::vector<Label> labels_;
  // Locals that nothing else uses, for canonical(), walk() and loops.
  u32 scratch_f32_ = 0, scratch_f64_ = 0, scratch_v128_ = 0, scratch_node_ = 0, scratch_i32_ = 0;
  i32 budget_ = 0;
};

}  // namespace lunabeam::tests
