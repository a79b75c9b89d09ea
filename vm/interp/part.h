// Part<id> is what one base operation does, written once for every dispatch: an inlined function over the machine's registers.
// A handler is a composition of parts (handler.h).
//
// Every part:  static constexpr u32 kWords (0: it sets ip itself, or leaves it to a cold handler)
//              static Handler exec(Regs&)   nullptr: go on at ip; else the cold handler to jump to, registers as it wants them
// A branch, instead of exec:  static bool test(Regs&)     whether it is taken
//                             static Handler take(Regs&)  moves ip to the target
// so that handlers can dispatch separately for both outcomes, which is what predictors like.
#pragma once

#include "vm/interp/machine.h"
#include "vm/interp/op_table.h"

namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE {

template <u16 Id>
struct Part;

template <u16 Id>
concept BranchPart = requires(Regs& r) { Part<Id>::test(r); };

// Back-edges charge 1 reduction (rule R1).
template <bool Back>
VM_ALWAYS_INLINE Handler jump(Regs& r, i64 words) {
  r.ip += words;
  if constexpr (Back) {
    if (charge(r, 1)) [[unlikely]]
      return &slow_tick;
  }
  return nullptr;
}

}  // namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE
