#include "runtime/mailbox.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

namespace lunabeam::runtime {
namespace {

class MailboxTest : public testing::Test {
 protected:
  void TearDown() override {
    while (mailbox_.size() != 0) Message::destroy(account_, mailbox_.pop_front());
    EXPECT_EQ(account_.live_messages, 0);
  }
  void push(i64 tag, u64 id) {
    Message* message = Message::create(account_, MessageKind::kData, tag);
    message->process_id = id;
    mailbox_.push_back(message);
  }
  // The id of the message that was taken, 0 when there was none.
  u64 take(std::initializer_list<i64> tags) {
    tags_ = tags;
    Message* message =
        mailbox_.take({.bytes = reinterpret_cast<const u8*>(tags_.data()), .count = static_cast<u32>(tags_.size())});
    if (message == nullptr) return 0;
    const u64 id = message->process_id;
    Message::destroy(account_, message);
    return id;
  }

  MemoryBudget budget_;
  MemoryAccount account_{budget_};
  Mailbox mailbox_;
  std::vector<i64> tags_;
};

TEST_F(MailboxTest, TakesTheOldestWithoutTags) {
  push(0, 1);
  push(7, 2);
  EXPECT_EQ(take({}), 1u);
  EXPECT_EQ(take({}), 2u);
  EXPECT_EQ(take({}), 0u);
}

TEST_F(MailboxTest, TakesTheOldestWithOneOfTheTagsAndKeepsTheOrderOfTheOthers) {
  push(1, 1);
  push(2, 2);
  push(3, 3);
  push(2, 4);
  mailbox_.search_from_front();
  EXPECT_EQ(take({3, 2}), 2u);
  EXPECT_EQ(take({3, 2}), 3u);
  EXPECT_EQ(take({3, 2}), 4u);
  mailbox_.search_from_front();
  EXPECT_EQ(take({}), 1u);
}

TEST_F(MailboxTest, TagZeroInAListMatchesNothing) {
  push(0, 1);
  EXPECT_EQ(take({0}), 0u);
  mailbox_.search_from_front();
  EXPECT_EQ(take({0, 5}), 0u);
  mailbox_.search_from_front();
  EXPECT_EQ(take({}), 1u);
}

TEST_F(MailboxTest, AWaitingReceiveLooksOnlyAtWhatHasArrivedSince) {
  push(1, 1);
  EXPECT_EQ(take({2}), 0u);
  push(2, 2);
  push(1, 3);
  EXPECT_EQ(take({1}), 3u);  // Not message 1: it is in front of the marker.
  mailbox_.search_from_front();
  EXPECT_EQ(take({1}), 1u);
}

TEST_F(MailboxTest, SearchFromTheEndSkipsWhatWasThere) {
  push(5, 1);
  mailbox_.search_from_end();
  EXPECT_EQ(take({5}), 0u);
  push(5, 2);
  EXPECT_EQ(take({5}), 2u);
}

TEST_F(MailboxTest, SearchFromTheEndOfAnEmptyMailboxFindsWhatComes) {
  mailbox_.search_from_end();
  push(5, 1);
  EXPECT_EQ(take({5}), 1u);
}

TEST_F(MailboxTest, TakingTheLastMessageKeepsTheTail) {
  push(1, 1);
  push(2, 2);
  EXPECT_EQ(take({2}), 2u);
  push(3, 3);
  mailbox_.search_from_front();
  EXPECT_EQ(take({}), 1u);
  EXPECT_EQ(take({}), 3u);
  EXPECT_EQ(mailbox_.size(), 0u);
}

TEST_F(MailboxTest, TagsNeedNoAlignment) {
  push(0x0102'0304'0506'0708, 1);
  alignas(8) u8 memory[24] = {};
  const i64 tag = 0x0102'0304'0506'0708;
  std::memcpy(memory + 3, &tag, sizeof tag);
  Message* message = mailbox_.take({.bytes = memory + 3, .count = 1});
  ASSERT_NE(message, nullptr);
  Message::destroy(account_, message);
}

}  // namespace
}  // namespace lunabeam::runtime
