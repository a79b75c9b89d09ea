// How fields and elements are read and written: by the bytes they take and the class of their value. Shared by the translator, which
// chooses the operation, and the handlers.
#pragma once

#include "vm/types.h"

namespace lunabeam::vm::interp {

// ORDER: that of the operations struct_get_*, struct_set_*, array_get_* and array_set_* in special_ops.def.
enum class Cell : u8 { kI8, kU8, kI16, kU16, k32, k64, kF32, kF64, kV128 };
inline constexpr u32 kScalarCells = 8;

// Sets do not extend: kI8 and kI16 are never asked for.
[[nodiscard]] constexpr Cell cell_of(ValType storage, bool sign_extends) {
  switch (storage.kind()) {
    case ValType::kI8: return sign_extends ? Cell::kI8 : Cell::kU8;
    case ValType::kI16: return sign_extends ? Cell::kI16 : Cell::kU16;
    case ValType::kI32: return Cell::k32;
    case ValType::kF32: return Cell::kF32;
    case ValType::kF64: return Cell::kF64;
    case ValType::kV128: return Cell::kV128;
    default: return Cell::k64;
  }
}

}  // namespace lunabeam::vm::interp
