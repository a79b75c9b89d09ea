#include "runtime/block_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <set>
#include <thread>
#include <vector>

namespace lunabeam::runtime {
namespace {

void expect_nothing_live(BlockPool& pool) {
  const BlockPool::Stats stats = pool.stats();
  EXPECT_EQ(stats.live_blocks, 0u);
  EXPECT_EQ(stats.live_bytes, 0u);
}

TEST(BlockPool, RoundsUpToClasses) {
  EXPECT_EQ(BlockPool::block_bytes(1), 512u);
  EXPECT_EQ(BlockPool::block_bytes(512), 512u);
  EXPECT_EQ(BlockPool::block_bytes(513), 1024u);
  EXPECT_EQ(BlockPool::block_bytes(32 * 1024), 32u * 1024);
}

TEST(BlockPool, GivesDistinctAlignedWritableBlocksOfEveryClass) {
  BlockPool pool;
  struct Block {
    u8* begin;
    u64 bytes;
    u8 fill;
  };
  std::vector<Block> blocks;
  std::set<std::pair<u8*, u8*>> ranges;
  for (u32 round = 0; round < 300; ++round) {
    for (u64 bytes = BlockPool::kMinBlockBytes; bytes <= BlockPool::kMaxBlockBytes; bytes *= 2) {
      auto* begin = static_cast<u8*>(pool.allocate(bytes));
      ASSERT_NE(begin, nullptr);
      ASSERT_EQ(reinterpret_cast<u64>(begin) % std::min<u64>(bytes, 4096), 0u);
      const auto fill = static_cast<u8>(round * 7 + bytes);
      std::memset(begin, fill, bytes);
      blocks.push_back({begin, bytes, fill});
      ASSERT_TRUE(ranges.emplace(begin, begin + bytes).second);
    }
  }
  const u8* end = nullptr;
  for (const auto& [lo, hi] : ranges) {
    ASSERT_GE(lo, end);
    end = hi;
  }
  for (const Block& block : blocks) {
    ASSERT_TRUE(std::all_of(block.begin, block.begin + block.bytes, [&](u8 byte) { return byte == block.fill; }));
  }
  const BlockPool::Stats stats = pool.stats();
  for (const auto& of_class : stats.classes) EXPECT_EQ(of_class.live_blocks, 300u) << of_class.block_bytes;
  EXPECT_EQ(stats.live_bytes, 300u * (1024 * 64 - 512));
  for (const Block& block : blocks) pool.free(block.begin, block.bytes);
  expect_nothing_live(pool);
}

TEST(BlockPool, ReusesTheBlockFreedLast) {
  BlockPool pool;
  void* keep = pool.allocate(1000);
  void* first = pool.allocate(1000);
  pool.free(first, 1000);
  EXPECT_EQ(pool.allocate(600), first);
  pool.free(first, 600);
  pool.free(keep, 1000);
  expect_nothing_live(pool);
}

TEST(BlockPool, ReleasesEmptyChunksButOne) {
  BlockPool pool;
  std::vector<void*> blocks;
  for (u32 i = 0; i < 1000; ++i) blocks.push_back(pool.allocate(32 * 1024));
  EXPECT_GE(pool.stats().chunks, 1000u / 62);
  for (void* block : blocks) pool.free(block, 32 * 1024);
  EXPECT_LE(pool.stats().chunks, 2u);
  expect_nothing_live(pool);
}

TEST(BlockPool, SurvivesRandomTraffic) {
  BlockPool pool;
  std::mt19937 random(20240607);
  struct Block {
    u8* begin;
    u64 bytes;
    u8 tag;
  };
  std::vector<Block> live;
  for (u32 step = 0; step < 60'000; ++step) {
    const bool grow = live.empty() || random() % 100 < (step % 20'000 < 10'000 ? 60u : 40u);
    if (grow) {
      const u64 bytes = 1 + random() % BlockPool::kMaxBlockBytes;
      auto* begin = static_cast<u8*>(pool.allocate(bytes));
      ASSERT_NE(begin, nullptr);
      const auto tag = static_cast<u8>(random());
      begin[0] = begin[bytes - 1] = tag;
      live.push_back({begin, bytes, tag});
    } else {
      std::swap(live[random() % live.size()], live.back());
      const Block block = live.back();
      live.pop_back();
      ASSERT_EQ(block.begin[0], block.tag);
      ASSERT_EQ(block.begin[block.bytes - 1], block.tag);
      pool.free(block.begin, block.bytes);
    }
  }
  EXPECT_EQ(pool.stats().live_blocks, live.size());
  for (const Block& block : live) pool.free(block.begin, block.bytes);
  expect_nothing_live(pool);
}

// One thread allocates, the other frees what it is handed through its own pool.
TEST(BlockPool, TakesBlocksBackFromOtherWorkers) {
  constexpr u32 kBlocks = 20'000;
  BlockPool owner;
  BlockPool other;
  std::vector<std::atomic<void*>> handed(kBlocks);
  std::thread freeing([&] {
    for (u32 i = 0; i < kBlocks; ++i) {
      void* block = nullptr;
      while ((block = handed[i].load(std::memory_order_acquire)) == nullptr) std::this_thread::yield();
      other.free(block, 512 + i % 3 * 600);
    }
  });
  std::set<void*> seen;
  for (u32 i = 0; i < kBlocks; ++i) {
    void* block = owner.allocate(512 + i % 3 * 600);
    std::memset(block, 0xEE, 512);
    seen.insert(block);
    handed[i].store(block, std::memory_order_release);
  }
  freeing.join();
  EXPECT_LE(seen.size(), kBlocks);
  expect_nothing_live(owner);
  expect_nothing_live(other);
}

}  // namespace
}  // namespace lunabeam::runtime
