#include "runtime/pid_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <thread>
#include <vector>

namespace lunabeam::runtime {
namespace {

// Only addresses matter here.
Process* process_at(u64 pid) { return reinterpret_cast<Process*>(pid * 64); }

TEST(PidTable, CountsPidsFromOne) {
  PidTable table;
  EXPECT_EQ(table.allocate_pid(), 1u);
  EXPECT_EQ(table.allocate_pid(), 2u);
  EXPECT_EQ(table.find(1), nullptr);
  EXPECT_EQ(table.find(0), nullptr);
  EXPECT_EQ(table.find(~u64{0}), nullptr);
}

TEST(PidTable, FindsWhatLivesAndForgetsWhatDied) {
  EpochDomain domain;
  EpochParticipant epoch(domain, nullptr);
  epoch.enter();
  PidTable table;
  std::deque<u64> alive;
  for (int i = 0; i < 100'000; ++i) {
    const u64 pid = table.allocate_pid();
    table.insert(pid, process_at(pid));
    alive.push_back(pid);
    if (alive.size() > 700) {
      const u64 dead = alive.front();
      alive.pop_front();
      table.erase(dead, epoch);
      ASSERT_EQ(table.find(dead), nullptr);
    }
    epoch.quiescent();
  }
  EXPECT_EQ(table.size(), 700u);
  for (const u64 pid : alive) ASSERT_EQ(table.find(pid), process_at(pid));
  epoch.leave();
}

TEST(PidTable, ReadersAreSafeWhileProcessesComeAndGo) {
  EpochDomain domain;
  PidTable table;
  std::atomic<bool> stop{false};
  std::atomic<u64> newest{0};
  std::thread reader([&] {
    EpochParticipant epoch(domain, nullptr);
    u64 found = 0;
    // The last look begins behind the writer's end, and some processes stay: however late it begins, it finds them.
    bool last_look = false;
    while (!last_look) {
      last_look = stop.load(std::memory_order_acquire);
      epoch.enter();
      const u64 to = newest.load(std::memory_order_acquire);
      for (u64 pid = to > 1500 ? to - 1500 : 1; pid <= to; ++pid) {
        Process* process = table.find(pid);
        if (process != nullptr) {
          ASSERT_EQ(process, process_at(pid));
          ++found;
        }
      }
      epoch.leave();
    }
    EXPECT_GT(found, 0u);
  });
  {
    EpochParticipant epoch(domain, nullptr);
    epoch.enter();
    for (int i = 0; i < 60'000; ++i) {
      const u64 pid = table.allocate_pid();
      table.insert(pid, process_at(pid));
      newest.store(pid, std::memory_order_release);
      if (pid > 1000) table.erase(pid - 1000, epoch);
      epoch.quiescent();
    }
    epoch.leave();
    stop.store(true, std::memory_order_release);
    reader.join();
  }
}

}  // namespace
}  // namespace lunabeam::runtime
