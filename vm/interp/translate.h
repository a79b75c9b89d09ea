// Lazy translation of one function to interpreter code, driven by the validator's abstract stack (validate/sink.h), and the shared
// code stubs that stand where a function has no translated code.
#pragma once

#include "vm/func_code.h"
#include "vm/module.h"

namespace lunabeam::vm {

// The instruction that FuncCode::code points to until the function's first call: the operation `lazy`.
[[nodiscard]] const Insn* lazy_entry() noexcept;

// Translates the function and publishes FuncCode::code (release), or the thunk of an imported one. Idempotent and safe to call
// from several threads: serialised by Module::translate_lock, done once. Returns the entry instruction.
// Cost: time and memory linear in the body. Null when memory is exhausted: the caller traps with kOutOfMemory.
[[nodiscard]] const Insn* translate(const FuncCode& code) noexcept;

// Byte offset in Module::bytes of the WebAssembly operator that each of the `ips` of this function was translated from: re-runs the
// translation once, with recording on (cold: backtraces, listings). kNoOffset for an ip that is not in its code.
[[nodiscard]] std::vector<u64> wasm_offsets_of(const FuncCode& code, std::span<const Insn* const> ips);
[[nodiscard]] u64 wasm_offset_of(const FuncCode& code, const Insn* ip);

}  // namespace lunabeam::vm
