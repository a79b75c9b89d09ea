// Creation and end of the memories that an instance defines; growth is in instance.h.
#pragma once

#include "vm/instance.h"

namespace lunabeam::vm {

// The image of an own memory: nullptr when it has none, because some active segment's offset is not constant or out of bounds.
[[nodiscard]] const MemoryImage* memory_image(const Module& module, u32 memory_index) noexcept;

// Fills `memory` from the type of the module's memory memory_index and allocates it, overlaid with `image` (nullptr: zeros).
// False: the limit of the process or the VM, nothing is allocated.
[[nodiscard]] bool create_memory(Ctx& ctx, MemoryInst& memory, u32 memory_index, const MemoryImage* image) noexcept;
// REQUIRES: create_memory succeeded.
void destroy_memory(Ctx& ctx, MemoryInst& memory, u32 memory_index) noexcept;

}  // namespace lunabeam::vm
