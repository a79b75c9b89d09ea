// The translator's storage: code words, operands, blocks and branches.
#include <gtest/gtest.h>

#include "vm/interp/code_buffer.h"
#include "vm/interp/operand_stack.h"
#include "vm/interp/translate_control.h"

namespace lunabeam::vm::interp {
namespace {

TEST(CodeBuffer, keeps_its_words_when_it_grows) {
  CodeBuffer code;
  ASSERT_TRUE(code.open(4));
  for (u16 i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(code.reserve(CodeBuffer::kSlackWords));
    code.push({i, {}});
  }
  ASSERT_EQ(code.size(), 10'000u);
  for (u16 i = 0; i < 10'000; ++i) ASSERT_EQ(code[i].op, i);
  EXPECT_FALSE(code.failed());
}

TEST(CodeBuffer, stays_writable_when_memory_is_exhausted) {
  CodeBuffer code;
  ASSERT_TRUE(code.open(4));
  for (u16 i = 0; i < 100; ++i) code.push({i, {}});
  EXPECT_FALSE(code.reserve(0x7FFF'FFFF));
  EXPECT_TRUE(code.failed());
  for (u32 round = 0; round < 100; ++round) {
    EXPECT_TRUE(code.reserve(CodeBuffer::kSlackWords));
    for (u32 i = 0; i < CodeBuffer::kSlackWords; ++i) code.push({1, {}});
  }
  EXPECT_TRUE(code.failed());
}

TEST(OperandStack, homes_ascend_by_class) {
  OperandStack stack;
  ASSERT_TRUE(stack.open(8, 1));
  stack.start(10, 50);
  EXPECT_EQ(stack.push(Place::kTemp, ValType::kI32).home, 10u);
  EXPECT_EQ(stack.push(Place::kTemp, ValType::kRef).home, 50u);
  EXPECT_EQ(stack.push(Place::kTemp, ValType::kV128).home, 11u);
  EXPECT_EQ(stack.push(Place::kTemp, ValType::kF64).home, 13u);
  EXPECT_EQ(stack.push(Place::kTemp, ValType::kRef).home, 51u);
  stack.pop();
  stack.pop();
  EXPECT_EQ(stack.next(false), 13u);
  EXPECT_EQ(stack.next(true), 51u);
}

TEST(OperandStack, lists_values_that_are_not_in_their_homes) {
  OperandStack stack;
  ASSERT_TRUE(stack.open(2000, 1));
  stack.start(10, 100);
  stack.push(Place::kConst, ValType::kI32);
  for (u32 i = 0; i < 1000; ++i) stack.push(Place::kTemp, i % 2 == 0 ? ValType::kV128 : ValType::kRef);
  // Of a thousand values not one is looked at again; the constant below them remains.
  EXPECT_EQ(stack.topmost_unsettled(1), OperandStack::kNone);
  EXPECT_EQ(stack.topmost_unsettled(0), 0u);
  EXPECT_EQ(stack.home_from(1, false), 11u);
  EXPECT_EQ(stack.home_from(1, true), 100u);
  EXPECT_EQ(stack.home_from(2, false), 13u);
  EXPECT_EQ(stack.home_from(2, true), 100u);
  EXPECT_EQ(stack.home_from(3, true), 101u);
  EXPECT_EQ(stack.home_from(1001, false), stack.next(false));

  stack.push_local(0, ValType::kI64);
  stack.push(Place::kConst, ValType::kI64);
  EXPECT_EQ(stack.topmost_unsettled(0), 1002u);
  stack.pop();
  EXPECT_EQ(stack.topmost_unsettled(0), 1001u);
  stack.pop();
  EXPECT_EQ(stack.topmost_unsettled(1), OperandStack::kNone);
  stack.shrink(3);
  EXPECT_EQ(stack.size(), 3u);
  EXPECT_EQ(stack.next(false), 13u);
  EXPECT_EQ(stack.next(true), 101u);
  EXPECT_EQ(stack.push(Place::kTemp, ValType::kRef).home, 101u);
  EXPECT_EQ(stack.topmost_unsettled(0), 0u);
  stack.forget_unsettled();
  EXPECT_EQ(stack.topmost_unsettled(0), OperandStack::kNone);
}

TEST(OperandStack, knows_which_values_stand_for_a_local) {
  OperandStack stack;
  ASSERT_TRUE(stack.open(8, 2));
  stack.start(10, 50);
  stack.push_local(0, ValType::kI32);
  stack.push_local(1, ValType::kI32);
  stack.push_local(0, ValType::kI32);
  EXPECT_EQ(stack.lazy_count(), 3u);
  EXPECT_EQ(stack.topmost(0), 3u);
  EXPECT_EQ(stack.topmost(1), 2u);
  stack.pop();
  EXPECT_EQ(stack.topmost(0), 1u);
  stack.unlink(stack[0]);
  EXPECT_EQ(stack.topmost(0), 0u);
  EXPECT_EQ(stack.lazy_count(), 1u);
}

TEST(FixupPool, uses_freed_entries_again) {
  FixupPool pool;
  ASSERT_TRUE(pool.open());
  u32 first = kNoFixup;
  u32 second = kNoFixup;
  pool.add(&first, {.word = 1, .origin = 1, .next = kNoFixup, .number = 0, .field = 2});
  pool.add(&first, {.word = 2, .origin = 2, .next = kNoFixup, .number = 0, .field = 2});
  const u32 freed = first;
  EXPECT_EQ(pool.take(&first).word, 2u);
  pool.add(&second, {.word = 3, .origin = 3, .next = kNoFixup, .number = 0, .field = 2});
  EXPECT_EQ(second, freed);
  EXPECT_EQ(pool.take(&second).word, 3u);
  EXPECT_EQ(second, kNoFixup);
  EXPECT_EQ(pool.take(&first).word, 1u);
  EXPECT_EQ(first, kNoFixup);
}

TEST(BranchSet, is_the_union_of_what_was_inserted) {
  BranchSet set;
  BranchSet other;
  EXPECT_TRUE(set.empty());
  EXPECT_TRUE(set.insert(70));
  EXPECT_TRUE(other.insert(3));
  EXPECT_TRUE(other.insert(5000));
  EXPECT_TRUE(set.insert(other));
  for (const u32 number : {3u, 70u, 5000u}) EXPECT_TRUE(set.contains(number)) << number;
  for (const u32 number : {0u, 64u, 4992u, 5001u, 1'000'000u}) EXPECT_FALSE(set.contains(number)) << number;
  EXPECT_FALSE(set.empty());
}

}  // namespace
}  // namespace lunabeam::vm::interp
