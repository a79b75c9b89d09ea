// lunatic::message (ABI document 2.2, 4.7): the scratch area, sending and receiving. write_data and read_data are called for every
// field of one to eight bytes: they check, copy and return.
#include "runtime/message.h"

#include <algorithm>

#include "runtime/hostcalls/areas.h"
#include "runtime/hostcalls/bind.h"
#include "runtime/hostcalls/resources.h"
#include "runtime/sched/scheduler.h"
#include "runtime/signals.h"
#include "vm/base/check.h"

namespace lunabeam::runtime::hostcalls {
namespace {

constexpr Fault kScratchEmpty{"there is no message in the scratch area"};
constexpr Fault kNotData{"the message is not a data message"};
constexpr Fault kCursorBehindEnd{"the read position is behind the end of the message"};

// Nothing, when the scratch area holds a data message.
[[nodiscard]] inline const Fault* no_data_message(const Process& self) {
  if (self.scratch == nullptr) [[unlikely]]
    return &kScratchEmpty;
  if (self.scratch->message_kind() != MessageKind::kData) [[unlikely]]
    return &kNotData;
  return nullptr;
}

// --- Data ---

Outcome<void> create_data(Process& self, i64 tag, u64 capacity_hint) {
  Message* message = Message::create(self.scheduler->account(), MessageKind::kData, tag, capacity_hint);
  if (message == nullptr) [[unlikely]]
    return kOutOfMemory;
  set_scratch(self, message);
  return Done{};
}

// write_data and read_data hold the message while they work and put it back on success only: a trap loses it.
[[gnu::cold, gnu::noinline]] Fault lose_scratch(Process& self, Fault fault) {
  set_scratch(self, nullptr);
  return fault;
}

// Longer copies are made in steps, each about a slice's worth, so that none holds its scheduler (rule R3). While one goes on, the
// process is in its queue as after a yield.
constexpr u64 kCopyStepBytes = vm::kSliceReductions * vm::kBulkBytesPerReduction;

struct Copy {
  u64 address;  // Of what is left.
  u64 left_bytes;
  u64 total_bytes;
};

void note_copy(Process& self, const Copy& copy) {
  self.wait.args[0] = copy.address | copy.left_bytes << 32;
  self.wait.args[1] = copy.total_bytes;
}

// A part of a copy that was checked and begun. step(Process&, u8* guest, u64 bytes) copies it.
template <class Step>
Outcome<u32> copy_on(Process& self, Step step) {
  const u64 note = self.wait.args[0];
  Copy copy{.address = static_cast<u32>(note), .left_bytes = note >> 32, .total_bytes = self.wait.args[1]};
  const u64 bytes = std::min(copy.left_bytes, kCopyStepBytes);
  const auto guest = guest_bytes(self, static_cast<u32>(copy.address), bytes);
  VM_CHECK(guest.has_value());  // Nobody else can change the process's memory.
  step(self, guest->data(), bytes);
  charge_work(self, bytes);
  copy.address += bytes;
  copy.left_bytes -= bytes;
  if (copy.left_bytes == 0) {
    end_wait(self);
    return static_cast<u32>(copy.total_bytes);
  }
  note_copy(self, copy);
  self.wait.woken = true;
  return Parked{};
}

template <class Step>
Outcome<u32> copy_in_steps(Process& self, u32 address, u64 bytes, Step step) {
  begin_wait(self, kNeverNs);
  note_copy(self, {.address = address, .left_bytes = bytes, .total_bytes = bytes});
  return copy_on(self, step);
}

void write_step(Process& self, const u8* guest, u64 bytes) {
  Message& message = *self.scratch;
  std::memcpy(message.bytes() + message.size_bytes, guest, bytes);
  message.size_bytes += bytes;
}

void read_step(Process& self, u8* guest, u64 bytes) { (void)self.scratch->read(guest, bytes); }

Outcome<u32> write_data(Process& self, GuestRange source) {
  if (const Fault* problem = no_data_message(self)) return lose_scratch(self, *problem);
  const auto bytes = source.bytes(self);
  if (!bytes) [[unlikely]]
    return lose_scratch(self, kOutOfBounds);
  if (bytes->size() > kCopyStepBytes) [[unlikely]] {
    if (!Message::reserve(self.scheduler->account(), self.scratch, bytes->size()))
      return lose_scratch(self, kOutOfMemory);
    return copy_in_steps(self, source.address, bytes->size(), &write_step);
  }
  if (!Message::append(self.scheduler->account(), self.scratch, bytes->data(), bytes->size())) [[unlikely]] {
    return lose_scratch(self, kOutOfMemory);
  }
  charge_work(self, source.length);
  return source.length;
}

Outcome<u32> write_data_resume(Process& self) { return copy_on(self, &write_step); }

Outcome<u32> read_data(Process& self, GuestRange target) {
  if (const Fault* problem = no_data_message(self)) return lose_scratch(self, *problem);
  Message& message = *self.scratch;
  const auto bytes = target.bytes(self);
  if (!bytes) [[unlikely]]
    return lose_scratch(self, kOutOfBounds);
  if (message.cursor > message.size_bytes) [[unlikely]]
    return lose_scratch(self, kCursorBehindEnd);
  const u64 available = std::min<u64>(bytes->size(), message.size_bytes - message.cursor);
  if (available > kCopyStepBytes) [[unlikely]]
    return copy_in_steps(self, target.address, available, &read_step);
  const u64 count = message.read(bytes->data(), bytes->size());
  charge_work(self, count);
  return static_cast<u32>(count);
}

Outcome<u32> read_data_resume(Process& self) { return copy_on(self, &read_step); }

Outcome<void> seek_data(Process& self, u64 position) {
  if (const Fault* problem = no_data_message(self)) return *problem;
  self.scratch->cursor = position;
  return Done{};
}

Outcome<u64> data_size(Process& self) {
  if (const Fault* problem = no_data_message(self)) return *problem;
  return self.scratch->size_bytes;
}

Outcome<i64> get_tag(Process& self) {
  if (self.scratch == nullptr) [[unlikely]]
    return kScratchEmpty;
  return self.scratch->tag;
}

Outcome<u64> get_process_id(Process& self) {
  if (self.scratch == nullptr) [[unlikely]]
    return kScratchEmpty;
  return self.scratch->process_id;
}

// --- Modules in messages ---

Outcome<u64> push_module(Process& self, u64 module_id) {
  const auto* module = self.resources == nullptr ? nullptr : self.resources->modules.find(module_id);
  if (module == nullptr) return Fault{"unknown module id"};
  if (const Fault* problem = no_data_message(self)) return *problem;
  if (self.scratch->resource_count() >= kMaxTableEntries) return kTableFull;
  const u64 index =
      self.scratch->push_resource(self.scheduler->account(), {.kind = ResourceKind::kModule, .handle = *module});
  if (index == ~u64{0}) return kOutOfMemory;
  return index;
}

Outcome<u64> take_module(Process& self, u64 index) {
  if (const Fault* problem = no_data_message(self)) return *problem;
  MessageResource* resource = self.scratch->resource_at(index);
  if (resource == nullptr) return Fault{"the message has no resource with this index"};
  if (resource->kind == ResourceKind::kTaken) return Fault{"the resource was taken before"};
  if (resource->kind != ResourceKind::kModule) return Fault{"the resource is not a module"};
  Resources* resources = resources_of(self);
  if (resources == nullptr) return kOutOfMemory;
  if (resources->modules.size() >= kMaxTableEntries) return kTableFull;
  const auto id = resources->modules.add(std::static_pointer_cast<const vm::Module>(resource->handle));
  if (!id) return kOutOfMemory;
  resource->handle.reset();
  resource->kind = ResourceKind::kTaken;
  return *id;
}

// --- Sending and receiving ---

Outcome<u32> send(Process& self, u64 pid) {
  if (self.scratch == nullptr) [[unlikely]]
    return kScratchEmpty;
  send_scratch(self, pid);
  return kOk;
}

// Result of a wait that leaves the message in the scratch area.
Outcome<u32> reply_outcome(WaitStatus status) {
  switch (status) {
    case WaitStatus::kPark: return Parked{};
    case WaitStatus::kDone: return kOk;  // Also for a LinkDied message with that tag (ABI defect 17).
    case WaitStatus::kTimedOut: return kTimedOut;
  }
  VM_UNREACHABLE("unknown wait status");
}

Outcome<u32> send_receive_skip_search(Process& self, u64 pid, i64 tag, u64 timeout_ms) {
  if (self.scratch == nullptr) return kScratchEmpty;
  return reply_outcome(send_receive_begin(self, pid, tag, timeout_ms));
}

Outcome<u32> send_receive_skip_search_resume(Process& self) { return reply_outcome(await_tag_resume(self)); }

Outcome<u32> receive_outcome(Process& self, WaitStatus status) {
  if (status == WaitStatus::kDone) return static_cast<u32>(self.scratch->message_kind());
  return reply_outcome(status);
}

// A message is compared with all of them in one go.
constexpr u32 kMaxTags = 65'536;

Outcome<u32> receive(Process& self, u32 tags_ptr, u32 tag_count, u64 timeout_ms) {
  if (tag_count != 0 && !guest_bytes(self, tags_ptr, u64{tag_count} * sizeof(i64))) return kOutOfBounds;
  if (tag_count > kMaxTags) return Fault{"the list has more than 65,536 tags"};
  return receive_outcome(self, receive_begin(self, tags_ptr, tag_count, timeout_ms));
}

Outcome<u32> receive_resume(Process& self) { return receive_outcome(self, runtime::receive_resume(self)); }

// --- Guests before 0.13 (ABI document 3.3) ---

Outcome<void> send_without_result(Process& self, u64 pid) {
  if (self.scratch == nullptr) return kScratchEmpty;
  send_scratch(self, pid);
  return Done{};
}

// Waits for any message that arrives after the send: what the old form does when the message it sends has no tag.
bool take_any(Process& self) {
  Message* message = self.mailbox.take({});
  if (message != nullptr) set_scratch(self, message);
  return message != nullptr;
}

WaitStatus send_await_any_begin(Process& self, u64 pid, u64 timeout_ms) {
  mark_mailbox_end(self);
  if (self.doomed) return WaitStatus::kPark;
  send_scratch(self, pid);
  if (!handle_signals(self)) return WaitStatus::kPark;
  if (take_any(self)) return WaitStatus::kDone;
  if (timeout_ms == 0) return WaitStatus::kTimedOut;
  begin_wait(self, timeout_ms == kForeverMs ? kNeverNs
                                            : deadline_after_ms(self.scheduler->clock().monotonic_ns(), timeout_ms));
  self.wait.args[0] = 0;
  return WaitStatus::kPark;
}

WaitStatus await_any_resume(Process& self) {
  const WaitStatus status = take_any(self)        ? WaitStatus::kDone
                            : self.wait.timed_out ? WaitStatus::kTimedOut
                                                  : WaitStatus::kPark;
  if (status != WaitStatus::kPark) end_wait(self);
  return status;
}

// The old form waits for the tag of the message that it sends.
Outcome<u32> send_receive_own_tag(Process& self, u64 pid, u64 timeout_ms) {
  if (self.scratch == nullptr) return kScratchEmpty;
  const i64 tag = self.scratch->tag;
  if (tag != 0) return reply_outcome(send_receive_begin(self, pid, tag, timeout_ms));
  return reply_outcome(send_await_any_begin(self, pid, timeout_ms));
}

// A wait for a tag keeps it in args[0], and nobody waits for tag 0.
Outcome<u32> send_receive_own_tag_resume(Process& self) {
  return reply_outcome(self.wait.args[0] == 0 ? await_any_resume(self) : await_tag_resume(self));
}

constexpr vm::HostFunction kFunctions[] = {
    bind<"message", "create_data", create_data>(),
    bind_waiting<"message", "write_data", write_data, write_data_resume>(),
    bind_waiting<"message", "read_data", read_data, read_data_resume>(),
    bind<"message", "seek_data", seek_data>(),
    bind<"message", "get_tag", get_tag>(),
    bind<"message", "get_process_id", get_process_id>(),
    bind<"message", "data_size", data_size>(),
    bind<"message", "push_module", push_module>(),
    bind<"message", "take_module", take_module>(),
    bind<"message", "send", send>(),
    bind_waiting<"message", "send_receive_skip_search", send_receive_skip_search, send_receive_skip_search_resume>(),
    bind_waiting<"message", "receive", receive, receive_resume>(),
    bind<"message", "send", send_without_result>(),
    bind_waiting<"message", "send_receive_skip_search", send_receive_own_tag, send_receive_own_tag_resume>(),
};

}  // namespace

std::span<const vm::HostFunction> message_functions() { return kFunctions; }

}  // namespace lunabeam::runtime::hostcalls
