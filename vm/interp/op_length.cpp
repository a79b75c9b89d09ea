#include "vm/interp/op_length.h"

#include <cstring>

#include "vm/base/check.h"
#include "vm/interp/fusion.h"
#include "vm/interp/op_table.h"

namespace lunabeam::vm::interp {

u32 op_words(const Insn* ip) noexcept {
  const u16 id = base_op(ip->op);
  VM_DCHECK(id < kFusedBase);
  const OpDesc& op = kOps[id];
  VM_DCHECK(op.kind != OpKind::kInvalid);
  if (op.words != 0) return op.words;
  const u32 f0 = ip->f[0];
  const u32 f1 = ip->f[1];
  const u32 f2 = ip->f[2];
  switch (op.special()) {
    case Special::br_table_S:
    case Special::br_table_A: {
      u32 n;
      std::memcpy(&n, &ip->f[1], sizeof n);
      return 2 + n;
    }
    case Special::call:
    case Special::call_import: return kCallListWord + packed_words(f0 + f1, kCallListTail);
    case Special::call_host: return kCallListWord + packed_words(f0, kCallListTail);
    case Special::call_indirect: return kCallListWord + packed_words(f1 + f2, kCallListTail);
    case Special::return_call:
    case Special::return_call_import: return kCallListWord + packed_words(f0 + f1, 0);
    case Special::return_call_indirect: return kCallListWord + packed_words(f1 + f2, 0);
    case Special::call_ref: return kCallRefListWord + packed_words(f1 + f2, kCallListTail);
    case Special::return_call_ref: return kCallRefListWord + packed_words(f1 + f2, 0);
    case Special::struct_new: return struct_new_words(f0);
    case Special::array_new_fixed: return 2 + packed_words(f0, 0);
    case Special::ret_many: return 1 + packed_words(f0 + f1, 0);
    default: VM_UNREACHABLE("operation without a length");
  }
}

}  // namespace lunabeam::vm::interp
