// The executable form of one function: shared by all processes of its module. In a process with one instance a funcref is the
// address of this struct (rule P3).
#pragma once

#include <atomic>

#include "vm/base/ints.h"
#include "vm/types.h"

namespace lunabeam::vm {

class Module;
struct HostFunction;
namespace interp {
struct CatchTable;
}

// Slots behind the parameters of a frame of more than 65,000 words, within reach of short operands: wide moves bring values there. Enough
// for the operands of any call (1,000 values of two slots) and those of the instruction itself.
inline constexpr u32 kWideScratchSlots = 2008;

// One 8-byte word of interpreter code: an operation with its first operands, or an extension word (engine.md 4.0).
struct alignas(8) Insn {
  u16 op;
  u16 f[3];
};
static_assert(sizeof(Insn) == 8);

// Invariant 1: everything but `code`, and what is published with it (entry_cost, storage, catches), never changes once the module is loaded.
// Invariant 2: frame_words is even (frames are multiples of 16 bytes on every ISA, rule P4).
// Invariant 3: code is never null: until its first call it points to the shared stub that translates the function. Published
//              with a release store by the translator, read with an acquire load by call handlers.
// Invariant 4: alignment leaves the low 4 bits of the address free for reference tags.
struct alignas(64) FuncCode {
  std::atomic<const Insn*> code{nullptr};
  TypeId type{};
  u32 frame_words = 0;  // Whole frame in 8-byte words: header, slots, padding, return word. See frame.h.
  u32 entry_cost = 1;   // Reductions charged at entry (rule R1), final once translated.
  u32 num_params = 0;   // Parameter slots that are not references: slots 0 .. num_params-1.
  u32 ref_params = 0;   // Parameter slots that are references: slots ref_base .. ref_base+ref_params-1.
  // Slots to clear behind the num_params: scratch slots of wide frames, declared locals that are no references.
  u32 zero_words = 0;
  u32 num_slots = 0;  // n: all slots of the frame, references included.
  u32 ref_base = 0;   // First reference slot; slots [ref_base, num_slots) are references and cleared on entry.
  u32 func_index = 0;
  const Module* module = nullptr;
  const HostFunction* host = nullptr;  // The import's host function, else nullptr.
  Insn* storage = nullptr;             // Owned code words, null until translated; freed with the module.
  u32 storage_words = 0;
  interp::CatchTable* catches = nullptr;  // What the body catches, null for nothing; owned, published with the code.
};

}  // namespace lunabeam::vm
