#include "runtime/message.h"

#include <gtest/gtest.h>

#include <string>

namespace lunabeam::runtime {
namespace {

class MessageTest : public testing::Test {
 protected:
  void TearDown() override {
    EXPECT_EQ(account_.live_messages, 0);
    account_.settle();
    EXPECT_EQ(budget_.used_bytes(), 0u);
  }
  MemoryBudget budget_{1 << 20};
  MemoryAccount account_{budget_};
};

TEST_F(MessageTest, AppendsAndReadsAcrossGrowth) {
  Message* message = Message::create(account_, MessageKind::kData, 9);
  std::string all;
  for (int i = 0; i < 200; ++i) {
    const std::string piece = "piece " + std::to_string(i);
    ASSERT_TRUE(Message::append(account_, message, reinterpret_cast<const u8*>(piece.data()), piece.size()));
    all += piece;
  }
  EXPECT_EQ(message->tag, 9);
  ASSERT_EQ(message->size_bytes, all.size());
  std::string read(all.size() + 10, '?');
  u64 got = 0;
  while (const u64 n = message->read(reinterpret_cast<u8*>(read.data()) + got, 7)) got += n;
  EXPECT_EQ(read.substr(0, got), all);
  Message::destroy(account_, message);
}

TEST_F(MessageTest, LongOnesGrowAndEndInMappings) {
  MemoryBudget budget;
  MemoryPool pool(budget);
  MemoryAccount account(budget, &pool);
  for (const u64 total : {Message::kMappedBytes - 200, Message::kMappedBytes, 9 * Message::kMappedBytes}) {
    Message* message = Message::create(account, MessageKind::kData, 1);
    u64 moves = 0;
    for (u64 i = 0; i < total / sizeof i; ++i) {
      const Message* const before = message;
      ASSERT_TRUE(Message::append(account, message, reinterpret_cast<const u8*>(&i), sizeof i));
      moves += before != message ? 1 : 0;
    }
    EXPECT_LE(moves, 40u);
    // No more than a quarter ahead where it is long, and all of it is charged.
    EXPECT_LE(message->capacity_bytes, total + std::max(total / 4, Message::kMappedBytes));
    EXPECT_GE(budget.used_bytes() - account.advance_bytes(), message->capacity_bytes);
    for (u64 i = 0; i < total / sizeof i; ++i) {
      u64 read = 0;
      ASSERT_EQ(message->read(reinterpret_cast<u8*>(&read), sizeof read), sizeof read);
      ASSERT_EQ(read, i);
    }
    const u64 capacity = message->capacity_bytes;
    Message::destroy(account, message);
    // What goes in steps is charged until it has gone.
    EXPECT_EQ(pool.stats().dying_bytes > 0, capacity > u64{8} << 20);
    EXPECT_EQ(budget.used_bytes() - account.advance_bytes(), pool.stats().dying_bytes);
    while (pool.release_step()) {
    }
  }
  account.settle();
  EXPECT_EQ(budget.used_bytes(), 0u);
}

TEST_F(MessageTest, LongOnesNeedNoPool) {
  MemoryBudget budget;
  MemoryAccount account(budget);
  Message* message = Message::create(account, MessageKind::kData, 1);
  const std::string text(Message::kMappedBytes * 2, 'x');
  ASSERT_TRUE(Message::append(account, message, reinterpret_cast<const u8*>(text.data()), text.size()));
  Message::destroy(account, message);
  account.settle();
  EXPECT_EQ(budget.used_bytes(), 0u);
}

TEST_F(MessageTest, ACapacityHintDrivesNoLargeAllocation) {
  Message* message = Message::create(account_, MessageKind::kData, 0, u64{1} << 60);
  ASSERT_NE(message, nullptr);
  EXPECT_LE(message->capacity_bytes, Message::kMaxCapacityHint);
  Message::destroy(account_, message);
}

TEST_F(MessageTest, RefusesToGrowBeyondTheLimit) {
  Message* message = Message::create(account_, MessageKind::kData, 0);
  const std::vector<u8> chunk(64 * 1024, 7);
  u64 appended = 0;
  while (Message::append(account_, message, chunk.data(), chunk.size())) appended += chunk.size();
  EXPECT_LT(appended, u64{1} << 20);
  EXPECT_EQ(message->size_bytes, appended);
  Message::destroy(account_, message);
}

TEST_F(MessageTest, ResourcesKeepTheirIndexesAndDieWithTheMessage) {
  Message* message = Message::create(account_, MessageKind::kData, 0);
  auto handle = std::make_shared<int>(5);
  for (u64 i = 0; i < 9; ++i) {
    EXPECT_EQ(message->push_resource(account_, {.kind = ResourceKind::kModule, .handle = handle}), i);
  }
  EXPECT_EQ(handle.use_count(), 10);
  MessageResource* third = message->resource_at(3);
  third->kind = ResourceKind::kTaken;
  third->handle.reset();
  EXPECT_EQ(message->resource_count(), 9u);
  EXPECT_EQ(message->resource_at(4)->kind, ResourceKind::kModule);
  EXPECT_EQ(message->resource_at(9), nullptr);
  Message::destroy(account_, message);
  EXPECT_EQ(handle.use_count(), 1);
}

}  // namespace
}  // namespace lunabeam::runtime
