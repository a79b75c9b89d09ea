#include "vm/decode/structure.h"

namespace lunabeam::vm {

bool StructureWalker::walk() {
  blocks_.clear();
  for (Operator op;;) {
    if (!operators_.next(op)) return false;
    const Divided inner = blocks_.empty() ? Divided::kNot : blocks_.back();
    bool is_in_place = true;
    switch (op.op) {
      case Opcode::block:
      case Opcode::loop:
      case Opcode::try_table: blocks_.push_back(Divided::kNot); break;
      case Opcode::if_: blocks_.push_back(Divided::kByElse); break;
      case Opcode::try_: blocks_.push_back(Divided::kByCatch); break;
      case Opcode::else_:
        is_in_place = inner == Divided::kByElse;
        if (is_in_place) blocks_.back() = Divided::kNot;
        break;
      case Opcode::catch_:
      case Opcode::catch_all:
        is_in_place = inner == Divided::kByCatch || inner == Divided::kByMoreCatches;
        if (is_in_place) blocks_.back() = op.op == Opcode::catch_ ? Divided::kByMoreCatches : Divided::kNot;
        break;
      case Opcode::delegate:  // Ends its block.
        is_in_place = inner == Divided::kByCatch;
        if (is_in_place) blocks_.pop_back();
        break;
      case Opcode::end:
        if (blocks_.empty()) return true;
        blocks_.pop_back();
        break;
      default: break;
    }
    if (!is_in_place) return reader_.fail(ErrorCode::kEndOpcodeExpected, op.pc);
  }
}

bool read_locals(Reader& reader, TypeReader& types, std::vector<LocalRun>& runs) {
  const u32 offset = reader.pos();
  u32 count = 0;
  if (!reader.read_count(count)) return false;
  runs.clear();
  u64 total = 0;
  for (u32 i = 0; i < count; ++i) {
    u32 size = 0;
    ValType type;
    if (!reader.read_u32(size) || !types.read_val_type(type)) return false;
    total += size;
    if (total > 0xFFFF'FFFF) return reader.fail(ErrorCode::kTooManyLocals, offset);
    if (size != 0) runs.push_back({total, type});
  }
  return true;
}

}  // namespace lunabeam::vm
