// Lazy translation of one function to interpreter code, driven by the validator's abstract stack (validate/sink.h), and the shared
// code stubs that stand where a function has no translated code.
#pragma once

#include "vm/func_code.h"
#include "vm/module.h"

namespace lunabeam::vm {

// The instruction that FuncCode::code points to until the function's first call: the operation `lazy`.
[[nodiscard]] const Insn* lazy_entry() noexcept;

// A body of more bytes is large: its translation takes longer than a slice of a process.
#if defined(LUNABEAM_TORTURE)
inline constexpr u64 kLargeBodyBytes = 64;
#else
inline constexpr u64 kLargeBodyBytes = 32 * 1024;
#endif

// Of an imported function: 0.
[[nodiscard]] u64 body_bytes(const FuncCode& code) noexcept;

// Translates the function and publishes FuncCode::code (release), or the thunk of an imported one. Idempotent and safe to call
// from several threads: one of them publishes its work, and of a large body there is no more work than that. Returns the entry instruction.
// Cost: time and memory linear in the body. Null when memory is exhausted: the caller traps with kOutOfMemory.
[[nodiscard]] const Insn* translate(const FuncCode& code) noexcept;

// Byte offset in Module::bytes of the WebAssembly operator that each of the `ips` of this function was translated from: re-runs the
// translation once, with recording on (cold: backtraces, listings). kNoOffset for an ip that is not in its code.
[[nodiscard]] std::vector<u64> wasm_offsets_of(const FuncCode& code, std::span<const Insn* const> ips);
[[nodiscard]] u64 wasm_offset_of(const FuncCode& code, const Insn* ip);

}  // namespace lunabeam::vm
