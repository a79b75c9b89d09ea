#include "runtime/sched/run_queue.h"

#include <gtest/gtest.h>

#include <set>

namespace lunabeam::runtime {
namespace {

Process* process_at(u64 n) { return reinterpret_cast<Process*>(n * 64); }

TEST(RunQueue, IsFirstInFirstOutAcrossGrowth) {
  RunQueue queue;
  u64 in = 0;
  u64 out = 0;
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 37; ++i) queue.push_back(process_at(++in));
    for (int i = 0; i < 23; ++i) ASSERT_EQ(queue.pop_front(), process_at(++out));
  }
  EXPECT_EQ(queue.size(), in - out);
  while (out < in) ASSERT_EQ(queue.pop_front(), process_at(++out));
  EXPECT_EQ(queue.pop_front(), nullptr);
}

TEST(RunQueue, TakeAtRemovesExactlyThatEntry) {
  RunQueue queue;
  std::set<Process*> left;
  for (u64 n = 1; n <= 50; ++n) {
    queue.push_back(process_at(n));
    left.insert(process_at(n));
  }
  for (u64 i = 0; i < 50; ++i) ASSERT_EQ(left.erase(queue.take_at(i * 7 % queue.size())), 1u);
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace lunabeam::runtime
