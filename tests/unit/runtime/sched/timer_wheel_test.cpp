#include "runtime/sched/timer_wheel.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <vector>

#include "runtime/sched/clock.h"

namespace lunabeam::runtime {
namespace {

constexpr u64 kTickNs = u64{1} << TimerWheel::kTickShift;

struct TestTimer {
  TimerEntry entry;
  std::vector<TestTimer*>* fired = nullptr;
  TimerWheel* wheel = nullptr;
  u64 again_ns = 0;  // Re-arms itself once.

  static void on_fire(TimerEntry& entry) noexcept {
    auto& timer = reinterpret_cast<TestTimer&>(entry);
    timer.fired->push_back(&timer);
    if (timer.again_ns != 0) timer.wheel->insert(entry, std::exchange(timer.again_ns, 0));
  }
};

class TimerWheelTest : public testing::Test {
 protected:
  TestTimer& make(u64 deadline_ns) {
    auto& timer = *timers_.emplace_back(std::make_unique<TestTimer>());
    timer.fired = &fired_;
    timer.wheel = &wheel_;
    timer.entry.fire = &TestTimer::on_fire;
    wheel_.insert(timer.entry, deadline_ns);
    return timer;
  }
  TimerWheel wheel_{0};
  std::vector<TestTimer*> fired_;
  std::vector<std::unique_ptr<TestTimer>> timers_;
};

TEST_F(TimerWheelTest, FiresNeverEarlyAndAtMostATickLate) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 3000; ++i) make(1 + random() % (u64{1} << (17 + random() % 30)));
  u64 now = 0;
  size_t checked = 0;
  while (wheel_.size() != 0) {
    const u64 event = wheel_.next_event_ns();
    ASSERT_GE(event, now);
    now = event + random() % 2 * (random() % (u64{1} << 20));
    wheel_.advance(now);
    for (; checked < fired_.size(); ++checked) {
      ASSERT_LE(fired_[checked]->entry.deadline_ns, now);
      ASSERT_FALSE(fired_[checked]->entry.is_armed());
    }
    for (const auto& timer : timers_) {
      if (timer->entry.is_armed()) {
        ASSERT_GT(timer->entry.deadline_ns + kTickNs, now);
      }
    }
  }
  EXPECT_EQ(fired_.size(), 3000u);
  EXPECT_EQ(wheel_.next_event_ns(), kNeverNs);
}

TEST_F(TimerWheelTest, FiresInTheOrderOfTicks) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 1000; ++i) make(random() % 1'000'000'000'000);
  wheel_.advance(2'000'000'000'000);
  ASSERT_EQ(fired_.size(), 1000u);
  for (size_t i = 1; i < fired_.size(); ++i) {
    EXPECT_LE(fired_[i - 1]->entry.deadline_ns >> TimerWheel::kTickShift,
              (fired_[i]->entry.deadline_ns >> TimerWheel::kTickShift) + 1);
  }
}

TEST_F(TimerWheelTest, FiresManyInSteps) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 5000; ++i)
    make(kTickNs * (64 * 64) + random() % 3 * kTickNs);  // They come down two levels first.
  size_t fired = 0;
  u64 steps = 0;
  const u64 now = kTickNs * (64 * 64 + 1);
  for (; !wheel_.advance(now, 100); ++steps) {
    ASSERT_LE(fired_.size() - fired, 100 / TimerWheel::kFireWork + 1);
    fired = fired_.size();
    ASSERT_LE(wheel_.next_event_ns(), now);
    // Meanwhile others come and go.
    make(now + random() % (100 * kTickNs));
    wheel_.cancel(timers_[random() % timers_.size()]->entry);
  }
  EXPECT_GE(steps, 5000 / 100u);
  for (const TestTimer* timer : fired_) ASSERT_LE(timer->entry.deadline_ns, now);
  for (const auto& timer : timers_) {
    if (timer->entry.is_armed()) ASSERT_GT(timer->entry.deadline_ns + kTickNs, now);
  }
  EXPECT_GT(wheel_.next_event_ns(), now - kTickNs);
  EXPECT_TRUE(wheel_.advance(now + 1000 * kTickNs));
  EXPECT_EQ(wheel_.size(), 0u);
}

TEST_F(TimerWheelTest, ACancelledTimerDoesNotFire) {
  TestTimer& one = make(1'000'000);
  TestTimer& two = make(1'000'000);
  wheel_.cancel(one.entry);
  wheel_.cancel(one.entry);
  wheel_.advance(10'000'000);
  ASSERT_EQ(fired_.size(), 1u);
  EXPECT_EQ(fired_[0], &two);
  EXPECT_EQ(wheel_.size(), 0u);
}

TEST_F(TimerWheelTest, ATimerMayArmItselfAgainWhileItFires) {
  TestTimer& timer = make(1'000'000);
  timer.again_ns = 500'000;  // In the past by then: fires at the next tick.
  wheel_.advance(1'000'000 + kTickNs);
  EXPECT_TRUE(fired_.size() == 1 || fired_.size() == 2);
  wheel_.advance(1'000'000 + 3 * kTickNs);
  EXPECT_EQ(fired_.size(), 2u);
}

TEST_F(TimerWheelTest, TheLastDeadlineThereIsFits) {
  make(kNeverNs - 1);
  make(kNeverNs - 1);
  wheel_.advance(u64{1} << 62);
  EXPECT_TRUE(fired_.empty());
  EXPECT_NE(wheel_.next_event_ns(), kNeverNs);
  EXPECT_NE(wheel_.pop_any(), nullptr);
  EXPECT_NE(wheel_.pop_any(), nullptr);
  EXPECT_EQ(wheel_.pop_any(), nullptr);
}

TEST_F(TimerWheelTest, TimeMayReachItsEnd) {
  make(kNeverNs - 1);
  wheel_.advance(kNeverNs);
  // Nothing is behind the last tick: what is due there never fires, and inserting goes on.
  make(kNeverNs - 1);
  make(5);
  EXPECT_EQ(wheel_.next_event_ns(), kNeverNs);
  wheel_.advance(kNeverNs);
  EXPECT_TRUE(fired_.empty());
  EXPECT_EQ(wheel_.size(), 3u);
  while (wheel_.pop_any() != nullptr) {
  }
}

}  // namespace
}  // namespace lunabeam::runtime
