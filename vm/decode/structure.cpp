#include "vm/decode/structure.h"

namespace lunabeam::vm {

bool StructureWalker::walk() {
  may_have_else_.clear();
  for (Operator op;;) {
    if (!operators_.next(op)) return false;
    switch (op.op) {
      case Opcode::block:
      case Opcode::loop:
      case Opcode::try_:
      case Opcode::try_table: may_have_else_.push_back(false); break;
      case Opcode::if_: may_have_else_.push_back(true); break;
      case Opcode::else_:
        if (may_have_else_.empty() || !may_have_else_.back()) return reader_.fail(ErrorCode::kEndOpcodeExpected, op.pc);
        may_have_else_.back() = false;
        break;
      case Opcode::delegate:  // Ends its block.
        if (may_have_else_.empty()) return reader_.fail(ErrorCode::kEndOpcodeExpected, op.pc);
        may_have_else_.pop_back();
        break;
      case Opcode::end:
        if (may_have_else_.empty()) return true;
        may_have_else_.pop_back();
        break;
      default: break;
    }
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
