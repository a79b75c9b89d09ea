// Exceptions as guests see them: what is thrown, who catches it, in what state code goes on. Modules in the text format, in every
// dispatch of the build; the official scripts cover the operators one by one.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vm/host_function.h"
#include "vm/interp/listing.h"
#include "vm/interp/translate.h"
#include "vm/interp/translate_options.h"
#include "vm/reductions.h"
#include "vm/reference.h"
#include "vm/store.h"
#include "vm/text/text.h"

namespace lunabeam::vm {
namespace {

std::shared_ptr<Module> load(std::string_view wat, const HostRegistry* hosts = nullptr) {
  const Result<text::BinaryModule> binary = text::read_module(wat);
  if (!binary) {
    ADD_FAILURE() << binary.error().message();
    return nullptr;
  }
  const Result<std::shared_ptr<Module>> module = Module::load(binary->bytes, hosts);
  if (!module) {
    ADD_FAILURE() << module.error().message();
    return nullptr;
  }
  return *module;
}

class ExceptionTest : public testing::TestWithParam<Dispatch> {
 protected:
  void SetUp() override {
    if (!has_dispatch(GetParam())) GTEST_SKIP() << "this build has no such dispatch";
  }
  [[nodiscard]] StoreOptions options() const { return {.dispatch = GetParam()}; }

  // A store with one instance of the module.
  struct Guest {
    Store store;
    Ctx* instance = nullptr;
    Guest(const StoreOptions& options, std::string_view wat, const HostRegistry* hosts = nullptr) : store(options) {
      const std::shared_ptr<Module> module = load(wat, hosts);
      if (module == nullptr) return;
      const Result<Ctx*> made = store.instantiate(module);
      if (made) instance = *made;
    }
    Outcome call(std::string_view name, std::initializer_list<u64> args = {}) {
      if (instance == nullptr) {
        ADD_FAILURE() << "no instance";
        return {};
      }
      const std::vector<u64> list(args);
      return store.invoke(*instance, name, list);
    }
    u64 value(std::string_view name, std::initializer_list<u64> args = {}) {
      const Outcome outcome = call(name, args);
      EXPECT_TRUE(outcome.returned()) << text_of(outcome.trap.kind);
      return outcome.returned() && !outcome.values.empty() ? outcome.values[0] : ~u64{0};
    }
  };
};

INSTANTIATE_TEST_SUITE_P(Dispatch, ExceptionTest, testing::Values(Dispatch::kTail, Dispatch::kStep),
                         [](const auto& instance) { return instance.param == Dispatch::kTail ? "tail" : "step"; });

// --- What an embedder sees ---

TEST_P(ExceptionTest, WhatNothingCatchesReachesTheEmbedderWithItsTagAndPayload) {
  Guest guest(options(), R"((tag) (tag $e (param i32 f64))
    (func $inner (throw $e (i32.const 7) (f64.const 0.5)))
    (func (export "f") (result i32) (call $inner) (i32.const 1)))");
  for (int i = 0; i < 2; ++i) {
    const Outcome outcome = guest.call("f");
    ASSERT_EQ(outcome.kind, Outcome::Kind::kThrown);
    EXPECT_EQ(outcome.trap.kind, TrapKind::kUncaughtException);
    EXPECT_EQ(outcome.trap.operand, 1u);
    EXPECT_EQ(outcome.tag, guest.instance->tags[1]);
    EXPECT_EQ(outcome.values, (std::vector<u64>{7, std::bit_cast<u64>(0.5)}));
    EXPECT_EQ(outcome.types, (std::vector<ValType>{ValType::kI32, ValType::kF64}));
    const Backtrace* const trace = exec_backtrace(guest.store.exec());
    ASSERT_NE(trace, nullptr);
    EXPECT_EQ(trace->num_frames, 2u);
    EXPECT_NE(symbolise(*trace)[0].find("inner"), std::string::npos);
  }
}

TEST_P(ExceptionTest, AStartFunctionThatThrowsFailsTheInstantiation) {
  Store store(options());
  const Result<Ctx*> made = store.instantiate(load("(tag $e) (func $f (throw $e)) (start $f)"));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kStartTrapped);
  EXPECT_NE(made.error().message().find("uncaught exception"), std::string::npos);
}

TEST_P(ExceptionTest, NullCannotBeThrown) {
  Guest guest(options(), R"((func (export "f") (param exnref)
    (block $h (try_table (catch_all $h) (throw_ref (local.get 0))))))");
  const Outcome outcome = guest.call("f", {0});
  EXPECT_EQ(outcome.kind, Outcome::Kind::kTrapped);
  EXPECT_EQ(outcome.trap.kind, TrapKind::kNullExceptionReference);
}

