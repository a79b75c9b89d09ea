// Moves, constants, selects, globals, plain branches, and the small memory and table operations. Layouts: special_ops.def.
#pragma once

#include "vm/interp/part.h"

namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE {

// A special operation of `words` words whose body neither branches nor traps.
#define VM_PLAIN_PART(name, words)                                                                                  \
  template <>                                                                                                       \
  struct Part<op_id(Special::name)> {                                                                               \
    static constexpr u32 kWords = words;                                                                            \
    VM_ALWAYS_INLINE static Handler exec(Regs& r) {                                                                 \
      body(r, r.ip, r.fp);                                                                                          \
      r.ip += kWords;                                                                                               \
      return nullptr;                                                                                               \
    }                                                                                                               \
    VM_ALWAYS_INLINE static void body([[maybe_unused]] Regs& r, [[maybe_unused]] const Insn* ip,                    \
                                      [[maybe_unused]] u64* fp);                                                    \
  };                                                                                                                \
  VM_ALWAYS_INLINE void Part<op_id(Special::name)>::body([[maybe_unused]] Regs& r, [[maybe_unused]] const Insn* ip, \
                                                         [[maybe_unused]] u64* fp)

// --- Moves -----------------------------------------------------------------------------------------------------------

VM_PLAIN_PART(mov, 1) { fp[ip->f[1]] = fp[ip->f[0]]; }
VM_PLAIN_PART(mov_range, 2) { std::memmove(fp + ip->f[1], fp + ip->f[0], size_t{low_u32(ip[1])} * sizeof(u64)); }
VM_PLAIN_PART(mov_range_x, 3) {
  std::memmove(fp + high_u32(ip[1]), fp + low_u32(ip[1]), size_t{low_u32(ip[2])} * sizeof(u64));
}
VM_PLAIN_PART(store_acc, 1) { fp[ip->f[0]] = r.acc; }
VM_PLAIN_PART(store_facc, 1) { write_slot(fp, ip->f[0], r.facc); }
VM_PLAIN_PART(store_facc32, 1) { write_slot(fp, ip->f[0], low_f32(r.facc)); }
VM_PLAIN_PART(load_acc, 1) { r.acc = fp[ip->f[0]]; }
VM_PLAIN_PART(load_facc, 1) { r.facc = read_slot<f64>(fp, ip->f[0]); }
VM_PLAIN_PART(const16, 1) { fp[ip->f[1]] = static_cast<u64>(static_cast<i64>(static_cast<i16>(ip->f[0]))); }
VM_PLAIN_PART(const32u, 1) { fp[ip->f[0]] = high_u32(*ip); }
VM_PLAIN_PART(const64, 2) { fp[ip->f[0]] = whole_u64(ip[1]); }
VM_PLAIN_PART(wide_get, 2) { fp[ip->f[0]] = fp[low_u32(ip[1])]; }
VM_PLAIN_PART(wide_set, 2) { fp[low_u32(ip[1])] = fp[ip->f[0]]; }

// --- Moves of v128 ---------------------------------------------------------------------------------------------------

// In one piece: a reader of the whole would wait for two halves.
VM_ALWAYS_INLINE void copy_vector(u64* to, const u64* from) {
  u64 words[2];
  std::memcpy(words, from, sizeof words);
  std::memcpy(to, words, sizeof words);
}

VM_PLAIN_PART(mov_v, 1) { copy_vector(fp + ip->f[1], fp + ip->f[0]); }
VM_PLAIN_PART(const_v, 3) { std::memcpy(fp + ip->f[0], ip + 1, 2 * sizeof(u64)); }
VM_PLAIN_PART(wide_get_v, 2) { copy_vector(fp + ip->f[0], fp + low_u32(ip[1])); }
VM_PLAIN_PART(wide_set_v, 2) { copy_vector(fp + low_u32(ip[1]), fp + ip->f[0]); }
VM_PLAIN_PART(select_v, 2) {
  const bool first = read_slot<u32>(fp, packed(ip + 1)[0]) != 0;
  copy_vector(fp + ip->f[2], fp + (first ? ip->f[0] : ip->f[1]));
}
VM_PLAIN_PART(global_get_v, 2) { copy_vector(fp + ip->f[0], r.ctx->globals + low_u32(ip[1])); }
VM_PLAIN_PART(global_set_v, 2) { copy_vector(r.ctx->globals + low_u32(ip[1]), fp + ip->f[0]); }
VM_PLAIN_PART(global_get_imported_v, 2) { copy_vector(fp + ip->f[0], r.ctx->imported_globals[low_u32(ip[1])]); }
VM_PLAIN_PART(global_set_imported_v, 2) { copy_vector(r.ctx->imported_globals[low_u32(ip[1])], fp + ip->f[0]); }

// --- Select ----------------------------------------------------------------------------------------------------------

// Both sides are loaded before the choice: a conditional move of values, not a branch and not a choice of addresses, which would
// put a load behind the condition.
VM_ALWAYS_INLINE u64 choose(bool condition, u64 a, u64 b) {
#if defined(__GNUC__)
  asm("" : "+r"(a), "+r"(b));
#endif
  return condition ? a : b;
}
template <bool IsFloat, Dest D>
VM_ALWAYS_INLINE void select(Regs& r, u32 condition) {
  const u64 value = choose(condition != 0, r.fp[r.ip->f[0]], r.fp[r.ip->f[1]]);
  if constexpr (D == Dest::kS) r.fp[r.ip->f[2]] = value;
  if constexpr (IsFloat) {
    r.facc = std::bit_cast<f64>(value);
  } else {
    r.acc = value;
  }
}
VM_PLAIN_PART(select_A_A, 1) { select<false, Dest::kA>(r, static_cast<u32>(r.acc)); }
VM_PLAIN_PART(select_A_S, 1) { select<false, Dest::kS>(r, static_cast<u32>(r.acc)); }
VM_PLAIN_PART(select_S_A, 2) { select<false, Dest::kA>(r, read_slot<u32>(fp, packed(ip + 1)[0])); }
VM_PLAIN_PART(select_S_S, 2) { select<false, Dest::kS>(r, read_slot<u32>(fp, packed(ip + 1)[0])); }
VM_PLAIN_PART(fselect_A_A, 1) { select<true, Dest::kA>(r, static_cast<u32>(r.acc)); }
VM_PLAIN_PART(fselect_A_S, 1) { select<true, Dest::kS>(r, static_cast<u32>(r.acc)); }
VM_PLAIN_PART(fselect_S_A, 2) { select<true, Dest::kA>(r, read_slot<u32>(fp, packed(ip + 1)[0])); }
VM_PLAIN_PART(fselect_S_S, 2) { select<true, Dest::kS>(r, read_slot<u32>(fp, packed(ip + 1)[0])); }

// --- Globals ---------------------------------------------------------------------------------------------------------

VM_PLAIN_PART(global_get_A, 1) { r.acc = r.ctx->globals[ip->f[0]]; }
VM_PLAIN_PART(global_get_S, 1) { r.acc = fp[ip->f[1]] = r.ctx->globals[ip->f[0]]; }
VM_PLAIN_PART(global_fget_A, 1) { r.facc = read_slot<f64>(r.ctx->globals, ip->f[0]); }
VM_PLAIN_PART(global_fget_S, 1) {
  r.facc = read_slot<f64>(r.ctx->globals, ip->f[0]);
  write_slot(fp, ip->f[1], r.facc);
}
VM_PLAIN_PART(global_get_x, 2) { fp[ip->f[0]] = r.ctx->globals[low_u32(ip[1])]; }
VM_PLAIN_PART(global_set_S, 1) { r.ctx->globals[ip->f[1]] = fp[ip->f[0]]; }
VM_PLAIN_PART(global_set_A, 1) { r.ctx->globals[ip->f[0]] = r.acc; }
VM_PLAIN_PART(global_set_F, 1) { write_slot(r.ctx->globals, ip->f[0], r.facc); }
VM_PLAIN_PART(global_set_F32, 1) { write_slot(r.ctx->globals, ip->f[0], low_f32(r.facc)); }
VM_PLAIN_PART(global_set_x, 2) { r.ctx->globals[low_u32(ip[1])] = fp[ip->f[0]]; }
VM_PLAIN_PART(global_get_imported, 2) { fp[ip->f[0]] = *r.ctx->imported_globals[low_u32(ip[1])]; }
VM_PLAIN_PART(global_set_imported, 2) { *r.ctx->imported_globals[low_u32(ip[1])] = fp[ip->f[0]]; }

// --- Branches --------------------------------------------------------------------------------------------------------

template <bool Back>
struct BranchAlways {
  static constexpr u32 kWords = 1;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) { return jump<Back>(r, off32(*r.ip)); }
};
template <bool FromAcc, bool When, bool Back>
struct BranchIf {
  static constexpr u32 kWords = 1;
  VM_ALWAYS_INLINE static bool test(const Regs& r) {
    const u32 condition = FromAcc ? static_cast<u32>(r.acc) : read_slot<u32>(r.fp, r.ip->f[0]);
    return (condition != 0) == When;
  }
  VM_ALWAYS_INLINE static Handler take(Regs& r) { return jump<Back>(r, off32(*r.ip)); }
};
template <>
struct Part<op_id(Special::br)> : BranchAlways<false> {};
template <>
struct Part<op_id(Special::br_back)> : BranchAlways<true> {};
template <>
struct Part<op_id(Special::br_if_S)> : BranchIf<false, true, false> {};
template <>
struct Part<op_id(Special::br_if_A)> : BranchIf<true, true, false> {};
template <>
struct Part<op_id(Special::br_ifz_S)> : BranchIf<false, false, false> {};
template <>
struct Part<op_id(Special::br_ifz_A)> : BranchIf<true, false, false> {};
template <>
struct Part<op_id(Special::br_if_back_S)> : BranchIf<false, true, true> {};
template <>
struct Part<op_id(Special::br_if_back_A)> : BranchIf<true, true, true> {};
template <>
struct Part<op_id(Special::br_ifz_back_S)> : BranchIf<false, false, true> {};
template <>
struct Part<op_id(Special::br_ifz_back_A)> : BranchIf<true, false, true> {};

