// Memory images: overlapping segments, zero pages, what has none.
#include "vm/memory_image.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>

#include "tests/support/module_builder.h"

namespace lunabeam::vm {
namespace {

using namespace tests;  // NOLINT: the builder's words.

std::shared_ptr<Module> load(const ModuleBuilder& builder) {
  Result<std::shared_ptr<Module>> module = Module::load(builder.build(), nullptr);
  if (!module) {
    ADD_FAILURE() << module.error().message();
    return nullptr;
  }
  return *module;
}

// The memory of `size` bytes that the image describes; checks that runs are
// sorted, disjoint and not empty.
std::string apply(const MemoryImage& image, u64 size) {
  std::string memory(size, '\0');
  u64 end = 0;
  for (u32 i = 0; i < image.num_runs; ++i) {
    const MemoryImage::Run& run = image.runs[i];
    EXPECT_GE(run.offset, end);
    EXPECT_GT(run.size, 0u);
    end = run.offset + run.size;
    EXPECT_LE(end, size);
    std::memcpy(memory.data() + run.offset, run.bytes, run.size);
  }
  EXPECT_EQ(image.end_bytes, end);
  return memory;
}

TEST(MemoryImage, LaterSegmentsShowWhereTheyOverlap) {
  std::mt19937 random(3);
  for (u32 round = 0; round < 50; ++round) {
    ModuleBuilder builder;
    builder.memory(1);
    std::string model(kWasmPageBytes, '\0');
    for (u32 i = 0; i < 40; ++i) {
      const u64 size = random() % 300;
      const u64 offset = random() % 2000;
      const std::string bytes(size, static_cast<char>('A' + i));
      builder.data_active(i32_const(static_cast<i32>(offset)), bytes);
      model.replace(offset, size, bytes);
    }
    const std::shared_ptr<Module> module = load(builder);
    const MemoryImage* image = memory_image(*module, 0);
    ASSERT_NE(image, nullptr);
    ASSERT_EQ(apply(*image, kWasmPageBytes), model);
  }
}

TEST(MemoryImage, LeavesOutPagesOfZeros) {
  ModuleBuilder builder;
  builder.memory(1);
  std::string bytes(30'000, '\0');
  bytes[5'000] = 'x';
  bytes[29'999] = 'y';
  builder.data_active(i32_const(100), bytes);
  const std::shared_ptr<Module> module = load(builder);
  const MemoryImage* image = memory_image(*module, 0);
  ASSERT_NE(image, nullptr);
  std::string model(kWasmPageBytes, '\0');
  model.replace(100, bytes.size(), bytes);
  EXPECT_EQ(apply(*image, kWasmPageBytes), model);
  u64 total = 0;
  for (u32 i = 0; i < image->num_runs; ++i) total += image->runs[i].size;
  EXPECT_LE(total, 2u * 4096);
}

TEST(MemoryImage, PassiveSegmentsAreNoPartOfIt) {
  ModuleBuilder builder;
  builder.memory(1);
  builder.data_passive("passive");
  const std::shared_ptr<Module> module = load(builder);
  ASSERT_NE(memory_image(*module, 0), nullptr);
  EXPECT_EQ(memory_image(*module, 0)->num_runs, 0u);
}

TEST(MemoryImage, SegmentsOutOfBoundsOrWithVariableOffsetsAreRunOneByOne) {
  ModuleBuilder outside;
  outside.memory(1);
  outside.data_active(i32_const(65535), "ab");
  EXPECT_EQ(memory_image(*load(outside), 0), nullptr);
  ModuleBuilder variable;
  variable.import_global("env", "base", 'i', false);
  variable.memory(1);
  variable.data_active(global_get(0), "ab");
  EXPECT_EQ(memory_image(*load(variable), 0), nullptr);
}

}  // namespace
}  // namespace lunabeam::vm
