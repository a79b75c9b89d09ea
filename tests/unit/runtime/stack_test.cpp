#include "runtime/stack.h"

#include <gtest/gtest.h>

#include <memory>

#include "vm/instance.h"

namespace lunabeam::runtime {
namespace {

// A stack in a first block, with two instances that cache its limit.
class ProcessStackTest : public testing::Test {
 protected:
  void SetUp() override {
    for (vm::Ctx* ctx : {&one_, &two_}) ctx->exec = &exec_;
    one_.next = &two_;
    two_.next = &one_;
    exec_.ctx = &one_;
    stack_.attach(exec_, first_, first_ + sizeof first_);
  }
  void TearDown() override {
    stack_.release(exec_, pool_);
    EXPECT_EQ(pool_.stats().live_blocks, 0u);
  }

  // Pushes words that name their own depth, growing as a call would.
  void push_words(u64 count, u64 cap_bytes = vm::kDefaultStackCapBytes) {
    for (u64 i = 0; i < count; i += 2) {
      if (!vm::stack_has_room(exec_, 16)) {
        ASSERT_TRUE(stack_.grow(exec_, pool_, 16, cap_bytes));
        ASSERT_TRUE(vm::stack_has_room(exec_, 16));
      }
      *--exec_.fp = depth_++;
      *--exec_.fp = depth_++;
    }
  }
  void expect_words() {
    const auto* word = reinterpret_cast<const u64*>(exec_.stack_hi);
    for (u64 i = 0; i < depth_; ++i) ASSERT_EQ(*--word, i);
    ASSERT_EQ(word, exec_.fp);
    for (const vm::Ctx* ctx : {&one_, &two_}) EXPECT_EQ(ctx->stack_limit, exec_.stack_limit);
    EXPECT_EQ(reinterpret_cast<u8*>(exec_.stack_limit), exec_.stack_lo + vm::kStackHeadroomBytes);
    EXPECT_EQ(reinterpret_cast<u64>(exec_.stack_lo) % 16, 0u);
    EXPECT_EQ(reinterpret_cast<u64>(exec_.stack_hi) % 16, 0u);
  }

  BlockPool pool_;
  alignas(16) u8 first_[vm::kMinStackBytes] = {};
  vm::ExecContext exec_;
  vm::Ctx one_, two_;
  ProcessStack stack_;
  u64 depth_ = 0;
};

TEST_F(ProcessStackTest, StartsEmptyInTheFirstBlock) {
  EXPECT_EQ(exec_.stack_lo, first_);
  EXPECT_EQ(vm::used_stack_bytes(exec_), 0u);
  EXPECT_EQ(stack_.grown_bytes(exec_), 0u);
}

TEST_F(ProcessStackTest, GrowsByCopyThroughAllSizes) {
  push_words(400'000);
  expect_words();
  EXPECT_GE(vm::stack_capacity_bytes(exec_), 400'000u * 8);
  EXPECT_LE(vm::stack_capacity_bytes(exec_), vm::kDefaultStackCapBytes);
  EXPECT_EQ(stack_.grown_bytes(exec_), vm::stack_capacity_bytes(exec_));
}

TEST_F(ProcessStackTest, MakesRoomForAFrameThatIsLargerThanTheStack) {
  push_words(10);
  ASSERT_TRUE(stack_.grow(exec_, pool_, 100'000, vm::kDefaultStackCapBytes));
  EXPECT_TRUE(vm::stack_has_room(exec_, 100'000));
  expect_words();
}

TEST_F(ProcessStackTest, RefusesBeyondTheCapAndStaysAsItWas) {
  constexpr u64 kCap = 20'000;
  push_words(1000, kCap);
  u8* const lo = exec_.stack_lo;
  EXPECT_FALSE(stack_.grow(exec_, pool_, kCap, kCap));
  EXPECT_EQ(exec_.stack_lo, lo);
  expect_words();
  // Exactly the cap is still allowed.
  const u64 left = kCap - vm::used_stack_bytes(exec_) - vm::kStackHeadroomBytes;
  EXPECT_FALSE(stack_.grow(exec_, pool_, left + 16, kCap));
  EXPECT_TRUE(stack_.grow(exec_, pool_, left, kCap));
  EXPECT_EQ(vm::stack_capacity_bytes(exec_), kCap);
  expect_words();
}

TEST_F(ProcessStackTest, ShrinksAtAParkWhenLittleIsUsed) {
  push_words(20);
  ASSERT_TRUE(stack_.grow(exec_, pool_, 30'000, vm::kDefaultStackCapBytes));
  stack_.shrink(exec_, pool_);
  EXPECT_EQ(exec_.stack_lo, first_);
  expect_words();
  push_words(400);  // Too much for the first block, little for 64 KiB.
  ASSERT_TRUE(stack_.grow(exec_, pool_, 60'000, vm::kDefaultStackCapBytes));
  stack_.shrink(exec_, pool_);
  EXPECT_NE(exec_.stack_lo, first_);
  EXPECT_LE(vm::stack_capacity_bytes(exec_), 16'384u);
  expect_words();
}

TEST_F(ProcessStackTest, KeepsAWellUsedStack) {
  push_words(2000);
  u8* const lo = exec_.stack_lo;
  stack_.shrink(exec_, pool_);
  EXPECT_EQ(exec_.stack_lo, lo);
}

#if defined(LUNABEAM_TORTURE)
TEST_F(ProcessStackTest, TortureMovesAtEveryCallAndPoisonsWhatItLeaves) {
  push_words(8);
  for (u32 i = 0; i < 20; ++i) {
    u8* const lo = exec_.stack_lo;
    ASSERT_TRUE(stack_.grow(exec_, pool_, 16, vm::kDefaultStackCapBytes));
    EXPECT_NE(exec_.stack_lo, lo);
    expect_words();
  }
  EXPECT_EQ(first_[sizeof first_ - 1], 0xDB);
}
#endif

TEST(StackSizeHints, RemembersTheHighWaterMark) {
  StackSizeHints hints;
  const u64 key = StackSizeHints::key(7, 12);
  EXPECT_EQ(hints.initial_bytes(key), vm::kMinStackBytes);
  hints.note(key, 100);
  EXPECT_EQ(hints.initial_bytes(key), vm::kMinStackBytes);
  hints.note(key, 1001);
  EXPECT_EQ(hints.initial_bytes(key), 1008u + vm::kStackHeadroomBytes);
  hints.note(key, 300);
  EXPECT_EQ(hints.initial_bytes(key), 1008u + vm::kStackHeadroomBytes);
  hints.note(key, u64{1} << 30);
  EXPECT_EQ(hints.initial_bytes(key), StackSizeHints::kMaxInitialBytes);
  EXPECT_EQ(hints.initial_bytes(StackSizeHints::key(7, 13)), vm::kMinStackBytes);
}

}  // namespace
}  // namespace lunabeam::runtime