TEST_P(ExceptionTest, TrapsAndExhaustionAreNotCaught) {
  Guest guest(options(), R"((tag $e)
    (func $deep (param i32) (call $deep (local.get 0)) (call $deep (local.get 0)))
    (func (export "exhaust") (block $h (try_table (catch_all $h) (call $deep (i32.const 0)))))
    (func (export "legacy") (try (do (call $deep (i32.const 0))) (catch_all)))
    ;; Each level throws and catches, until there is no room for another.
    (func $levels (block $h (try_table (catch $e $h) (throw $e))) (call $levels))
    (func (export "levels") (block $h (try_table (catch_all $h) (call $levels)))))");
  for (const char* name : {"exhaust", "legacy", "levels"}) {
    EXPECT_TRUE(guest.call(name).exhausted()) << name;
  }
}

// --- Where code goes on, and what it sees there ---

constexpr std::string_view kLiveState = R"((tag $e (param i64))
    (func $fail (param i64) (throw $e (local.get 0)))
    (func (export "f") (param $x i64) (result i64) (local $n i64)
      (i64.mul (local.get $x) (i64.const 3))      ;; pending when the try is entered
      (i64.const 1000)                            ;; a constant in no slot
      (local.get $x)                              ;; a local that changes below
      (block $h (result i64)
        (try_table (catch $e $h)
          (local.set $n (i64.const 5))
          (local.set $x (i64.add (local.get $x) (local.get $n)))
          (call $fail (i64.sub (local.get $x) (i64.const 1)))
          (local.set $n (i64.const 6)))
        (i64.const 0))
      (i64.add) (i64.add) (i64.add)
      (i64.mul (local.get $n) (i64.const 100000)) (i64.add)
      (i64.mul (local.get $x) (i64.const 1000000)) (i64.add)))";

TEST_P(ExceptionTest, LocalsAndTheOperandsBelowAreAsTheyWereAtTheThrow) {
  Guest guest(options(), kLiveState);
  // 21 + 1000 + 7 + 11 + 5 * 10^5 + 12 * 10^6
  EXPECT_EQ(guest.value("f", {7}), 12'501'039u);
}

// The translator's switches change code, but neither what it does nor what it costs.
TEST_P(ExceptionTest, EveryWayOfTranslatingIsTheSame) {
  constexpr interp::TranslateOptions kWays[] = {
      {}, {.peepholes = false}, {.short_branches = false}, {.fusion = false}, {false, false, false}};
  std::optional<Outcome> first;
  for (const interp::TranslateOptions& way : kWays) {
    Guest guest(options(), kLiveState);
    ASSERT_NE(guest.instance, nullptr);
    const Module& module = *guest.instance->module;
    for (u32 i = 0; i < module.func_types.size(); ++i) ASSERT_NE(interp::translate_with(module.codes[i], way), nullptr);
    const Outcome outcome = guest.call("f", {7});
    ASSERT_TRUE(outcome.returned());
    if (!first) first = outcome;
    EXPECT_EQ(outcome.values, first->values);
    EXPECT_EQ(outcome.reductions, first->reductions);
  }
}

TEST_P(ExceptionTest, ACatchThatNamesALoopGoesRound) {
  Guest guest(options(), R"((tag $e (param i32))
    (func $step (param i32) (result i32)
      (if (i32.lt_u (local.get 0) (i32.const 1000)) (then (throw $e (i32.add (local.get 0) (i32.const 1)))))
      (local.get 0))
    (func (export "f") (result i32)
      (i32.const 0)
      (loop $again (param i32) (result i32)
        (try_table (param i32) (result i32) (catch $e $again) (call $step)))))");
  EXPECT_EQ(guest.value("f"), 1000u);
}

