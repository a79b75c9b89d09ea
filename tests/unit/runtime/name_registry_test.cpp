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

}  // namespace
}  // namespace lunabeam::runtime
