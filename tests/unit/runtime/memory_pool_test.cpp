#include "runtime/memory_pool.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fstream>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "runtime/memory_account.h"
#include "runtime/memory_arena.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LUNABEAM_SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LUNABEAM_SANITIZED 1
#endif

namespace lunabeam::runtime {
namespace {

#if defined(LUNABEAM_SANITIZED)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

constexpr u64 kPage = vm::kWasmPageBytes;
constexpr u64 kAddressSpace = u64{1} << 32;

vm::MemoryInst empty_memory(u64 max_bytes = kAddressSpace) {
  vm::MemoryInst memory;
  memory.max_bytes = max_bytes;
  return memory;
}

// An image whose runs begin and end inside pages, span some, and leave gaps of all kinds.
class Image {
 public:
  explicit Image(u8 seed) {
    for (const auto& [offset, size] :
         {std::pair<u64, u64>{10, 20}, {30, 5}, {4000, 200}, {8192, 4096}, {20000, 9000}}) {
      auto& bytes = storage_.emplace_back(size);
      for (u64 i = 0; i < size; ++i) bytes[i] = static_cast<u8>(seed + i * 3);
      runs_.push_back({offset, bytes.data(), size});
    }
    image_.runs = runs_.data();
    image_.num_runs = static_cast<u32>(runs_.size());
    image_.end_bytes = runs_.back().offset + runs_.back().size;
  }
  const vm::MemoryImage* get() const { return &image_; }

  // What a fresh memory of `size` bytes must hold.
  std::vector<u8> expected(u64 size) const {
    std::vector<u8> bytes(size);
    for (const auto& run : runs_) std::memcpy(bytes.data() + run.offset, run.bytes, run.size);
    return bytes;
  }

