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
    put_int_handlers(entries);
    put_compare_handlers(entries);
    put_float_handlers(entries);
    put_memory_handlers(entries);
    put_special_handlers(entries);
    put_gc_handlers(entries);
    put_cold_handlers(entries);
#if defined(__x86_64__)
    const bool has_sse41 = __builtin_cpu_supports("sse4.1");
    (has_sse41 ? sse41::put_vector_handlers : portable::put_vector_handlers)(entries);
#else
    portable::put_vector_handlers(entries);
#endif
#if defined(VM_DISPATCH_TAIL)
    [this]<u32... Share>(std::integer_sequence<u32, Share...>) {
      (put_fused_handlers<Share>(entries), ...);
    }(std::make_integer_sequence<u32, kFusedShares>{});
#endif
    // Where a fused operation has no handler of its own, its first part runs, and the others follow as what they are.
    for (u32 id = kFusedBase; id < op_count(); ++id) {
      if (entries[id].run == &op_invalid) entries[id].run = entries[base_op(static_cast<u16>(id))].run;
    }
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
