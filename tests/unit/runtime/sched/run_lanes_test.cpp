#include "runtime/sched/run_lanes.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace lunabeam::runtime {
namespace {

using enum RunLanes::Lane;

Process& process_at(u64 n) { return *reinterpret_cast<Process*>(n * 64); }

TEST(RunLanes, OneLaneIsFirstInFirstOut) {
  for (const RunLanes::Lane lane : {kUrgent, kFresh, kSpent}) {
    RunLanes lanes;
    EXPECT_EQ(lanes.pop(), nullptr);
    for (u64 n = 1; n <= 100; ++n) lanes.push(lane, process_at(n));
    EXPECT_EQ(lanes.size(), 100u);
    for (u64 n = 1; n <= 100; ++n) {
      ASSERT_EQ(lanes.pop(), &process_at(n));
      lanes.charge(1'000'000);
    }
    EXPECT_TRUE(lanes.is_empty());
  }
}

TEST(RunLanes, EachGoesBeforeThoseBehindIt) {
  RunLanes lanes;
  lanes.push(kSpent, process_at(1));
  lanes.push(kFresh, process_at(2));
  lanes.push(kUrgent, process_at(3));
  EXPECT_EQ(lanes.pop(), &process_at(3));
  EXPECT_EQ(lanes.pop(), &process_at(2));
  EXPECT_EQ(lanes.pop(), &process_at(1));
}

// What each lane has of the turns when there is always somebody in all of them and each turn is charged 1,000.
TEST(RunLanes, NobodyWaitsForEver) {
  constexpr i64 kTurn = 1'000;
  RunLanes lanes;
  for (const RunLanes::Lane lane : {kUrgent, kFresh, kSpent}) lanes.push(lane, process_at(lane + 1));
  std::vector<int> turns(3);
  for (int i = 0; i < 100'000; ++i) {
    Process* process = lanes.pop();
    const auto lane = static_cast<RunLanes::Lane>(reinterpret_cast<u64>(process) / 64 - 1);
    ++turns[lane];
    lanes.charge(kTurn);
    lanes.push(lane, *process);
  }
  constexpr int kBudgetTurns = RunLanes::kBudget / kTurn;
  const int fresh_per_spent = RunLanes::kBudget / (RunLanes::kTurnBesideUrgent + kTurn) + 1;
  EXPECT_NEAR(turns[kUrgent] / turns[kSpent], kBudgetTurns * (fresh_per_spent + 1), 2);
  EXPECT_NEAR(turns[kFresh] / turns[kSpent], fresh_per_spent, 1);
}

// The same when every turn takes long: the lanes take turns, and none is left out.
TEST(RunLanes, NobodyWaitsForSlowTurns) {
  RunLanes lanes;
  for (const RunLanes::Lane lane : {kUrgent, kFresh, kSpent}) lanes.push(lane, process_at(lane + 1));
  std::vector<int> turns(3);
  for (int i = 0; i < 700; ++i) {
    Process* process = lanes.pop();
    const auto lane = static_cast<RunLanes::Lane>(reinterpret_cast<u64>(process) / 64 - 1);
    ++turns[lane];
    lanes.end_budget();
    lanes.push(lane, *process);
  }
  EXPECT_EQ(turns, (std::vector<int>{350, 175, 175}));
}

TEST(RunLanes, TheBudgetIsFullAgainBehindATurnOfAnother) {
  RunLanes lanes;
  for (int round = 0; round < 3; ++round) {
    lanes.push(kSpent, process_at(9));
    for (u64 n = 1; n <= 3; ++n) lanes.push(kFresh, process_at(n));
    EXPECT_EQ(lanes.pop(), &process_at(1));
    lanes.charge(RunLanes::kBudget - 1);
    EXPECT_EQ(lanes.pop(), &process_at(2));
    lanes.charge(1);
    EXPECT_EQ(lanes.pop(), &process_at(9));
    EXPECT_EQ(lanes.pop(), &process_at(3));
  }
}

TEST(RunLanes, ARandomChoiceReachesFreshAndSpent) {
  struct Choices {
    u64 next = 0;
    u64 below(u64 n) { return next++ % n; }
  } random;
  RunLanes lanes;
  std::set<Process*> left;
  for (u64 n = 1; n <= 40; ++n) {
    lanes.push(n % 2 == 0 ? kFresh : kSpent, process_at(n));
    left.insert(&process_at(n));
  }
  for (u64 n = 0; n < 40; ++n) ASSERT_EQ(left.erase(lanes.pop_random(random)), 1u);
  EXPECT_EQ(lanes.pop_random(random), nullptr);
  lanes.push(kFresh, process_at(1));
  lanes.push(kUrgent, process_at(2));
  EXPECT_EQ(lanes.pop_random(random), &process_at(2));
}

TEST(RunLanes, TakesFirstWhoComputes) {
  RunLanes lanes;
  for (u64 n = 1; n <= 4; ++n) lanes.push(kUrgent, process_at(n));
  for (u64 n = 5; n <= 8; ++n) lanes.push(kFresh, process_at(n));
  for (u64 n = 9; n <= 10; ++n) lanes.push(kSpent, process_at(n));
  std::set<Process*> taken;
  const auto take = [&](Process& process) {
    if (&process == &process_at(5)) return false;
    taken.insert(&process);
    return true;
  };
  lanes.take_if(4, take);
  EXPECT_EQ(taken, (std::set<Process*>{&process_at(1), &process_at(6), &process_at(9), &process_at(10)}));
  EXPECT_EQ(lanes.size(), 6u);
  lanes.take_if(6, take);
  EXPECT_EQ(lanes.size(), 1u);
  EXPECT_EQ(lanes.pop(), &process_at(5));
  lanes.push(kFresh, process_at(1));
  lanes.clear();
  EXPECT_TRUE(lanes.is_empty());
}

}  // namespace
}  // namespace lunabeam::runtime
