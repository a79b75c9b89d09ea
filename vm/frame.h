// Frames on a process stack (engine.md 2.2) and the calling convention. Process stacks hold data only, never a C++ frame; they
// grow downwards and may be relocated at any call, tick or growth, so no word in them is an address inside them (invariant 1
// of engine.md 11). The interpreter frame is the canonical state of a WebAssembly activation: compiled code, debugger,
// collector and unwinder meet there.
//
//   fp[0]                     FuncCode*
//   fp[1]                     saved ip (valid while the frame is not on top, or parked)
//   fp[2 .. 2+n)              slots: parameters, locals, temporaries; the references are the last R of the n (rule P4)
//   fp[frame_words-1]         return word: which kind of frame lies above (below the caller's fp, i.e. at fp + frame_words)
//
// "Operand" in the interpreter = index of a word relative to fp, so slot i is operand i + kSlotBase.
//
// Calling convention (rules P2, P4):
//  * A call instruction lists the caller's argument operands: first the non-reference ones, copied to the callee's operands
//    kSlotBase.., then the reference ones, copied to kSlotBase + ref_base... Declared locals are cleared by the call.
//  * Its last 8-byte word ends, in this order, with u16 dref and u16 d: the caller's operands that receive the reference and the
//    other results (contiguous each). The saved ip is the address just behind them, so a return finds d at ip[-2 bytes].
//  * The first result is also in acc (integers and references) or facc (floats). See interp/ops.h.
//  * A call to another instance pushes a restore frame {Ctx*} first; a tail call across instances pushes one only if the frame
//    it would return to is not one already, so that tail calls run in constant stack.
#pragma once

#include "vm/base/ints.h"
#include "vm/func_code.h"

namespace lunabeam::vm {

struct Ctx;

inline constexpr u32 kSlotBase = 2;
inline constexpr u32 kFrameOverheadWords = 3;

// Frame size in words for n slots.
[[nodiscard]] constexpr u32 frame_words_for(u32 slots) { return (slots + kFrameOverheadWords + 1) & ~1u; }

// The return word. When there is a JIT, any other value is a return address into its code arena.
// ORDER: kReturnToInterp is the one that the return handlers test for first.
enum ReturnWord : u64 {
  kReturnToInterp = 1,  // An interpreter frame lies directly above.
  kReturnRestore = 2,   // A restore frame: {Ctx* to switch back to, return word of the caller's kind}.
  kReturnHostCont = 3,  // A host continuation frame: see HostContFrame.
  kReturnExit = 4,      // The bottom: the process's entry function returns to the runtime.
};

// Pushed by a cross-instance call. 16 bytes.
struct RestoreFrame {
  Ctx* ctx;
  u64 return_word;
};

// Pushed when a host function calls back into the guest (HostStatus::kCall, rule P8). 32 bytes. When the callee returns, the host
// function's resume runs; the frame above is the interpreter frame that made the host call, its saved ip behind the call.
struct HostContFrame {
  const HostFunction* function;
  u64 op_index;  // Index into ExecContext's LIFO of host operations.
  Ctx* ctx;      // Instance of the frame above.
  u64 return_word;
};

static_assert(sizeof(RestoreFrame) == 16 && sizeof(HostContFrame) == 32);

[[nodiscard]] inline const FuncCode* frame_function(const u64* fp) { return reinterpret_cast<const FuncCode*>(fp[0]); }
[[nodiscard]] inline u64 frame_return_word(const u64* fp) { return fp[frame_function(fp)->frame_words - 1]; }

}  // namespace lunabeam::vm
