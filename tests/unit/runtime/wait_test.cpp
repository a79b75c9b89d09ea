#include "runtime/wait.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/runtime/scripted_vm.h"

namespace lunabeam::runtime {
namespace {

class WaitTest : public ScriptedVm {
 protected:
  static u64 now_ms(const Guest& g) { return g.process.scheduler->clock().monotonic_ns() / kNsPerMs; }
  static void write_tags(const Guest& g, std::initializer_list<i64> tags) {
    std::memcpy(g.process.memory->base, std::data(tags), tags.size() * sizeof(i64));
  }
};
INSTANTIATE_SCRIPTED_TESTS(WaitTest);

TEST_P(WaitTest, SleepTakesAtLeastItsTimeAndLittleMore) {
  u64 begin = 0;
  u64 end = 0;
  run_script([&](const Guest& g) {
    if (g.step == 0) begin = now_ms(g);
    if (g.step < 1) return g.sleep(100);
    end = now_ms(g);
    return g.stop();
  });
  EXPECT_GE(end - begin, 100u);
  EXPECT_LE(end - begin, 101u);
}

TEST_P(WaitTest, AMessageDoesNotEndASleep) {
  u64 woken_at = 0;
  const int sleeper = script([&](const Guest& g) {
    if (g.step == 0) return g.sleep(100);
    woken_at = now_ms(g);
    return g.stop();
  });
  run_script([&](const Guest& g) {
    if (g.step == 0) g.spawn(sleeper);
    if (g.step > 0 && g.step < 20) g.send(2);
    if (g.step < 40) return g.sleep(g.step == 0 ? 1 : 4);
    return g.stop();
  });
  EXPECT_GE(woken_at, 100u);
  EXPECT_LE(woken_at, 102u);
}

TEST_P(WaitTest, ReceiveTimesOutAndLeavesTheScratchAlone) {
  run_script([&](const Guest& g) {
    switch (g.step) {
      case 0: g.send(g.process.pid, 3, 77); return g.next();
      case 1: return g.receive(0);
      case 2:
        EXPECT_EQ(g.last, WaitStatus::kDone);
        EXPECT_EQ(g.value(), 77u);
        return g.next();
      case 3: return g.receive(0);
      case 4: EXPECT_EQ(g.last, WaitStatus::kTimedOut); return g.next();
      case 5: return g.receive(50);
      default:
        EXPECT_EQ(g.last, WaitStatus::kTimedOut);
        EXPECT_GE(now_ms(g), 50u);
        EXPECT_EQ(g.value(), 77u);
        return g.stop();
    }
  });
  expect_nothing_alive();
}

TEST_P(WaitTest, ReceiveByTagWaitsPastOtherMessages) {
  std::vector<u64> got;
  const int receiver = script([&](const Guest& g) {
    switch (g.step) {
      case 0: write_tags(g, {5, 6}); return g.wait(receive_begin(g.process, 0, 2, kForeverMs), &receive_resume);
      case 1: got.push_back(g.value()); return g.next();
      case 2:
      case 4: return g.receive();
      case 5: got.push_back(g.value()); return g.stop();
      default: got.push_back(g.value()); return g.next();
    }
  });
  run_script([&](const Guest& g) {
    switch (g.step) {
      case 0: g.spawn(receiver); return g.next();
      case 1: return g.sleep(1);
      case 2: g.send(2, 1, 100); return g.sleep(1);
      case 3: g.send(2, 0, 101); return g.sleep(1);
      case 4: g.send(2, 6, 102); return g.sleep(1);
      default: return g.stop();
    }
  });
  EXPECT_THAT(got, testing::ElementsAre(102, 100, 101));
}

TEST_P(WaitTest, SendReceiveSkipsWhatWasThereAndMissesNoReply) {
  u64 got = 0;
  const int echo = script([&](const Guest& g) {
    if (g.step == 0) return g.receive();
    g.send(1, 8, 500);
    return g.stop();
  });
  run_script([&](const Guest& g) {
    switch (g.step) {
      case 0:
        g.spawn(echo);
        g.send(1, 8, 499);  // A stale reply.
        set_scratch(g.process, Message::create(g.process.scheduler->account(), MessageKind::kData, 8));
        return g.next();
      case 1: return g.wait(send_receive_begin(g.process, 2, 8, kForeverMs), &await_tag_resume);
      case 2: got = g.value(); return g.receive(0);
      default:
        EXPECT_EQ(g.last, WaitStatus::kDone);
        EXPECT_EQ(g.value(), 499u);
        return g.stop();
    }
  });
  EXPECT_EQ(got, 500u);
}

TEST_P(WaitTest, SendReceiveToNobodyTimesOut) {
  run_script([&](const Guest& g) {
    switch (g.step) {
      case 0:
        set_scratch(g.process, Message::create(g.process.scheduler->account(), MessageKind::kData, 8));
        return g.next();
      case 1: return g.wait(send_receive_begin(g.process, 99, 8, 20), &await_tag_resume);
      default:
        EXPECT_EQ(g.last, WaitStatus::kTimedOut);
        EXPECT_EQ(g.process.scratch, nullptr);
        return g.stop();
    }
  });
  expect_nothing_alive();
}

TEST_P(WaitTest, YieldLetsEverybodyElseRunOnce) {
  std::vector<u64> order;
  const int child = script([&](const Guest& g) {
    order.push_back(g.process.pid);
    return g.stop();
  });
  start({.deterministic = false});
  run_script([&](const Guest& g) {
    if (g.step == 0) {
      for (int i = 0; i < 3; ++i) g.spawn(child);
      return g.yield();
    }
    order.push_back(1);
    return g.stop();
  });
  EXPECT_THAT(order, testing::ElementsAre(2, 3, 4, 1));
}

TEST_P(WaitTest, AWaitThatIsKilledIsForgotten) {
  struct Op : WaitOp {
    explicit Op(int* count) : destroyed(count) {}
    ~Op() override { ++*destroyed; }
    int* destroyed;
  };
  int destroyed = 0;
  const int waiter = script([&](const Guest& g) {
    begin_wait(g.process, 1'000'000'000'000);
    g.process.wait.op = new Op(&destroyed);
    return g.wait(WaitStatus::kPark);
  });
  run_script([&](const Guest& g) {
    switch (g.step) {
      case 0: g.spawn(waiter); return g.sleep(1);
      case 1: EXPECT_TRUE(kill(g.process, 2)); return g.sleep(1);
      default:
        EXPECT_EQ(destroyed, 1);
        EXPECT_EQ(g.process.scheduler->timers().size(), 0u);
        return g.stop();
    }
  });
  expect_nothing_alive();
}

TEST_P(WaitTest, AStaleWakeIsDropped) {
  u64 woken_at = 0;
  run_script([&](const Guest& g) {
    if (g.step == 0) {
      wake(g.process, g.process.wait.epoch + 7);
      return g.sleep(10);
    }
    woken_at = now_ms(g);
    return g.stop();
  });
  EXPECT_GE(woken_at, 10u);
}

TEST_P(WaitTest, AWakeOfTheRightEpochEndsTheWait) {
  u64 woken_at = ~u64{0};
  u32 epoch = 0;
  Process* target = nullptr;
  const int sleeper = script([&](const Guest& g) {
    if (g.step == 0) {
      const Answer answer = g.sleep(kForeverMs);
      epoch = g.process.wait.epoch;
      target = &g.process;
      return answer;
    }
    woken_at = now_ms(g);
    return g.stop();
  });
  run_script([&](const Guest& g) {
    switch (g.step) {
      case 0: g.spawn(sleeper); return g.sleep(5);
      case 1: wake(*target, epoch); return g.sleep(5);
      default: return g.stop();
    }
  });
  EXPECT_LE(woken_at, 6u);
}

class TimersTest : public WaitTest {};
INSTANTIATE_SCRIPTED_TESTS(TimersTest);

TEST_P(TimersTest, AMessageComesWhenItIsDueThoughItsSenderIsDead) {
  u64 came_at = 0;
  const int sender = script([&](const Guest& g) {
    Message* message = Message::create(g.process.scheduler->account(), MessageKind::kData, 4);
    EXPECT_EQ(send_after(g.process, 1, message, 30), 0u);
    return g.stop();
  });
  run_script([&](const Guest& g) {
    if (g.step == 0) {
      g.spawn(sender);
      return g.receive();
    }
    came_at = now_ms(g);
    EXPECT_EQ(g.process.scratch->tag, 4);
    return g.stop();
  });
  EXPECT_GE(came_at, 30u);
  EXPECT_LE(came_at, 31u);
  expect_nothing_alive();
}

TEST_P(TimersTest, CancelWorksOnceAndOnlyWhilePending) {
  run_script([&](const Guest& g) {
    const auto message = [&] { return Message::create(g.process.scheduler->account(), MessageKind::kData, 4); };
    switch (g.step) {
      case 0:
        EXPECT_EQ(send_after(g.process, 1, message(), 10), 0u);
        EXPECT_EQ(send_after(g.process, 1, message(), 10), 1u);
        EXPECT_FALSE(has_room_for_timer(g.process, 2));
        EXPECT_TRUE(cancel_timer(g.process, 0));
        EXPECT_EQ(g.process.resources->pending_timers.count(), 1u);
        EXPECT_FALSE(cancel_timer(g.process, 0));
        EXPECT_FALSE(cancel_timer(g.process, 17));
        return g.sleep(20);
      case 1:
        EXPECT_FALSE(cancel_timer(g.process, 1));
        EXPECT_EQ(send_after(g.process, 999, message(), 0), 2u);
        EXPECT_EQ(send_after(g.process, 1, message(), kForeverMs), 3u);
        for (int i = 0; i < 1000; ++i) (void)send_after(g.process, 999, message(), 1);
        return g.sleep(20);
      case 2:
        // What has fired leaves room, though the table still has it.
        EXPECT_EQ(g.process.resources->pending_timers.count(), 1u);
        EXPECT_GE(g.process.resources->timers.size(), 1000u);
        EXPECT_TRUE(has_room_for_timer(g.process, 2));
        return g.receive(0);
      case 3: EXPECT_EQ(g.last, WaitStatus::kDone); return g.receive(0);
      default:
        EXPECT_EQ(g.last, WaitStatus::kTimedOut);
        for (int i = 0; i < 1100; ++i) (void)send_after(g.process, 999, message(), 1);
        EXPECT_LE(g.process.resources->timers.size(), 1110u);  // What has fired is swept out.
        return g.stop();
    }
  });
  expect_nothing_alive();
}

}  // namespace
}  // namespace lunabeam::runtime
