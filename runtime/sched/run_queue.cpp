// Growth of the run queue.
#include "runtime/sched/run_queue.h"

#include <cstdlib>

#include "vm/base/check.h"

namespace lunabeam::runtime {

RunQueue::~RunQueue() { std::free(slots_); }

void RunQueue::grow() noexcept {
  const u64 capacity = capacity_ == 0 ? 64 : capacity_ * 2;
  auto** slots = static_cast<Process**>(std::malloc(capacity * sizeof(Process*)));
  VM_CHECK(slots != nullptr);
  for (u64 i = 0; i < size_; ++i) slots[i] = slots_[(head_ + i) & (capacity_ - 1)];
  std::free(slots_);
  slots_ = slots;
  capacity_ = capacity;
  head_ = 0;
}

}  // namespace lunabeam::runtime
