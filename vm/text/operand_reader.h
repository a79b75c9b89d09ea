// Operators with their immediates as text, to the binary format: all but those that open, divide or close blocks.
#pragma once

#include <string>

#include "vm/text/byte_writer.h"
#include "vm/text/label_stack.h"
#include "vm/text/mnemonics.h"
#include "vm/text/module_scope.h"
#include "vm/text/type_syntax.h"

namespace lunabeam::vm::text {

// All functions answer false on failure; the cursor holds the error.
class OperandReader {
 public:
  OperandReader(Cursor& cursor, ModuleScope& scope, const LabelStack& labels)
      : cursor_(cursor), scope_(scope), types_(cursor, scope), labels_(labels) {}

  // Names of the locals in scope; nullptr: none.
  void set_locals(const IndexSpace* locals) { locals_ = locals; }

  // Reads the immediates of `op`, the first row of its mnemonic, and writes the operator; the cursor stands behind the mnemonic.
  // Immediates choose among rows that share it (select, ref.test, ref.cast).
  [[nodiscard]] bool read(Opcode op, ByteWriter& out);

  // Writes prefix and code.
  static void write_opcode(Opcode op, ByteWriter& out) {
    const OpcodeEncoding& row = kOpcodeEncodings[static_cast<size_t>(op)];
    if (row.prefix != 0) {
      out.byte(row.prefix);
      out.u32_leb(row.code);
    } else {
      out.byte(static_cast<u8>(row.code));
    }
  }

  [[nodiscard]] bool write_block_type(ByteWriter& out);
  [[nodiscard]] bool write_label(ByteWriter& out);
  // Clauses of a try_table, whose own label must not be open: they count from outside the block.
  [[nodiscard]] bool write_catches(ByteWriter& out);
  [[nodiscard]] bool write_index(Space space, ByteWriter& out);

 private:
  [[nodiscard]] bool read_immediates(Opcode op, Immediate immediate, ByteWriter& out);
  // A number as an index of a space that has no IndexSpace: labels and locals.
  [[nodiscard]] bool read_index_number(u32& index);
  [[nodiscard]] bool unknown(std::string_view what);
  // An optional index, `index` as it is when there is none.
  [[nodiscard]] bool read_optional_index(Space space, u32& index);
  // `outer? inner`: one index is the inner one.
  [[nodiscard]] bool read_inner_index(Space outer_space, u32& outer, Space inner_space, u32& inner);
  [[nodiscard]] bool write_local(ByteWriter& out);
  [[nodiscard]] bool write_index_pair(Space space, ByteWriter& out);
  [[nodiscard]] bool write_field(ByteWriter& out);
  [[nodiscard]] bool write_type_u32(ByteWriter& out);
  [[nodiscard]] bool write_br_table(ByteWriter& out);
  [[nodiscard]] bool write_call_indirect(ByteWriter& out);
  [[nodiscard]] bool write_select(ByteWriter& out);
  [[nodiscard]] bool write_reference_test(Opcode op, ByteWriter& out);
  [[nodiscard]] bool write_br_on_cast(ByteWriter& out);
  // has_lane: of two numbers the first one is the memory, a lone one is the lane.
  [[nodiscard]] bool write_mem_arg(Opcode op, bool has_lane, ByteWriter& out);
  [[nodiscard]] bool write_lane(ByteWriter& out);
  [[nodiscard]] bool write_i32(ByteWriter& out);
  [[nodiscard]] bool write_i64(ByteWriter& out);
  [[nodiscard]] bool write_f32(ByteWriter& out);
  [[nodiscard]] bool write_f64(ByteWriter& out);
  [[nodiscard]] bool write_shuffle(ByteWriter& out);
  [[nodiscard]] bool write_v128(ByteWriter& out);
  [[nodiscard]] bool write_lanes(unsigned bits, bool is_float, ByteWriter& out);
  [[nodiscard]] bool at_number(bool is_float) const;
  // At a number that its parser refused: out of range, or no number of that kind at all.
  [[nodiscard]] bool bad_number(bool is_float);

  Cursor& cursor_;
  ModuleScope& scope_;
  TypeSyntax types_;
  const LabelStack& labels_;
  const IndexSpace* locals_ = nullptr;
  // Reused by every operator that needs them.
  TypeUse type_use_;
  std::string scratch_;
  ByteWriter items_;
};

}  // namespace lunabeam::vm::text
