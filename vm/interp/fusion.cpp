#include "vm/interp/fusion.h"

#include "vm/interp/op_length.h"
#include "vm/interp/ops.h"

namespace lunabeam::vm::interp {

void fuse(std::span<Insn> code) noexcept {
  for (size_t at = 0; at < code.size(); at += op_words(&code[at])) {
  }
}

u16 base_op(u16 id) noexcept { return id; }

u16 op_count() noexcept { return kFusedBase; }

}  // namespace lunabeam::vm::interp
