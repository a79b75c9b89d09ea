#include "runtime/sched/epoch.h"

#include <gtest/gtest.h>

namespace lunabeam::runtime {
namespace {

struct Object {
  Retired retired;
  bool freed = false;
};
void reclaim(Retired& retired, void* context) noexcept {
  reinterpret_cast<Object&>(retired).freed = true;
  ++*static_cast<int*>(context);
}

TEST(Epoch, AnObjectIsFreedWhenItsOnlyReaderIsQuiescent) {
  int freed = 0;
  EpochDomain domain;
  EpochParticipant owner(domain, &freed);
  Object object{.retired = {.reclaim = &reclaim}};
  owner.enter();
  owner.retire(object.retired);
  EXPECT_FALSE(object.freed);
  owner.quiescent();
  EXPECT_TRUE(object.freed);
  EXPECT_EQ(freed, 1);
  owner.leave();
}

TEST(Epoch, AnObjectWaitsForEveryReaderThatWasInside) {
  int freed = 0;
  EpochDomain domain;
  EpochParticipant owner(domain, &freed);
  EpochParticipant reader(domain, nullptr);
  Object object{.retired = {.reclaim = &reclaim}};
  owner.enter();
  reader.enter();
  owner.retire(object.retired);
  owner.quiescent();
  owner.quiescent();
  EXPECT_FALSE(object.freed);
  reader.leave();
  owner.quiescent();
  EXPECT_TRUE(object.freed);
  owner.leave();
}

TEST(Epoch, TheEndOfAParticipantFreesWhatIsLeft) {
  int freed = 0;
  EpochDomain domain;
  Object object{.retired = {.reclaim = &reclaim}};
  {
    EpochParticipant owner(domain, &freed);
    owner.retire(object.retired);
  }
  EXPECT_TRUE(object.freed);
}

}  // namespace
}  // namespace lunabeam::runtime
