// Creation and end of the memories that an instance defines; growth is in instance.h.
#pragma once

#include "vm/instance.h"

namespace lunabeam::vm {

// Fills `memory` from the type of the module's memory memory_index and allocates it, overlaid with `image` (nullptr: zeros).
// False: the limit of the process or the VM, nothing is allocated.
[[nodiscard]] bool create_memory(Ctx& ctx, MemoryInst& memory, u32 memory_index, const MemoryImage* image) noexcept;
// REQUIRES: create_memory succeeded.
void destroy_memory(Ctx& ctx, MemoryInst& memory, u32 memory_index) noexcept;

}  // namespace lunabeam::vm
