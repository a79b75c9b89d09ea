// Sizes that this implementation refuses to exceed (Error kImplementationLimit). All other sizes are bounded by the bytes of the
// module alone.
#pragma once

#include "vm/base/ints.h"

namespace lunabeam::vm {

inline constexpr u64 kMaxModuleBytes = 0xFFFF'FFFE;  // Offsets in a module are u32.
inline constexpr u32 kMaxParams = 1000;              // Parameters, or results, of one function type.
inline constexpr u32 kMaxFunctionBytes = 7'654'321;  // One body: local declarations and expression.
inline constexpr u32 kMaxLocals = 50'000;            // Declared locals of one function; its parameters are not counted.
inline constexpr u32 kMaxOperands =
    kMaxFunctionBytes;                       // Operand stack of one function: one a byte, were there no calls.
inline constexpr u32 kMaxMemories = 100;     // Of one module: every process makes them all.
inline constexpr u32 kMaxSubtypeDepth = 63;  // Length of a chain of declared supertypes.
inline constexpr u32 kMaxFields = 10'000;    // Fields of a struct.
inline constexpr u32 kMaxRecGroupTypes =
    500'000;                                 // Members of a rec group: they are numbered from TypeRegistry::kRecBase.
inline constexpr u32 kMaxTypes = 1'000'000;  // Of one module: an entry takes a hundred times the bytes that declare it.

}  // namespace lunabeam::vm
