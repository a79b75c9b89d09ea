// The handler table and the entrance of a dispatch loop; included once per dispatch.
#pragma once

#include "vm/base/check.h"
#include "vm/interp/dispatch.h"
#include "vm/interp/fusion.h"
#include "vm/interp/slow_handlers.h"

namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE {

// An id without a handler: a jump into data, our bug.
VM_HANDLER(op_invalid) { VM_UNREACHABLE("not an operation"); }

struct HandlerTable {
  HandlerTable() {
    for (HandlerEntry& entry : entries) entry.run = &op_invalid;
    for (const auto& rows :
         {int_rows(), compare_rows(), float_rows(), memory_rows(), special_rows(), portable::vector_rows(), gc_rows()})
      put(rows);
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.1")) put(sse41::vector_rows());
#endif
    put(kColdRows);
#if defined(VM_DISPATCH_TAIL)
    static_assert(kFusedShares == 6);
    for (const auto& rows :
         {fused_rows<0>(), fused_rows<1>(), fused_rows<2>(), fused_rows<3>(), fused_rows<4>(), fused_rows<5>()})
      put(rows);
#endif
    // Where a fused operation has no handler of its own, its first part runs, and the others follow as what they are.
    for (u32 id = kFusedBase; id < op_count(); ++id) {
      if (entries[id].run == &op_invalid) entries[id].run = entries[base_op(static_cast<u16>(id))].run;
    }
  }
  void put(std::span<const HandlerRow> rows) {
    for (const HandlerRow& row : rows) entries[row.id].run = row.run;
  }
  HandlerEntry entries[kMaxOps];
};

ExecStatus run_loop(ExecContext& exec, Next next) noexcept {
  static const HandlerTable kTable;
  VM_DCHECK(exec.reductions >= 0);
#if defined(VM_DISPATCH_TAIL)
  Regs r;
  reload(r, exec);
  r.acc = 0;
  r.facc = 0;
  resume_accumulators(r, next);
  return kTable.entries[r.ip->op].run(r.limit, r.mem, r.reds, r.ctx, r.ip, r.fp, r.acc, kTable.entries, r.facc);
#else
  Machine r;
  reload(r, exec);
  r.acc = 0;
  r.facc = 0;
  r.running = true;
  r.status = ExecStatus::kTrapped;
  resume_accumulators(r, next);
  do {
    kTable.entries[r.ip->op].run(r);
  } while (r.running);
  return r.status;
#endif
}

}  // namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE
