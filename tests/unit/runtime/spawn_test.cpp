#include "runtime/spawn.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/runtime/scripted_vm.h"
#include "vm/reductions.h"

namespace lunabeam::runtime {
namespace {

using Kind = vm::ExitReason::Kind;
using testing::HasSubstr;

class SpawnTest : public ScriptedVm {
 protected:
  // Spawns a module with a start section, as a host function would, over a park.
  Answer spawn_parked(const Guest& g, SpawnResult& result, SpawnStatus& status, const std::string_view* name = nullptr,
                      i64 link_tag = 0) {
    const SpawnParam param{.type = vm::ValType::kI32, .low = static_cast<u64>(child_script_)};
    status = g.resumed ? spawn_resume(g.process, result)
                       : spawn(g.process,
                               {.config = g.process.config,
                                .module = started_,
                                .function = "run",
                                .params = {&param, 1},
                                .link_tag = link_tag,
                                .name = name},
                               result);
    return status == SpawnStatus::kPark ? g.wait(WaitStatus::kPark) : g.next();
  }
  void start_with_section(int start_script, int child_script) {
    start();
    started_ = load(module_bytes(start_script));
    child_script_ = child_script;
  }
  std::shared_ptr<const vm::Module> started_;
  int child_script_ = 0;
};
INSTANTIATE_SCRIPTED_TESTS(SpawnTest);

TEST_P(SpawnTest, TheChildRunsBehindItsParent) {
  std::vector<int> order;
  const int child = script([&](const Guest& g) {
    order.push_back(2);
    return g.stop();
  });
  run_script([&](const Guest& g) {
    if (g.step == 0) {
      g.spawn(child);
      order.push_back(1);
      return g.next();
    }
    return g.step == 1 ? g.sleep(1) : g.stop();
  });
  EXPECT_THAT(order, testing::ElementsAre(1, 2));
}

TEST_P(SpawnTest, WhoWaitsForTheFirstTurnHasNoPages) {
  // A hundred children that end in their first turn follow one another in the same slots.
  constexpr u64 kChildren = 100;
  u64 ended = 0;
  const int child = script([&](const Guest& g) {
    EXPECT_EQ(*g.process.memory->base, 0);
    *g.process.memory->base = 1;
    ++ended;
    return g.stop();
  });
  run_script([&](const Guest& g) {
    MemoryPool& pool = g.process.scheduler->memories();
    if (g.step == 0) {
      for (u64 i = 0; i < kChildren; ++i) g.spawn(child);
      EXPECT_EQ(pool.stats().live_memories, static_cast<i64>(kChildren + 1));
      EXPECT_EQ(pool.stats().live_slots, 1);
      return g.next();
    }
    return g.step == 1 ? g.sleep(10) : g.stop();
  });
  EXPECT_EQ(ended, kChildren);
  expect_nothing_alive();
}

TEST_P(SpawnTest, AChildThatNeverRunsGivesItsMemoryBack) {
  const int child = script([](const Guest& g) { return g.stop(); });
  run_script([&](const Guest& g) {
    EXPECT_TRUE(kill(g.process, g.spawn(child)));
    return g.step == 0 ? g.sleep(1) : g.stop();
  });
  expect_nothing_alive();
}

TEST_P(SpawnTest, TheParentPaysForTheInstance) {
  start();
  tests::ModuleBuilder builder;
  builder.memory(2);
  builder.data_active(tests::i32_const(0), std::string(100'000, 'x'));
  const std::shared_ptr<const vm::Module> large = load(builder.build());
  i64 charged = 0;
  run_script([&](const Guest& g) {
    const i64 before = g.process.exec.reductions;
    SpawnResult result;
    EXPECT_EQ(spawn(g.process, {.config = g.process.config, .module = large, .function = "run"}, result),
              SpawnStatus::kSpawned);
    charged = before - g.process.exec.reductions;
    EXPECT_EQ(g.process.environment->processes.find(result.pid)->exec.reductions, 0);
    return g.stop();
  });
  EXPECT_GE(charged, 100'000 / static_cast<i64>(vm::kBulkBytesPerReduction));
}

TEST_P(SpawnTest, NamesAreTakenOnce) {
  const int child = script([](const Guest& g) { return g.receive(); });
  run_script([&](const Guest& g) {
    const std::string_view name = "worker";
    const SpawnParam param{.type = vm::ValType::kI32, .low = static_cast<u64>(child)};
    const auto request = [&] {
      return SpawnRequest{.config = g.process.config,
                          .module = g.process.module,
                          .function = "run",
                          .params = {&param, 1},
                          .name = &name};
    };
    SpawnResult result;
    EXPECT_EQ(spawn(g.process, request(), result), SpawnStatus::kSpawned);
    EXPECT_EQ(result.pid, 2u);
    EXPECT_EQ(spawn(g.process, request(), result), SpawnStatus::kNameTaken);
    EXPECT_EQ(result.existing, (NodeAndPid{0, 2}));
    EXPECT_EQ(g.process.environment->processes.size(), 2u);
    return g.stop();
  });
  expect_nothing_alive();
}

TEST_P(SpawnTest, AStartSectionRunsInTheChildWhileTheParentWaits) {
  std::vector<std::string> order;
  const int start_script = script([&](const Guest& g) {
    if (g.step == 0) return g.sleep(10);
    EXPECT_FALSE(exists(g.process, g.process.pid));
    order.push_back("start");
    return g.stop();
  });
  const int child = script([&](const Guest& g) {
    EXPECT_TRUE(exists(g.process, g.process.pid));
    EXPECT_EQ(*g.process.links.find(1), 7);
    order.push_back("entry");
    return g.stop();
  });
  start_with_section(start_script, child);
  SpawnResult result;
  SpawnStatus status{};
  run_script([&](const Guest& g) {
    if (g.step == 0) return spawn_parked(g, result, status, nullptr, 7);
    if (g.step == 1) order.push_back("parent");
    return g.step < 3 ? g.sleep(1) : g.stop();
  });
  EXPECT_EQ(status, SpawnStatus::kSpawned);
  EXPECT_EQ(result.pid, 2u);
  EXPECT_EQ(order.size(), 3u);
  EXPECT_EQ(order[0], "start");
  expect_nothing_alive();
}

TEST_P(SpawnTest, ATrapInTheStartSectionIsAFailureOfTheSpawn) {
  const int start_script = script([](const Guest& g) { return g.trap("test: no start"); });
  start_with_section(start_script, start_script);
  SpawnResult result;
  SpawnStatus status{};
  const std::string_view name = "unborn";
  const RunResult root = run_script([&](const Guest& g) {
    if (g.step == 0) return spawn_parked(g, result, status, &name, 7);
    EXPECT_EQ(g.process.registry->get("unborn"), std::nullopt);
    return g.stop();
  });
  EXPECT_EQ(root.exit_status(), 0);
  EXPECT_EQ(status, SpawnStatus::kFailed);
  EXPECT_THAT(result.error, HasSubstr("test: no start"));
  expect_nothing_alive();
}

TEST_P(SpawnTest, AParentKilledWhileTheStartSectionWaitsTakesTheChildAlong) {
  const int start_script = script([](const Guest& g) { return g.receive(); });
  start_with_section(start_script, start_script);
  SpawnResult result;
  SpawnStatus status{};
  const int parent = script([&](const Guest& g) { return spawn_parked(g, result, status); });
  run_script([&](const Guest& g) {
    switch (g.step) {
      case 0: g.spawn(parent); return g.sleep(20);
      case 1: EXPECT_TRUE(kill(g.process, 2)); return g.sleep(20);
      case 2: EXPECT_EQ(vm_->stats().scheduler.live_processes, 1u); return g.next();
      default: return g.stop();
    }
  });
  expect_nothing_alive();
}

TEST_P(SpawnTest, TheEndOfTheProgramDropsAChildWhoseStartSectionWaits) {
  const int start_script = script([](const Guest& g) { return g.receive(); });
  start_with_section(start_script, start_script);
  SpawnResult result;
  SpawnStatus status{};
  const int parent = script([&](const Guest& g) { return spawn_parked(g, result, status); });
  for (int i = 0; i < 3; ++i) {
    run_script([&](const Guest& g) {
      if (g.step == 0) g.spawn(parent);
      return g.step == 0 ? g.sleep(20) : g.stop();
    });
    expect_nothing_alive();
  }
}

TEST_P(SpawnTest, ARootRunsItsOwnStartSection) {
  std::vector<int> order;
  const int start_script = script([&](const Guest& g) {
    order.push_back(1);
    return g.stop();
  });
  start();
  started_ = load(module_bytes(start_script));
  scripts_[0] = [&](const Guest& g) {
    order.push_back(2);
    return g.stop();
  };
  EXPECT_EQ(vm_->run_root({.module = started_}).exit_status(), 0);
  EXPECT_THAT(order, testing::ElementsAre(1, 2));
  scripts_[static_cast<size_t>(start_script)] = [](const Guest& g) { return g.trap("test: no start"); };
  EXPECT_THAT(vm_->run_root({.module = started_}).message(), HasSubstr("test: no start"));
  expect_nothing_alive();
}

TEST_P(SpawnTest, ParametersReachTheEntryFunction) {
  int seen = -1;
  for (int i = 0; i < 5; ++i) (void)script([](const Guest& g) { return g.stop(); });
  const int target = script([&](const Guest& g) {
    seen = 6;
    return g.stop();
  });
  EXPECT_EQ(target, 6);
  run_script([&](const Guest& g) {
    if (g.step == 0) g.spawn(target);
    return g.step == 0 ? g.sleep(1) : g.stop();
  });
  EXPECT_EQ(seen, 6);
}

TEST_P(SpawnTest, WithoutMemoryASpawnIsAnError) {
  start({.deterministic = true, .memory_limit_bytes = 3 * 65536 + 16 * 1024});
  int spawned = 0;
  std::string error;
  const int child = script([](const Guest& g) { return g.receive(); });
  const RunResult root = run_script([&](const Guest& g) {
    for (;;) {
      const SpawnParam param{.type = vm::ValType::kI32, .low = static_cast<u64>(child)};
      SpawnResult result;
      const SpawnStatus status = spawn(
          g.process, {.config = g.process.config, .module = g.process.module, .function = "run", .params = {&param, 1}},
          result);
      if (status == SpawnStatus::kFailed) {
        error = result.error;
        return g.stop();
      }
      ++spawned;
    }
  });
  EXPECT_EQ(root.exit_status(), 0);
  EXPECT_EQ(spawned, 2);
  EXPECT_THAT(error, HasSubstr("resource limit exceeded"));
  expect_nothing_alive();
}

TEST_P(SpawnTest, ABombOfProcessesWithoutMemoriesIsAnErrorOfItsSpawner) {
  start({.deterministic = true, .memory_limit_bytes = u64{1} << 20});
  tests::ModuleBuilder m;
  m.export_item("run", tests::ModuleBuilder::kFunc, m.func(m.type("", ""), {0x03, 0x40, 0x0C, 0x00, 0x0B}));
  const auto plain = load(m.build());
  u64 spawned = 0;
  std::string error;
  const RunResult root = run_script([&](const Guest& g) {
    for (; error.empty(); ++spawned) {
      SpawnResult result;
      (void)spawn(g.process, {.config = g.process.config, .module = plain, .function = "run"}, result);
      error = result.error;
    }
    EXPECT_GE(vm_->stats().memory_bytes, vm_->stats().live_block_bytes);
    return g.stop();
  });
  EXPECT_EQ(root.exit_status(), 0);
  EXPECT_GT(spawned, 100u);
  EXPECT_LE(spawned, 2048u);  // Of at least 512 bytes each.
  EXPECT_THAT(error, HasSubstr("resource limit exceeded"));
  expect_nothing_alive();
}

TEST_P(SpawnTest, ABombOfRecursionExhaustsTheStackOfItsProcessOnly) {
  start({.deterministic = true, .memory_limit_bytes = u64{1} << 20});
  tests::ModuleBuilder m;
  m.export_item("run", tests::ModuleBuilder::kFunc, m.func(m.type("", ""), tests::call(0)));
  const auto recursive = load(m.build());
  const RunResult root = run_script([&](const Guest& g) {
    if (g.step == 0) {
      EXPECT_TRUE(set_die_when_link_dies(g.process, false));
      SpawnResult result;
      EXPECT_EQ(
          spawn(g.process, {.config = g.process.config, .module = recursive, .function = "run", .link_tag = 3}, result),
          SpawnStatus::kSpawned);
      return g.receive();
    }
    EXPECT_EQ(g.process.scratch->message_kind(), MessageKind::kLinkDied);
    EXPECT_LE(vm_->stats().memory_bytes, u64{128} * 1024);  // The stack has been returned.
    return g.stop();
  });
  EXPECT_EQ(root.exit_status(), 0);
  expect_nothing_alive();
}

// Nobody can reach a process whose start section runs, so nobody can tell it of a death.
TEST_P(SpawnTest, WhomAStartSectionLinkedToOrMonitorsMayBeDeadWhenItEnds) {
  std::vector<i64> heard;
  const int short_lived = script([](const Guest& g) { return g.step == 0 ? g.sleep(2) : g.stop(); });
  u64 peers[2] = {};
  const int in_start = script([&](const Guest& g) {
    if (g.step > 0) return g.stop();
    EXPECT_TRUE(set_die_when_link_dies(g.process, false));
    EXPECT_TRUE(link(g.process, 7, peers[0]));
    EXPECT_TRUE(monitor(g.process, peers[1]));
    return g.sleep(20);
  });
  const int child = script([&](const Guest& g) {
    if (g.process.scratch != nullptr) {
      const Message& message = *g.process.scratch;
      heard.push_back(static_cast<i64>(message.message_kind()) * 100 + message.tag +
                      static_cast<i64>(message.process_id));
      set_scratch(g.process, nullptr);
    }
    return heard.size() == 2 ? g.stop() : g.receive(100);
  });
  start_with_section(in_start, child);
  run_script([&](const Guest& g) {
    if (g.step == 0 && !g.resumed) {
      for (u64& peer : peers) peer = g.spawn(short_lived);
    }
    SpawnResult result;
    SpawnStatus status = SpawnStatus::kFailed;
    if (g.step == 0) return spawn_parked(g, result, status);
    return g.step == 1 ? g.sleep(500) : g.stop();
  });
  EXPECT_THAT(heard, testing::UnorderedElementsAre(107, 200 + static_cast<i64>(peers[1])));
  expect_nothing_alive();
}

TEST_P(SpawnTest, AStartSectionThatFailsLeavesNoLinkAndNoMonitorBehind) {
  start();
  scripts_.resize(1);
  SpawnResult result;
  SpawnStatus status = SpawnStatus::kFailed;
  u64 peer = 0;
  const int starter = script([&](const Guest& g) {
    EXPECT_TRUE(link(g.process, 5, peer));
    EXPECT_TRUE(monitor(g.process, peer));
    return g.trap("no start");
  });
  const int bystander = script([](const Guest& g) { return g.receive(); });
  started_ = load(module_bytes(starter));
  child_script_ = bystander;
  run_script([&](const Guest& g) {
    switch (g.step) {
      case 0: peer = g.spawn(bystander); return g.yield();
      case 1: return spawn_parked(g, result, status);
      case 2: return g.yield();
      default: {
        Process& process = *g.process.environment->processes.find(peer);
        EXPECT_EQ(status, SpawnStatus::kFailed);
        EXPECT_EQ(process.links.size(), 0u);
        EXPECT_TRUE(process.monitors == nullptr || process.monitors->watchers.size() == 0);
        return g.stop();
      }
    }
  });
  expect_nothing_alive();
}

}  // namespace
}  // namespace lunabeam::runtime