template <>
struct Part<op_id(Special::charge)> {
  static constexpr u32 kWords = 1;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const u32 cost = high_u32(*r.ip);
    r.ip += kWords;
    return charge(r, cost) ? &slow_tick : nullptr;
  }
};

template <bool FromAcc>
struct BranchTable {
  static constexpr u32 kWords = 0;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const u32 index = FromAcc ? static_cast<u32>(r.acc) : read_slot<u32>(r.fp, r.ip->f[0]);
    const u32 n = high_u32(*r.ip);
    return jump<false>(r, off32(r.ip[1 + (index < n ? index : n)]));
  }
};
template <>
struct Part<op_id(Special::br_table_S)> : BranchTable<false> {};
template <>
struct Part<op_id(Special::br_table_A)> : BranchTable<true> {};

template <>
struct Part<op_id(Special::unreachable)> {
  static constexpr u32 kWords = 1;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) { return trap(r, TrapKind::kUnreachable); }
};

// --- Wide arithmetic -------------------------------------------------------------------------------------------------

// Halves of a number of 128 bits.
struct Wide {
  u64 low;
  u64 high;
};
VM_ALWAYS_INLINE Wide sum_of(Wide a, Wide b) {
  Wide sum{};
  const bool carry = __builtin_add_overflow(a.low, b.low, &sum.low);
  sum.high = a.high + b.high + (carry ? 1 : 0);
  return sum;
}
VM_ALWAYS_INLINE Wide difference_of(Wide a, Wide b) {
  Wide difference{};
  const bool borrow = __builtin_sub_overflow(a.low, b.low, &difference.low);
  difference.high = a.high - b.high - (borrow ? 1 : 0);
  return difference;
}
template <class Int128, class Int>
VM_ALWAYS_INLINE Wide product_of(u64 a, u64 b) {
  const Int128 product = static_cast<Int128>(static_cast<Int>(a)) * static_cast<Int>(b);
  return {static_cast<u64>(product), static_cast<u64>(product >> 64)};
}
__extension__ using Signed128 = __int128;
__extension__ using Unsigned128 = unsigned __int128;

