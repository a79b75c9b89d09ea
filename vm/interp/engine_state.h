// What the dispatch loops and the cold parts of the engine (enter, host calls, unwinding, bulk operations) tell each other. While a
// cold part runs, the machine's registers are in the ExecContext: fp and reductions there, the ip in fp[1]. A cold part may change
// all of them; the dispatch loop reloads everything.
#pragma once

#include <cstring>

#include "vm/exec_context.h"
#include "vm/frame.h"
#include "vm/instance.h"
#include "vm/interp/inline.h"
#include "vm/interp/interp.h"

namespace lunabeam::vm::interp {

// How to go on after a cold part.
// Invariant 1: the values below kGo are those of ExecStatus: leave run() with it.
enum class Next : u8 {
  kReturned = static_cast<u8>(ExecStatus::kReturned),
  kYielded = static_cast<u8>(ExecStatus::kYielded),
  kParked = static_cast<u8>(ExecStatus::kParked),
  kTrapped = static_cast<u8>(ExecStatus::kTrapped),
  kGo,  // Dispatch at the top frame's saved ip. The accumulators are as before the cold part when it says so, else dead.
  kGoResult,  // ... behind a call whose first result is in the slot d that ends at ip: load the accumulators from it.
  kGoRefResult,  // ... from its slot dref.
  kSearch,       // Only between throw.cpp and tick(): the search for a handler goes on.
};
[[nodiscard]] constexpr bool leaves(Next next) { return next < Next::kGo; }

// Frames of more words than this do not fit any stack.
inline constexpr u64 kMaxFrameWords = u64{1} << 27;

[[nodiscard]] inline const Insn* saved_ip(const u64* fp) { return reinterpret_cast<const Insn*>(fp[1]); }
inline void save_ip(u64* fp, const Insn* ip) { fp[1] = reinterpret_cast<u64>(ip); }

// The u16 fields that end a call instruction; ip is the address behind it.
[[nodiscard]] inline u16 result_operand(const Insn* ip) { return reinterpret_cast<const u16*>(ip)[-1]; }
[[nodiscard]] inline u16 ref_result_operand(const Insn* ip) { return reinterpret_cast<const u16*>(ip)[-2]; }

// Makes `ctx` the instance that runs; its memory may have grown through another instance meanwhile (rule P2).
inline void switch_ctx(ExecContext& exec, Ctx* ctx) {
  exec.ctx = ctx;
  ctx->reload_memory();
}

// --- tick.cpp ---
// Asks the embedder; the counter is below zero. `next` says how the process goes on afterwards: kGo, kGoResult, kGoRefResult or kSearch.
[[nodiscard]] Next tick(ExecContext& exec, Next next) noexcept;

// --- enter.cpp ---
// Room for `words` below fp. False: exec.trap is set (call stack exhausted).
[[nodiscard]] bool make_room(ExecContext& exec, u64 words) noexcept;
// Makes callee's code ready, for the operation at the top frame's saved ip, which starts over when the process has been suspended. kGo: it
// is, and the reductions are not negative.
[[nodiscard]] Next make_code(ExecContext& exec, const FuncCode& callee) noexcept;
// Clears the callee's declared locals and reference slots. May also clear what lies behind them, up to the return word, so do it
// before parameters and return word are written.
VM_ALWAYS_INLINE void clear_locals(u64* fp, const FuncCode& code);
// Builds a frame at fp from arguments in wasm parameter order. REQUIRES: there is room.
void fill_frame(u64* fp, const FuncCode& code, const u64* args, u64 return_word) noexcept;

// --- host_call.cpp ---
// A host function has answered other than kDone, or was resumed: does what it asks for. The frame that called it is on top.
[[nodiscard]] Next host_answered(ExecContext& exec, const HostFunction& function, HostStatus status) noexcept;
// Calls the host function of the thunk frame on top.
[[nodiscard]] Next call_from_thunk(ExecContext& exec) noexcept;
// Pops the top frame, whose results are in exec.transfer: first num that are no references, then ref references.
[[nodiscard]] Next return_values(ExecContext& exec, u32 num, u32 ref) noexcept;
// The same with one result or none; the function's type says of which class.
[[nodiscard]] Next return_single(ExecContext& exec) noexcept;

// --- unwind.cpp ---
// exec.trap was set by the top frame.
[[nodiscard]] Next raise(ExecContext& exec) noexcept;
[[nodiscard]] Next raise(ExecContext& exec, TrapKind kind, u64 operand = 0) noexcept;

// --- throw.cpp: the operation at the top frame's saved ip. The accumulators are empty behind them. ---
[[nodiscard]] Next throw_exception(ExecContext& exec) noexcept;
[[nodiscard]] Next throw_ref(ExecContext& exec) noexcept;
// Goes on with a search that was left at a tick (Resume::kSearch).
[[nodiscard]] Next find_handler(ExecContext& exec) noexcept;

// --- bulk_ops.cpp: the operation at the top frame's saved ip. Each advances it, unless a tick must come first. ---
[[nodiscard]] Next memory_fill(ExecContext& exec) noexcept;
[[nodiscard]] Next memory_copy(ExecContext& exec) noexcept;
[[nodiscard]] Next memory_init(ExecContext& exec) noexcept;
[[nodiscard]] Next table_fill(ExecContext& exec) noexcept;
[[nodiscard]] Next table_copy(ExecContext& exec) noexcept;
[[nodiscard]] Next table_init(ExecContext& exec) noexcept;
[[nodiscard]] Next table_grow(ExecContext& exec) noexcept;  // In one go, charged afterwards; answers kGoResult.
// These keep the accumulators (but for the result of the one that grows).
[[nodiscard]] Next memory_grow(ExecContext& exec) noexcept;
[[nodiscard]] Next table_set(ExecContext& exec) noexcept;
[[nodiscard]] Next data_drop(ExecContext& exec) noexcept;
[[nodiscard]] Next elem_drop(ExecContext& exec) noexcept;
[[nodiscard]] Next ref_func(ExecContext& exec) noexcept;

// Two words at a time: may clear one word more than asked for. A loop that stays one: for a handful of words, a call of memset costs
// more than the call it is part of.
VM_ALWAYS_INLINE void clear_words(u64* slot, u32 words) {
  constexpr u64 kZeros[2] = {0, 0};
  u64* const end = slot + words;
  while (slot < end) {
    std::memcpy(slot, kZeros, sizeof kZeros);
    slot += 2;
    asm("" : "+r"(slot));
  }
}

VM_ALWAYS_INLINE void clear_locals(u64* fp, const FuncCode& code) {
  // The word too many is a temporary, a reference slot, padding or the return word.
  clear_words(fp + kSlotBase + code.num_params, code.zero_words);
  clear_words(fp + kSlotBase + code.ref_base, code.num_slots - code.ref_base);
}

}  // namespace lunabeam::vm::interp
