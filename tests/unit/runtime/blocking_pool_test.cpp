// The blocking pool: parking and waking, death in every state of a request, the end of the program.
#include "runtime/blocking_pool.h"

#include <atomic>
#include <thread>

#include "tests/unit/runtime/scripted_vm.h"

namespace lunabeam::runtime {
namespace {

// What the requests of a test have in common.
struct Counts {
  std::atomic<int> run{0};
  std::atomic<int> destroyed{0};
  std::atomic<bool> started{false};
  std::atomic<bool> released{false};

  void release() {
    released = true;
    released.notify_all();
  }
};

class TestRequest final : public BlockingRequest {
 public:
  TestRequest(Counts& counts, bool waits) : counts_(counts), waits_(waits) {}
  ~TestRequest() override { ++counts_.destroyed; }
  void run() noexcept override {
    ++counts_.run;
    if (!waits_) return;
    counts_.started = true;
    counts_.started.notify_all();
    counts_.released.wait(false);
  }

 private:
  Counts& counts_;
  const bool waits_;
};

struct TestWait final : WaitOp {
  BlockingHandle handle;
};

void submit(Process& process, Counts& counts, bool waits) {
  begin_wait(process, kNeverNs);
  auto* const wait = new TestWait;
  process.wait.op = wait;
  wait->handle = process.scheduler->vm().blocking_pool().submit(std::make_unique<TestRequest>(counts, waits), process,
                                                                process.wait.epoch);
}

WaitStatus resume(Process& process) noexcept {
  auto& wait = static_cast<TestWait&>(*process.wait.op);
  if (!wait.handle.is_finished()) return WaitStatus::kPark;
  (void)wait.handle.take();
  end_wait(process);
  return WaitStatus::kDone;
}

class BlockingPoolTest : public ScriptedVm {
 protected:
  void SetUp() override {
    ScriptedVm::SetUp();
    if (!IsSkipped()) start({.deterministic = false});
  }
};

TEST_P(BlockingPoolTest, StartsNoThreadBeforeTheFirstRequest) {
  EXPECT_TRUE(run_script([](const Guest& guest) { return guest.stop(); }).message().empty());
  EXPECT_EQ(pool().stats().threads, 0u);
}

TEST_P(BlockingPoolTest, WakesWhoeverWaits) {
  Counts counts;
  const RunResult result = run_script([&](const Guest& guest) {
    if (guest.step == 100) return guest.stop();
    submit(guest.process, counts, false);
    return guest.wait(WaitStatus::kPark, &resume);
  });
  EXPECT_EQ(result.message(), "");
  EXPECT_EQ(counts.run, 100);
  EXPECT_EQ(counts.destroyed, 100);
  EXPECT_EQ(pool().stats().finished, 100u);
  expect_idle();
}

TEST_P(BlockingPoolTest, OthersRunMeanwhile) {
  Counts counts;
  const int blocked = script([&](const Guest& guest) {
    if (guest.step == 1) return guest.stop();
    submit(guest.process, counts, true);
    return guest.wait(WaitStatus::kPark, &resume);
  });
  u64 pid = 0;
  int turns = 0;
  const RunResult result = run_script([&](const Guest& guest) {
    if (guest.step == 0) pid = guest.spawn(blocked);
    if (guest.step < 50) {
      ++turns;
      return guest.yield();
    }
    if (guest.step == 50) counts.release();
    return exists(guest.process, pid) ? guest.yield() : guest.stop();
  });
  EXPECT_EQ(result.message(), "");
  EXPECT_EQ(turns, 50);
  EXPECT_EQ(counts.destroyed, 1);
  expect_idle();
}

TEST_P(BlockingPoolTest, KillAbandonsWhatRuns) {
  Counts counts;
  const int blocked = script([&](const Guest& guest) {
    submit(guest.process, counts, true);
    return guest.wait(WaitStatus::kPark, &resume);
  });
  u64 pid = 0;
  const RunResult result = run_script([&](const Guest& guest) {
    switch (guest.step) {
      case 0: pid = guest.spawn(blocked); return guest.yield();
      case 1:
        counts.started.wait(false);
        EXPECT_TRUE(kill(guest.process, pid));
        return guest.yield();
      default:
        if (exists(guest.process, pid)) return guest.yield();
        // Dead, while its request still runs.
        EXPECT_EQ(counts.destroyed, 0);
        counts.release();
        return guest.stop();
    }
  });
  EXPECT_EQ(result.message(), "");
  expect_idle();
  EXPECT_EQ(counts.destroyed, 1);
}

TEST_P(BlockingPoolTest, KillWithdrawsWhatIsQueued) {
  Counts busy;
  Counts queued;
  const int blocker = script([&](const Guest& guest) {
    submit(guest.process, busy, true);
    return guest.wait(WaitStatus::kPark, &resume);
  });
  const int waiter = script([&](const Guest& guest) {
    submit(guest.process, queued, false);
    return guest.wait(WaitStatus::kPark, &resume);
  });
  u64 pid = 0;
  const RunResult result = run_script([&](const Guest& guest) {
    switch (guest.step) {
      case 0:
        for (u32 i = 0; i < BlockingPool::kMaxThreads; ++i) (void)guest.spawn(blocker);
        return guest.yield();
      case 1:
        // The threads may not have come to their requests, but nobody comes to a further one before they end.
        if (busy.run < static_cast<int>(BlockingPool::kMaxThreads)) return guest.repeat();
        pid = guest.spawn(waiter);
        return guest.yield();
      case 2:
        EXPECT_EQ(pool().stats().queued, 1u);
        EXPECT_TRUE(kill(guest.process, pid));
        return guest.yield();
      default:
        if (exists(guest.process, pid)) return guest.yield();
        EXPECT_EQ(queued.destroyed, 1);
        EXPECT_EQ(queued.run, 0);
        EXPECT_EQ(pool().stats().queued, 0u);
        busy.release();
        return guest.stop();
    }
  });
  EXPECT_EQ(result.message(), "");
  expect_idle();
  EXPECT_EQ(busy.destroyed, static_cast<int>(BlockingPool::kMaxThreads));
}

TEST_P(BlockingPoolTest, TheEndOfTheProgramWaitsForWhatRuns) {
  Counts counts;
  const int blocked = script([&](const Guest& guest) {
    submit(guest.process, counts, true);
    return guest.wait(WaitStatus::kPark, &resume);
  });
  std::thread releaser([&] {
    counts.started.wait(false);
    counts.release();
  });
  const RunResult result = run_script([&](const Guest& guest) {
    if (guest.step == 0) {
      (void)guest.spawn(blocked);
      return guest.yield();
    }
    return counts.run == 0 ? guest.repeat() : guest.stop();
  });
  releaser.join();
  EXPECT_EQ(result.message(), "");
  EXPECT_EQ(counts.destroyed, 1);
  expect_idle();
}

TEST_P(BlockingPoolTest, DetachedRequestsRunBeforeTheEnd) {
  Counts counts;
  const RunResult result = run_script([&](const Guest& guest) {
    for (int i = 0; i < 50; ++i) pool().submit_detached(std::make_unique<TestRequest>(counts, false));
    return guest.stop();
  });
  EXPECT_EQ(result.message(), "");
  EXPECT_EQ(counts.run, 50);
  EXPECT_EQ(counts.destroyed, 50);
  EXPECT_LE(pool().stats().threads, BlockingPool::kMaxThreads);
  expect_idle();
}

// Many processes that die at any moment of their requests' lives.
TEST_P(BlockingPoolTest, SurvivesAStormOfKills) {
  Counts counts;
  const int asker = script([&](const Guest& guest) {
    submit(guest.process, counts, false);
    return guest.wait(WaitStatus::kPark, &resume);
  });
  std::vector<u64> pids;
  const RunResult result = run_script([&](const Guest& guest) {
    if (guest.step == 2000) return guest.stop();
    pids.push_back(guest.spawn(asker));
    if (pids.size() > 16) {
      const u64 victim = guest.process.scheduler->random().below(pids.size());
      EXPECT_TRUE(kill(guest.process, pids[victim]));
      pids.erase(pids.begin() + static_cast<std::ptrdiff_t>(victim));
    }
    return guest.yield();
  });
  EXPECT_EQ(result.message(), "");
  expect_idle();
  EXPECT_GE(counts.destroyed, counts.run);
}

INSTANTIATE_SCRIPTED_TESTS(BlockingPoolTest);

}  // namespace
}  // namespace lunabeam::runtime
