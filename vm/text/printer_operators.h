// Operators to text, flat: one line each in bodies, one line for a whole constant expression.
#pragma once

#include <span>
#include <vector>

#include "vm/decode/operator_reader.h"
#include "vm/text/printer_hints.h"
#include "vm/text/printer_types.h"

namespace lunabeam::vm::text {

// All functions answer false when the bytes are malformed, or when the output grows past its limit; the reader holds the error.
class OperatorPrinter {
 public:
  // `max_size`: of the output; what is too long is an error (kImplementationLimit), since one byte of a module can ask for many.
  OperatorPrinter(TextOutput& out, const NameTable& names, std::span<const u8> bytes, u32 type_count, size_t max_size);

  // The operators of a body, each on its own line, `depth` levels deep; without the final `end`, which is read. `begin`: of the
  // body, from where `hints` count.
  [[nodiscard]] bool body(Reader& reader, bool has_data_count, u32 depth, std::span<const Identifier> locals, u32 begin,
                          std::span<const BranchHint> hints);
  // A constant expression as ` instr*`: folded when it is one instruction. With a keyword it is put in a form of that name, as
  // ` (keyword instr*)`; may_abbreviate: unless it is one instruction.
  [[nodiscard]] bool const_expr(Reader& reader, std::string_view keyword, bool may_abbreviate);

  // Whether an operator named a data segment: only then has the module that the text reads back to a data count section.
  [[nodiscard]] bool names_data() const { return names_data_; }
  // Whether each hint stood before a branch.
  [[nodiscard]] bool hints_fit() const { return hints_fit_; }

 private:
  // Opens and closes blocks. `depth`: of the operator's line, one less for what divides or ends a block.
  [[nodiscard]] bool enter_or_leave(Reader& reader, const Operator& op, u32& depth);
  [[nodiscard]] bool immediates(const Operator& op);
  void mem_arg(const Operator& op);
  void index(Space space, u32 index) {
    out_.character(' ');
    types_.index(space, index);
  }
  // An index that may be left out when it is 0.
  void default_index(Space space, u32 value) {
    if (value != 0) index(space, value);
  }
  void number(u64 value) {
    out_.character(' ');
    out_.number(value);
  }
  void local(u32 index);
  void labels(std::span<const u32> labels);
  void catches(std::span<const CatchClause> clauses);
  void v128(u64 low, u64 high);
  [[nodiscard]] bool select_types();
  [[nodiscard]] bool br_on_cast();
  // Sets the second reader to the immediates of an operator: types are printed from their bytes.
  void seek_immediates(const Operator& op);

  TextOutput& out_;
  const NameTable& names_;
  TypePrinter types_;
  Reader again_;
  std::vector<TypeId> identity_;  // Type indices as they are, for the reader of operators.
  size_t max_size_;
  std::span<const Identifier> locals_;
  const OperatorReader* operators_ = nullptr;
  // What may divide or end an open block, besides `end`.
  enum class Block : u8 {
    kPlain,
    kIf,     // `else`
    kTry,    // `catch`, `catch_all`, `delegate`
    kCatch,  // `catch`, `catch_all`
  };
  std::vector<Block> blocks_;  // Innermost last.
  bool names_data_ = false;
  bool hints_fit_ = true;
};

}  // namespace lunabeam::vm::text
