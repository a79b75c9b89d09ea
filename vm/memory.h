// Linear memories. The engine always checks bounds explicitly and holds no raw address into a memory across a safepoint, so a
// memory may move when it grows (rules M1-M3). Where memories come from is the embedder's business: MemoryProvider.
#pragma once

#include "vm/base/ints.h"
#include "vm/types.h"

namespace lunabeam::vm {

class Module;
struct ExecContext;
struct MemoryImage;

// What a memory may have at most, whatever its type allows: more than any machine maps, and no sum of sizes overflows.
inline constexpr u64 kMaxMemoryBytes = u64{1} << 46;

// One linear memory.
// Invariant 1: base[0, size_bytes) is readable and writable; bytes never written and outside data segments read 0.
// Invariant 2: size_bytes <= max_bytes <= kMaxMemoryBytes; size_bytes is a multiple of the page size.
// Threading: owned by the process (or store) whose instance defined it.
struct MemoryInst {
  u8* base = nullptr;
  u64 size_bytes = 0;
  u64 max_bytes = 0;       // The type's maximum, or the address type's limit or ours; not the process's limit.
  u64 capacity_bytes = 0;  // Bytes the provider could give without moving.
  u64 provider_data = 0;   // The provider's own note (slot, size class).
  u64 max_pages = 0;       // The type's maximum; meaningful iff has_max.
  u8 page_size_log2 = 16;
  AddressType address_type = AddressType::kI32;
  bool has_max = false;  // The type has a maximum: importers may ask for one.
  bool shared = false;   // May be waited on; it is no more visible to other processes than any other.

  [[nodiscard]] u64 pages() const { return size_bytes >> page_size_log2; }
};

// Implemented by the embedder: vm::Store (malloc) and the runtime (slab arenas with resident recycling). All noexcept; may be
// called only by the thread that runs `exec`.
struct MemoryProvider {
  // Fills `memory` (base, size_bytes, capacity_bytes, provider_data) with size_bytes of zeros overlaid with `image` (nullptr =
  // none). `key` identifies the image (Module::id and memory index) so that a recycled slot of the same module is overwritten
  // instead of cleared first. False: the limit of the process or of the VM would be exceeded.
  bool (*allocate)(ExecContext& exec, MemoryInst& memory, u64 size_bytes, const MemoryImage* image, u64 key) noexcept;
  // Grows to new_size_bytes (> size_bytes, <= max_bytes); contents are kept, new bytes are 0, base may change. False: unchanged.
  bool (*grow)(ExecContext& exec, MemoryInst& memory, u64 new_size_bytes) noexcept;
  // Gives the memory back and clears base.
  void (*free)(ExecContext& exec, MemoryInst& memory, u64 key) noexcept;
};

// The active data segments of one memory when all their offsets are constants: what a fresh memory is overlaid with.
// Built once per module at load. Runs are sorted, disjoint and inside the memory's initial size.
struct MemoryImage {
  struct Run {
    u64 offset;       // In the memory, bytes.
    const u8* bytes;  // Points into Module::bytes, or into MemoryImage-owned storage after merging.
    u64 size;
  };
  const Run* runs = nullptr;
  u32 num_runs = 0;
  u64 end_bytes = 0;  // First byte behind the last run.
};

}  // namespace lunabeam::vm
