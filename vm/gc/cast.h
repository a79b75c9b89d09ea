// What ref.test and ref.cast ask of a reference at run time (spec 3.0, "Reference Instructions"). Constant time: defined types are
// compared through the registry's displays.
#pragma once

#include "vm/base/ints.h"
#include "vm/types.h"

namespace lunabeam::vm::gc {

// Whether the reference is one of (ref target). False for null. REQUIRES: it belongs to target's hierarchy.
[[nodiscard]] bool matches(u64 ref, HeapType target) noexcept;

}  // namespace lunabeam::vm::gc
