// What a module does, as text that another engine's run can be compared with: every exported function is called once, in the order of
// the exports, with arguments that depend on the seed only, and then everything exported is looked at.
//
//   rejected PHASE: MESSAGE                 the module does not decode, validate or link; nothing follows
//   exports N
//   instantiated | start OUTCOME            of the start function, or of the active segments
//   call NAME ARGUMENT... -> OUTCOME        NAMEs are bytes in hexadecimal
//   skip NAME                               a parameter has a type that no argument is known for
//   global NAME VALUE
//   memory NAME BYTES CRC                   CRC-32 of the contents
//   table NAME ELEMENTS VALUE...            at most kMaxElements of them
//
//   OUTCOME    returned VALUE... | trapped TEXT | thrown VALUE... | limit
//              TEXT: as traps.def has it, but one for all kinds of null references. limit: what depends on the engine or the machine
//              (stack, memory); what would follow cannot be compared, and nothing does follow.
//   VALUE      i32:8 digits  i64:16  f32:8  f64:16 (NaNs: nan)  v128:32 (as one little-endian number)
//              null  i31:8  func  extern:8 (number of the embedder)  extern  any
//              struct(VALUE,...)  array:LENGTH(VALUE,...)  exn(VALUE,...)
//              of a compound at most kMaxChildren, kMaxDepth deep ("..." below that); i8:2 and i16:4 digits are packed fields
//   ARGUMENT   like VALUE: numbers, null:HIERARCHY (func extern any exn), i31, extern
#pragma once

#include <span>
#include <string>
#include <vector>

#include "vm/interp/interp.h"

namespace lunabeam::differential {

inline constexpr u32 kMaxElements = 32;
inline constexpr u32 kMaxChildren = 6;
inline constexpr u32 kMaxDepth = 3;

struct ObserveOptions {
  vm::Dispatch dispatch = vm::kDefaultDispatch;
  bool interrupted = false;           // Leaves the interpreter at every tick, with a chunk of one reduction.
  u64 seed = 0;                       // Of the arguments.
  std::span<const u8> provider = {};  // A module that is instantiated first, as `provider`. Empty: none.
  u64 memory_limit_bytes = u64{256} << 20;
  u64 stack_cap_bytes = u64{32} << 20;
};

struct Observation {
  std::vector<std::string> lines;
  std::vector<u64> reductions;  // Per line: charged by the call, 0 for other lines.
  u64 collections = 0;          // Of the garbage collector.
  u64 stack_moves = 0;

  [[nodiscard]] bool same_as(const Observation& other) const {
    return lines == other.lines && reductions == other.reductions;
  }
};

// Cost: whatever the module costs; it should end by itself.
[[nodiscard]] Observation observe(std::span<const u8> module, const ObserveOptions& options);

}  // namespace lunabeam::differential
