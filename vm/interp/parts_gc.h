// Structs, arrays, i31 references and casts (gc/object.h). What may allocate goes to a cold handler when the space is used up, which
// does the whole operation; the accumulators are dead there. Layouts: special_ops.def.
#pragma once

#include "vm/gc/cast.h"
#include "vm/gc/heap.h"
#include "vm/interp/gc_access.h"
#include "vm/interp/gc_ops.h"
#include "vm/interp/part.h"
#include "vm/reference.h"

namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE {

// Defined in slow_handlers.h.
VM_HANDLER(slow_struct_new);
VM_HANDLER(slow_struct_new_default);
VM_HANDLER(slow_array_new);
VM_HANDLER(slow_array_new_default);
VM_HANDLER(slow_array_new_fixed);

// --- Reading and writing cells ---------------------------------------------------------------------------------------

template <Cell C>
struct CellOf;
#define VM_CELL(cell, memory, value) \
  template <>                        \
  struct CellOf<Cell::cell> {        \
    using Memory = memory;           \
    using Value = value;             \
  }
VM_CELL(kI8, i8, u32);
VM_CELL(kU8, u8, u32);
VM_CELL(kI16, i16, u32);
VM_CELL(kU16, u16, u32);
VM_CELL(k32, u32, u32);
VM_CELL(k64, u64, u64);
VM_CELL(kF32, f32, f32);
VM_CELL(kF64, f64, f64);
#undef VM_CELL

template <Cell C, Dest D>
VM_ALWAYS_INLINE void get_cell(Regs& r, const u8* at, u32 d) {
  typename CellOf<C>::Memory memory;
  std::memcpy(&memory, at, sizeof memory);
  const auto value = static_cast<typename CellOf<C>::Value>(memory);
  if constexpr (D == Dest::kS) write_slot(r.fp, d, value);
  write_acc(r, value);
}
template <Cell C, bool FromAcc>
VM_ALWAYS_INLINE void set_cell(const Regs& r, u8* at, u32 v) {
  using Value = typename CellOf<C>::Value;
  const auto value = FromAcc ? read_acc<Value>(r) : read_slot<Value>(r.fp, v);
  const auto memory = static_cast<typename CellOf<C>::Memory>(value);
  std::memcpy(at, &memory, sizeof memory);
}

// Where a field or an element lies; nullptr: `slow` is the trap.
template <TrapKind Null>
VM_ALWAYS_INLINE u8* object_at(Regs& r, u64 ref, Handler& slow) {
  if (ref == 0) [[unlikely]] {
    slow = trap(r, Null);
    return nullptr;
  }
  return gc::bytes_at(ref);
}
template <u32 Bytes>
VM_ALWAYS_INLINE u8* element_at(Regs& r, u64 ref, u32 index, Handler& slow) {
  u8* const object = object_at<TrapKind::kNullArrayReference>(r, ref, slow);
  if (object == nullptr) [[unlikely]]
    return nullptr;
  if (index >= gc::array_length(ref)) [[unlikely]] {
    slow = trap(r, TrapKind::kOutOfBoundsArrayAccess);
    return nullptr;
  }
  return object + gc::kHeaderBytes + u64{index} * Bytes;
}

// --- Structs ---------------------------------------------------------------------------------------------------------

template <Cell C, Dest D>
struct StructGet {
  static constexpr u32 kWords = 1;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    Handler slow = nullptr;
    const u8* const object = object_at<TrapKind::kNullStructureReference>(r, r.fp[r.ip->f[0]], slow);
    if (object == nullptr) [[unlikely]]
      return slow;
    get_cell<C, D>(r, object + r.ip->f[1], r.ip->f[2]);
    r.ip += kWords;
    return nullptr;
  }
};
template <Cell C, bool FromAcc>
struct StructSet {
  static constexpr u32 kWords = 1;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    Handler slow = nullptr;
    u8* const object = object_at<TrapKind::kNullStructureReference>(r, r.fp[r.ip->f[0]], slow);
    if (object == nullptr) [[unlikely]]
      return slow;
    set_cell<C, FromAcc>(r, object + r.ip->f[1], r.ip->f[2]);
    r.ip += kWords;
    return nullptr;
  }
};

// --- Arrays ----------------------------------------------------------------------------------------------------------

