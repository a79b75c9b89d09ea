// The import universe lunatic::* (ABI document, section 2): what tools and tests put into a vm::HostRegistry.
#pragma once

#include <span>

#include "vm/host_function.h"

namespace lunabeam::runtime {

// One row per row of functions.def, in its order. Static data; any thread.
[[nodiscard]] std::span<const vm::HostFunction> lunatic_host_functions();

}  // namespace lunabeam::runtime
