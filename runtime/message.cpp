// Allocation and growth of messages.
#include "runtime/message.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "runtime/mapping.h"

namespace lunabeam::runtime {

// Resources of one message, in push order.
struct MessageResources {
  MessageResource* items = nullptr;
  u64 count = 0;
  u64 capacity = 0;

  [[nodiscard]] u64 size_bytes() const { return sizeof(MessageResources) + capacity * sizeof(MessageResource); }

  ~MessageResources() { delete[] items; }
};

Message* Message::create(MemoryAccount& account, MessageKind kind, i64 tag, u64 capacity_hint) noexcept {
  u64 capacity = 0;
  if (kind == MessageKind::kData) {
    capacity = capacity_hint < kMinCapacity       ? kMinCapacity
               : capacity_hint > kMaxCapacityHint ? kMaxCapacityHint
                                                  : capacity_hint;
  }
  const u64 total = sizeof(Message) + capacity;
  if (!account.charge(total)) return nullptr;
  void* block = std::malloc(total);
  if (block == nullptr) {
    account.release(total);
    return nullptr;
  }
  auto* message = new (block) Message(kind, tag);
  message->capacity_bytes = capacity;
  ++account.live_messages;
  return message;
}

void Message::destroy(MemoryAccount& account, Message* message) noexcept {
  if (message == nullptr) return;
  if (message->resources != nullptr) {
    account.release(message->resources->size_bytes());
    delete message->resources;
  }
  --account.live_messages;
  const u64 total = message->total_bytes();
  message->~Message();
  if (total >= kMappedBytes) [[unlikely]] {
    account.unmap(reinterpret_cast<u8*>(message), total, total);
    return;
  }
  account.release(total);
  std::free(message);
}

u64 Message::total_bytes() const { return sizeof(Message) + capacity_bytes; }

// To a larger block. nullptr: no memory, nothing changed.
void* Message::resize(Message* message, u64 total_bytes) {
  const u64 old_bytes = message->total_bytes();
  if (total_bytes < kMappedBytes) return std::realloc(static_cast<void*>(message), total_bytes);
  if (old_bytes >= kMappedBytes) return mapping::resize(reinterpret_cast<u8*>(message), old_bytes, total_bytes);
  u8* const block = mapping::map(total_bytes);
  if (block == nullptr) return nullptr;
  std::memcpy(block, static_cast<const void*>(message), sizeof(Message) + message->size_bytes);
  std::free(message);
  return block;
}

bool Message::grow(MemoryAccount& account, Message*& message, u64 more) noexcept {
  const u64 old_capacity = message->capacity_bytes;
  const u64 needed = message->size_bytes + more;  // Both are sizes of live objects: no overflow.
  u64 capacity = old_capacity * 2;
  if (capacity < needed) capacity = (needed + 63) & ~u64{63};
  if (sizeof(Message) + capacity >= kMappedBytes) {
    // Pages that move cost little, and those that are ahead are charged.
    constexpr u64 kPage = 4096;
    capacity = std::max(needed, old_capacity + old_capacity / 4);
    capacity = std::max((sizeof(Message) + capacity + kPage - 1) & ~(kPage - 1), kMappedBytes) - sizeof(Message);
  }
  const u64 extra = capacity - old_capacity;
  if (!account.charge(extra)) return false;
  void* block = resize(message, sizeof(Message) + capacity);
  if (block == nullptr) {
    account.release(extra);
    return false;
  }
  message = static_cast<Message*>(block);
  message->capacity_bytes = capacity;
  return true;
}

u64 Message::push_resource(MemoryAccount& account, MessageResource resource) noexcept {
  if (resources == nullptr) {
    if (!account.charge(sizeof(MessageResources))) return ~u64{0};
    resources = new (std::nothrow) MessageResources;
    if (resources == nullptr) {
      account.release(sizeof(MessageResources));
      return ~u64{0};
    }
  }
  MessageResources& list = *resources;
  if (list.count == list.capacity) {
    const u64 capacity = list.capacity == 0 ? 4 : list.capacity * 2;
    const u64 more_bytes = (capacity - list.capacity) * sizeof(MessageResource);
    if (!account.charge(more_bytes)) return ~u64{0};
    auto* items = new (std::nothrow) MessageResource[capacity];
    if (items == nullptr) {
      account.release(more_bytes);
      return ~u64{0};
    }
    for (u64 i = 0; i < list.count; ++i) items[i] = std::move(list.items[i]);
    delete[] list.items;
    list.items = items;
    list.capacity = capacity;
  }
  list.items[list.count] = std::move(resource);
  return list.count++;
}

MessageResource* Message::resource_at(u64 index) noexcept {
  return resources != nullptr && index < resources->count ? &resources->items[index] : nullptr;
}

u64 Message::resource_count() const noexcept { return resources == nullptr ? 0 : resources->count; }

}  // namespace lunabeam::runtime