// All operands are read before a half is written: d may be one of them.
VM_ALWAYS_INLINE void write_wide(u64* fp, u32 d, Wide value) {
  fp[d] = value.low;
  fp[d + 1] = value.high;
}
VM_PLAIN_PART(add128, 2) {
  const u16* const more = packed(ip + 1);
  write_wide(fp, more[1], sum_of({fp[ip->f[0]], fp[ip->f[1]]}, {fp[ip->f[2]], fp[more[0]]}));
}
VM_PLAIN_PART(sub128, 2) {
  const u16* const more = packed(ip + 1);
  write_wide(fp, more[1], difference_of({fp[ip->f[0]], fp[ip->f[1]]}, {fp[ip->f[2]], fp[more[0]]}));
}
VM_PLAIN_PART(mul_wide_s, 1) { write_wide(fp, ip->f[2], product_of<Signed128, i64>(fp[ip->f[0]], fp[ip->f[1]])); }
VM_PLAIN_PART(mul_wide_u, 1) { write_wide(fp, ip->f[2], product_of<Unsigned128, u64>(fp[ip->f[0]], fp[ip->f[1]])); }

// --- Memory and tables -----------------------------------------------------------------------------------------------

VM_PLAIN_PART(memory_size_A, 1) { r.acc = r.ctx->memories[ip->f[1]]->pages(); }
VM_PLAIN_PART(memory_size_S, 1) { r.acc = fp[ip->f[0]] = r.ctx->memories[ip->f[1]]->pages(); }
VM_PLAIN_PART(table_size, 2) { fp[ip->f[0]] = r.ctx->tables[low_u32(ip[1])]->size; }

template <>
struct Part<op_id(Special::table_get)> {
  static constexpr u32 kWords = 2;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const TableInst& table = *r.ctx->tables[low_u32(r.ip[1])];
    const u64 index = r.fp[r.ip->f[0]];
    if (index >= table.size) [[unlikely]]
      return trap(r, TrapKind::kOutOfBoundsTableAccess);
    r.fp[r.ip->f[1]] = table.elems[index];
    r.ip += kWords;
    return nullptr;
  }
};

template <>
struct Part<op_id(Special::trap_null)> {
  static constexpr u32 kWords = 1;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    if (r.fp[r.ip->f[0]] == 0) [[unlikely]]
      return trap(r, static_cast<TrapKind>(r.ip->f[1]));
    r.ip += kWords;
    return nullptr;
  }
};

#undef VM_PLAIN_PART

}  // namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE
