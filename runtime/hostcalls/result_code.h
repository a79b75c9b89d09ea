// Result codes of the lunatic ABI (guest contract 3.2).
#pragma once

#include "vm/base/ints.h"

namespace lunabeam::runtime::hostcalls {

inline constexpr u32 kOk = 0;
inline constexpr u32 kFailed = 1;     // An error id was written to the out-parameter.
inline constexpr u32 kNameTaken = 2;  // get_or_spawn.
inline constexpr u32 kTimedOut = 9027;
inline constexpr u32 kNotAllowed = ~u32{0};    // compile_module; -1 for the guest.
inline constexpr u64 kNotAllowedId = ~u64{0};  // create_config.

// Node id of a VM without peers (ABI document 4.1).
inline constexpr u64 kOwnNode = 0;

}  // namespace lunabeam::runtime::hostcalls
