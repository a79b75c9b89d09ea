// Order of signals, and the exit rules of links and monitors (ABI document 4.8, 4.9) as a table.
#include "runtime/signals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/runtime/scripted_vm.h"

namespace lunabeam::runtime {
namespace {

using Kind = vm::ExitReason::Kind;
using testing::ElementsAre;

class SignalsTest : public ScriptedVm {
 protected:
  // What a receive has brought, as text: "data 3", "link 7", "died 2", "timeout".
  static std::string received(const Guest& g) {
    if (g.last == WaitStatus::kTimedOut) return "timeout";
    const Message& message = *g.process.scratch;
    switch (message.message_kind()) {
      case MessageKind::kData: return "data " + std::to_string(message.tag);
      case MessageKind::kLinkDied: return "link " + std::to_string(message.tag);
      case MessageKind::kProcessDied: return "died " + std::to_string(message.process_id);
    }
    return "?";
  }
};
INSTANTIATE_SCRIPTED_TESTS(SignalsTest);

TEST_P(SignalsTest, MessagesOfOneSenderArriveInOrder) {
  std::vector<u64> got;
  const int receiver = script([&](const Guest& g) {
    if (g.step % 2 == 0) return g.receive();
    got.push_back(g.value());
    return got.size() == 100 ? g.stop() : g.next();
  });
  const RunResult result = run_script([&](const Guest& g) {
    if (g.step == 0) {
      const u64 pid = g.spawn(receiver);
      for (u64 i = 0; i < 100; ++i) g.send(pid, static_cast<i64>(i % 3), i);
    }
    return g.step == 0 ? g.next() : g.step == 1 ? g.sleep(1000) : g.stop();
  });
  EXPECT_EQ(result.exit_status(), 0);
  ASSERT_EQ(got.size(), 100u);
  for (u64 i = 0; i < 100; ++i) EXPECT_EQ(got[i], i);
  expect_nothing_alive();
}

TEST_P(SignalsTest, AChildThatIsKilledBeforeItHasRunNeverRuns) {
  bool has_run = false;
  const int child = script([&](const Guest& g) {
    has_run = true;
    return g.stop();
  });
  std::vector<std::string> log;
  run_script([&](const Guest& g) {
    switch (g.step) {
      case 0: {
        const u64 pid = g.spawn(child);
        EXPECT_TRUE(monitor(g.process, pid));
        EXPECT_TRUE(exists(g.process, pid));
        EXPECT_TRUE(kill(g.process, pid));
        return g.next();
      }
      case 1: return g.receive(1000);
      default: log.push_back(received(g)); return g.stop();
    }
  });
  EXPECT_FALSE(has_run);
  EXPECT_THAT(log, ElementsAre("died 2"));
}

TEST_P(SignalsTest, KillingOneselfTakesEffectAtTheNextTickAtTheLatest) {
  int steps_after = 0;
  const RunResult result = run_script([&](const Guest& g) {
    if (g.step == 0) EXPECT_TRUE(kill(g.process, g.process.pid));
    if (g.step > 0) ++steps_after;
    return g.next();
  });
  EXPECT_EQ(result.reason.kind, Kind::kKilled);
  EXPECT_EQ(result.message(), "killed");
  EXPECT_EQ(result.exit_status(), 1);
  EXPECT_LE(steps_after, 512);
}

TEST_P(SignalsTest, AnEndlessLoopIsKilledAndTheNewsArrives) {
  std::vector<std::string> log;
  run_script([&](const Guest& g) {
    switch (g.step) {
      case 0: EXPECT_TRUE(monitor(g.process, g.spawn_entry("spin"))); return g.next();
      case 1: return g.sleep(5);
      case 2: EXPECT_TRUE(kill(g.process, 2)); return g.next();
      case 3: return g.receive(1000);
      default:
        log.push_back(received(g));
        EXPECT_FALSE(exists(g.process, 2));
        return g.stop();
    }
  });
  EXPECT_THAT(log, ElementsAre("died 2"));
}

// One row: how the child ends, what the parent has set, and what it sees.
struct ExitRule {
  const char* how;  // "normal", "exit0", "exit1", "trap", "kill", "noentry", "result".
  bool die_when_link_dies;
  const char* expected;  // What the parent receives with tag 7, or "dies".
};
constexpr ExitRule kExitRules[] = {
    {"normal", true, "timeout"}, {"normal", false, "timeout"}, {"exit0", true, "timeout"}, {"exit0", false, "timeout"},
    {"exit1", true, "dies"},     {"exit1", false, "link 7"},   {"trap", true, "dies"},     {"trap", false, "link 7"},
    {"kill", true, "dies"},      {"kill", false, "link 7"},    {"noentry", true, "dies"},  {"noentry", false, "link 7"},
    {"result", true, "dies"},    {"result", false, "link 7"},
};

TEST_P(SignalsTest, ExitRulesOfLinks) {
  for (const ExitRule& rule : kExitRules) {
    SCOPED_TRACE(std::string(rule.how) + (rule.die_when_link_dies ? " dies" : " lives"));
    const std::string how = rule.how;
    scripts_.clear();
    const int child = script([&](const Guest& g) {
      if (how == "exit0") return g.exit(0);
      if (how == "exit1") return g.exit(1);
      if (how == "trap") return g.trap("test: on purpose");
      if (how == "kill") return g.receive();
      return g.stop();
    });
    std::string seen;
    const int parent = script([&](const Guest& g) {
      switch (g.step) {
        case 0: {
          EXPECT_TRUE(set_die_when_link_dies(g.process, rule.die_when_link_dies));
          u64 pid = 0;
          if (how == "noentry") {
            pid = g.spawn_entry("nobody", 7);
          } else if (how == "result") {
            pid = g.spawn_entry("result", 7);
          } else {
            pid = g.spawn(child, 7);
          }
          if (how == "kill") EXPECT_TRUE(kill(g.process, pid));
          return g.next();
        }
        case 1: return g.receive(100);
        default: seen = received(g); return g.stop();
      }
    });
    std::vector<std::string> root_log;
    run_script([&](const Guest& g) {
      switch (g.step) {
        case 0: EXPECT_TRUE(monitor(g.process, g.spawn(parent))); return g.next();
        case 1: return g.receive(1000);
        default: root_log.push_back(received(g)); return g.stop();
      }
    });
    EXPECT_THAT(root_log, ElementsAre("died 2"));
    EXPECT_EQ(seen.empty() ? "dies" : seen, rule.expected);
    expect_nothing_alive();
  }
}

TEST_P(SignalsTest, ARootThatDiesByALinkSaysSo) {
  const RunResult result = run_script([&](const Guest& g) {
    if (g.step == 0) {
      g.spawn_entry("divide", 1);
      return g.next();
    }
    return g.receive();
  });
  EXPECT_EQ(result.reason.kind, Kind::kLinkDied);
  EXPECT_THAT(result.message(), testing::HasSubstr("link"));
  EXPECT_EQ(result.exit_status(), 1);
}

TEST_P(SignalsTest, FailurePropagatesThroughAChainOfLinks) {
  constexpr int kLength = 200;
  int chain = 0;
  chain = script([&](const Guest& g) {
    if (g.step == 0) {
      if (g.process.pid < kLength) g.spawn(chain, 1);
      return g.next();
    }
    if (g.process.pid == kLength && g.step == 1) return g.sleep(10);
    if (g.process.pid == kLength) return g.trap("test: the last one");
    return g.receive();
  });
  std::vector<std::string> log;
  run_script([&](const Guest& g) {
    switch (g.step) {
      case 0:
        EXPECT_TRUE(set_die_when_link_dies(g.process, false));
        g.spawn(chain, 3);
        return g.next();
      case 1: return g.receive(10'000);
      default:
        log.push_back(received(g));
        EXPECT_EQ(g.process.environment->processes.size(), 1u);
        return g.stop();
    }
  });
  EXPECT_THAT(log, ElementsAre("link 3"));
}

TEST_P(SignalsTest, LinkingToNobodyGivesALinkDeath) {
  std::vector<std::string> log;
  run_script([&](const Guest& g) {
    switch (g.step) {
      case 0:
        EXPECT_TRUE(set_die_when_link_dies(g.process, false));
        EXPECT_TRUE(link(g.process, 9, 4242));
        EXPECT_TRUE(link(g.process, 10, 0));
        return g.next();
      case 1:
      case 3: return g.receive(100);
      case 5: return g.receive(100);
      default: log.push_back(received(g)); return g.step == 6 ? g.stop() : g.next();
    }
  });
  EXPECT_THAT(log, ElementsAre("link 9", "link 10", "timeout"));
  EXPECT_EQ(run_script([&](const Guest& g) {
              if (g.step == 0) EXPECT_TRUE(link(g.process, 9, 4242));
              return g.step < 2000 ? g.next() : g.stop();
            }).reason.kind,
            Kind::kLinkDied);
}

TEST_P(SignalsTest, AnUnlinkedProcessMayDieUnnoticed) {
  const int child = script([](const Guest& g) { return g.step == 0 ? g.sleep(5) : g.trap("test: unlinked"); });
  const RunResult result = run_script([&](const Guest& g) {
    switch (g.step) {
      case 0: EXPECT_TRUE(unlink(g.process, g.spawn(child, 7))); return g.next();
      case 1: return g.receive(100);
      default: EXPECT_EQ(g.last, WaitStatus::kTimedOut); return g.stop();
    }
  });
  EXPECT_EQ(result.exit_status(), 0);
}

TEST_P(SignalsTest, UnlinkTakesEffectAtBothEnds) {
  bool alive = false;
  const int child = script([&](const Guest& g) {
    if (g.step == 0) return g.receive(100);
    alive = true;
    return g.stop();
  });
  const int parent = script([&](const Guest& g) {
    const u64 pid = g.spawn(child, 7);
    EXPECT_TRUE(unlink(g.process, pid));
    return g.trap("test: the child lives on");
  });
  run_script([&](const Guest& g) {
    if (g.step == 0) g.spawn(parent);
    return g.step == 0 ? g.next() : g.step == 1 ? g.sleep(1000) : g.stop();
  });
  EXPECT_TRUE(alive);
}

TEST_P(SignalsTest, RelinkingReplacesTheTag) {
  std::vector<std::string> log;
  const int child = script([](const Guest& g) { return g.step == 0 ? g.sleep(5) : g.trap("test: linked twice"); });
  run_script([&](const Guest& g) {
    switch (g.step) {
      case 0: {
        EXPECT_TRUE(set_die_when_link_dies(g.process, false));
        const u64 pid = g.spawn(child, 7);
        EXPECT_TRUE(link(g.process, 8, pid));
        return g.next();
      }
      case 1:
      case 3: return g.receive(100);
      default: log.push_back(received(g)); return g.step == 4 ? g.stop() : g.next();
    }
  });
  EXPECT_THAT(log, ElementsAre("link 8", "timeout"));
}

TEST_P(SignalsTest, ASelfLinkIsHarmless) {
  EXPECT_EQ(run_script([&](const Guest& g) {
              if (g.step == 0) EXPECT_TRUE(link(g.process, 1, g.process.pid));
              return g.step < 1 ? g.next() : g.step == 1 ? g.sleep(1) : g.stop();
            }).exit_status(),
            0);
  expect_nothing_alive();
}

TEST_P(SignalsTest, AMonitorThatTheDyingProcessNeverSawIsAnswered) {
  std::vector<std::string> log;
  run_script([&](const Guest& g) {
    switch (g.step) {
      case 0: {
        const u64 pid = g.spawn_entry("spin");
        EXPECT_TRUE(kill(g.process, pid));  // In front of the monitor in its queue.
        EXPECT_TRUE(monitor(g.process, pid));
        return g.next();
      }
      case 1: return g.receive(100);
      default: log.push_back(received(g)); return g.stop();
    }
  });
  EXPECT_THAT(log, ElementsAre("died 2"));
}

TEST_P(SignalsTest, MonitoringNobodyOrNoLongerIsSilent) {
  std::vector<std::string> log;
  run_script([&](const Guest& g) {
    switch (g.step) {
      case 0: {
        EXPECT_TRUE(monitor(g.process, 4242));
        const u64 pid = g.spawn_entry("divides");
        EXPECT_TRUE(monitor(g.process, pid));
        EXPECT_TRUE(stop_monitoring(g.process, pid));
        return g.next();
      }
      case 1: return g.receive(100);
      default: log.push_back(received(g)); return g.stop();
    }
  });
  EXPECT_THAT(log, ElementsAre("timeout"));
}

// What is sent to processes that do not get to run counts towards the limit, as do the tables of links (rule P13).
TEST_P(SignalsTest, RequestsFailAtTheLimitOfTheVm) {
  using Request = bool (*)(Process&, u64 pid);
  constexpr Request kRequests[] = {
      [](Process& self, u64 pid) { return link(self, 1, pid); },
      [](Process& self, u64 pid) { return unlink(self, pid); },
      [](Process& self, u64 pid) { return monitor(self, pid) && stop_monitoring(self, pid); },
      [](Process& self, u64 pid) { return kill(self, pid); },
      [](Process& self, u64) { return set_die_when_link_dies(self, false); },
  };
  constexpr u64 kLimit = u64{1} << 20;
  constexpr u64 kMost = 200'000;
  const int peer = script([](const Guest& g) { return g.step == 0 ? g.sleep(60'000) : g.stop(); });
  for (const Request request : kRequests) {
    start({.deterministic = true, .memory_limit_bytes = kLimit});
    u64 sent = 0;
    u64 used_bytes = 0;
    run_script([&](const Guest& g) {
      const u64 pid = g.spawn(peer);
      while (sent < kMost && request(g.process, pid)) ++sent;
      used_bytes = vm_->budget().used_bytes();
      return g.stop();
    });
    EXPECT_GT(sent, kLimit / 400);
    EXPECT_LT(sent, kLimit / sizeof(ControlSignal));
    EXPECT_LE(used_bytes, kLimit);
    expect_nothing_alive();
  }
}

TEST_P(SignalsTest, TablesOfLinksCountTowardsTheLimit) {
  constexpr u64 kPeers = 200;
  start();
  const int peer = script([](const Guest& g) {
    if (g.step == 0) return g.sleep(1000);
    for (u64 pid = 2; g.step == 1 && pid < 2 + kPeers; ++pid) EXPECT_TRUE(link(g.process, 1, pid));
    return g.step == 1 ? g.sleep(60'000) : g.stop();
  });
  u64 before_bytes = 0;
  u64 bytes = 0;
  run_script([&](const Guest& g) {
    switch (g.step) {
      case 0:
        for (u64 i = 0; i < kPeers; ++i) g.spawn(peer);
        return g.sleep(500);
      case 1: before_bytes = vm_->stats().memory_bytes; return g.sleep(10'000);
      default: bytes = vm_->stats().memory_bytes; return g.stop();
    }
  });
  EXPECT_GE(bytes, before_bytes + kPeers * kPeers * 16);
  EXPECT_LE(bytes, before_bytes + kPeers * kPeers * PidMap::kMostBytesPerEntry);
  expect_nothing_alive();
}

// No turn is so long that others wait for it: none runs the guest before everything is handled that was there.
TEST_P(SignalsTest, ManySignalsTakeManyTurns) {
  constexpr u64 kMessages = 20'000;
  u64 got = 0;
  u64 slices = 0;
  const int receiver = script([&](const Guest& g) {
    if (g.step == 0) return g.receive();
    if (got == 0) {
      slices = vm_->scheduler().stats().slices - slices;
      EXPECT_EQ(g.process.mailbox.size(), kMessages - 1);
    }
    EXPECT_EQ(g.value(), got);
    return ++got == kMessages ? g.stop() : g.receive();
  });
  u64 pid = 0;
  run_script([&](const Guest& g) {
    switch (g.step) {
      case 0: pid = g.spawn(receiver); return g.sleep(1);
      case 1:
        for (u64 i = 0; i < kMessages; ++i) g.send(pid, 1, i);
        slices = vm_->scheduler().stats().slices;
        return g.sleep(1000);
      default: return g.stop();
    }
  });
  EXPECT_EQ(got, kMessages);
  EXPECT_GE(slices, kMessages / 1024);
  expect_nothing_alive();
}

TEST_P(SignalsTest, ThousandsOfLinksAndMonitorsAreAllTold) {
  constexpr u64 kPeers = 3000;
  u64 told = 0;
  const int peer = script([&](const Guest& g) {
    switch (g.step) {
      case 0:
        EXPECT_TRUE(set_die_when_link_dies(g.process, false));
        EXPECT_TRUE(link(g.process, 5, 2));
        EXPECT_TRUE(monitor(g.process, 2));
        return g.next();
      case 1:
      case 2: return g.receive(60'000);
      default: told += g.last == WaitStatus::kDone ? 1 : 0; return g.stop();
    }
  });
  const int hub = script([](const Guest& g) { return g.step == 0 ? g.sleep(1000) : g.trap("test: the hub"); });
  run_script([&](const Guest& g) {
    if (g.step == 0) {
      g.spawn(hub);
      for (u64 i = 0; i < kPeers; ++i) g.spawn(peer);
      return g.next();
    }
    return g.step == 1 ? g.sleep(30'000) : g.stop();
  });
  EXPECT_EQ(told, kPeers);
  expect_nothing_alive();
}

TEST_P(SignalsTest, AReceiverOverItsMailboxLimitDies) {
  ConfigRef config = Vm::root_config();
  config.writable()->max_mailbox = 10;
  start();
  scripts_.resize(1);
  scripts_[0] = [](const Guest& g) {
    for (u64 i = 0; i < 11; ++i) g.send(g.process.pid, 1, i);
    return g.step == 0 ? g.next() : g.sleep(1);
  };
  EXPECT_EQ(run(config).reason.kind, Kind::kMailboxFull);
  expect_nothing_alive();
}

}  // namespace
}  // namespace lunabeam::runtime
