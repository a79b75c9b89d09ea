#include "runtime/resource_table.h"

#include <gtest/gtest.h>

#include <memory>

namespace lunabeam::runtime {
namespace {

TEST(ResourceTable, IsDroppedInSteps) {
  ResourceTable<std::shared_ptr<int>> table;
  const auto value = std::make_shared<int>(1);
  for (u64 id = 0; id < 1000; ++id) EXPECT_EQ(table.add(value), id);
  for (u64 id = 0; id < 1000; id += 3) EXPECT_TRUE(table.take(id).has_value());
  EXPECT_EQ(table.size(), 666u);
  u32 steps = 0;
  for (u32 work = 100; !table.drop(work); work = 100) {
    EXPECT_EQ(work, 0u);
    ++steps;
    EXPECT_EQ(table.find(0), nullptr);
    EXPECT_EQ(static_cast<u64>(value.use_count()), 1 + table.size());
  }
  EXPECT_GE(steps, 6u);
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(value.use_count(), 1);
  EXPECT_EQ(table.add(value), 1000u);  // Numbers are not used again.
}

}  // namespace
}  // namespace lunabeam::runtime
