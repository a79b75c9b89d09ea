// Cold handlers, and operations whose work is a cold part as a whole: registers go to the ExecContext, a C++ function does the
// work, and the machine is reloaded from wherever it says.
#pragma once

#include "vm/interp/gc_ops.h"
#include "vm/interp/handler.h"
#include "vm/interp/translate.h"
#include "vm/type_registry.h"

namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE {

// Goes on as `next` says, with the accumulators dead unless it names a result.
#define VM_RESUME(exec, next)                                 \
  do {                                                        \
    if (leaves(next)) VM_EXIT(static_cast<ExecStatus>(next)); \
    reload(r, exec);                                          \
    resume_accumulators(r, next);                             \
    VM_NEXT;                                                  \
  } while (false)

VM_ALWAYS_INLINE void resume_accumulators(Regs& r, Next next) {
  if (next == Next::kGoResult) {
    load_result(r, result_operand(r.ip));
  } else if (next == Next::kGoRefResult) {
    load_result(r, ref_result_operand(r.ip));
  } else {
    poison_accumulators(r);
  }
}

VM_HANDLER(slow_trap) {
  VM_BEGIN;
  const auto kind = static_cast<TrapKind>(r.acc);
  const bool indexed = kind == TrapKind::kUndefinedElement || kind == TrapKind::kUninitializedElement;
  ExecContext& exec = save(r);
  const Next next = raise(exec, kind, indexed ? std::bit_cast<u64>(r.facc) : 0);
  VM_RESUME(exec, next);
}

VM_HANDLER(slow_tick) {
  VM_BEGIN;
  ExecContext& exec = save(r);
  const Next next = tick(exec, Next::kGo);
  VM_RESUME(exec, next);
}

VM_HANDLER(slow_tick_result) {
  VM_BEGIN;
  ExecContext& exec = save(r);
  const Next next = tick(exec, Next::kGoResult);
  VM_RESUME(exec, next);
}

VM_HANDLER(slow_grow) {
  VM_BEGIN;
  ExecContext& exec = save(r);
  if (!make_room(exec, r.acc)) {
    const Next next = raise(exec);
    VM_RESUME(exec, next);
  }
  reload(r, exec);
  r.acc = kRoomToken;
  VM_NEXT;
}

VM_HANDLER(slow_translate) {
  VM_BEGIN;
  ExecContext& exec = save(r);
  const Next next = make_code(exec, *reinterpret_cast<const FuncCode*>(r.acc));
  VM_RESUME(exec, next);
}

VM_HANDLER(slow_type_check) {
  VM_BEGIN;
  const auto actual = static_cast<TypeId>(r.acc >> 32);
  const auto expected = static_cast<TypeId>(r.acc);
  if (!TypeRegistry::global().is_subtype(actual, expected)) {
    r.acc = static_cast<u64>(TrapKind::kIndirectCallTypeMismatch);
    VM_GOTO(&slow_trap);
  }
  r.ctx->exec->matched_types = r.acc;
  VM_NEXT;
}

VM_HANDLER(slow_return_value) {
  VM_BEGIN;
  ExecContext& exec = save(r);
  exec.transfer[0] = r.acc;
  const Next next = return_single(exec);
  VM_RESUME(exec, next);
}

VM_HANDLER(slow_return_nothing) {
  VM_BEGIN;
  ExecContext& exec = save(r);
  const Next next = return_values(exec, 0, 0);
  VM_RESUME(exec, next);
}

VM_HANDLER(slow_return_vector) {
  VM_BEGIN;
  const u64* const value = r.fp + r.ip->f[0];
  ExecContext& exec = save(r);
  exec.transfer[0] = value[0];
  exec.transfer[1] = value[1];
  const Next next = return_values(exec, 2, 0);
  VM_RESUME(exec, next);
}

VM_HANDLER(slow_host_status) {
  VM_BEGIN;
  const auto* const function = reinterpret_cast<const HostFunction*>(whole_u64(r.ip[1]));
  ExecContext& exec = *r.ctx->exec;  // Saved by the call.
  const Next next = host_answered(exec, *function, static_cast<HostStatus>(r.acc));
  VM_RESUME(exec, next);
}

// Returns of several values, and of frames too wide for the other forms.
VM_HANDLER(op_ret_many) {
  VM_BEGIN;
  const u32 num = r.ip->f[0];
  const u32 ref = r.ip->f[1];
  ExecContext& exec = save(r);
  const u16* const operands = packed(r.ip + 1);
  for (u32 i = 0; i < num + ref; ++i) exec.transfer[i] = r.fp[operands[i]];
  const Next next = return_values(exec, num, ref);
  VM_RESUME(exec, next);
}

VM_HANDLER(op_ret_range) {
  VM_BEGIN;
  const u32 num = r.ip->f[1];
  const u32 ref = packed(r.ip + 1)[0];
  ExecContext& exec = save(r);
  std::memcpy(exec.transfer, r.fp + r.ip->f[0], num * sizeof(u64));
  std::memcpy(exec.transfer + num, r.fp + r.ip->f[2], ref * sizeof(u64));
  const Next next = return_values(exec, num, ref);
  VM_RESUME(exec, next);
}

VM_HANDLER(op_host_thunk) {
  VM_BEGIN;
  ExecContext& exec = save(r);
  save_ip(r.fp, r.ip + 1);
  const Next next = call_from_thunk(exec);
  VM_RESUME(exec, next);
}

// Where the frame that push_entry built begins, translated or not: its entry is charged when the process runs first (rule R1).
VM_HANDLER(op_lazy) {
  VM_BEGIN;
  const FuncCode& code = *frame_function(r.fp);
  const Insn* const start = code.code.load(std::memory_order_acquire);
  if (start->op == op_id(Special::lazy)) {
    ExecContext& exec = save(r);
    const Next next = make_code(exec, code);
    VM_RESUME(exec, next);
  }
  r.ip = start;
  if (charge(r, code.entry_cost)) VM_GOTO(&slow_tick);
  VM_NEXT;
}

// Interruptible operations: the accumulators are dead before them.
template <Next (*Work)(ExecContext&) noexcept>
VM_HANDLER(op_interruptible) {
  VM_BEGIN;
  ExecContext& exec = save(r);
  const Next next = Work(exec);
  VM_RESUME(exec, next);
}

// Operations that keep the accumulators, but for acc = d where HasResult.
template <Next (*Work)(ExecContext&) noexcept, u32 ResultField = 3>
VM_HANDLER(op_keeping) {
  VM_BEGIN;
  const Insn* const insn = r.ip;
  ExecContext& exec = save(r);
  const Next next = Work(exec);
  if (next != Next::kGo) VM_RESUME(exec, next);
  reload(r, exec);
  if constexpr (ResultField < 3) r.acc = r.fp[insn->f[ResultField]];
  VM_NEXT;
}

// The space is used up.
#define VM_SLOW_ALLOCATION(name)    \
  VM_HANDLER(slow_##name) {         \
    VM_BEGIN;                       \
    ExecContext& exec = save(r);    \
    const Next next = (name)(exec); \
    VM_RESUME(exec, next);          \
  }
VM_SLOW_ALLOCATION(struct_new)
VM_SLOW_ALLOCATION(struct_new_default)
VM_SLOW_ALLOCATION(array_new)
VM_SLOW_ALLOCATION(array_new_default)
VM_SLOW_ALLOCATION(array_new_fixed)
#undef VM_SLOW_ALLOCATION

inline void put_cold_handlers(HandlerEntry* entries) {
  put_handler(entries, op_id(Special::ret_many), &op_ret_many);
  put_handler(entries, op_id(Special::ret_range), &op_ret_range);
  put_handler(entries, op_id(Special::host_thunk), &op_host_thunk);
  put_handler(entries, op_id(Special::lazy), &op_lazy);
  put_handler(entries, op_id(Special::throw_), &op_interruptible<&throw_exception>);
  put_handler(entries, op_id(Special::throw_ref), &op_interruptible<&throw_ref>);
  put_handler(entries, op_id(Special::memory_fill), &op_interruptible<&memory_fill>);
  put_handler(entries, op_id(Special::memory_copy), &op_interruptible<&memory_copy>);
  put_handler(entries, op_id(Special::memory_init), &op_interruptible<&memory_init>);
  put_handler(entries, op_id(Special::table_fill), &op_interruptible<&table_fill>);
  put_handler(entries, op_id(Special::table_copy), &op_interruptible<&table_copy>);
  put_handler(entries, op_id(Special::table_init), &op_interruptible<&table_init>);
  put_handler(entries, op_id(Special::memory_grow), &op_keeping<&memory_grow, 1>);
  put_handler(entries, op_id(Special::table_grow), &op_interruptible<&table_grow>);
  put_handler(entries, op_id(Special::table_set), &op_keeping<&table_set>);
  put_handler(entries, op_id(Special::data_drop), &op_keeping<&data_drop>);
  put_handler(entries, op_id(Special::elem_drop), &op_keeping<&elem_drop>);
  put_handler(entries, op_id(Special::ref_func), &op_keeping<&ref_func>);
  put_handler(entries, op_id(Special::struct_new_range), &op_interruptible<&struct_new_range>);
  put_handler(entries, op_id(Special::struct_get_x), &op_keeping<&struct_get_x>);
  put_handler(entries, op_id(Special::struct_set_x), &op_keeping<&struct_set_x>);
  put_handler(entries, op_id(Special::array_new_x), &op_interruptible<&array_new_x>);
  put_handler(entries, op_id(Special::array_alloc), &op_interruptible<&array_alloc>);
  put_handler(entries, op_id(Special::array_new_fixed_range), &op_interruptible<&array_new_fixed_range>);
  put_handler(entries, op_id(Special::array_new_data), &op_interruptible<&array_new_data>);
  put_handler(entries, op_id(Special::array_new_elem), &op_interruptible<&array_new_elem>);
  put_handler(entries, op_id(Special::array_fill_all), &op_interruptible<&array_fill_all>);
  put_handler(entries, op_id(Special::array_clear), &op_interruptible<&array_clear>);
  put_handler(entries, op_id(Special::array_load_data), &op_interruptible<&array_load_data>);
  put_handler(entries, op_id(Special::array_load_elem), &op_interruptible<&array_load_elem>);
  put_handler(entries, op_id(Special::array_fill), &op_interruptible<&array_fill>);
  put_handler(entries, op_id(Special::array_copy), &op_interruptible<&array_copy>);
  put_handler(entries, op_id(Special::array_init_data), &op_interruptible<&array_init_data>);
  put_handler(entries, op_id(Special::array_init_elem), &op_interruptible<&array_init_elem>);
}

}  // namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE
