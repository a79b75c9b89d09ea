// Loads and stores. Every access checks its bounds explicitly (rule M3); a store that traps writes nothing.
#pragma once

#include "vm/interp/part.h"

namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE {

// How a row reads or writes memory, from its mnemonic: "i64.load32_u" reads a u32 and extends it into an i64.
template <Opcode Op>
struct Access {
  static constexpr std::string_view kText = info(Op).text;
  static constexpr u32 kBytes = 1u << info(Op).width_log2;
  static constexpr bool kIsFloat = kText[0] == 'f';
  static constexpr bool kIs64 = kText[1] == '6';
  static constexpr bool kSigned = kText.ends_with("_s");

  template <u32 Bytes, bool Signed>
  struct IntOf;
  template <bool S>
  struct IntOf<1, S> {
    using Type = std::conditional_t<S, i8, u8>;
  };
  template <bool S>
  struct IntOf<2, S> {
    using Type = std::conditional_t<S, i16, u16>;
  };
  template <bool S>
  struct IntOf<4, S> {
    using Type = std::conditional_t<S, i32, u32>;
  };
  template <bool S>
  struct IntOf<8, S> {
    using Type = std::conditional_t<S, i64, u64>;
  };
  using Int = std::conditional_t<kIs64, u64, u32>;
  using Float = std::conditional_t<kIs64, f64, f32>;
  // In slots and accumulators, and in memory.
  using Value = std::conditional_t<kIsFloat, Float, Int>;
  using Cell = std::conditional_t<kIsFloat, Float, typename IntOf<kBytes, kSigned>::Type>;

  VM_ALWAYS_INLINE static Value load(const u8* at) {
    Cell cell;
    std::memcpy(&cell, at, sizeof cell);
    return static_cast<Value>(cell);
  }
  VM_ALWAYS_INLINE static void store(u8* at, Value value) {
    const auto cell = static_cast<Cell>(value);
    std::memcpy(at, &cell, sizeof cell);
  }
};

// Effective address in memory 0, or false. Addresses are below 2^32 and offsets below 2^16: no overflow.
template <u32 Bytes>
VM_ALWAYS_INLINE bool in_bounds(const Regs& r, u64 address, u32 offset, u8*& at) {
  const u64 begin = address + offset;
  if (begin + Bytes > r.limit) [[unlikely]]
    return false;
  at = r.mem + begin;
  return true;
}
// The same for an address of 64 bits.
template <u32 Bytes>
VM_ALWAYS_INLINE bool in_bounds_long(const Regs& r, u64 address, u32 offset, u8*& at) {
  u64 end;
  if (__builtin_add_overflow(address, u64{offset} + Bytes, &end) || end > r.limit) [[unlikely]]
    return false;
  at = r.mem + (address + offset);
  return true;
}
// The same for any memory, address and offset. Memory 0 is the rule: static data behind 64 KiB.
template <u32 Bytes>
VM_ALWAYS_INLINE bool in_bounds(const Regs& r, u32 memory_index, u64 address, u64 offset, u8*& at) {
  u64 begin;
  u64 end;
  const bool overflows =
      __builtin_add_overflow(address, offset, &begin) || __builtin_add_overflow(begin, u64{Bytes}, &end);
  if (memory_index == 0) [[likely]] {
    if (overflows || end > r.limit) [[unlikely]]
      return false;
    at = r.mem + begin;
    return true;
  }
  const MemoryInst& memory = *r.ctx->memories[memory_index];
  if (overflows || end > memory.size_bytes) [[unlikely]]
    return false;
  at = memory.base + begin;
  return true;
}

template <u16 Id>
  requires(kOps[Id].kind == OpKind::kLoad)
struct Part<Id> {
  static constexpr u32 kWords = kOps[Id].words;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    using A = Access<kOps[Id].opcode()>;
    constexpr LoadForm kForm = static_cast<LoadForm>(kOps[Id].form);
    const Insn& insn = *r.ip;
    u8* at;
    u32 d;
    if constexpr (kForm == LoadForm::kX) {
      if (!in_bounds<A::kBytes>(r, insn.f[2], r.fp[insn.f[0]], whole_u64(r.ip[1]), at))
        return trap(r, TrapKind::kOutOfBoundsMemoryAccess);
      d = insn.f[1];
    } else if constexpr (kForm == LoadForm::kLS) {
      if (!in_bounds_long<A::kBytes>(r, r.fp[insn.f[0]], insn.f[1], at))
        return trap(r, TrapKind::kOutOfBoundsMemoryAccess);
      d = insn.f[2];
    } else if constexpr (kForm == LoadForm::kLA) {
      if (!in_bounds_long<A::kBytes>(r, r.acc, insn.f[0], at)) return trap(r, TrapKind::kOutOfBoundsMemoryAccess);
      d = insn.f[1];
    } else if constexpr (kForm == LoadForm::kS) {
      if (!in_bounds<A::kBytes>(r, read_slot<u32>(r.fp, insn.f[0]), insn.f[1], at))
        return trap(r, TrapKind::kOutOfBoundsMemoryAccess);
      d = insn.f[2];
    } else {
      if (!in_bounds<A::kBytes>(r, r.acc, insn.f[0], at)) return trap(r, TrapKind::kOutOfBoundsMemoryAccess);
      d = insn.f[1];
    }
    const typename A::Value value = A::load(at);
    if constexpr (kOps[Id].dest == Dest::kS) write_slot(r.fp, d, value);
    write_acc(r, value);
    r.ip += kWords;
    return nullptr;
  }
};

template <u16 Id>
  requires(kOps[Id].kind == OpKind::kStore)
struct Part<Id> {
  static constexpr u32 kWords = kOps[Id].words;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    using A = Access<kOps[Id].opcode()>;
    using Value = typename A::Value;
    constexpr StoreForm kExact = static_cast<StoreForm>(kOps[Id].form);
    constexpr bool kLong = kExact > StoreForm::kX;
    // As for an address of 32 bits.
    constexpr StoreForm kForm =
        kLong ? static_cast<StoreForm>(kOps[Id].form - static_cast<u8>(StoreForm::kLSS)) : kExact;
    const Insn& insn = *r.ip;
    u8* at;
    bool ok;
    if constexpr (kForm == StoreForm::kX) {
      ok = in_bounds<A::kBytes>(r, insn.f[2], r.fp[insn.f[0]], whole_u64(r.ip[1]), at);
    } else if constexpr (kLong && (kForm == StoreForm::kAS || kForm == StoreForm::kAF)) {
      ok = in_bounds_long<A::kBytes>(r, r.acc, insn.f[0], at);
    } else if constexpr (kLong) {
      ok = in_bounds_long<A::kBytes>(r, r.fp[insn.f[0]], insn.f[1], at);
    } else if constexpr (kForm == StoreForm::kAS || kForm == StoreForm::kAF) {
      ok = in_bounds<A::kBytes>(r, r.acc, insn.f[0], at);
    } else {
      ok = in_bounds<A::kBytes>(r, read_slot<u32>(r.fp, insn.f[0]), insn.f[1], at);
    }
    if (!ok) [[unlikely]]
      return trap(r, TrapKind::kOutOfBoundsMemoryAccess);
    if constexpr (kForm == StoreForm::kX || kForm == StoreForm::kAS) {
      A::store(at, read_slot<Value>(r.fp, insn.f[1]));
    } else if constexpr (kForm == StoreForm::kSS) {
      A::store(at, read_slot<Value>(r.fp, insn.f[2]));
    } else if constexpr (kForm == StoreForm::kSI) {
      A::store(at, static_cast<Value>(static_cast<i64>(static_cast<i16>(insn.f[2]))));
    } else {
      A::store(at, read_acc<Value>(r));
    }
    r.ip += kWords;
    return nullptr;
  }
};

}  // namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE
