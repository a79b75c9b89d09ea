// Numeric rows, comparisons for their value, and compare-branches: families times forms, from Sem<Opcode> and op_table.h.
#pragma once

#include "vm/interp/part.h"
#include "vm/interp/semantics.h"

namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE {

// Operand fields that a form takes before its destination or branch offset.
constexpr u32 fields_of(Form form) { return form == Form::kSS || form == Form::kSI ? 2 : 1; }

template <class T, Form F>
VM_ALWAYS_INLINE T left(const Regs& r) {
  if constexpr (F == Form::kAS || F == Form::kAI) {
    return read_acc<T>(r);
  } else {
    return read_slot<T>(r.fp, r.ip->f[0]);
  }
}
template <class T, Form F>
VM_ALWAYS_INLINE T right(const Regs& r) {
  if constexpr (F == Form::kSA) {
    return read_acc<T>(r);
  } else if constexpr (F == Form::kSI || F == Form::kAI) {
    return static_cast<T>(static_cast<i64>(static_cast<i16>(r.ip->f[F == Form::kSI ? 1 : 0])));
  } else {
    return read_slot<T>(r.fp, r.ip->f[F == Form::kSS ? 1 : 0]);
  }
}

template <Dest D, class T>
VM_ALWAYS_INLINE void deliver(Regs& r, u32 operand, T value) {
  if constexpr (D == Dest::kS) write_slot(r.fp, operand, value);
  write_acc(r, value);
}

template <u16 Id>
  requires(kOps[Id].kind == OpKind::kBinary || kOps[Id].kind == OpKind::kFloatBinary)
struct Part<Id> {
  static constexpr u32 kWords = 1;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    constexpr Form kForm = static_cast<Form>(kOps[Id].form);
    using S = Sem<kOps[Id].opcode()>;
    using T = typename S::template Operand<0>;
    typename S::Result result{};
    const TrapKind kind = S::apply(left<T, kForm>(r), right<T, kForm>(r), result);
    if (kind != TrapKind::kNone) [[unlikely]]
      return trap(r, kind);
    deliver<kOps[Id].dest>(r, r.ip->f[fields_of(kForm)], result);
    r.ip += kWords;
    return nullptr;
  }
};

template <u16 Id>
  requires(kOps[Id].kind == OpKind::kUnary)
struct Part<Id> {
  static constexpr u32 kWords = 1;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    constexpr bool kFromSlot = static_cast<UnaryForm>(kOps[Id].form) == UnaryForm::kS;
    using S = Sem<kOps[Id].opcode()>;
    using T = typename S::template Operand<0>;
    typename S::Result result{};
    TrapKind kind;
    if constexpr (kFromSlot) {
      kind = S::apply(read_slot<T>(r.fp, r.ip->f[0]), result);
    } else {
      kind = S::apply(read_acc<T>(r), result);
    }
    if (kind != TrapKind::kNone) [[unlikely]]
      return trap(r, kind);
    deliver<kOps[Id].dest>(r, r.ip->f[kFromSlot ? 1 : 0], result);
    r.ip += kWords;
    return nullptr;
  }
};

template <u16 Id>
  requires(kOps[Id].kind == OpKind::kBranch || kOps[Id].kind == OpKind::kFloatBranch)
struct Part<Id> {
  static constexpr u32 kWords = 1;
  static constexpr Form kForm = static_cast<Form>(kOps[Id].form);
  VM_ALWAYS_INLINE static bool test(const Regs& r) {
    using S = Sem<kOps[Id].opcode()>;
    using T = typename S::template Operand<0>;
    u32 result = 0;
    (void)S::apply(left<T, kForm>(r), right<T, kForm>(r), result);
    return (result != 0) == kOps[Id].when;
  }
  VM_ALWAYS_INLINE static Handler take(Regs& r) {
    return jump<kOps[Id].back>(r, static_cast<i16>(r.ip->f[fields_of(kForm)]));
  }
};

}  // namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE
