// Creation, growth and end of linear memories, over the embedder's MemoryProvider.
#include "vm/memory.h"

#include <algorithm>

#include "vm/instance.h"
#include "vm/memory_life.h"

namespace lunabeam::vm {
namespace {

// Largest size that the type and this implementation allow, in bytes.
u64 max_bytes_of(const MemoryType& type) {
  // Pages of one byte: the size of a whole address space would not be an i32.
  constexpr u64 kMaxBytes32 = (u64{1} << 32) - 1;
  const bool is_32_bit = type.limits.address_type == AddressType::kI32;
  const u64 most_bytes = !is_32_bit ? kMaxMemoryBytes : type.page_size_log2 == 0 ? kMaxBytes32 : kMaxBytes32 + 1;
  const u64 most_pages = most_bytes >> type.page_size_log2;
  return (type.limits.has_max ? std::min(type.limits.max, most_pages) : most_pages) << type.page_size_log2;
}

}  // namespace

bool create_memory(Ctx& ctx, MemoryInst& memory, u32 memory_index, const MemoryImage* image) noexcept {
  const MemoryType& type = ctx.module->memories[memory_index];
  memory = MemoryInst{};
  memory.max_bytes = max_bytes_of(type);
  memory.page_size_log2 = type.page_size_log2;
  memory.address_type = type.limits.address_type;
  memory.has_max = type.limits.has_max;
  memory.max_pages = type.limits.max;
  memory.shared = type.shared;
  if (type.limits.min > memory.max_bytes >> type.page_size_log2) return false;
  const u64 size_bytes = type.limits.min << type.page_size_log2;
  const u64 key = memory_key(ctx.module->id, memory_index);
  return ctx.exec->hooks->memory.allocate(*ctx.exec, memory, size_bytes, image, key);
}

void destroy_memory(Ctx& ctx, MemoryInst& memory, u32 memory_index) noexcept {
  ctx.exec->hooks->memory.free(*ctx.exec, memory, memory_key(ctx.module->id, memory_index));
  memory.base = nullptr;
  memory.size_bytes = 0;
}

u64 grow_memory(Ctx& ctx, MemoryInst& memory, u64 delta_pages) noexcept {
  constexpr u64 kFailed = ~u64{0};
  const u64 old_pages = memory.pages();
  if (delta_pages == 0) return old_pages;
  if (delta_pages > (memory.max_bytes >> memory.page_size_log2) - old_pages) return kFailed;
  const u64 new_size_bytes = (old_pages + delta_pages) << memory.page_size_log2;
  if (!ctx.exec->hooks->memory.grow(*ctx.exec, memory, new_size_bytes)) return kFailed;
  ctx.reload_memory();
  return old_pages;
}

}  // namespace lunabeam::vm