TEST_P(ExceptionTest, ACatchThatNamesTheFunctionReturns) {
  Guest guest(options(), R"((tag $e (param i32 i64))
    (func $f (param i64) (result i32 i64)
      (local.get 0) (f64.const 2)
      (try_table (catch $e 0) (throw $e (i32.const 3) (local.get 0)))
      (unreachable))
    (func (export "f") (param i64) (result i64) (local $n i64)
      (call $f (local.get 0))
      (local.set $n) (i64.extend_i32_u) (i64.add (local.get $n))))");
  EXPECT_EQ(guest.value("f", {4}), 7u);
}

// The instruction before a try must not be merged with one inside it: words would move across the boundary of the range.
TEST_P(ExceptionTest, RangesBeginAndEndWhereTheyAreWritten) {
  Guest guest(options(), R"((tag $e)
    (func (export "into") (param f64 f64) (result i32)
      (block $h
        (i32.eqz (f64.lt (local.get 0) (local.get 1)))
        (try_table (param i32) (catch $e $h) (if (then (return (i32.const 1)))) (throw $e)))
      (i32.const 2))
    (func (export "out") (param f64 f64) (result i32)
      (block $h
        (try_table (result i32) (catch $e $h) (i32.eqz (f64.lt (local.get 0) (local.get 1))))
        (if (then (return (i32.const 1))))
        (throw $e))
      (i32.const 2)))");
  const u64 one = std::bit_cast<u64>(1.0);
  const u64 two = std::bit_cast<u64>(2.0);
  EXPECT_EQ(guest.value("into", {one, two}), 2u);
  EXPECT_EQ(guest.value("into", {two, one}), 1u);
  EXPECT_EQ(guest.call("out", {one, two}).kind, Outcome::Kind::kThrown);
  EXPECT_EQ(guest.value("out", {two, one}), 1u);
}

TEST_P(ExceptionTest, LegacyArmsLeaveWithTheirResultsAndRethrowWhatTheyCaught) {
  Guest guest(options(), R"((tag $a (param i32)) (tag $b (param i32 externref))
    (func $throw (param i32 externref)
      (if (i32.eq (local.get 0) (i32.const 1)) (then (throw $a (i32.const 10))))
      (if (i32.eq (local.get 0) (i32.const 2)) (then (throw $b (i32.const 20) (local.get 1)))))
    (func $f (param i32 externref) (result i32 externref)
      (try (result i32 externref)
        (do (call $throw (local.get 0) (local.get 1)) (i32.const 5) (ref.null extern))
        (catch $a (ref.null extern))
        (catch $b)))
    (func (export "f") (param i32 externref) (result i32)
      (call $f (local.get 0) (local.get 1))
      (ref.is_null) (i32.add))
    ;; The inner catch throws anew; the outer one sees that, and the first exception is still there to be rethrown.
    (func (export "nested") (result i32)
      (block $h (result i32)
        (try_table (catch $a $h)
          (try
            (do (throw $a (i32.const 1)))
            (catch $a
              (drop)
              (try
                (do (throw $a (i32.const 2)))
                (catch $a (drop) (rethrow 1))))))
        (i32.const 99))))");
  const u64 host = make_host_ref(9);
  EXPECT_EQ(guest.value("f", {0, host}), 6u);
  EXPECT_EQ(guest.value("f", {1, host}), 11u);
  EXPECT_EQ(guest.value("f", {2, host}), 20u);
  EXPECT_EQ(guest.value("nested"), 1u);
}

