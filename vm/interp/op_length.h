// The length of one instruction in the register code.
#pragma once

#include "vm/base/ints.h"
#include "vm/func_code.h"

namespace lunabeam::vm::interp {

// Words of the instruction at `ip`, extension words included; for a fused operation, those of its first part.
// REQUIRES: ip is the start of an instruction.
[[nodiscard]] u32 op_words(const Insn* ip) noexcept;

// Index of the first of the packed operand words of a call with an operand list (call, call_import, call_host, call_indirect,
// return_call...: word 2; call_ref, return_call_ref, ret_many: word 1), and how many u16 fields end their last word (2: dref d).
inline constexpr u32 kCallListWord = 2;
inline constexpr u32 kCallRefListWord = 1;
inline constexpr u32 kCallListTail = 2;

}  // namespace lunabeam::vm::interp
