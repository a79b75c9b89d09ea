// Superinstructions (engine.md 4.0): compositions of the handlers of base operations. Fusing changes only the opcode of the first
// operation of a sequence; the others keep their words and their own valid opcodes, so that code does not grow, jumps into the
// middle of a sequence stay legal, and whoever wants single operations (step dispatch, listing, recorder) reads base_op(id).
// Which sequences are fused: fusion_rules.h.
#pragma once

#include <span>

#include "vm/base/ints.h"
#include "vm/func_code.h"

namespace lunabeam::vm::interp {

// Fuses the operations of one function's finished code, from its first instruction to its last. Called once by the translator,
// before the code is published. Cost: linear. Idempotent on code that is fused already.
// Everything that records instruction starts stays right: lengths and places do not change.
void fuse(std::span<Insn> code) noexcept;

// The base operation that `id` begins with; `id` itself when it is one.
[[nodiscard]] u16 base_op(u16 id) noexcept;

// The base operations of a fused one, in order. The last is its S form where it has a destination: the sequence also stands for the
// one with the A form, whose field d names its own temporary. REQUIRES: kFusedBase <= id < op_count().
[[nodiscard]] std::span<const u16> fused_parts(u16 id) noexcept;

// All ids are below this: the size of a handler table.
inline constexpr u32 kMaxOps = 8192;

// All ids, base and fused.
[[nodiscard]] u16 op_count() noexcept;

}  // namespace lunabeam::vm::interp