 private:
  std::vector<std::vector<u8>> storage_;
  std::vector<vm::MemoryImage::Run> runs_;
  vm::MemoryImage image_;
};

bool is_zero(const u8* bytes, u64 size) {
  return std::all_of(bytes, bytes + size, [](u8 byte) { return byte == 0; });
}

bool equals(const vm::MemoryInst& memory, const std::vector<u8>& expected) {
  return memory.size_bytes == expected.size() && std::memcmp(memory.base, expected.data(), expected.size()) == 0;
}

// Everything holds whether or not pagemap can be read.
class MemoryPoolTest : public testing::TestWithParam<bool> {
 protected:
  MemoryPool::Options options() const { return {.use_pagemap = GetParam()}; }
};

INSTANTIATE_TEST_SUITE_P(Pagemap, MemoryPoolTest, testing::Bool(),
                         [](const auto& instance) { return instance.param ? "read" : "absent"; });

TEST_P(MemoryPoolTest, AReservedMemoryCountsAndGetsItsBytesLater) {
  MemoryBudget budget(2 * kPage);
  MemoryPool pool(budget, options());
  const Image image(3);
  vm::MemoryInst first = empty_memory();
  vm::MemoryInst second = empty_memory();
  vm::MemoryInst third = empty_memory();
  ASSERT_TRUE(pool.reserve(first, kPage));
  ASSERT_TRUE(pool.reserve(second, kPage));
  EXPECT_FALSE(pool.reserve(third, kPage));
  EXPECT_EQ(first.base, nullptr);
  EXPECT_EQ(budget.used_bytes(), 2 * kPage);
  EXPECT_EQ(pool.stats().live_memories, 2);
  EXPECT_EQ(pool.stats().live_slots, 0);

  ASSERT_TRUE(MemoryPool::is_reserved(first));
  ASSERT_TRUE(pool.fill(first, image.get(), 1));
  EXPECT_FALSE(MemoryPool::is_reserved(first));
  EXPECT_TRUE(equals(first, image.expected(kPage)));
  EXPECT_EQ(pool.stats().live_memories, 2);
  EXPECT_EQ(pool.stats().live_slots, 1);

  pool.free(second, 1);  // Never filled.
  pool.free(first, 1);
  EXPECT_EQ(budget.used_bytes(), 0u);
  EXPECT_EQ(pool.stats().live_memories, 0);
  EXPECT_EQ(pool.stats().live_slots, 0);
}

TEST_P(MemoryPoolTest, LargeBlocksAreFreedInSteps) {
  MemoryBudget budget;
  MemoryPool pool(budget, options());
  const auto touched = [](u64 bytes) {
    void* const block = std::malloc(bytes);
    std::memset(block, 1, bytes);
    return block;
  };
  constexpr u64 kMiB = u64{1} << 20;
  pool.free_in_steps(touched(kMiB), kMiB);
  EXPECT_FALSE(pool.release_step());
  pool.free_in_steps(touched(20 * kMiB + 8), 20 * kMiB + 8);
  pool.free_in_steps(touched(9 * kMiB), 9 * kMiB);
  int steps = 0;
  while (pool.release_step()) ++steps;
  EXPECT_EQ(steps, 6 + 3);
  // Who frees more than can be given back meanwhile pays for it.
  for (int i = 0; i < 20; ++i) pool.free_in_steps(touched(16 * kMiB), 16 * kMiB);
  steps = 0;
  while (pool.release_step()) ++steps;
  EXPECT_GT(steps, 0);
  EXPECT_LE(steps, (64 + 16) / 4);
}

TEST_P(MemoryPoolTest, NeverLeaksBytesOfAnEarlierMemory) {
  MemoryBudget budget;
  MemoryPool pool(budget, options());
  const Image image(1), other(2);
  const u64 sizes[] = {kPage, 2 * kPage, 5 * kPage, 17 * kPage, 40 * kPage, 64 * kPage, 70 * kPage};
  for (u32 round = 0; round < 60; ++round) {
    for (const u64 size : sizes) {
      const Image* with = round % 3 == 0 ? nullptr : round % 3 == 1 ? &image : &other;
      vm::MemoryInst memory = empty_memory();
      ASSERT_TRUE(pool.allocate(memory, size, with != nullptr ? with->get() : nullptr, round % 2));
      ASSERT_TRUE(equals(memory, with != nullptr ? with->expected(size) : std::vector<u8>(size)));
      // Secrets on a few pages, or on all of them.
      if (round % 5 == 0) {
        std::memset(memory.base, 0xA5, size);
      } else {
        for (u64 i = 0; i < 4; ++i) std::memset(memory.base + (round * 7919 + i * 4096 * 5) % (size - 64), 0xA5, 64);
      }
      pool.free(memory, round % 2);
      EXPECT_EQ(memory.base, nullptr);
    }
    if (round % 20 == 10) pool.settle();
  }
  pool.trim();
  EXPECT_EQ(budget.used_bytes(), 0u);
}

TEST_P(MemoryPoolTest, GrowthInPlaceUncoversZeros) {
  MemoryBudget budget;
  MemoryPool pool(budget, options());
  for (u32 round = 0; round < 40; ++round) {
    vm::MemoryInst memory = empty_memory();
    ASSERT_TRUE(pool.allocate(memory, kPage, nullptr, 1));
    std::memset(memory.base, 0x11, kPage);
    ASSERT_TRUE(pool.grow(memory, 3 * kPage));
    ASSERT_EQ(memory.size_bytes, 3 * kPage);
    ASSERT_TRUE(is_zero(memory.base + kPage, 2 * kPage));
    ASSERT_EQ(memory.base[kPage - 1], 0x11);
    std::memset(memory.base + kPage, 0x22, 2 * kPage);
    pool.free(memory, 1);
  }
}

// Pages of one byte: sizes that are no multiple of anything.
TEST_P(MemoryPoolTest, SizesInBytes) {
  MemoryBudget budget;
  MemoryPool pool(budget, options());
  const Image image(3);
  for (u32 round = 0; round < 3; ++round) {
    vm::MemoryInst small = empty_memory();
    ASSERT_TRUE(pool.allocate(small, 13, nullptr, 5));
    EXPECT_EQ(small.size_bytes, 13u);
    EXPECT_EQ(budget.used_bytes(), 4096u);  // What it costs the machine.
    for (u64 size = 14; size < 9000; ++size) {
      ASSERT_TRUE(pool.grow(small, size));
      ASSERT_EQ(small.base[size - 1], 0);
      small.base[size - 1] = static_cast<u8>(size);
    }
    for (u64 at = 13; at < 8999; ++at) ASSERT_EQ(small.base[at], static_cast<u8>(at + 1));
    EXPECT_EQ(budget.used_bytes(), 12288u);
    pool.free(small, 5);
  }
  vm::MemoryInst memory = empty_memory();
  u64 size = image.get()->end_bytes + 1;
  ASSERT_TRUE(pool.allocate(memory, size, image.get(), 6));
  std::vector<u8> model = image.expected(size);
  while (size < 6 * 1024 * 1024) {  // Through all slots into a mapping.
    size += 1 + size / 3;
    ASSERT_TRUE(pool.grow(memory, size));
    model.resize(size);
    ASSERT_TRUE(equals(memory, model)) << size;
    memory.base[size - 1] = model[size - 1] = 0x77;
  }
  pool.free(memory, 6);
  pool.trim();
  EXPECT_EQ(budget.used_bytes(), 0u);
}

TEST_P(MemoryPoolTest, GrowsThroughSlotsIntoAMappingOfItsOwn) {
  MemoryBudget budget;
  MemoryPool pool(budget, options());
  vm::MemoryInst memory = empty_memory();
  const Image image(9);
  ASSERT_TRUE(pool.allocate(memory, kPage, image.get(), 1));
  std::vector<u8> model = image.expected(kPage);
  std::mt19937 random(7);
  for (u64 pages = 2; pages <= 400; pages += 1 + pages / 7) {
    ASSERT_TRUE(pool.grow(memory, pages * kPage));
    model.resize(pages * kPage);
    ASSERT_TRUE(equals(memory, model)) << pages;
    for (u32 i = 0; i < 10; ++i) {
      const u64 at = random() % model.size();
      model[at] = memory.base[at] = static_cast<u8>(random() | 1);
    }
  }
  EXPECT_GE(pool.stats().moves, 4u);
  EXPECT_EQ(pool.stats().own_mappings, 1);
  EXPECT_EQ(budget.used_bytes(), memory.size_bytes);
  pool.free(memory, 1);
  EXPECT_EQ(pool.stats().own_mappings, 0);
  pool.trim();
  EXPECT_EQ(budget.used_bytes(), 0u);
}

TEST_P(MemoryPoolTest, SurvivesRandomTraffic) {
  MemoryBudget budget;
  MemoryPool pool(budget, {.resident_limit_bytes = 600 * 1024, .use_pagemap = GetParam()});
  const Image images[] = {Image(1), Image(50), Image(100)};
  struct Live {
    vm::MemoryInst memory;
    std::vector<u8> model;
    u64 key;
  };
  std::vector<Live> live;
  std::mt19937 random(42);
  for (u32 step = 0; step < 3000; ++step) {
    const u32 choice = random() % 10;
    if (live.empty() || (choice < 4 && live.size() < 40)) {
      const u64 key = random() % 3;
      const u64 size = (1 + random() % (key == 2 ? 20 : 2)) * kPage;
      Live& entry = live.emplace_back(Live{empty_memory(), images[key].expected(size), key});
      ASSERT_TRUE(pool.allocate(entry.memory, size, images[key].get(), key));
      ASSERT_TRUE(equals(entry.memory, entry.model));
      continue;
    }
    std::swap(live[random() % live.size()], live.back());
    Live& entry = live.back();
    if (choice < 7) {
      for (u32 i = 0; i < 6; ++i) {
        const u64 at = random() % entry.model.size();
        entry.model[at] = entry.memory.base[at] = static_cast<u8>(random());
      }
    } else if (choice < 8 && entry.model.size() < 90 * kPage) {
      const u64 size = entry.model.size() + (1 + random() % 3) * kPage;
      ASSERT_TRUE(pool.grow(entry.memory, size));
      entry.model.resize(size);
    } else {
      ASSERT_TRUE(equals(entry.memory, entry.model));
      pool.free(entry.memory, entry.key);
      live.pop_back();
    }
    ASSERT_LE(pool.stats().resident_bytes, 600u * 1024);
  }
  for (Live& entry : live) {
    ASSERT_TRUE(equals(entry.memory, entry.model));
    pool.free(entry.memory, entry.key);
  }
  EXPECT_EQ(budget.used_bytes(), 0u);
  EXPECT_EQ(pool.stats().live_memories, 0);
  pool.trim();
  EXPECT_EQ(pool.stats().resident_bytes, 0u);
  EXPECT_EQ(pool.stats().hot_slots, 0u);
}

TEST_P(MemoryPoolTest, RefusesBeyondTheBudgetAndLeavesTheMemoryAsItWas) {
  MemoryBudget budget(10 * kPage);
  MemoryPool pool(budget, options());
  vm::MemoryInst first = empty_memory(), second = empty_memory();
  EXPECT_FALSE(pool.allocate(first, 11 * kPage, nullptr, 1));
  EXPECT_EQ(budget.used_bytes(), 0u);
  ASSERT_TRUE(pool.allocate(first, 6 * kPage, nullptr, 1));
  EXPECT_FALSE(pool.allocate(second, 5 * kPage, nullptr, 1));
  u8* const base = first.base;
  EXPECT_FALSE(pool.grow(first, 11 * kPage));
  EXPECT_EQ(first.base, base);
  EXPECT_EQ(first.size_bytes, 6 * kPage);
  EXPECT_TRUE(pool.grow(first, 10 * kPage));
  pool.free(first, 1);
  EXPECT_EQ(budget.used_bytes(), 0u);
}

TEST_P(MemoryPoolTest, HoldsMemoriesOfNoPages) {
  MemoryBudget budget;
  MemoryPool pool(budget, options());
  vm::MemoryInst memory = empty_memory();
  ASSERT_TRUE(pool.allocate(memory, 0, nullptr, 1));
  EXPECT_EQ(memory.size_bytes, 0u);
  ASSERT_TRUE(pool.grow(memory, kPage));
  EXPECT_TRUE(is_zero(memory.base, kPage));
  pool.free(memory, 1);
}

TEST(MemoryPool, ReusesHotSlotsOfTheSameModule) {
  MemoryBudget budget;
  MemoryPool pool(budget);
  for (u32 i = 0; i < 200; ++i) {
    vm::MemoryInst memory = empty_memory();
    ASSERT_TRUE(pool.allocate(memory, kPage, nullptr, 77));
    memory.base[0] = memory.base[5000] = 1;
    pool.free(memory, 77);
  }
  const MemoryPool::Stats stats = pool.stats();
  EXPECT_LE(stats.fresh_slots, 40u);
  EXPECT_GE(stats.reused_slots, 160u);
  EXPECT_LE(stats.resident_bytes, 40u * 2 * 4096);
}

TEST(MemoryPool, LeavesTheHeadroomThatEarlierMemoriesNeeded) {
  MemoryBudget budget;
  MemoryPool pool(budget);
  for (u32 i = 0; i < 50; ++i) {
    vm::MemoryInst memory = empty_memory();
    ASSERT_TRUE(pool.allocate(memory, 17 * kPage, nullptr, 5));
    for (u64 pages = 18; pages <= 22; ++pages) ASSERT_TRUE(pool.grow(memory, pages * kPage));
    pool.free(memory, 5);
  }
  EXPECT_LE(pool.stats().moves, 2u);
}

TEST(MemoryPool, KeepsNoMoreThanTheResidentLimit) {
  MemoryBudget budget;
  MemoryPool pool(budget, {.resident_limit_bytes = 1 << 20});
  std::vector<vm::MemoryInst> memories(200, empty_memory());
  for (vm::MemoryInst& memory : memories) {
    ASSERT_TRUE(pool.allocate(memory, kPage, nullptr, 3));
    std::memset(memory.base, 1, kPage);
  }
  for (vm::MemoryInst& memory : memories) pool.free(memory, 3);
  pool.settle();
  EXPECT_EQ(pool.stats().resident_bytes, 1u << 20);
  EXPECT_EQ(pool.stats().hot_slots, 16u);
}

// More modules than the pool remembers: what is forgotten gives its pages back.
TEST(MemoryPool, ForgetsOldModules) {
  MemoryBudget budget;
  MemoryPool pool(budget);
  for (u64 key = 0; key < 5000; ++key) {
    vm::MemoryInst memory = empty_memory();
    ASSERT_TRUE(pool.allocate(memory, kPage, nullptr, key << 8));
    ASSERT_TRUE(is_zero(memory.base, kPage));
    memory.base[key] = 1;
    pool.free(memory, key << 8);
  }
  EXPECT_LE(pool.stats().hot_slots, 256u);
}

// Resident bytes and page tables of this program.
u64 footprint_bytes() {
  std::ifstream status("/proc/self/status");
  u64 total_kib = 0;
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:") || line.starts_with("VmPTE:")) total_kib += std::stoull(line.substr(6));
  }
  return total_kib * 1024;
}

TEST(MemoryPool, AMemoryCostsThePagesThatAreWritten) {
  if (kSanitized) GTEST_SKIP() << "shadow memory counts too";
  constexpr u64 kMemories = 20'000;
  MemoryBudget budget;
  MemoryPool pool(budget);
  std::vector<vm::MemoryInst> memories(kMemories, empty_memory());
  const u64 before = footprint_bytes();
  for (vm::MemoryInst& memory : memories) {
    ASSERT_TRUE(pool.allocate(memory, kPage, nullptr, 3));
    memory.base[0] = memory.base[40'000] = 1;
  }
  const u64 each = (footprint_bytes() - before) / kMemories;
  RecordProperty("bytes_per_memory", std::to_string(each));
  EXPECT_GE(each, 2u * 4096);
  EXPECT_LE(each, 2u * 4096 + 512);
  for (vm::MemoryInst& memory : memories) pool.free(memory, 3);
}

// The first page of the memory that was at `base`.
bool is_resident(u8* base) {
  unsigned char state = 0;
  EXPECT_EQ(::mincore(base, 4096, &state), 0);
  return (state & 1) != 0;
}

TEST(MemoryPool, GivesBackWholePagesOfTheKernelOnly) {
  if (::sysconf(_SC_PAGESIZE) != 4096) GTEST_SKIP() << "larger pages hide what is given back";
  MemoryBudget budget;
  for (const u64 host_page_bytes : {4 * slot_class::kKiB, 64 * slot_class::kKiB}) {
    MemoryPool pool(budget, {.use_pagemap = false, .host_page_bytes = host_page_bytes});
    vm::MemoryInst small = empty_memory(), neighbour = empty_memory(), large = empty_memory();
    ASSERT_TRUE(pool.allocate(small, 4096, nullptr, 1) && pool.allocate(neighbour, 4096, nullptr, 1));
    ASSERT_TRUE(pool.allocate(large, kPage, nullptr, 1));
    u8* const bases[] = {small.base, large.base};
    for (vm::MemoryInst* memory : {&small, &neighbour, &large}) std::memset(memory->base, 0xA5, memory->size_bytes);
    pool.free(small, 1);
    pool.free(large, 1);
    pool.trim();
    EXPECT_EQ(is_resident(bases[0]), host_page_bytes > 4096);
    EXPECT_FALSE(is_resident(bases[1]));
    EXPECT_EQ(neighbour.base[0], 0xA5);
    pool.free(neighbour, 1);
  }
}

TEST(MemoryPool, MapsWholePagesOfEveryKernel) {
  MemoryBudget budget;
  MemoryPool pool(budget);
  vm::MemoryInst memory = empty_memory();
  ASSERT_TRUE(pool.allocate(memory, 5'000'001, nullptr, 1));
  EXPECT_EQ(pool.stats().own_mappings, 1);
  EXPECT_EQ(memory.capacity_bytes % 65536, 0u);
  ASSERT_TRUE(pool.grow(memory, 9'000'001));
  EXPECT_EQ(memory.capacity_bytes % 65536, 0u);
  pool.free(memory, 1);
}

TEST(MemoryPool, TakesSlotsBackFromOtherWorkers) {
  MemoryBudget budget;
  MemoryPool owner(budget), other(budget);
  constexpr u32 kMemories = 2000;
  std::vector<vm::MemoryInst> memories(kMemories, empty_memory());
  std::atomic<u32> ready{0};
  std::thread freeing([&] {
    for (u32 i = 0; i < kMemories; ++i) {
      while (ready.load(std::memory_order_acquire) <= i) std::this_thread::yield();
      if (i % 4 == 0) {
        ASSERT_TRUE(other.grow(memories[i], 2 * kPage));
      }
      other.free(memories[i], 1);
    }
  });
  for (u32 i = 0; i < kMemories; ++i) {
    ASSERT_TRUE(owner.allocate(memories[i], kPage, nullptr, 1));
    ASSERT_TRUE(is_zero(memories[i].base, kPage));
    memories[i].base[i] = 0xFF;
    ready.store(i + 1, std::memory_order_release);
  }
  freeing.join();
  owner.settle();
  other.settle();
  EXPECT_EQ(owner.stats().live_memories + other.stats().live_memories, 0);
  EXPECT_EQ(budget.used_bytes(), 0u);
}

// A worker that spawns while another does all the dying: every slot comes back from there, and none from here.
TEST_P(MemoryPoolTest, CarvesNoMoreThanLivesWhereOthersFree) {
  MemoryBudget budget;
  MemoryPool owner(budget, options()), other(budget, options());
  std::set<u8*> places;
  for (u32 i = 0; i < 20'000; ++i) {
    vm::MemoryInst memory = empty_memory();
    ASSERT_TRUE(owner.allocate(memory, kPage, nullptr, 1));
    memory.base[0] = 0xFF;
    places.insert(memory.base);
    other.free(memory, 1);
  }
  owner.settle();
  EXPECT_EQ(owner.stats().live_slots + other.stats().live_slots, 0);
  // Some batches wait to be looked at or evicted, and slots are carved by the run.
  EXPECT_LE(places.size(), 80u);
}

// What one worker frees and has no time to unmap is charged until then, and makes room when somebody needs it.
TEST_P(MemoryPoolTest, LargeMemoriesInARowDoNotPileUp) {
  constexpr u64 kLimit = u64{40} << 20;
  MemoryBudget budget(kLimit);
  {
    MemoryPool pool(budget, options());
    MemoryAccount account(budget, &pool);
    for (u32 i = 0; i < 50; ++i) {
      vm::MemoryInst memory = empty_memory();
      ASSERT_TRUE(pool.allocate(memory, u64{8} << 20, nullptr, 1)) << i;
      std::memset(memory.base, 1, memory.size_bytes);
      pool.free(memory, 1);
      ASSERT_LE(pool.stats().dying_bytes, budget.used_bytes());
      ASSERT_LE(pool.stats().dying_bytes, kLimit / 8);
    }
    vm::MemoryInst memory = empty_memory();
    ASSERT_TRUE(pool.allocate(memory, kLimit, nullptr, 1));
    pool.free(memory, 1);
    EXPECT_TRUE(account.charge(kLimit));
    account.release(kLimit);
    account.settle();
  }
  EXPECT_EQ(budget.used_bytes(), 0u);
}

// Much at once goes in steps.
TEST(MemoryPool, TheEndOfALargeMemoryIsBounded) {
  MemoryBudget budget;
  MemoryPool pool(budget);
  constexpr u64 kSize = u64{1} << 30;
  vm::MemoryInst memory = empty_memory();
  ASSERT_TRUE(pool.allocate(memory, kSize, nullptr, 1));
  pool.free(memory, 1);
  EXPECT_GE(pool.stats().dying_bytes, kSize - (u64{128} << 20));
  EXPECT_GE(budget.used_bytes(), kSize - (u64{128} << 20));
  while (pool.release_step()) {
  }
  EXPECT_EQ(pool.stats().dying_bytes, 0u);
  EXPECT_EQ(budget.used_bytes(), 0u);
}

// One that asks for too much again and again takes nothing from those who fit.
TEST(MemoryBudget, ARefusedChargeIsNeverAdded) {
  MemoryBudget budget(1000);
  std::atomic<bool> ends = false;
  std::thread hog([&] {
    for (u32 i = 0; i < 1'000'000; ++i) EXPECT_FALSE(budget.charge(1001));
    ends.store(true, std::memory_order_relaxed);
  });
  u64 refused = 0;
  while (!ends.load(std::memory_order_relaxed)) {
    if (budget.charge(1000)) {
      budget.refund(1000);
    } else {
      ++refused;
    }
  }
  hog.join();
  EXPECT_EQ(refused, 0u);
  EXPECT_EQ(budget.used_bytes(), 0u);
}

// An owner that sleeps would keep what others have freed resident.
TEST_P(MemoryPoolTest, WakesItsOwnerWhenOthersHaveFreedMuch) {
  MemoryBudget budget;
  u64 wakes = 0;
  MemoryPool::Options woken = options();
  woken.wake_owner = [](void* context) noexcept { ++*static_cast<u64*>(context); };
  woken.wake_context = &wakes;
  MemoryPool owner(budget, woken), other(budget, options());
  constexpr u64 kSize = u64{1} << 20;
  std::vector<vm::MemoryInst> memories(40, empty_memory());
  for (vm::MemoryInst& memory : memories) ASSERT_TRUE(owner.allocate(memory, kSize, nullptr, 1));
  for (vm::MemoryInst& memory : memories) other.free(memory, 1);
  EXPECT_EQ(wakes, 40 * kSize / MemoryPool::kRemoteBytesPerWake);
  owner.settle();
}

TEST(SlotClass, FitsTightlyWhereRustGuestsLand) {
  for (u64 pages = 16; pages <= 24; ++pages) {
    EXPECT_EQ(slot_class::kBytes[slot_class::of(pages * kPage)], pages * kPage);
  }
  EXPECT_EQ(slot_class::kBytes[slot_class::of(1)], 4096u);
  EXPECT_EQ(slot_class::kBytes[slot_class::of(slot_class::kLargestRegular)], slot_class::kLargestRegular);
}

}  // namespace
}  // namespace lunabeam::runtime
