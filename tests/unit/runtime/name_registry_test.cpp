#include "runtime/name_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lunabeam::runtime {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

TEST(NameRegistry, PutOverwritesAndGetFinds) {
  NameRegistry registry;
  EXPECT_EQ(registry.get("a"), std::nullopt);
  registry.put("a", {0, 1});
  registry.put("a", {0, 2});
  EXPECT_EQ(registry.get("a"), (NodeAndPid{0, 2}));
  EXPECT_EQ(registry.size(), 1u);
  EXPECT_TRUE(registry.names_of({0, 1}).empty());
  EXPECT_THAT(registry.names_of({0, 2}), ElementsAre("a"));
}

TEST(NameRegistry, PutIfAbsentKeepsTheFirst) {
  NameRegistry registry;
  EXPECT_EQ(registry.put_if_absent("a", {0, 1}), std::nullopt);
  EXPECT_EQ(registry.put_if_absent("a", {0, 2}), (NodeAndPid{0, 1}));
  EXPECT_EQ(registry.get("a"), (NodeAndPid{0, 1}));
}

TEST(NameRegistry, NamesOfAProcessFollowRemoval) {
  NameRegistry registry;
  registry.put("a", {0, 1});
  registry.put("b", {0, 1});
  registry.put("c", {7, 1});  // Another node's process 1.
  EXPECT_THAT(registry.names_of({0, 1}), UnorderedElementsAre("a", "b"));
  registry.remove("a");
  registry.remove("nobody");
  EXPECT_THAT(registry.names_of({0, 1}), ElementsAre("b"));
}

TEST(NameRegistry, AProcessMayHaveManyNames) {
  // Quadratic work would take minutes.
  NameRegistry registry;
  for (int i = 0; i < 300'000; ++i) registry.put(std::to_string(i), {0, 1});
  for (int i = 0; i < 300'000; ++i) registry.put(std::to_string(i), {0, 1});
  EXPECT_EQ(registry.names_of({0, 1}, 3).size(), 3u);
  for (int i = 0; i < 300'000; ++i) registry.remove(std::to_string(i));
  EXPECT_EQ(registry.size(), 0u);
  EXPECT_TRUE(registry.names_of({0, 1}).empty());
}

}  // namespace
}  // namespace lunabeam::runtime