template <Cell C, Dest D>
struct ArrayGet {
  static constexpr u32 kWords = 1;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    Handler slow = nullptr;
    const u8* const element =
        element_at<sizeof(typename CellOf<C>::Memory)>(r, r.fp[r.ip->f[0]], read_slot<u32>(r.fp, r.ip->f[1]), slow);
    if (element == nullptr) [[unlikely]]
      return slow;
    get_cell<C, D>(r, element, r.ip->f[2]);
    r.ip += kWords;
    return nullptr;
  }
};
template <Cell C, bool FromAcc>
struct ArraySet {
  static constexpr u32 kWords = 1;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    Handler slow = nullptr;
    u8* const element =
        element_at<sizeof(typename CellOf<C>::Memory)>(r, r.fp[r.ip->f[0]], read_slot<u32>(r.fp, r.ip->f[1]), slow);
    if (element == nullptr) [[unlikely]]
      return slow;
    set_cell<C, FromAcc>(r, element, r.ip->f[2]);
    r.ip += kWords;
    return nullptr;
  }
};

#define VM_GC_CELL(name, cell)                                                             \
  template <>                                                                              \
  struct Part<op_id(Special::struct_get_##name##_A)> : StructGet<Cell::cell, Dest::kA> {}; \
  template <>                                                                              \
  struct Part<op_id(Special::struct_get_##name##_S)> : StructGet<Cell::cell, Dest::kS> {}; \
  template <>                                                                              \
  struct Part<op_id(Special::array_get_##name##_A)> : ArrayGet<Cell::cell, Dest::kA> {};   \
  template <>                                                                              \
  struct Part<op_id(Special::array_get_##name##_S)> : ArrayGet<Cell::cell, Dest::kS> {};
#define VM_GC_SET(name, cell)                                                          \
  template <>                                                                          \
  struct Part<op_id(Special::struct_set_##name)> : StructSet<Cell::cell, false> {};    \
  template <>                                                                          \
  struct Part<op_id(Special::struct_set_##name##_A)> : StructSet<Cell::cell, true> {}; \
  template <>                                                                          \
  struct Part<op_id(Special::array_set_##name)> : ArraySet<Cell::cell, false> {};      \
  template <>                                                                          \
  struct Part<op_id(Special::array_set_##name##_A)> : ArraySet<Cell::cell, true> {};
VM_GC_CELL(i8, kI8)
VM_GC_CELL(u8, kU8)
VM_GC_CELL(i16, kI16)
VM_GC_CELL(u16, kU16)
VM_GC_CELL(32, k32)
VM_GC_CELL(64, k64)
VM_GC_CELL(f32, kF32)
VM_GC_CELL(f64, kF64)
VM_GC_SET(8, kU8)
VM_GC_SET(16, kU16)
VM_GC_SET(32, k32)
VM_GC_SET(64, k64)
VM_GC_SET(f32, kF32)
VM_GC_SET(f64, kF64)
#undef VM_GC_CELL
#undef VM_GC_SET

// Vectors: between two slots and 16 bytes.
VM_ALWAYS_INLINE void get_vector(u64* fp, u32 d, const u8* at) { std::memcpy(fp + d, at, 16); }
VM_ALWAYS_INLINE void set_vector(const u64* fp, u32 v, u8* at) { std::memcpy(at, fp + v, 16); }

template <>
struct Part<op_id(Special::struct_get_v128)> {
  static constexpr u32 kWords = 1;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    Handler slow = nullptr;
    const u8* const object = object_at<TrapKind::kNullStructureReference>(r, r.fp[r.ip->f[0]], slow);
    if (object == nullptr) [[unlikely]]
      return slow;
    get_vector(r.fp, r.ip->f[2], object + r.ip->f[1]);
    r.ip += kWords;
    return nullptr;
  }
};
template <>
struct Part<op_id(Special::struct_set_v128)> {
  static constexpr u32 kWords = 1;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    Handler slow = nullptr;
    u8* const object = object_at<TrapKind::kNullStructureReference>(r, r.fp[r.ip->f[0]], slow);
    if (object == nullptr) [[unlikely]]
      return slow;
    set_vector(r.fp, r.ip->f[2], object + r.ip->f[1]);
    r.ip += kWords;
    return nullptr;
  }
};
template <>
struct Part<op_id(Special::array_get_v128)> {
  static constexpr u32 kWords = 1;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    Handler slow = nullptr;
    const u8* const element = element_at<16>(r, r.fp[r.ip->f[0]], read_slot<u32>(r.fp, r.ip->f[1]), slow);
    if (element == nullptr) [[unlikely]]
      return slow;
    get_vector(r.fp, r.ip->f[2], element);
    r.ip += kWords;
    return nullptr;
  }
};
template <>
struct Part<op_id(Special::array_set_v128)> {
  static constexpr u32 kWords = 1;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    Handler slow = nullptr;
    u8* const element = element_at<16>(r, r.fp[r.ip->f[0]], read_slot<u32>(r.fp, r.ip->f[1]), slow);
    if (element == nullptr) [[unlikely]]
      return slow;
    set_vector(r.fp, r.ip->f[2], element);
    r.ip += kWords;
    return nullptr;
  }
};

template <Dest D>
struct ArrayLen {
  static constexpr u32 kWords = 1;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const u64 ref = r.fp[r.ip->f[0]];
    if (ref == 0) [[unlikely]]
      return trap(r, TrapKind::kNullArrayReference);
    r.acc = gc::array_length(ref);
    if constexpr (D == Dest::kS) r.fp[r.ip->f[1]] = r.acc;
    r.ip += kWords;
    return nullptr;
  }
};
template <>
struct Part<op_id(Special::array_len_A)> : ArrayLen<Dest::kA> {};
template <>
struct Part<op_id(Special::array_len_S)> : ArrayLen<Dest::kS> {};

// --- Allocation ------------------------------------------------------------------------------------------------------

template <>
struct Part<op_id(Special::struct_new)> {
  static constexpr u32 kWords = 0;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const Insn* const ip = r.ip;
    const u64 header = whole_u64(ip[1]);
    u8* const object = gc::try_allocate(*r.ctx->exec, gc::length_of(header));
    if (object == nullptr) [[unlikely]]
      return &slow_struct_new;
    write_fields(object, r.fp, ip);
    r.fp[ip->f[1]] = reinterpret_cast<u64>(object);
    r.ip += struct_new_words(ip->f[0]);
    return nullptr;
  }
};
template <>
struct Part<op_id(Special::struct_new_default)> {
  static constexpr u32 kWords = 2;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const u64 header = whole_u64(r.ip[1]);
    const u32 bytes = gc::length_of(header);
    u8* const object = bytes <= kSmallObjectBytes ? gc::try_allocate(*r.ctx->exec, bytes) : nullptr;
    if (object == nullptr) [[unlikely]]
      return &slow_struct_new_default;
    write_empty_struct(object, header);
    r.fp[r.ip->f[0]] = reinterpret_cast<u64>(object);
    r.ip += kWords;
    return nullptr;
  }
};
// Arrays of up to a step are complete at once; the operation behind, which fills longer ones, is skipped.
template <>
struct Part<op_id(Special::array_new)> {
  static constexpr u32 kWords = 0;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const u64 header = whole_u64(r.ip[1]) | u64{read_slot<u32>(r.fp, r.ip->f[0])} << 32;
    const u64 bytes = gc::object_bytes(header);
    u8* const object = bytes <= kSmallObjectBytes ? gc::try_allocate(*r.ctx->exec, bytes) : nullptr;
    if (object == nullptr) [[unlikely]]
      return &slow_array_new;
    write_filled_array(object, header, r.fp + r.ip->f[1]);
    r.fp[r.ip->f[2]] = reinterpret_cast<u64>(object);
    r.ip += kArrayNewWords;
    return nullptr;
  }
};
template <>
struct Part<op_id(Special::array_new_default)> {
  static constexpr u32 kWords = 0;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const u64 header = whole_u64(r.ip[1]) | u64{read_slot<u32>(r.fp, r.ip->f[0])} << 32;
    const u64 bytes = gc::object_bytes(header);
    u8* const object = bytes <= kSmallObjectBytes ? gc::try_allocate(*r.ctx->exec, bytes) : nullptr;
    if (object == nullptr) [[unlikely]]
      return &slow_array_new_default;
    write_empty_array(object, header, bytes);
    r.fp[r.ip->f[2]] = reinterpret_cast<u64>(object);
    r.ip += kArrayNewWords;
    return nullptr;
  }
};
template <>
struct Part<op_id(Special::array_new_fixed)> {
  static constexpr u32 kWords = 0;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const Insn* const ip = r.ip;
    const u64 header = whole_u64(ip[1]);
    u8* const object = gc::try_allocate(*r.ctx->exec, gc::object_bytes(header));
    if (object == nullptr) [[unlikely]]
      return &slow_array_new_fixed;
    write_elements(object, r.fp, ip);
    r.fp[ip->f[1]] = reinterpret_cast<u64>(object);
    r.ip += 2 + packed_words(ip->f[0], 0);
    return nullptr;
  }
};

// --- i31 and comparison ----------------------------------------------------------------------------------------------

template <Dest D>
struct RefI31 {
  static constexpr u32 kWords = 1;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    r.acc = gc::make_i31(read_slot<u32>(r.fp, r.ip->f[0]));
    if constexpr (D == Dest::kS) r.fp[r.ip->f[1]] = r.acc;
    r.ip += kWords;
    return nullptr;
  }
};
template <>
struct Part<op_id(Special::ref_i31_A)> : RefI31<Dest::kA> {};
template <>
struct Part<op_id(Special::ref_i31_S)> : RefI31<Dest::kS> {};

template <bool Signed, Dest D>
struct I31Get {
  static constexpr u32 kWords = 1;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const u64 ref = r.fp[r.ip->f[0]];
    if (ref == 0) [[unlikely]]
      return trap(r, TrapKind::kNullI31Reference);
    r.acc = Signed ? gc::i31_signed(ref) : gc::i31_unsigned(ref);
    if constexpr (D == Dest::kS) r.fp[r.ip->f[1]] = r.acc;
    r.ip += kWords;
    return nullptr;
  }
};
template <>
struct Part<op_id(Special::i31_get_s_A)> : I31Get<true, Dest::kA> {};
template <>
struct Part<op_id(Special::i31_get_s_S)> : I31Get<true, Dest::kS> {};
template <>
struct Part<op_id(Special::i31_get_u_A)> : I31Get<false, Dest::kA> {};
template <>
struct Part<op_id(Special::i31_get_u_S)> : I31Get<false, Dest::kS> {};

template <Dest D>
struct RefEq {
  static constexpr u32 kWords = 1;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    r.acc = r.fp[r.ip->f[0]] == r.fp[r.ip->f[1]] ? 1 : 0;
    if constexpr (D == Dest::kS) r.fp[r.ip->f[2]] = r.acc;
    r.ip += kWords;
    return nullptr;
  }
};
template <>
struct Part<op_id(Special::ref_eq_A)> : RefEq<Dest::kA> {};
template <>
struct Part<op_id(Special::ref_eq_S)> : RefEq<Dest::kS> {};

// --- Casts -----------------------------------------------------------------------------------------------------------

// Whether the reference is of the type that `word` describes: u32 heap type, u32 flags.
VM_ALWAYS_INLINE bool is_of(u64 ref, const Insn& word) {
  const u32 flags = high_u32(word);
  if (ref == 0) return (flags & kCastNullable) != 0;
  const HeapType target = HeapType::from_bits(low_u32(word));
  // The usual case is an object of exactly the type.
  if ((flags & kCastObject) != 0) {
    if (tag_of(ref) != kRefTagPointer) return false;
    const u64 header = gc::header_at(ref);
    if (gc::type_of(header) == target.type_id()) return true;
    if ((flags & kCastFinal) != 0) return false;
  }
  return gc::matches(ref, target);
}

template <Dest D>
struct RefTest {
  static constexpr u32 kWords = 2;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    r.acc = is_of(r.fp[r.ip->f[0]], r.ip[1]) ? 1 : 0;
    if constexpr (D == Dest::kS) r.fp[r.ip->f[1]] = r.acc;
    r.ip += kWords;
    return nullptr;
  }
};
template <>
struct Part<op_id(Special::ref_test_A)> : RefTest<Dest::kA> {};
template <>
struct Part<op_id(Special::ref_test_S)> : RefTest<Dest::kS> {};

template <>
struct Part<op_id(Special::ref_cast)> {
  static constexpr u32 kWords = 2;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    if (!is_of(r.fp[r.ip->f[0]], r.ip[1])) [[unlikely]]
      return trap(r, TrapKind::kCastFailure);
    r.ip += kWords;
    return nullptr;
  }
};

template <bool When, bool Back>
struct BranchOnCast {
  static constexpr u32 kWords = 2;
  VM_ALWAYS_INLINE static bool test(const Regs& r) { return is_of(r.fp[r.ip->f[0]], r.ip[1]) == When; }
  VM_ALWAYS_INLINE static Handler take(Regs& r) { return jump<Back>(r, off32(*r.ip)); }
};
template <>
struct Part<op_id(Special::br_cast)> : BranchOnCast<true, false> {};
template <>
struct Part<op_id(Special::br_cast_back)> : BranchOnCast<true, true> {};
template <>
struct Part<op_id(Special::br_castz)> : BranchOnCast<false, false> {};
template <>
struct Part<op_id(Special::br_castz_back)> : BranchOnCast<false, true> {};

}  // namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE
