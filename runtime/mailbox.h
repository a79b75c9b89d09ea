// The private half of a mailbox: messages that the owner has taken out of its signal queue, oldest first. Selective receive by
// tag list, and a marker behind which a waiting receive goes on searching, so that nothing is looked at twice and
// send_receive_skip_search costs the same however long the mailbox is (ABI document 4.7). Owned by its process.
#pragma once

#include <cstring>

#include "runtime/message.h"

namespace lunabeam::runtime {

// The tags a receive accepts: little-endian 64-bit values in guest memory, not aligned. Empty = every message.
// 0 in a list matches nothing: untagged messages are matched by an empty list only.
struct TagFilter {
  const u8* bytes = nullptr;
  u32 count = 0;

  [[nodiscard]] bool matches(const Message& message) const {
    if (count == 0) return true;
    if (message.tag == 0) return false;
    for (u32 i = 0; i < count; ++i) {
      i64 tag;
      std::memcpy(&tag, bytes + u64{i} * 8, 8);
      if (tag == message.tag) return true;
    }
    return false;
  }
};

// Invariant 1: marker_ is nullptr (search from the front) or a message in the list.
class Mailbox {
 public:
  void push_back(Message* message) noexcept {
    message->next = nullptr;
    (tail_ == nullptr ? head_ : tail_->next) = message;
    tail_ = message;
    ++count_;
  }
  // Search from the oldest message on.
  void search_from_front() noexcept { marker_ = nullptr; }
  // Search only what arrives from now on.
  void search_from_end() noexcept { marker_ = tail_; }
  // Removes and returns the oldest message behind the marker that the filter accepts; when there is none, moves the marker to
  // the end and returns nullptr.
  [[nodiscard]] Message* take(const TagFilter& filter) noexcept {
    u64 work = ~u64{0};
    return take(filter, work);
  }
  // The same in steps: `work` is what the search may cost, and what is left of it. At 0 it has not come to an end: the marker is
  // where it goes on.
  [[nodiscard]] Message* take(const TagFilter& filter, u64& work) noexcept;
  // Removes and returns the oldest message; nullptr when empty. Resets the marker.
  [[nodiscard]] Message* pop_front() noexcept;
  [[nodiscard]] u64 size() const { return count_; }

 private:
  Signal* head_ = nullptr;
  Signal* tail_ = nullptr;
  Signal* marker_ = nullptr;
  u64 count_ = 0;

  static constexpr u64 kWorkPerMessage = 16;  // In comparisons of tags.
};

}  // namespace lunabeam::runtime
