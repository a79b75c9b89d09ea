// Several schedulers of one VM: driven by hand on one thread where the order matters, on threads of their own for races.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "runtime/sched/scheduler.h"
#include "tests/unit/runtime/scripted_vm.h"

namespace lunabeam::runtime {
namespace {

using Kind = vm::ExitReason::Kind;

class WorkersTest : public ScriptedVm {
 protected:
  // A VM whose workers the test drives itself.
  void start_by_hand(u32 workers) {
    start({.workers = workers});
    scripts_.resize(1);
    environment_ = &vm_->make_environment(1);
    registry_ = &vm_->make_registry();
  }
  u64 spawn_by_hand(int script, u8 worker = 0) {
    const SpawnParam param{.type = vm::ValType::kI32, .low = static_cast<u64>(script)};
    std::string error;
    return spawn_root(vm_->worker(worker), *environment_, *registry_,
                      {.config = Vm::root_config(), .module = module_, .function = "run", .params = {&param, 1}},
                      error);
  }
  Process& process(u64 pid) { return *environment_->processes.find(pid); }
  static u8 worker_of(Process& process) { return process.scheduler->worker(); }
  // Runs the workers in turns until none has anything to run.
  void run_by_hand() {
    for (bool ran = true; ran;) {
      ran = false;
      for (u8 i = 0; i < vm_->workers(); ++i) ran |= vm_->worker(i).run_one();
    }
  }
  void offer(u8 worker) { ASSERT_TRUE(vm_->idle_workers().start_spinning(worker)); }

