#include "runtime/links.h"

#include <gtest/gtest.h>

#include <random>
#include <unordered_map>

namespace lunabeam::runtime {
namespace {

class PidMapTest : public testing::Test {
 protected:
  void TearDown() override {
    account_.settle();
    EXPECT_EQ(budget_.used_bytes(), 0u);
  }
  [[nodiscard]] u64 used_bytes() const { return budget_.used_bytes() - account_.advance_bytes(); }

  MemoryBudget budget_;
  MemoryAccount account_{budget_};
};

TEST_F(PidMapTest, IsEmptyWithoutEntries) {
  PidMap map;
  u64 pid;
  i64 tag;
  EXPECT_EQ(map.find(1), nullptr);
  EXPECT_FALSE(map.erase(account_, 1));
  EXPECT_FALSE(map.pop(account_, &pid, &tag));
}

TEST_F(PidMapTest, OneEntryPerPeer) {
  PidMap map;
  map.set(account_, 5, 1);
  map.set(account_, 5, 2);
  EXPECT_EQ(map.size(), 1u);
  ASSERT_NE(map.find(5), nullptr);
  EXPECT_EQ(*map.find(5), 2);
  i64 tag = 0;
  EXPECT_TRUE(map.erase(account_, 5, &tag));
  EXPECT_EQ(tag, 2);
  EXPECT_EQ(map.size(), 0u);
}

TEST_F(PidMapTest, BehavesLikeAMapUnderRandomOperations) {
  std::mt19937_64 random(7);
  PidMap map;
  std::unordered_map<u64, i64> model;
  for (int i = 0; i < 200'000; ++i) {
    const u64 range = i % 20'000 < 10'000 ? 4000 : 60;  // Grows and shrinks.
    const u64 pid = 1 + random() % range;
    if (random() % 2 == 0) {
      map.set(account_, pid, i);
      model[pid] = i;
    } else {
      i64 tag = -1;
      const auto found = model.find(pid);
      ASSERT_EQ(map.erase(account_, pid, &tag), found != model.end());
      if (found != model.end()) {
        ASSERT_EQ(tag, found->second);
        model.erase(found);
      }
    }
    ASSERT_EQ(map.size(), model.size());
  }
  for (const auto& [pid, tag] : model) {
    ASSERT_NE(map.find(pid), nullptr);
    ASSERT_EQ(*map.find(pid), tag);
  }
  u64 pid;
  i64 tag;
  while (map.pop(account_, &pid, &tag)) {
    ASSERT_EQ(model.at(pid), tag);
    model.erase(pid);
  }
  EXPECT_TRUE(model.empty());
}

TEST_F(PidMapTest, IsEmptiedInLinearTime) {
  // A supervisor of a million: quadratic work would take hours.
  constexpr u64 kPeers = 1'000'000;
  PidMap map;
  for (u64 pid = 1; pid <= kPeers; ++pid) map.set(account_, pid, static_cast<i64>(pid));
  u64 pid;
  i64 tag;
  u64 sum = 0;
  EXPECT_GE(used_bytes(), kPeers * 16);
  EXPECT_LE(used_bytes(), kPeers * PidMap::kMostBytesPerEntry);
  while (map.pop(account_, &pid, &tag)) {
    EXPECT_EQ(static_cast<u64>(tag), pid);
    sum += pid;
  }
  EXPECT_EQ(sum, kPeers * (kPeers + 1) / 2);
}

TEST_F(PidMapTest, PopsInTheOrderOfInsertion) {
  PidMap map;
  for (u64 i = 0; i < 1000; ++i) map.set(account_, 1 + i * 7919 % 1000, static_cast<i64>(i));
  map.set(account_, 1, -1);  // Keeps its place.
  for (u64 i = 0; i < 1000; i += 3) EXPECT_TRUE(map.erase(account_, 1 + i * 7919 % 1000));
  u64 pid = 0;
  i64 tag = 0;
  for (u64 i = 0; i < 1000; ++i) {
    if (i % 3 == 0) continue;
    ASSERT_TRUE(map.pop(account_, &pid, &tag));
    EXPECT_EQ(pid, 1 + i * 7919 % 1000);
    EXPECT_EQ(tag, static_cast<i64>(i));
  }
  EXPECT_EQ(map.size(), 0u);
}

TEST_F(PidMapTest, PopFindsWhatIsSetMeanwhile) {
  std::mt19937_64 random(11);
  PidMap map;
  std::unordered_map<u64, i64> model;
  for (int i = 0; i < 100'000; ++i) {
    if (random() % 5 < 2) {
      const u64 pid = 1 + random() % 1000;
      map.set(account_, pid, i);
      model[pid] = i;
    } else if (random() % 8 == 0) {
      const u64 pid = 1 + random() % 1000;
      EXPECT_EQ(map.erase(account_, pid), model.erase(pid) == 1);
    } else {
      u64 pid = 0;
      i64 tag = 0;
      ASSERT_EQ(map.pop(account_, &pid, &tag), !model.empty());
      if (pid == 0) continue;
      ASSERT_EQ(model.at(pid), tag);
      model.erase(pid);
    }
    ASSERT_EQ(map.size(), model.size());
  }
  map.clear(account_);
}

TEST_F(PidMapTest, CountsWhatItHolds) {
  PidMap map;
  for (u64 pid = 1; pid <= 5000; ++pid) {
    map.set(account_, pid, 0);
    ASSERT_GE(used_bytes(), pid * 16);
    ASSERT_LE(used_bytes(), pid * PidMap::kMostBytesPerEntry);
  }
  for (u64 pid = 1; pid <= 5000; ++pid) EXPECT_TRUE(map.erase(account_, pid));
  EXPECT_EQ(used_bytes(), 0u);
}

// Limits bound who asks, not who is told.
TEST_F(PidMapTest, GoesBeyondALimitThatIsReached) {
  MemoryBudget budget(100);
  MemoryAccount account(budget);
  ASSERT_TRUE(account.charge(100));
  PidMap map;
  for (u64 pid = 1; pid <= 100; ++pid) map.set(account, pid, 0);
  EXPECT_GE(budget.used_bytes(), 100 + 1600u);
  EXPECT_FALSE(account.charge(10'000));
  map.clear(account);
  account.release(100);
}

}  // namespace
}  // namespace lunabeam::runtime