TEST_P(ExceptionTest, AThrowInsideACatchGoesOutwards) {
  Guest guest(options(), R"((tag $a) (tag $b (param i32))
    (func (export "label") (result i32)
      (block $out (result i32)
        (try_table (catch $b $out)
          (block $in
            (block $never (try_table (catch $a $in) (catch_all $never) (throw $a)))
            (unreachable))
          (throw $b (i32.const 8)))
        (i32.const 0)))
    (func (export "legacy") (result i32)
      (try (result i32)
        (do (try (result i32)
          (do (throw $a))
          (catch $a (throw $b (i32.const 8)))
          (catch $b (drop) (i32.const 1))))
        (catch $b))))");
  EXPECT_EQ(guest.value("label"), 8u);
  EXPECT_EQ(guest.value("legacy"), 8u);
}

// --- Payloads ---

TEST_P(ExceptionTest, AThousandParametersOfAllClasses) {
  constexpr u32 kParams = 1000;
  constexpr std::string_view kTypes[] = {"i64", "externref", "i32", "f64", "f32"};
  std::string params;
  std::string pushes;
  for (u32 i = 0; i < kParams; ++i) {
    const std::string_view type = kTypes[i % 5];
    params += fmt::format(" {}", type);
    pushes += i % 5 == 1 ? " (local.get 0)" : fmt::format(" ({}.const {})", type, i);
  }
  std::string folds;  // Five values at a time, from the top.
  for (u32 i = 0; i < kParams / 5; ++i) {
    folds +=
        " f64.promote_f32 local.get $sum f64.add local.set $sum"
        " local.get $sum f64.add local.set $sum"
        " f64.convert_i32_u local.get $sum f64.add local.set $sum"
        " ref.is_null local.get $nulls i32.add local.set $nulls"
        " f64.convert_i64_u local.get $sum f64.add local.set $sum";
  }
  Guest guest(options(), fmt::format(R"((tag $e (param{0}))
    (func $throw (param externref) {1} (throw $e))
    (func (export "f") (param externref) (result f64) (local $sum f64) (local $nulls i32)
      (block $h (result{0})
        (try_table (catch $e $h) (call $throw (local.get 0)))
        (unreachable))
      {2}
      (f64.add (local.get $sum) (f64.mul (f64.const 1000000) (f64.convert_i32_u (local.get $nulls))))))",
                                     params, pushes, folds));
  f64 expected = 0;
  for (u32 i = 0; i < kParams; ++i) expected += i % 5 == 1 ? 0 : i;
  EXPECT_EQ(std::bit_cast<f64>(guest.value("f", {make_host_ref(3)})), expected);
  EXPECT_EQ(std::bit_cast<f64>(guest.value("f", {0})), expected + 200e6);
}

TEST_P(ExceptionTest, VectorsAndReferencesTravelTogether) {
  if (!FeatureSet::supported().has(Feature::kSimd)) GTEST_SKIP() << "no vectors in this build";
  Guest guest(options(), R"((tag $e (param i32 v128 externref v128))
    (func $throw (param externref)
      (throw $e (i32.const 5) (v128.const i64x2 1 2) (local.get 0) (v128.const i64x2 30 40)))
    (func (export "f") (param externref) (result i64) (local $v v128) (local $w v128) (local $n i64)
      (block $h (result i32 v128 externref v128)
        (try_table (catch $e $h) (call $throw (local.get 0)))
        (unreachable))
      (local.set $v)
      (local.set $n (i64.extend_i32_u (ref.is_null)))
      (local.set $w)
      (i64.extend_i32_u)
      (i64.add (local.get $n))
      (i64.add (i64x2.extract_lane 0 (local.get $v))) (i64.add (i64x2.extract_lane 1 (local.get $v)))
      (i64.add (i64x2.extract_lane 0 (local.get $w))) (i64.add (i64x2.extract_lane 1 (local.get $w)))))");
  EXPECT_EQ(guest.value("f", {make_host_ref(1)}), 78u);
  EXPECT_EQ(guest.value("f", {0}), 79u);
}

