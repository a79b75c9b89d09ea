// The first call of a large function: who waits for its translation, who does not, and who dies meanwhile.
#include "runtime/translation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <string>

#include "tests/unit/runtime/scripted_vm.h"
#include "vm/interp/translate.h"
#include "vm/module_budget.h"
#include "vm/text/text.h"

namespace lunabeam::runtime {
namespace {

using testing::HasSubstr;

// 2n statements that leave the local variable 0 as it was.
std::string statements(u64 n) {
  std::string text;
  for (u64 i = 0; i < 2 * n; ++i) {
    text += "(local.set 0 (i32.xor (local.get 0) (i32.const " + std::to_string(0x4000'0000 + i / 2) + ")))\n";
  }
  return text;
}

// $large answers its argument. The exports call0 and call1 call the script that $large answers; `whole` is large itself, and `divide`
// traps at the end of a large body.
std::string module_text(std::string_view more = "") {
  const std::string body = statements(vm::kLargeBodyBytes / 16);
  return R"((module
    (import "test" "script" (func $script (param i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start") (loop (br_if 0 (call $script (i32.const 0)))))
    (func (export "run") (param i32) (loop (br_if 0 (call $script (local.get 0)))))
    (func $large (param i32) (result i32) )" +
         body + R"( (local.get 0))
    (func (export "call0") (loop (br_if 0 (call $script (call $large (i32.const 0))))))
    (func (export "call1") (loop (br_if 0 (call $script (call $large (i32.const 1))))))
    (func (export "whole") (local i32) )" +
         body + R"( (drop (call $script (local.get 0))))
    (func $divides (param i32) (result i32) )" +
         body + R"( (i32.div_u (i32.const 1) (local.get 0)))
    (func (export "divide") (drop (call $divides (i32.const 0)))))" +
         std::string(more) + ")";
}

class TranslationTest : public ScriptedVm {
 protected:
  void SetUp() override {
    ScriptedVm::SetUp();
    if (!IsSkipped()) start_module({.deterministic = false}, module_text());
  }
  void start_module(const VmOptions& options, const std::string& text) {
    start(options);
    auto binary = vm::text::read_module(text);
    ASSERT_TRUE(binary.has_value()) << binary.error().message();
    module_ = load(std::move(binary->bytes));
    scripts_.resize(1);
    scripts_[0] = [this](const Guest& guest) {
      ++calls_;
      return guest.stop();
    };
  }
  std::string run_entry(std::string_view entry) {
    return vm_->run_root({.module = module_, .function = entry}).message();
  }
  BlockingPool& pool() override { return vm_->module_pool(); }

  std::atomic<int> calls_{0};
};
INSTANTIATE_SCRIPTED_TESTS(TranslationTest);

#if !defined(LUNABEAM_TORTURE)  // There the small functions are large, too.
TEST_P(TranslationTest, ThePoolTranslatesOnce) {
  EXPECT_EQ(run_entry("call0"), "");
  EXPECT_EQ(calls_, 1);
  EXPECT_EQ(pool().stats().finished, 1u);
  EXPECT_EQ(run_entry("call0"), "");
  EXPECT_EQ(calls_, 2);
  EXPECT_EQ(pool().stats().finished, 1u);
  expect_idle();
}
#endif

TEST_P(TranslationTest, AnEntryFunctionMayBeLarge) {
  EXPECT_EQ(run_entry("whole"), "");
  EXPECT_EQ(calls_, 1);
  EXPECT_GE(pool().stats().finished, 1u);
  expect_idle();
}

TEST_P(TranslationTest, SoMayAStartFunction) {
  start_module({.deterministic = false},
               module_text("(func $begin (local i32) " + statements(vm::kLargeBodyBytes / 16) +
                           " (drop (call $script (local.get 0)))) (start $begin)"));
  EXPECT_EQ(run_entry("call0"), "");
  EXPECT_EQ(calls_, 2);
  EXPECT_GE(pool().stats().finished, 2u);
  expect_idle();
}

TEST_P(TranslationTest, VirtualTimeKnowsNoPool) {
  start_module({.deterministic = true}, module_text());
  EXPECT_EQ(run_entry("call0"), "");
  EXPECT_EQ(calls_, 1);
  EXPECT_EQ(pool().stats().threads, 0u);
}

TEST_P(TranslationTest, ATrapIsWhereItIs) {
  const RunResult result = vm_->run_root({.module = module_, .function = "divide"});
  EXPECT_EQ(result.message(), "trap: integer divide by zero");
  EXPECT_THAT(result.backtrace, HasSubstr("#0 divides [scripted.wasm+0x"));
  expect_idle();
}

TEST_P(TranslationTest, ManyCallersOnTwoWorkersGetTheSameCode) {
  start_module({.workers = 2, .deterministic = false}, module_text());
  constexpr int kCallers = 40;
  std::atomic<int> called = 0;
  (void)script([&](const Guest& guest) {
    ++called;
    return guest.stop();
  });
  const RunResult result = run_script([&](const Guest& guest) {
    if (guest.step < kCallers) {
      (void)guest.spawn_entry("call1");
      return guest.next();
    }
    return called < kCallers ? guest.sleep(1) : guest.stop();
  });
  EXPECT_EQ(result.message(), "");
  EXPECT_EQ(called, kCallers);
  expect_idle();
}

TEST_P(TranslationTest, OthersRunMeanwhile) {
  std::atomic<int> called = 0;
  (void)script([&](const Guest& guest) {
    ++called;
    return guest.stop();
  });
  std::unique_lock<std::mutex> held(module_->large_body_lock);
  int turns = 0;
  const RunResult result = run_script([&](const Guest& guest) {
    if (guest.step == 0) (void)guest.spawn_entry("call1");
    if (guest.step < 50) {
      ++turns;
      EXPECT_EQ(called, 0);
      return guest.yield();
    }
    if (held.owns_lock()) held.unlock();
    return called == 0 ? guest.sleep(1) : guest.stop();
  });
  EXPECT_EQ(result.message(), "");
  EXPECT_EQ(turns, 50);
  EXPECT_EQ(called, 1);
  expect_idle();
}

TEST_P(TranslationTest, KillWithdrawsWhatIsQueued) {
  (void)script([](const Guest& guest) {
    ADD_FAILURE() << "killed before its function was there";
    return guest.stop();
  });
  pool().suspend();
  u64 pid = 0;
  const RunResult result = run_script([&](const Guest& guest) {
    if (guest.step == 0) pid = guest.spawn_entry("call1");
    if (guest.step < 5) return guest.yield();
    if (guest.step == 5) EXPECT_TRUE(kill(guest.process, pid));
    return exists(guest.process, pid) ? guest.yield() : guest.stop();
  });
  EXPECT_EQ(result.message(), "");
  EXPECT_EQ(pool().stats().queued, 0u);
  pool().resume();
  EXPECT_EQ(pool().stats().finished, 0u);
  expect_idle();
}

// Pays until it is told not to.
class Payer final : public vm::ModuleBudget {
 public:
  explicit Payer(std::atomic<bool>& pays) : pays_(pays) {}
  [[nodiscard]] bool charge(u64 /*bytes*/) noexcept override { return pays_; }

 private:
  std::atomic<bool>& pays_;
};

TEST_P(TranslationTest, WhatNobodyPaysForIsATrapAtTheCall) {
  std::atomic<bool> pays = true;
  auto binary = vm::text::read_module(module_text());
  ASSERT_TRUE(binary.has_value());
  auto module = vm_->load(std::move(binary->bytes), "scripted.wasm", std::make_unique<Payer>(pays));
  ASSERT_TRUE(module.has_value());
  module_ = *module;
  // The caller is there; what it calls is not.
  ASSERT_NE(vm::translate(module_->codes[module_->imported_funcs + 3]), nullptr);
  pays = false;
  const RunResult result = vm_->run_root({.module = module_, .function = "call0"});
  EXPECT_EQ(result.message(), "trap: out of memory");
  EXPECT_THAT(result.backtrace, HasSubstr("#0 call0 [scripted.wasm+0x"));
  pays = true;
  EXPECT_EQ(run_entry("call0"), "");
  expect_idle();
}

// The request outlives the process, and holds the module.
TEST_P(TranslationTest, KillAbandonsWhatRuns) {
  (void)script([](const Guest& guest) {
    ADD_FAILURE() << "killed before its function was there";
    return guest.stop();
  });
  std::unique_lock<std::mutex> held(module_->large_body_lock);
  u64 pid = 0;
  bool killed = false;
  const RunResult result = run_script([&](const Guest& guest) {
    if (guest.step == 0) pid = guest.spawn_entry("call1");
    if (!killed && pool().stats().running == 0) return guest.yield();
    if (!killed) {
      killed = true;
      EXPECT_TRUE(kill(guest.process, pid));
    }
    if (exists(guest.process, pid)) return guest.yield();
    held.unlock();
    return guest.stop();
  });
  EXPECT_EQ(result.message(), "");
  expect_idle();
}

}  // namespace
}  // namespace lunabeam::runtime