  Environment* environment_ = nullptr;
  NameRegistry* registry_ = nullptr;
};
INSTANTIATE_SCRIPTED_TESTS(WorkersTest);

TEST_P(WorkersTest, ASpinnerIsGivenTheOldestHalfOfACrowd) {
  start_by_hand(2);
  const int yielder = script([](const Guest& g) { return g.step < 3 ? g.yield() : g.stop(); });
  std::vector<u64> pids;
  for (u64 i = 0; i < balance::kCrowd + 2; ++i) pids.push_back(spawn_by_hand(yielder));
  offer(1);
  ASSERT_TRUE(vm_->worker(0).run_one());
  for (size_t i = 0; i < pids.size(); ++i) EXPECT_EQ(worker_of(process(pids[i])), i < pids.size() / 2 ? 1 : 0) << i;
  EXPECT_EQ(vm_->worker(0).stats().given, pids.size() / 2);
  ASSERT_TRUE(vm_->worker(1).run_one());
  EXPECT_EQ(vm_->worker(1).runnable(), pids.size() / 2);  // The one that ran has yielded.
  EXPECT_EQ(vm_->worker(1).stats().received, pids.size() / 2);
  run_by_hand();
  EXPECT_EQ(environment_->processes.size(), 0u);
}

TEST_P(WorkersTest, APairIsNotTornApartForAMomentsSurplus) {
  start_by_hand(2);
  const int yielder = script([](const Guest& g) { return g.step < 1 ? g.yield() : g.stop(); });
  const u64 one = spawn_by_hand(yielder);
  const u64 other = spawn_by_hand(yielder);
  offer(1);
  ASSERT_TRUE(vm_->worker(0).run_one());
  ASSERT_TRUE(vm_->worker(0).run_one());
  EXPECT_EQ(worker_of(process(one)), 0);
  EXPECT_EQ(worker_of(process(other)), 0);
  run_by_hand();
}

TEST_P(WorkersTest, SurplusThatPersistsIsShared) {
  start_by_hand(2);
  const u64 one = spawn_by_hand(0);
  const u64 other = spawn_by_hand(0);
  scripts_[0] = [](const Guest& g) {
    g.process.exec.reductions -= 5000;  // A whole slice.
    return g.step < 100 ? g.yield() : g.stop();
  };
  offer(1);
  for (int i = 0; i < 8; ++i) (void)vm_->worker(0).run_one();
  EXPECT_NE(worker_of(process(one)), worker_of(process(other)));
  run_by_hand();
}

TEST_P(WorkersTest, AProcessTakesItsWaitTimerAlong) {
  start_by_hand(2);
  // Woken by a message while its receive has a deadline: runnable with an armed timer.
  std::vector<int> timed_out(64);
  const int receiver = script([&](const Guest& g) {
    if (g.step == 0) return g.receive(20);
    if (g.step == 1) return g.wait(await_tag_begin(g.process, 77, 10), &await_tag_resume);
    timed_out[g.process.pid] = g.last == WaitStatus::kTimedOut ? 1 : 0;
    return g.stop();
  });
  std::vector<u64> pids;
  for (u64 i = 0; i < 2 * balance::kCrowd; ++i) pids.push_back(spawn_by_hand(receiver));
  for (size_t i = 0; i < pids.size(); ++i) ASSERT_TRUE(vm_->worker(0).run_one());
  EXPECT_EQ(vm_->worker(0).timers().size(), pids.size());
  for (const u64 pid : pids) {
    send_message(vm_->scheduler(), *environment_, pid,
                 Message::create(vm_->scheduler().account(), MessageKind::kData, 1));
  }
  offer(1);
  ASSERT_TRUE(vm_->worker(0).run_one());
  EXPECT_EQ(vm_->worker(0).timers().size(), pids.size() / 2);
  EXPECT_EQ(vm_->worker(1).timers().size(), 0u);  // On their way.
  ASSERT_TRUE(vm_->worker(1).run_one());
  EXPECT_EQ(vm_->worker(1).timers().size(), pids.size() / 2);
  while (environment_->processes.size() != 0) run_by_hand();
  for (const u64 pid : pids) EXPECT_EQ(timed_out[pid], 1) << pid;
}

TEST_P(WorkersTest, AGuestTimerIsCancelledFromAnotherWorker) {
  start_by_hand(2);
  std::vector<int> results;
  scripts_[0] = [&](const Guest& g) {
    Message* message = Message::create(g.process.scheduler->account(), MessageKind::kData, 1);
    switch (g.step) {
      case 0: EXPECT_EQ(send_after(g.process, g.process.pid, message, 1'000'000), 0u); return g.yield();
      default:
        Message::destroy(g.process.scheduler->account(), message);
        results.push_back(cancel_timer(g.process, 0) ? 1 : 0);
        return g.step < 2 ? g.next() : g.stop();
    }
  };
  for (u64 i = 0; i < balance::kCrowd; ++i) spawn_by_hand(0);
  for (u64 i = 0; i < balance::kCrowd; ++i) ASSERT_TRUE(vm_->worker(0).run_one());
  EXPECT_EQ(vm_->worker(0).timers().size(), balance::kCrowd);
  offer(1);
  run_by_hand();
  EXPECT_EQ(vm_->worker(0).stats().given, balance::kCrowd / 2);
  EXPECT_EQ(vm_->worker(0).timers().size(), balance::kCrowd / 2);  // The wheel's owner has not looked yet.
  (void)vm_->worker(0).idle();
  EXPECT_EQ(vm_->worker(0).timers().size(), 0u);
  EXPECT_EQ(std::ranges::count(results, 1), static_cast<long>(balance::kCrowd));
  EXPECT_EQ(std::ranges::count(results, 0), static_cast<long>(balance::kCrowd));
}

TEST_P(WorkersTest, WhatDiesAbroadIsFreedAtHome) {
  start_by_hand(2);
  const int dies = script([](const Guest& g) { return g.step < 2 ? g.yield() : g.stop(); });
  for (u64 i = 0; i < 32; ++i) spawn_by_hand(dies);
  offer(1);
  run_by_hand();
  EXPECT_GE(vm_->worker(1).stats().exited, 16u);
  run_by_hand();
  (void)vm_->worker(0).idle();
  EXPECT_EQ(vm_->worker(0).blocks().stats().live_blocks, 0u);
  EXPECT_EQ(vm_->worker(1).blocks().stats().chunks, 0u);  // Nothing was ever allocated there.
}

TEST_P(WorkersTest, AWokenProcessGoesToItsOwnWorker) {
  start_by_hand(2);
  const int receiver = script([](const Guest& g) { return g.step == 0 ? g.receive() : g.stop(); });
  const u64 pid = spawn_by_hand(receiver, 1);
  ASSERT_TRUE(vm_->worker(1).run_one());
  scripts_[0] = [&](const Guest& g) {
    g.send(pid);
    return g.stop();
  };
  spawn_by_hand(0, 0);
  ASSERT_TRUE(vm_->worker(0).run_one());
  EXPECT_EQ(vm_->worker(0).stats().posted, 1u);
  EXPECT_EQ(vm_->worker(0).runnable(), 0u);
  ASSERT_TRUE(vm_->worker(1).run_one());
  EXPECT_EQ(environment_->processes.size(), 0u);
}

TEST_P(WorkersTest, APairThatTakesTurnsAcrossWorkersComesTogether) {
  start_by_hand(2);
  std::atomic<u64> peers[2];
  const int player = script([&](const Guest& g) {
    if (g.step % 2 == 0) return g.receive();
    g.send(peers[g.process.pid == peers[0] ? 1 : 0]);
    return g.next();
  });
  peers[0] = spawn_by_hand(player, 0);
  peers[1] = spawn_by_hand(player, 1);
  run_by_hand();
  send_message(vm_->scheduler(), *environment_, peers[0],
               Message::create(vm_->scheduler().account(), MessageKind::kData, 1));
  for (u32 i = 0; i < 4 * balance::kLonelyWakes; ++i) {
    (void)vm_->worker(0).run_one();
    (void)vm_->worker(1).run_one();
  }
  EXPECT_EQ(worker_of(process(peers[0])), worker_of(process(peers[1])));
}

// --- On threads ---

TEST_P(WorkersTest, BusyProcessesSpreadOverTheWorkers) {
  start({.workers = 2});
  std::atomic<u32> seen{0};
  const int busy = script([&](const Guest& g) {
    seen.fetch_or(1u << g.process.scheduler->worker());
    g.process.exec.reductions -= 3000;
    return seen.load() == 3 ? g.stop() : g.yield();
  });
  const RunResult result = run_script([&](const Guest& g) {
    if (g.step == 0) {
      for (int i = 0; i < 6; ++i) g.spawn(busy);
    }
    return seen.load() == 3 ? g.stop() : g.sleep(1);
  });
  EXPECT_EQ(result.exit_status(), 0);
  EXPECT_EQ(seen.load(), 3u);
  expect_nothing_alive();
}

TEST_P(WorkersTest, TheEndComesWhileEverythingRuns) {
  for (u32 workers : {2u, 4u}) {
    start({.workers = workers});
    scripts_.resize(1);
    const int waiter = script([](const Guest& g) { return g.receive(1 + g.process.pid % 3); });
    const int chatty = script([](const Guest& g) {
      g.send(2 + static_cast<u64>(g.step) * 7 % 200, 3, 4);
      return g.yield();
    });
    const int arming = script([](const Guest& g) {
      Message* message = Message::create(g.process.scheduler->account(), MessageKind::kData, 1);
      const u64 id = send_after(g.process, g.process.pid + 1, message, static_cast<u64>(g.step) % 4);
      if (g.step % 3 == 0) (void)cancel_timer(g.process, id);
      return g.yield();
    });
    for (int round = 0; round < 5; ++round) {
      const RunResult result = run_script([&](const Guest& g) {
        for (int i = 0; i < 10; ++i) {
          g.spawn(waiter);
          g.spawn(chatty);
          g.spawn(arming);
          if (i == 0) g.spawn_entry("spin");
        }
        return g.step < 5 ? g.sleep(1) : g.stop();
      });
      EXPECT_EQ(result.reason.kind, Kind::kNormal);
      expect_nothing_alive();
    }
  }
}

TEST_P(WorkersTest, EveryDeathIsToldOnceAcrossWorkers) {
  start({.workers = 4});
  scripts_.resize(1);
  constexpr u64 kChildren = 400;
  const int child = script([](const Guest& g) {
    g.process.exec.reductions -= 500;
    if (g.step < static_cast<int>(g.process.pid % 5)) return g.yield();
    return g.process.pid % 2 == 0 ? g.trap("dies") : g.stop();
  });
  std::atomic<u64> linked{0};
  std::atomic<u64> monitored{0};
  const RunResult result = run_script([&](const Guest& g) {
    if (g.step == 0) {
      EXPECT_TRUE(set_die_when_link_dies(g.process, false));
      for (u64 i = 0; i < kChildren; ++i) {
        const u64 pid = g.spawn(child, 5);
        EXPECT_TRUE(monitor(g.process, pid));
      }
      return g.next();
    }
    if (g.step % 2 == 1) return g.receive();
    (g.process.scratch->message_kind() == MessageKind::kLinkDied ? linked : monitored) += 1;
    return monitored == kChildren && linked == kChildren / 2 ? g.stop() : g.next();
  });
  EXPECT_EQ(result.exit_status(), 0);
  EXPECT_EQ(monitored, kChildren);
  EXPECT_EQ(linked, kChildren / 2);
  expect_nothing_alive();
}

TEST_P(WorkersTest, TimersFireOrAreCancelledNeverBoth) {
  start({.workers = 4});
  scripts_.resize(1);
  constexpr u64 kArmers = 60;
  constexpr int kTimers = 30;
  std::atomic<u64> cancelled{0};
  std::atomic<u64> armed{0};
  std::atomic<u64> came{0};
  std::atomic<u64> done{0};
  const int armer = script([&](const Guest& g) {
    g.process.exec.reductions -= 700;
    if (g.step < kTimers) {
      Message* message = Message::create(g.process.scheduler->account(), MessageKind::kData, 1);
      EXPECT_EQ(send_after(g.process, 1, message, static_cast<u64>(g.step) % 3), static_cast<u64>(g.step));
      ++armed;
      return g.yield();
    }
    for (int i = 0; i < kTimers; i += 2) {
      if (cancel_timer(g.process, static_cast<u64>(i))) ++cancelled;
    }
    ++done;
    return g.stop();
  });
  const RunResult result = run_script([&](const Guest& g) {
    if (g.step == 0) {
      for (u64 i = 0; i < kArmers; ++i) g.spawn(armer);
      return g.next();
    }
    if (g.step % 2 == 1) return g.receive(20);
    if (g.last == WaitStatus::kDone) ++came;
    return done == kArmers && came + cancelled == armed ? g.stop() : g.next();
  });
  EXPECT_EQ(result.exit_status(), 0);
  EXPECT_EQ(armed, kArmers * kTimers);
  expect_nothing_alive();
}

TEST_P(WorkersTest, OneOfManyGetsAName) {
  start({.workers = 4});
  scripts_.resize(1);
  std::atomic<u64> made{0};
  std::atomic<u64> finished{0};
  std::atomic<u64> answers{0};
  const int named = script([&](const Guest& g) {
    if (g.step % 2 == 0) return g.receive();
    ++answers;
    return g.next();
  });
  constexpr u64 kRacers = 100;
  const int racer = script([&](const Guest& g) {
    g.process.exec.reductions -= 900;
    if (g.step < 3) return g.yield();
    const std::string name_text = "name" + std::to_string(g.step % 8);
    const std::string_view name = name_text;
    const SpawnParam param{.type = vm::ValType::kI32, .low = static_cast<u64>(named)};
    SpawnResult made_here;
    const SpawnStatus status = runtime::spawn(g.process,
                                              {.config = g.process.config,
                                               .module = g.process.module,
                                               .function = "run",
                                               .params = {&param, 1},
                                               .name = &name},
                                              made_here);
    u64 pid = made_here.existing.pid;
    if (status == SpawnStatus::kSpawned) {
      ++made;
      pid = made_here.pid;
    }
    EXPECT_TRUE(exists(g.process, pid)) << "a name is there before its process";
    g.send(pid);
    if (g.step < 12) return g.next();
    ++finished;
    return g.stop();
  });
  const RunResult result = run_script([&](const Guest& g) {
    if (g.step == 0) {
      for (u64 i = 0; i < kRacers; ++i) g.spawn(racer);
    }
    return finished == kRacers && answers == kRacers * 10 ? g.stop() : g.sleep(1);
  });
  EXPECT_EQ(result.exit_status(), 0);
  EXPECT_EQ(made, 8u);
  expect_nothing_alive();
}

TEST_P(WorkersTest, StartSectionsRunWithTheirSpawnersOnManyWorkers) {
  start({.workers = 4});
  scripts_.resize(1);
  std::atomic<u64> started{0};
  std::atomic<u64> ran{0};
  std::atomic<u64> finished{0};
  const int start_script = script([&](const Guest& g) {
    g.process.exec.reductions -= 2000;
    if (g.step < 3) return g.yield();
    ++started;
    return g.stop();
  });
  const auto with_start = load(module_bytes(start_script));
  const int child = script([&](const Guest& g) {
    ++ran;
    return g.stop();
  });
  constexpr u64 kParents = 40;
  const int parent = script([&](const Guest& g) {
    const SpawnParam param{.type = vm::ValType::kI32, .low = static_cast<u64>(child)};
    SpawnResult result;
    SpawnStatus status;
    if (g.resumed) {
      status = spawn_resume(g.process, result);
    } else {
      status = runtime::spawn(
          g.process, {.config = g.process.config, .module = with_start, .function = "run", .params = {&param, 1}},
          result);
    }
    if (status == SpawnStatus::kPark) return Answer{.status = vm::HostStatus::kPark, .finished = false};
    EXPECT_EQ(status, SpawnStatus::kSpawned) << result.error;
    if (g.step < 5) return g.next();
    ++finished;
    return g.stop();
  });
  const RunResult result = run_script([&](const Guest& g) {
    if (g.step == 0) {
      for (u64 i = 0; i < kParents; ++i) {
        const u64 pid = g.spawn(parent);
        if (i % 8 == 0) EXPECT_TRUE(kill(g.process, pid));
      }
    }
    return finished == kParents - kParents / 8 && ran >= finished * 6 ? g.stop() : g.sleep(1);
  });
  EXPECT_EQ(result.exit_status(), 0);
  expect_nothing_alive();
}

TEST_P(WorkersTest, AWorkerHasNoThreadBeforeThereIsWorkForIt) {
  start({.workers = 4});
  scripts_.resize(1);
  const RunResult result = run_script([](const Guest& g) { return g.step < 3 ? g.sleep(1) : g.stop(); });
  EXPECT_EQ(result.exit_status(), 0);
  EXPECT_NE(vm_->worker(0).stats().sleeps, 0u);
  for (u8 i = 1; i < 4; ++i) EXPECT_EQ(vm_->worker(i).stats().sleeps, 0u);  // A thread without work sleeps.
  // The next run may need them.
  std::atomic<u64> ran_elsewhere{0};
  const int busy = script([&](const Guest& g) {
    g.process.exec.reductions -= 4000;
    if (g.process.scheduler->worker() != 0) ++ran_elsewhere;
    return ran_elsewhere < 100 ? g.yield() : g.stop();
  });
  const RunResult again = run_script([&](const Guest& g) {
    if (g.step == 0) {
      for (u64 i = 0; i < 16; ++i) g.spawn(busy);
    }
    return ran_elsewhere < 100 ? g.yield() : g.stop();
  });
  EXPECT_EQ(again.exit_status(), 0);
  expect_nothing_alive();
}

TEST_P(WorkersTest, FiguresCanBeSampledWhileItRuns) {
  start({.workers = 2});
  scripts_.resize(1);
  std::thread sampler;
  std::vector<std::optional<WorkerStats>> figures;
  std::atomic<bool> done{false};
  const RunResult result = run_script([&](const Guest& g) {
    if (g.step == 0) {
      g.spawn_entry("spin");
      sampler = std::thread([&] {
        figures = vm_->sample(60'000);
        done = true;
      });
    }
    return done ? g.stop() : g.sleep(1);
  });
  sampler.join();
  EXPECT_EQ(result.exit_status(), 0);
  ASSERT_EQ(figures.size(), 2u);
  i64 live = 0;
  for (const auto& worker : figures) {
    ASSERT_TRUE(worker.has_value());
    live += worker->scheduler.live_processes;
  }
  EXPECT_EQ(live, 2);
}

}  // namespace
}  // namespace lunabeam::runtime
