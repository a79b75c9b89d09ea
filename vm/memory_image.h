// The first contents of a module's own memories (MemoryImage), shared by all processes of the module.
#pragma once

#include <memory>
#include <vector>

#include "vm/memory.h"
#include "vm/module.h"

namespace lunabeam::vm {

// Built once per module (Module::memory_images). A memory has an image when the offsets of all its active segments are constants
// and every segment is in bounds; its active segments need not be run then.
struct MemoryImages {
  struct Own {
    std::vector<MemoryImage::Run> runs;  // Pieces of Module::bytes.
    MemoryImage image;
    u64 bytes = 0;  // Of all runs.
    bool present = false;
  };
  std::vector<Own> memories;  // [memory index - imported_memories]
};

// The images of `module`, built by the first caller: where segments overlap, the later one shows, and pages that are all zero
// are left out. Cost: n log n in the number of segments, linear in their bytes. Threading: any thread.
[[nodiscard]] const MemoryImages& memory_images(const Module& module);

// The image of memory memory_index, nullptr when it has none. REQUIRES: it is an own memory.
[[nodiscard]] inline const MemoryImage* memory_image(const Module& module, u32 memory_index) {
  const MemoryImages::Own& own = memory_images(module).memories[memory_index - module.imported_memories];
  return own.present ? &own.image : nullptr;
}

}  // namespace lunabeam::vm
