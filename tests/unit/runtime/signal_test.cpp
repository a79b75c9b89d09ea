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
  // The pid of the oldest signal that was taken; 0: there is none.
  u64 pop(SignalQueue& queue, u32 work = 1000) {
    auto* signal = static_cast<ControlSignal*>(queue.pop(work));
    const u64 pid = signal == nullptr ? 0 : signal->pid;
    free_control_signal(account_, signal);
    return pid;
  }

  MemoryBudget budget_;
  MemoryAccount account_{budget_};
};

TEST_F(SignalQueueTest, HandsOutOldestFirst) {
  SignalQueue queue;
  for (u64 pid = 1; pid <= 3; ++pid) {
    EXPECT_EQ(queue.push(new_notice(account_, SignalKind::kLink, pid)), SignalQueue::Push::kQueued);
  }
  EXPECT_TRUE(queue.take());
  EXPECT_TRUE(queue.is_empty());
  for (u64 pid = 1; pid <= 3; ++pid) EXPECT_EQ(pop(queue), pid);
  EXPECT_FALSE(queue.has_taken());
  EXPECT_FALSE(queue.take());
  EXPECT_EQ(pop(queue), 0u);
}

TEST_F(SignalQueueTest, IsEmptiedInSteps) {
  SignalQueue queue;
  for (u64 pid = 1; pid <= 100; ++pid) (void)queue.push(new_notice(account_, SignalKind::kLink, pid));
  EXPECT_TRUE(queue.take());
  for (u64 pid = 101; pid <= 110; ++pid) (void)queue.push(new_notice(account_, SignalKind::kLink, pid));
  u64 expected = 1;
  u32 steps = 0;
  while (queue.has_taken()) {
    u32 work = 7;
    u64 popped = 0;
    while (Signal* signal = queue.pop(work)) {
      EXPECT_EQ(static_cast<ControlSignal*>(signal)->pid, expected++);
      free_control_signal(account_, static_cast<ControlSignal*>(signal));
      ++popped;
    }
    EXPECT_LE(popped, 7u);
    EXPECT_TRUE(queue.has_taken() == (expected != 101) && queue.take());  // Leaves what was taken in front.
    if (expected == 101) break;
    ++steps;
  }
  EXPECT_GE(steps, 200 / 7);
  for (; expected <= 110; ++expected) EXPECT_EQ(pop(queue), expected);
  EXPECT_FALSE(queue.take());
}

TEST_F(SignalQueueTest, TheFirstPushAfterAParkWakesTheOwnerAndNoOther) {
  SignalQueue queue;
  ASSERT_TRUE(queue.park());
  EXPECT_TRUE(queue.is_parked());
  EXPECT_EQ(queue.push(new_notice(account_, SignalKind::kKill, 1)), SignalQueue::Push::kWakeOwner);
  EXPECT_EQ(queue.push(new_notice(account_, SignalKind::kKill, 1)), SignalQueue::Push::kQueued);
  EXPECT_FALSE(queue.unpark());
  EXPECT_FALSE(queue.park());  // Signals are there.
  EXPECT_TRUE(queue.take());
  EXPECT_EQ(pop(queue), 1u);
  EXPECT_EQ(pop(queue), 1u);
  EXPECT_TRUE(queue.park());
  EXPECT_TRUE(queue.unpark());
  EXPECT_FALSE(queue.unpark());
}

TEST_F(SignalQueueTest, AClosedQueueRefuses) {
  SignalQueue queue;
  (void)queue.push(new_notice(account_, SignalKind::kLink, 4));
  EXPECT_FALSE(queue.is_closed());
  queue.close();
  EXPECT_TRUE(queue.is_closed());
  EXPECT_EQ(pop(queue), 4u);
  EXPECT_FALSE(queue.has_taken());
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
    if (!queue.take()) continue;
    u32 work = 1000;
    while (auto* signal = static_cast<ControlSignal*>(queue.pop(work))) {
      ASSERT_EQ(signal->tag, next[signal->pid - 1]++);
      free_control_signal(account_, signal);
      ++seen;
    }
  }
  for (std::thread& sender : senders) sender.join();
}

}  // namespace
}  // namespace lunabeam::runtime
