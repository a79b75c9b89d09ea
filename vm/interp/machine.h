// The machine that handlers are written against, twice: `tail` passes its registers as arguments from handler to handler
// (musttail, preserve_none: they never leave the CPU's registers), `step` keeps them in a struct that a driver loop hands to one
// handler after the other. A file that defines VM_DISPATCH_TAIL before its first include gets the former.
#pragma once

#include <bit>
#include <cstring>

#include "vm/exec_context.h"
#include "vm/frame.h"
#include "vm/instance.h"
#include "vm/interp/engine_state.h"
#include "vm/interp/inline.h"
#include "vm/interp/interp.h"
#include "vm/interp/ops.h"

#if defined(VM_DISPATCH_TAIL)
#define VM_DISPATCH_NAMESPACE tail
#else
#define VM_DISPATCH_NAMESPACE step
#endif

namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE {

// ORDER: that of the handlers' parameters; the first four are the registers that compiled code pins (engine.md 2.3).
struct Regs {
  u64 limit;  // Ctx::mem0_limit
  u8* mem;    // Ctx::mem0
  u64 reds;   // Reductions left; never below zero while guest code runs.
  Ctx* ctx;
  const Insn* ip;
  u64* fp;
  u64 acc;
  f64 facc;
};

#if defined(VM_DISPATCH_TAIL)

struct HandlerEntry;
typedef __attribute__((preserve_none)) ExecStatus (*Handler)(u64 limit, u8* mem, u64 reds, Ctx* ctx, const Insn* ip,
                                                             u64* fp, u64 acc, const HandlerEntry* table, f64 facc);
struct HandlerEntry {
  Handler run;
};

#define VM_HANDLER(name)                                                                                          \
  __attribute__((preserve_none)) ExecStatus name(                                                                 \
      [[maybe_unused]] u64 limit, [[maybe_unused]] u8* mem, [[maybe_unused]] u64 reds, [[maybe_unused]] Ctx* ctx, \
      [[maybe_unused]] const Insn* ip, [[maybe_unused]] u64* fp, [[maybe_unused]] u64 acc,                        \
      [[maybe_unused]] const HandlerEntry* table, [[maybe_unused]] f64 facc)
#define VM_BEGIN \
  Regs r { limit, mem, reds, ctx, ip, fp, acc, facc }
#define VM_GOTO(handler) \
  [[clang::musttail]] return (handler)(r.limit, r.mem, r.reds, r.ctx, r.ip, r.fp, r.acc, table, r.facc)
#define VM_NEXT         VM_GOTO(table[r.ip->op].run)
#define VM_EXIT(status) return status

#else

struct Machine : Regs {
  bool running;
  ExecStatus status;
};
using Handler = void (*)(Machine& r);
struct HandlerEntry {
  Handler run;
};

#define VM_HANDLER(name) void name([[maybe_unused]] Machine& r)
#define VM_BEGIN         static_assert(true)
#define VM_GOTO(handler) return (handler)(r)
#define VM_NEXT          return
#define VM_EXIT(result)  \
  do {                   \
    r.status = (result); \
    r.running = false;   \
    return;              \
  } while (false)

#endif

// Enters the handler of an id, or of the composition of several, in a table. The barrier keeps the addresses out of arrays of
// constants: in a position-independent program each of these thousands would be a relocation at every start.
VM_ALWAYS_INLINE void put_handler(HandlerEntry* entries, u16 id, Handler run) {
  asm("" : "+r"(run));
  entries[id].run = run;
}

// --- Slots and accumulators ------------------------------------------------------------------------------------------

template <class T>
VM_ALWAYS_INLINE T read_slot(const u64* fp, u32 operand) {
  T value;
  std::memcpy(&value, fp + operand, sizeof value);
  return value;
}

// Values narrower than a slot are zero-extended.
VM_ALWAYS_INLINE u64 slot_bits(u32 value) { return value; }
VM_ALWAYS_INLINE u64 slot_bits(u64 value) { return value; }
VM_ALWAYS_INLINE u64 slot_bits(f32 value) { return std::bit_cast<u32>(value); }

template <class T>
VM_ALWAYS_INLINE void write_slot(u64* fp, u32 operand, T value) {
  if constexpr (std::is_same_v<T, f64>) {
    std::memcpy(fp + operand, &value, sizeof value);
  } else {
    fp[operand] = slot_bits(value);
  }
}

// An f32 lives in the low half of facc. Through a vector lane, so that it is no instruction at all; the empty asm makes the upper
// half a definite value (any), which a lane of an unset vector is not.
VM_ALWAYS_INLINE f32 low_f32(f64 facc) {
#if defined(__clang__) && defined(__SSE2__)
  using F64x2 = f64 __attribute__((vector_size(16)));
  using F32x4 = f32 __attribute__((vector_size(16)));
  const F64x2 whole = {facc, facc};
  return std::bit_cast<F32x4>(whole)[0];
#else
  return std::bit_cast<f32>(static_cast<u32>(std::bit_cast<u64>(facc)));
#endif
}
VM_ALWAYS_INLINE f64 from_f32(f32 value) {
#if defined(__clang__) && defined(__SSE2__)
  using F64x2 = f64 __attribute__((vector_size(16)));
  using F32x4 = f32 __attribute__((vector_size(16)));
  F32x4 lanes;
  lanes[0] = value;
  asm("" : "+x"(lanes));
  return std::bit_cast<F64x2>(lanes)[0];
#else
  return std::bit_cast<f64>(u64{std::bit_cast<u32>(value)});
#endif
}

template <class T>
VM_ALWAYS_INLINE T read_acc(const Regs& r) {
  if constexpr (std::is_same_v<T, f64>) {
    return r.facc;
  } else if constexpr (std::is_same_v<T, f32>) {
    return low_f32(r.facc);
  } else {
    return static_cast<T>(r.acc);
  }
}
template <class T>
VM_ALWAYS_INLINE void write_acc(Regs& r, T value) {
  if constexpr (std::is_same_v<T, f64>) {
    r.facc = value;
  } else if constexpr (std::is_same_v<T, f32>) {
    r.facc = from_f32(value);
  } else {
    r.acc = slot_bits(value);
  }
}

VM_ALWAYS_INLINE i32 off32(const Insn& word) {
  i32 value;
  std::memcpy(&value, &word.f[1], sizeof value);
  return value;
}
VM_ALWAYS_INLINE u32 low_u32(const Insn& word) {
  u32 value;
  std::memcpy(&value, &word, sizeof value);
  return value;
}
VM_ALWAYS_INLINE u32 high_u32(const Insn& word) { return static_cast<u32>(off32(word)); }
VM_ALWAYS_INLINE u64 whole_u64(const Insn& word) {
  u64 value;
  std::memcpy(&value, &word, sizeof value);
  return value;
}
VM_ALWAYS_INLINE const u16* packed(const Insn* word) { return reinterpret_cast<const u16*>(word); }

// --- Torture builds --------------------------------------------------------------------------------------------------

// What the accumulators hold where nothing may be read from them.
inline constexpr u64 kPoison = 0xDEAD'ACC0'DEAD'ACC0;
VM_ALWAYS_INLINE void poison_accumulators([[maybe_unused]] Regs& r) {
#if defined(LUNABEAM_TORTURE)
  r.acc = kPoison;
  r.facc = std::bit_cast<f64>(kPoison);
#endif
}

// --- Between registers and ExecContext -------------------------------------------------------------------------------

VM_ALWAYS_INLINE ExecContext& save(const Regs& r) {
  ExecContext& exec = *r.ctx->exec;
  save_ip(r.fp, r.ip);
  exec.fp = r.fp;
  exec.reductions = static_cast<i64>(r.reds);
  return exec;
}
VM_ALWAYS_INLINE void reload(Regs& r, const ExecContext& exec) {
  r.fp = exec.fp;
  r.ip = saved_ip(r.fp);
  r.reds = static_cast<u64>(exec.reductions);
  r.ctx = exec.ctx;
  r.limit = r.ctx->mem0_limit;
  r.mem = r.ctx->mem0;
}
VM_ALWAYS_INLINE void load_result(Regs& r, u32 operand) {
  r.acc = r.fp[operand];
  r.facc = std::bit_cast<f64>(r.acc);
}

// --- Cold handlers: defined in slow_handlers.h, once per dispatch ------------------------------------------------------
//
// They take the registers as they are at the operation (or at its target, for ticks) and go on wherever the cold part says.

VM_HANDLER(slow_trap);         // acc = TrapKind, facc = bits of Trap::operand.
VM_HANDLER(slow_tick);         // The counter fell below zero; ip is where to go on.
VM_HANDLER(slow_tick_result);  // The same behind a call with a result.
VM_HANDLER(slow_grow);       // acc = words wanted below fp; then the operation at ip starts over with acc = kRoomToken.
VM_HANDLER(slow_translate);  // acc = FuncCode*; then the operation at ip starts over.
VM_HANDLER(
    slow_type_check);  // acc = type of the callee << 32 | type expected; starts over with ExecContext::matched_types set, or traps.
VM_HANDLER(slow_return_value);  // acc = the result; the caller is not an interpreter frame.
VM_HANDLER(slow_return_nothing);
VM_HANDLER(slow_return_vector);  // ip is at the ret_V.
VM_HANDLER(slow_host_status);    // acc = HostStatus; ip is at the call, the saved ip behind it.

// Torture builds: a call that starts over tells itself by acc, which is dead there, that the stack was moved for it. Guests can
// bring about any contents of the accumulators: nothing that must hold may depend on a token in them.
inline constexpr u64 kRoomToken = 0x600D'57AC'600D'57AC;

VM_ALWAYS_INLINE Handler trap(Regs& r, TrapKind kind) {
  r.acc = static_cast<u64>(kind);
  return &slow_trap;
}
VM_ALWAYS_INLINE Handler trap(Regs& r, TrapKind kind, u64 operand) {
  r.acc = static_cast<u64>(kind);
  r.facc = std::bit_cast<f64>(operand);
  return &slow_trap;
}

// Charges; true when the counter fell below zero.
VM_ALWAYS_INLINE bool charge(Regs& r, u64 cost) { return __builtin_sub_overflow(r.reds, cost, &r.reds); }

}  // namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE
