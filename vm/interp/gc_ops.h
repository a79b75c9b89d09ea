// Operations on the garbage-collected heap: what direct and cold handlers share, and the cold parts.
//
// The objects that an operation writes are complete when it is left, but for long arrays: those are filled by the operation behind
// the one that allocates them, in steps (rule R3). Between the steps there may be ticks, but never a collection: nothing but an
// allocation of the same process collects.
#pragma once

#include <cstring>

#include "vm/gc/object.h"
#include "vm/interp/engine_state.h"
#include "vm/interp/ops.h"
#include "vm/reductions.h"

namespace lunabeam::vm::interp {

// Objects up to this size are made in one go and for nothing; larger ones cost what filling them does.
inline constexpr u64 kSmallObjectBytes = 4096;
// array_new and array_new_default together with the filling operation behind them.
inline constexpr u32 kArrayNewWords = 3;
// Fields of a struct_new; more go by range.
inline constexpr u32 kMaxListedFields = 32;

// Flags of a cast's target.
inline constexpr u32 kCastNullable = 1;
inline constexpr u32 kCastObject = 2;  // A struct or array type.
inline constexpr u32 kCastFinal = 4;   // ... without subtypes.

// Writes a word over a field; what lies behind it is written later (gc::kSlackBytes).
VM_ALWAYS_INLINE void write_word(u8* at, u64 word) { std::memcpy(at, &word, sizeof word); }
VM_ALWAYS_INLINE u64 header_word(const Insn* ip) {
  u64 header;
  std::memcpy(&header, ip + 1, sizeof header);
  return header;
}

// struct_new: header and fields, from the pairs behind its header word.
VM_ALWAYS_INLINE void write_fields(u8* object, const u64* fp, const Insn* ip) {
  const u16* pair = reinterpret_cast<const u16*>(ip + 2);
  write_word(object, header_word(ip));
  for (u32 n = ip->f[0]; n != 0; --n, pair += 2) write_word(object + pair[1], fp[pair[0]]);
}
// struct_new_default.
VM_ALWAYS_INLINE void write_empty_struct(u8* object, u64 header) {
  write_word(object, header);
  const u64 bytes = gc::length_of(header);
  for (u64 at = gc::kHeaderBytes; at < bytes; at += sizeof(u64)) {
    write_word(object + at, 0);
    asm("" : "+r"(at));  // A handful of words: no call of memset.
  }
}
// array_new_fixed: the elements, in words, from the operands behind its header word.
VM_ALWAYS_INLINE void write_elements(u8* object, const u64* fp, const Insn* ip) {
  const u64 header = header_word(ip);
  const u32 log2 = gc::element_log2_of(header);
  const u32 step = 1u << (log2 < 3 ? log2 : 3);
  const u16* operand = reinterpret_cast<const u16*>(ip + 2);
  write_word(object, header);
  u8* at = object + gc::kHeaderBytes;
  for (u32 n = ip->f[0]; n != 0; --n, ++operand, at += step) write_word(at, fp[*operand]);
}

// Elements [begin, begin + count) become the value in `value` (two words for vectors).
void fill_elements(u8* elements, u32 element_log2, u64 begin, u64 count, const u64* value) noexcept;

VM_ALWAYS_INLINE void write_filled_array(u8* object, u64 header, const u64* value) {
  write_word(object, header);
  fill_elements(object + gc::kHeaderBytes, gc::element_log2_of(header), 0, gc::length_of(header), value);
}
VM_ALWAYS_INLINE void write_empty_array(u8* object, u64 header, u64 bytes) {
  write_word(object, header);
  std::memset(object + gc::kHeaderBytes, 0, bytes - gc::kHeaderBytes);
}

// --- Cold parts: the operation at the top frame's saved ip, which is advanced unless a tick must come first. They may collect. ---
[[nodiscard]] Next struct_new(ExecContext& exec) noexcept;
[[nodiscard]] Next struct_new_range(ExecContext& exec) noexcept;
[[nodiscard]] Next struct_new_default(ExecContext& exec) noexcept;
[[nodiscard]] Next array_new(ExecContext& exec) noexcept;
[[nodiscard]] Next array_new_default(ExecContext& exec) noexcept;
[[nodiscard]] Next array_new_x(ExecContext& exec) noexcept;
[[nodiscard]] Next array_alloc(ExecContext& exec) noexcept;
[[nodiscard]] Next array_new_fixed(ExecContext& exec) noexcept;
[[nodiscard]] Next array_new_fixed_range(ExecContext& exec) noexcept;
[[nodiscard]] Next array_new_data(ExecContext& exec) noexcept;
[[nodiscard]] Next array_new_elem(ExecContext& exec) noexcept;
// These allocate nothing and are interruptible.
[[nodiscard]] Next array_fill_all(ExecContext& exec) noexcept;
[[nodiscard]] Next array_clear(ExecContext& exec) noexcept;
[[nodiscard]] Next array_load_data(ExecContext& exec) noexcept;
[[nodiscard]] Next array_load_elem(ExecContext& exec) noexcept;
[[nodiscard]] Next array_fill(ExecContext& exec) noexcept;
[[nodiscard]] Next array_copy(ExecContext& exec) noexcept;
[[nodiscard]] Next array_init_data(ExecContext& exec) noexcept;
[[nodiscard]] Next array_init_elem(ExecContext& exec) noexcept;
// Fields out of reach of a 16-bit offset. These keep the accumulators.
[[nodiscard]] Next struct_get_x(ExecContext& exec) noexcept;
[[nodiscard]] Next struct_set_x(ExecContext& exec) noexcept;

}  // namespace lunabeam::vm::interp
