// Selective receive.
#include "runtime/mailbox.h"

namespace lunabeam::runtime {

Message* Mailbox::take(const TagFilter& filter, u64& work) noexcept {
  const u64 work_per_message = kWorkPerMessage + filter.count;
  Signal* before = marker_;
  for (Signal* signal = before == nullptr ? head_ : before->next; signal != nullptr;
       before = signal, signal = signal->next) {
    if (work == 0) [[unlikely]] {
      marker_ = before;
      return nullptr;
    }
    work -= work < work_per_message ? work : work_per_message;
    auto* message = static_cast<Message*>(signal);
    if (!filter.matches(*message)) continue;
    (before == nullptr ? head_ : before->next) = message->next;
    if (tail_ == message) tail_ = before;
    message->next = nullptr;
    --count_;
    marker_ = nullptr;
    return message;
  }
  marker_ = tail_;
  if (work == 0) work = 1;  // It has come to an end.
  return nullptr;
}

Message* Mailbox::pop_front() noexcept {
  marker_ = nullptr;
  if (head_ == nullptr) return nullptr;
  auto* message = static_cast<Message*>(head_);
  head_ = message->next;
  if (head_ == nullptr) tail_ = nullptr;
  message->next = nullptr;
  --count_;
  return message;
}

}  // namespace lunabeam::runtime