TEST_P(ExceptionTest, FramesBeyondTheReachOfShortOperands) {
  std::string locals;
  for (int i = 0; i < 40'000; ++i) locals += " i64";
  std::string pushes;
  for (int i = 0; i < 30'000; ++i) pushes += " (i64.const 7)";
  StoreOptions roomy = options();
  roomy.stack_cap_bytes = u64{8} << 20;
  Guest guest(roomy, fmt::format(R"((tag $e (param i64 externref i64))
    (func $throw (param externref) (local{0}) {1}
      (local.set 39999 (i64.const 4))
      (throw $e (i64.const 3) (local.get 0) (local.get 39999)))
    (func (export "f") (param externref) (result i64) (local{0}) (local $x externref)
      (local.set 1 (i64.const 100))
      (local.set 39999 (i64.const 1000))
      {1}
      (block $h (result i64 externref i64)
        (try_table (catch $e $h) (call $throw (local.get 0)))
        (unreachable))
      (local.set 2) (local.set $x)
      (i64.mul (local.get 2) (i64.const 10)) (i64.add) (i64.add)
      (i64.add (local.get 1)) (i64.add (local.get 39999))
      (return (i64.add (i64.extend_i32_u (ref.is_null (local.get $x))))))
    (func (export "legacy") (param externref) (result i64) (local{0}) {1}
      (try (result i64)
        (do (try (result i64)
          (do (call $throw (local.get 0)) (i64.const 0))
          (catch $e (drop) (drop) (drop) (rethrow 0))))
        (catch $e (local.set 39998) (drop) (i64.add (local.get 39998))))
      (return)))",
                                 locals, pushes));
  ASSERT_GT(guest.instance->module->codes[1].frame_words, 70'000u);
  EXPECT_EQ(guest.value("f", {make_host_ref(3)}), 7u + 3 + 40 + 100 + 1000);
  EXPECT_EQ(guest.value("f", {0}), 7u + 3 + 40 + 100 + 1000 + 1);
  EXPECT_EQ(guest.value("legacy", {0}), 7u);
}

// --- Objects ---

TEST_P(ExceptionTest, ThoseInUseStayAndAllOthersAreCollected) {
  StoreOptions small = options();
  small.memory_limit_bytes = 64 * 1024;
  Guest guest(small, R"((tag $e (param i32 exnref)) (tag $litter (param i64 i64))
    (global $chain (mut exnref) (ref.null exn)) (table $t 3 exnref)
    (func $throw (param i32 exnref) (throw $e (local.get 0) (local.get 1)))
    (func $litter (block $h (result i64 i64) (try_table (catch $litter $h) (throw $litter (i64.const 1) (i64.const 2)))
      (unreachable)) (drop) (drop))
    ;; Each link has its predecessor as payload; the chain hangs on a global, every link lies in a local, an operand and a table as well.
    (func (export "f") (param $n i32) (result i32) (local $x exnref) (local $y exnref) (local $i i32) (local $sum i32)
      (loop $again
        (block $h (result i32 exnref exnref)
          (try_table (catch_ref $e $h) (call $throw (local.get $i) (global.get $chain)))
          (unreachable))
        (local.set $x)
        (call $litter)
        (local.set $y) (drop)
        (table.set $t (i32.const 1) (local.get $y))
        (call $litter)
        (global.set $chain (local.get $x))
        (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
      (local.set $i (i32.const 0))
      (loop $litters
        (call $litter)
        (br_if $litters (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 10000))))
      (loop $next
        (block $h (result i32 exnref)
          (try_table (catch $e $h) (throw_ref (global.get $chain)))
          (unreachable))
        (global.set $chain)
        (local.set $sum (i32.add (local.get $sum)))
        (br_if $next (i32.eqz (ref.is_null (global.get $chain)))))
      (local.get $sum)))");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(guest.value("f", {100}), 4950u);
}

TEST_P(ExceptionTest, WithoutMemoryAThrowTraps) {
  StoreOptions small = options();
  small.memory_limit_bytes = 16 * 1024;
  Guest guest(small, R"((tag $e (param exnref))
    (func (export "f") (local $x exnref)
      (loop $again
        (block $h (result exnref)
          (try_table (catch_all_ref $h) (throw $e (local.get $x)))
          (unreachable))
        (local.set $x)
        (br $again))))");
  const Outcome outcome = guest.call("f");
  EXPECT_EQ(outcome.kind, Outcome::Kind::kTrapped);
  EXPECT_EQ(outcome.trap.kind, TrapKind::kOutOfMemory);
}

// --- Stacks ---

constexpr std::string_view kDeepThrow = R"((tag $e (param i32)) (tag $other)
    (func $down (param i32) (result i32)
      (if (i32.eqz (local.get 0)) (then (throw $e (i32.const 42))))
      (block $h
        (try_table (catch $other $h)
          (return (i32.add (call $down (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))))
      (unreachable))
    (func (export "f") (param i32) (result i32)
      (block $h (result i32)
        (try_table (catch $e $h) (drop (call $down (local.get 0))))
        (i32.const 0))))";

TEST_P(ExceptionTest, TheSearchIsChargedAndMayBeLeftAtAnyFrame) {
  constexpr u64 kDepth = 1000;
  Guest plain(options(), kDeepThrow);
  const Outcome expected = plain.call("f", {kDepth});
  ASSERT_TRUE(expected.returned());
  EXPECT_EQ(expected.values[0], 42u);
  EXPECT_GE(expected.reductions, 2 * kDepth);  // Down, and the frames looked at on the way up.
  for (const i64 chunk : {1, 3, 100}) {
    StoreOptions yielding = options();
    yielding.chunk_reductions = chunk;
    yielding.yield_at_every_tick = true;
    Guest guest(yielding, kDeepThrow);
    const Outcome outcome = guest.call("f", {kDepth});
    ASSERT_TRUE(outcome.returned());
    EXPECT_EQ(outcome.values[0], 42u);
    EXPECT_EQ(outcome.reductions, expected.reductions);
    EXPECT_GE(guest.store.ticks(), outcome.reductions / static_cast<u64>(chunk) / 2);
  }
}

TEST_P(ExceptionTest, ProcessesDieWhileTheySearch) {
  StoreOptions yielding = options();
  yielding.chunk_reductions = 1;
  yielding.yield_at_every_tick = true;
  Guest guest(yielding, kDeepThrow);
  ExecContext& exec = guest.store.exec();
  const u64 args[] = {50};
  ASSERT_TRUE(push_entry(exec, *guest.instance, guest.instance->module->codes[1], args));
  bool searched = false;
  for (int i = 0; i < 10'000 && !searched; ++i) {
    exec.reductions = 1;
    ASSERT_EQ(run(exec, GetParam()), ExecStatus::kYielded);
    searched = exec.resume == Resume::kSearch && exec.search_words != 0;
  }
  ASSERT_TRUE(searched);
  EXPECT_NE(exec.exception, 0u);
  abandon(exec);
  EXPECT_EQ(exec.exception, 0u);
  EXPECT_EQ(guest.value("f", {50}), 42u);
}

// A body of many handlers, none of which is the one, in many frames: the product is looked at, but between two frames the process can be
// preempted.
TEST_P(ExceptionTest, ManyHandlersInManyFramesAreSearchedInSteps) {
  constexpr u32 kHandlers = 2000;
  constexpr u64 kDepth = 100;
  std::string opens;
  std::string closes;
  for (u32 i = 0; i < kHandlers; ++i) {
    opens += " try_table (catch $other 0)";
    closes += " end";
  }
  Guest guest(options(), fmt::format(R"((tag $e) (tag $other)
    (func $down (param i32)
      (if (i32.eqz (local.get 0)) (then (throw $e)))
      {} (call $down (i32.sub (local.get 0) (i32.const 1))) {})
    (func (export "f") (param i32) (result i32)
      (block $h (try_table (catch $e $h) (call $down (local.get 0))) (unreachable))
      (i32.const 3)))",
                                     opens, closes));
  const Outcome outcome = guest.call("f", {kDepth});
  ASSERT_TRUE(outcome.returned());
  EXPECT_EQ(outcome.values[0], 3u);
  EXPECT_GE(outcome.reductions, kDepth * kHandlers * 2 / kClausesPerReduction);
  EXPECT_GE(guest.store.ticks(), kDepth / 4);
}

TEST_P(ExceptionTest, ThroughTenThousandTailCallsInConstantStack) {
  StoreOptions small = options();
  small.stack_cap_bytes = 2048;
  Guest guest(small, R"((tag $e (param i32))
    (func $even (param i32) (result i32)
      (if (i32.eqz (local.get 0)) (then (throw $e (i32.const 5))))
      (return_call $odd (i32.sub (local.get 0) (i32.const 1))))
    (func $odd (param i32) (result i32)
      (block $h (result i32)
        (try_table (result i32) (catch $e $h)
          ;; Leaves the handler before the call.
          (return_call $even (i32.sub (local.get 0) (i32.const 1))))
        (drop) (i32.const 77)))
    (func (export "f") (result i32)
      (block $h (result i32)
        (try_table (result i32) (catch $e $h) (call $even (i32.const 10000))))))");
  EXPECT_EQ(guest.value("f"), 5u);
}

TEST_P(ExceptionTest, MemoryThatGrewBeforeTheThrowIsSeen) {
  Guest guest(options(), R"((memory 1 4) (tag $e)
    (func $grow (drop (memory.grow (i32.const 2)))
      (i32.store (i32.const 150000) (i32.const 11)) (throw $e))
    (func (export "f") (result i32)
      (block $h (try_table (catch $e $h) (call $grow)))
      (i32.add (i32.load (i32.const 150000)) (memory.size))))");
  EXPECT_EQ(guest.value("f"), 14u);
}

// --- Instances and hosts ---

TEST_P(ExceptionTest, CrossInstancesByTheTagsIdentity) {
  Store store(options());
  const auto instantiate = [&store](std::string_view wat) { return store.instantiate(load(wat)).value(); };
  Ctx* const thrower = instantiate(R"((tag $e (export "e") (param i32)) (tag $hidden (export "twin") (param i32))
    (memory 1) (data (i32.const 0) "\01")
    (func (export "throw") (param i32) (throw $e (i32.add (local.get 0) (i32.load8_u (i32.const 0)))))
    (func (export "again") (param exnref) (throw_ref (local.get 0))))");
  store.register_instance("m", thrower);
  Ctx* const catcher = instantiate(R"((import "m" "e" (tag $e (param i32))) (import "m" "twin" (tag $twin (param i32)))
    (import "m" "throw" (func $throw (param i32))) (import "m" "again" (func $again (param exnref)))
    (tag $own (param i32)) (memory 1) (data (i32.const 0) "\64")
    (table funcref (elem $throw))
    (func (export "f") (result i32) (local $x exnref)
      (block $wrong (result i32)
        (block $h (result i32 exnref)
          (try_table (catch $own $wrong) (catch $twin $wrong) (catch_ref $e $h)
            (call_indirect (param i32) (i32.const 6) (i32.const 0)))
          (unreachable))
        (local.set $x)
        ;; In this instance again.
        (return (i32.add (i32.load8_u (i32.const 0))))))
    (func (export "g") (result i32)
      (block $out (result i32)
        (try_table (catch $e $out)
          (block $h (result exnref)
            (try_table (catch_all_ref $h) (call $throw (i32.const 1)))
            (unreachable))
          (call $again))
        (unreachable))))");
  EXPECT_EQ(catcher->tags[0], thrower->tags[0]);
  for (const auto& [name, expected] : {std::pair("f", u64{107}), std::pair("g", u64{2})}) {
    const Outcome outcome = store.invoke(*catcher, name);
    ASSERT_TRUE(outcome.returned()) << name << ": " << text_of(outcome.trap.kind);
    EXPECT_EQ(outcome.values[0], expected) << name;
  }
}

// guard(f): calls f; 0 when it returned, else the trap's kind. As trap::catch does.
struct Guarded : HostOp {
  static inline int alive = 0;
  Guarded() { ++alive; }
  ~Guarded() override { --alive; }
};
constexpr HostFunction kGuard = {.module = "t",
                                 .name = "guard",
                                 .signature = "r:i",
                                 .call =
                                     [](ExecContext& exec, u64* io) {
                                       exec.host_call.code = func_code_of(io[0]);
                                       push_host_op(exec, new Guarded);
                                       return HostStatus::kCall;
                                     },
                                 .returned =
                                     [](ExecContext&, u64* io) {
                                       io[0] = 0;
                                       return HostStatus::kDone;
                                     },
                                 .trapped =
                                     [](ExecContext& exec, u64* io) {
                                       io[0] = static_cast<u64>(exec.trap.kind);
                                       return HostStatus::kDone;
                                     },
                                 .cost = 1};

TEST_P(ExceptionTest, AtAHostFrameAnExceptionIsATrap) {
  HostRegistry hosts;
  hosts.add(std::span(&kGuard, 1));
  StoreOptions alone = options();
  alone.shared = false;
  Guest guest(alone, R"((import "t" "guard" (func $guard (param funcref) (result i32))) (tag $e)
    (func $throw (throw $e))
    (func $inside (block $h (try_table (catch_all $h) (throw $e)) (unreachable)))
    (func $nested (drop (call $guard (ref.func $throw))) (throw $e))
    (elem declare func $throw $inside $nested)
    (func (export "throw") (result i32)
      (block $h (try_table (catch_all $h) (return (call $guard (ref.func $throw)))))
      (i32.const 1000))
    (func (export "inside") (result i32) (call $guard (ref.func $inside)))
    ;; Below the host's frame an exception finds its handler as ever.
    (func (export "after") (result i32)
      (block $h
        (try_table (catch $e $h)
          (if (i32.ne (call $guard (ref.func $nested)) (call $guard (ref.func $throw))) (then (unreachable)))
          (call $throw)))
      (i32.const 5)))",
              &hosts);
  const auto uncaught = static_cast<u64>(TrapKind::kUncaughtException);
  EXPECT_EQ(guest.value("throw"), uncaught);
  EXPECT_EQ(guest.value("inside"), 0u);
  EXPECT_EQ(guest.value("after"), 5u);
  EXPECT_EQ(guest.store.exec().exception, 0u);
  EXPECT_EQ(Guarded::alive, 0);
}

// --- What the translator makes ---

TEST(CatchTables, AreListedBehindTheCode) {
  const std::shared_ptr<Module> module = load(R"((tag $e (param i64)) (func $nothing)
    (func (result i64)
      (block $a (result i64)
        (block $b (result exnref)
          (try_table (catch $e $a) (catch_all_ref $b)
            (call $nothing)
            (try_table (call $nothing))
            (try (do (call $nothing)) (delegate 0)))
          (return (i64.const 1)))
        (drop) (i64.const 2))))");
  ASSERT_NE(module, nullptr);
  ASSERT_NE(translate(module->codes[1]), nullptr);
  const std::string text = interp::listing(module->codes[1]);
  EXPECT_NE(text.find("range 0 | tag 0 -> "), std::string::npos) << text;
  EXPECT_NE(text.find(" | all -> "), std::string::npos) << text;
  EXPECT_NE(text.find("range 1, then 0"), std::string::npos) << text;
  ASSERT_NE(translate(module->codes[0]), nullptr);
  EXPECT_EQ(module->codes[0].catches, nullptr);
}

// Nothing is executed at the entry of a try_table, nor at its end.
TEST(CatchTables, CostNothingWhereNothingIsThrown) {
  const std::shared_ptr<Module> module = load(R"((tag $e)
    (func $with (param i32) (result i32)
      (block $h (try_table (catch $e $h) (return (i32.add (local.get 0) (i32.const 1)))))
      (i32.const 0))
    (func $without (param i32) (result i32)
      (block $h (block (return (i32.add (local.get 0) (i32.const 1)))))
      (i32.const 0)))");
  ASSERT_NE(module, nullptr);
  for (u32 i = 0; i < 2; ++i) ASSERT_NE(translate(module->codes[i]), nullptr);
  EXPECT_NE(module->codes[0].catches, nullptr);
  EXPECT_EQ(module->codes[0].storage_words, module->codes[1].storage_words);
}

}  // namespace
}  // namespace lunabeam::vm
