#include "runtime/signal.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "runtime/memory_account.h"

namespace lunabeam::runtime {
namespace {

class SignalQueueTest : public testing::Test {
 protected:
  void TearDown() override {
    account_.settle();
    EXPECT_EQ(budget_.used_bytes(), 0u);
  }
  void free_list(Signal* list) {
    while (list != nullptr) {
      Signal* next = list->next;
      free_control_signal(account_, static_cast<ControlSignal*>(list));
      list = next;
    }
  }

  MemoryBudget budget_;
  MemoryAccount account_{budget_};
};

TEST_F(SignalQueueTest, HandsOutOldestFirst) {
  SignalQueue queue;
  for (u64 pid = 1; pid <= 3; ++pid) {
    EXPECT_EQ(queue.push(new_notice(account_, SignalKind::kLink, pid)), SignalQueue::Push::kQueued);
  }
  Signal* list = queue.take_all();
  u64 expected = 1;
  for (Signal* signal = list; signal != nullptr; signal = signal->next) {
    EXPECT_EQ(static_cast<ControlSignal*>(signal)->pid, expected++);
  }
  EXPECT_EQ(expected, 4u);
  EXPECT_TRUE(queue.is_empty());
  free_list(list);
}

TEST_F(SignalQueueTest, TheFirstPushAfterAParkWakesTheOwnerAndNoOther) {
  SignalQueue queue;
  ASSERT_TRUE(queue.park());
  EXPECT_TRUE(queue.is_parked());
  EXPECT_EQ(queue.push(new_notice(account_, SignalKind::kKill, 1)), SignalQueue::Push::kWakeOwner);
  EXPECT_EQ(queue.push(new_notice(account_, SignalKind::kKill, 1)), SignalQueue::Push::kQueued);
  EXPECT_FALSE(queue.unpark());
  EXPECT_FALSE(queue.park());  // Signals are there.
  free_list(queue.take_all());
  EXPECT_TRUE(queue.park());
  EXPECT_TRUE(queue.unpark());
  EXPECT_FALSE(queue.unpark());
}

TEST_F(SignalQueueTest, AClosedQueueRefuses) {
  SignalQueue queue;
  (void)queue.push(new_notice(account_, SignalKind::kLink, 4));
  Signal* rest = queue.close();
  ASSERT_NE(rest, nullptr);
  EXPECT_EQ(rest->next, nullptr);
  free_list(rest);
  ControlSignal* late = new_notice(account_, SignalKind::kLink, 5);
  EXPECT_EQ(queue.push(late), SignalQueue::Push::kClosed);
  free_control_signal(account_, late);
}

TEST_F(SignalQueueTest, KeepsTheOrderOfEachOfManySenders) {
  constexpr u64 kSenders = 4;
  constexpr u64 kEach = 5000;
  SignalQueue queue;
  std::vector<std::thread> senders;
  for (u64 sender = 0; sender < kSenders; ++sender) {
    senders.emplace_back([&queue, &budget = budget_, sender] {
      MemoryAccount account(budget);  // As every thread has one.
      for (u64 i = 0; i < kEach; ++i) {
        (void)queue.push(new_notice(account, SignalKind::kLink, sender + 1, static_cast<i64>(i)));
      }
    });
  }
  i64 next[kSenders] = {};
  u64 seen = 0;
  while (seen < kSenders * kEach) {
    Signal* list = queue.take_all();
    for (Signal* signal = list; signal != nullptr; signal = signal->next) {
      const auto& control = *static_cast<ControlSignal*>(signal);
      ASSERT_EQ(control.tag, next[control.pid - 1]++);
      ++seen;
    }
    free_list(list);
  }
  for (std::thread& sender : senders) sender.join();
}

}  // namespace
}  // namespace lunabeam::runtime
