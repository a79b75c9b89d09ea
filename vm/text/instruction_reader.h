// Instructions as text, flat and folded, to the binary format. Driven by vm/opcodes.def; nothing recursive: folded instructions keep
// their operator on a stack of pending bytes until their operands are written.
#pragma once

#include <memory>
#include <vector>

#include "vm/text/byte_writer.h"
#include "vm/text/module_scope.h"
#include "vm/text/type_syntax.h"

namespace lunabeam::vm::text {

// Every operator of the table parses, whatever features are on: the validator rejects what it does not know, by name.
class InstructionReader {
 public:
  InstructionReader(Cursor& cursor, ModuleScope& scope);
  ~InstructionReader();

  // Names of the locals of the function being read, parameters first; the reader looks up `$x` in them. nullptr: no locals.
  void set_locals(const IndexSpace* locals);

  // Reads `instr*` until the cursor stands on the ")" that closes the form around them (or kEnd); `out` gets the operators, each
  // marked, without the final `end`. Fails on unknown operators (kUnknownOperator), blocks left open, labels that do not match, ...
  [[nodiscard]] bool read_sequence(ByteWriter& out);
  // One folded instruction, "(" to ")": the abbreviation of offsets and items.
  [[nodiscard]] bool read_folded(ByteWriter& out);
  // `(KEYWORD instr*)` or one folded instruction: `(offset ...)`, `(item ...)`. Writes the final `end`.
  [[nodiscard]] bool read_const_expr(std::string_view keyword, ByteWriter& out);

  // Branch hints (@metadata.code.branch_hint) met since the last call: offset of the operator in `out`, and the hint byte.
  struct BranchHint {
    u32 offset;
    u8 value;
  };
  [[nodiscard]] std::vector<BranchHint> take_branch_hints();

 private:
  struct State;  // Open forms, labels, pending folded operators.
  std::unique_ptr<State> state_;
};

}  // namespace lunabeam::vm::text
