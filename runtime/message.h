// Messages: one allocation holds header and bytes (ABI document 4.7, guest contract 3.8); from kMappedBytes on it is a mapping of its
// own (mapping.h), which grows without a copy and is unmapped in steps. A message belongs to exactly one of a
// scratch area, a signal queue, a mailbox, a timer; moving it between them copies nothing.
#pragma once

#include <cstring>
#include <memory>

#include "runtime/memory_account.h"
#include "runtime/signal.h"
#include "vm/base/ints.h"

namespace lunabeam::runtime {

// The values are the results of lunatic::message::receive.
enum class MessageKind : u8 { kData = 0, kLinkDied = 1, kProcessDied = 2 };

enum class ResourceKind : u8 { kTaken, kModule, kTcpStream, kTlsStream, kUdpSocket };

// A resource travelling in a message. kTaken marks the hole that a take leaves: indexes stay valid.
struct MessageResource {
  ResourceKind kind = ResourceKind::kTaken;
  std::shared_ptr<const void> handle;
};

struct MessageResources;

// Threading: owned by whoever holds the pointer; handed over by a release/acquire of the signal queue.
// Invariant 1: size_bytes <= capacity_bytes; only kData has bytes or resources.
struct Message : Signal {
  i64 tag = 0;         // 0 = untagged. Always 0 for kProcessDied.
  u64 process_id = 0;  // kProcessDied: who died, else 0.
  u64 size_bytes = 0;
  u64 capacity_bytes = 0;
  u64 cursor = 0;  // Read position; may be set beyond the end, which the next read reports.
  MessageResources* resources = nullptr;

  [[nodiscard]] MessageKind message_kind() const { return static_cast<MessageKind>(detail); }
  [[nodiscard]] u8* bytes() { return reinterpret_cast<u8*>(this + 1); }
  [[nodiscard]] const u8* bytes() const { return reinterpret_cast<const u8*>(this + 1); }

  // A message without bytes; room for capacity_hint of them, clamped to kMaxCapacityHint. nullptr: memory or limit exhausted.
  // The hint is the guest's word and drives no large allocation (ABI defect 8).
  [[nodiscard]] static Message* create(MemoryAccount& account, MessageKind kind, i64 tag,
                                       u64 capacity_hint = 0) noexcept;
  // Destroys the message with the resources that nobody took. nullptr is allowed.
  static void destroy(MemoryAccount& account, Message* message) noexcept;

  // Makes room for `length` bytes more; grows by a factor, so `message` may be replaced. False: memory or the VM's limit exhausted,
  // nothing changed.
  [[nodiscard]] static bool reserve(MemoryAccount& account, Message*& message, u64 length) noexcept {
    return length <= message->capacity_bytes - message->size_bytes || grow(account, message, length);
  }
  // Appends. As reserve().
  [[nodiscard]] static bool append(MemoryAccount& account, Message*& message, const u8* source, u64 length) noexcept {
    if (!reserve(account, message, length)) [[unlikely]]
      return false;
    std::memcpy(message->bytes() + message->size_bytes, source, length);
    message->size_bytes += length;
    return true;
  }
  // Copies up to `length` bytes from the cursor to `target` and advances it; returns how many. REQUIRES: cursor <= size_bytes.
  [[nodiscard]] u64 read(u8* target, u64 length) noexcept {
    const u64 left = size_bytes - cursor;
    const u64 count = length < left ? length : left;
    std::memcpy(target, bytes() + cursor, count);
    cursor += count;
    return count;
  }

  // Appends a resource; its index. ~0: memory or the VM's limit exhausted.
  [[nodiscard]] u64 push_resource(MemoryAccount& account, MessageResource resource) noexcept;
  // The resource at `index`, nullptr when out of range. A taker moves the handle out and sets kTaken.
  [[nodiscard]] MessageResource* resource_at(u64 index) noexcept;
  // Resources pushed so far, holes included.
  [[nodiscard]] u64 resource_count() const noexcept;

  static constexpr u64 kMinCapacity = 64;
  static constexpr u64 kMaxCapacityHint = 64 * 1024;
  static constexpr u64 kMappedBytes = u64{1} << 20;  // Header and capacity.

  Message(MessageKind kind, i64 message_tag) : Signal(SignalKind::kMessage), tag(message_tag) {
    detail = static_cast<u8>(kind);
  }

 private:
  [[nodiscard]] u64 total_bytes() const;
  [[nodiscard]] static void* resize(Message* message, u64 total_bytes);
  [[nodiscard]] static bool grow(MemoryAccount& account, Message*& message, u64 more) noexcept;
};
static_assert(sizeof(Message) == 64);

}  // namespace lunabeam::runtime
