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
//              (stack, memory, reductions); what would follow cannot be compared, and nothing does follow.
//   VALUE      i32:8 digits  i64:16  f32:8  f64:16 (NaNs: nan)  v128:32 (as one little-endian number)
//              null  i31:8  func  extern:8 (number of the embedder)  extern  any
//              struct(VALUE,...)  array:LENGTH(VALUE,...)  exn(VALUE,...)
//              of a compound at most kMaxChildren, kMaxDepth deep ("..." below that); i8:2 and i16:4 digits are packed fields
//   ARGUMENT   like VALUE: numbers, null:HIERARCHY (func extern any exn), i31, extern
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vm/base/error.h"
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
  u64 reduction_limit = 0;  // Of one call; 0: none, the module ends by itself.
  u32 max_calls = ~u32{0};  // Exported functions behind that many are not called.
};

struct Observation {
  std::vector<std::string> lines;
  std::vector<u64> reductions;  // Per line: charged by the call; 0 for other lines and for a limit.
  u64 collections = 0;          // Of the garbage collector.
  u64 stack_moves = 0;

  [[nodiscard]] bool same_as(const Observation& other) const {
    return lines == other.lines && reductions == other.reductions;
  }
  // The first line that is not the same, here and there, with reductions. REQUIRES: !same_as(other).
  [[nodiscard]] std::string difference(const Observation& other) const;
};

// The line about a module that does not load or link.
[[nodiscard]] std::string describe_rejection(const vm::Error& error);

// A way of running a module: all do the same.
struct Way {
  std::string_view name;
  vm::Dispatch dispatch;
  bool interrupted;
};
// Those of this build.
[[nodiscard]] std::vector<Way> ways();

// Cost: whatever the module costs, up to the limits.
[[nodiscard]] Observation observe(std::span<const u8> module, const ObserveOptions& options);

}  // namespace lunabeam::differential
