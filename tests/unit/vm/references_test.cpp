// Typed function references when they run: null tests, branches, calls; tables and globals that hold no null. In every dispatch, in
// both representations of references (rule P3), interrupted and not.
#include <gtest/gtest.h>

#include <string>
#include <tuple>

#include "tests/unit/vm/text_support.h"
#include "vm/store.h"

namespace lunabeam::vm {
namespace {

using tests::load_text;
using Values = std::vector<u64>;

struct Mode {
  const char* name;
  Dispatch dispatch;
  bool shared;
  bool interrupted;
};

class References : public testing::TestWithParam<Mode> {
 protected:
  void SetUp() override {
    if (!has_dispatch(GetParam().dispatch)) GTEST_SKIP() << "this build has no such dispatch";
    options_.dispatch = GetParam().dispatch;
    options_.shared = GetParam().shared;
    if (GetParam().interrupted) {
      options_.chunk_reductions = 1;
      options_.yield_at_every_tick = true;
    }
    store_ = std::make_unique<Store>(options_);
  }
  Ctx* instantiate(std::string_view source, FeatureSet features = FeatureSet::supported()) {
    const Result<Ctx*> instance = store_->instantiate(load_text(source, features));
    EXPECT_TRUE(instance) << instance.error().message();
    return instance ? *instance : nullptr;
  }
  Values call(Ctx* ctx, const char* name, Values args = {}) {
    const Outcome outcome = store_->invoke(*ctx, name, args);
    EXPECT_TRUE(outcome.returned()) << name << ": " << text_of(outcome.trap.kind);
    return outcome.values;
  }
  TrapKind trap(Ctx* ctx, const char* name, Values args = {}) {
    const Outcome outcome = store_->invoke(*ctx, name, args);
    EXPECT_EQ(outcome.kind, Outcome::Kind::kTrapped) << name;
    return outcome.trap.kind;
  }

  StoreOptions options_;
  std::unique_ptr<Store> store_;
};

INSTANTIATE_TEST_SUITE_P(Modes, References,
                         testing::Values(Mode{"tail", Dispatch::kTail, false, false},
                                         Mode{"tail_shared", Dispatch::kTail, true, false},
                                         Mode{"step", Dispatch::kStep, false, false},
                                         Mode{"step_shared", Dispatch::kStep, true, false},
                                         Mode{"interrupted", kDefaultDispatch, false, true},
                                         Mode{"interrupted_shared", kDefaultDispatch, true, true}),
                         [](const auto& instance) { return std::string(instance.param.name); });

TEST_P(References, CallsTakeOperandsOfEveryNumberAndKind) {
  Ctx* const ctx = instantiate(R"((module
    (type $0 (func (result i32)))
    (type $1 (func (param i32) (result i32)))
    (type $2 (func (param i32 i64) (result i64)))
    (type $3 (func (param i32 i32 i32) (result i32)))
    (type $5 (func (param i32 i32 i32 i32 i32) (result i32)))
    (type $mixed (func (param f64 funcref i32 (ref null $1)) (result f64 (ref null $1))))
    (type $many (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 (ref $1)) (result i32)))
    (func $f0 (type $0) i32.const 7)
    (func $f1 (type $1) (i32.add (local.get 0) (i32.const 1)))
    (func $f2 (type $2) (i64.add (i64.extend_i32_s (local.get 0)) (local.get 1)))
    (func $f3 (type $3) (i32.sub (i32.mul (local.get 0) (local.get 1)) (local.get 2)))
    (func $f5 (type $5) (i32.add (i32.mul (local.get 0) (i32.const 10000)) (i32.add (i32.mul (local.get 1) (i32.const 1000))
      (i32.add (i32.mul (local.get 2) (i32.const 100)) (i32.add (i32.mul (local.get 3) (i32.const 10)) (local.get 4))))))
    (func $fmixed (type $mixed) (f64.add (local.get 0) (f64.convert_i32_s (local.get 2))) (local.get 3))
    (func $fmany (type $many) (call_ref $1 (i32.add (local.get 0) (local.get 16)) (local.get 17)))
    (elem declare func $f0 $f1 $f2 $f3 $f5 $fmixed $fmany)
    (func (export "0") (result i32) (call_ref $0 (ref.func $f0)))
    (func (export "1") (param i32) (result i32) (local $r (ref null $1))
      (local.set $r (ref.func $f1)) (i32.add (call_ref $1 (local.get 0) (local.get $r)) (call_ref $1 (i32.const 1) (local.get $r))))
    (func (export "2") (result i64) (call_ref $2 (i32.const -3) (i64.const 10) (ref.func $f2)))
    (func (export "3") (result i32) (call_ref $3 (i32.const 5) (i32.const 6) (i32.const 7) (ref.func $f3)))
    (func (export "5") (result i32)
      (call_ref $5 (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (ref.func $f5)))
    (func (export "mixed") (result i32)
      (call_ref $1 (i32.const 41) (block (result (ref $1))
        (call_ref $mixed (f64.const 0.5) (ref.null func) (i32.const 2) (ref.func $f1) (ref.func $fmixed))
        (br_on_non_null 0)
        (drop) (unreachable))))
    (func (export "many") (result i32)
      (i32.const 20) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
      (i32.const 300) (ref.func $f1) (ref.func $fmany) (call_ref $many))
    (func (export "tail many") (result i32)
      (i32.const 20) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
      (i32.const 300) (ref.func $f1) (ref.func $fmany) (return_call_ref $many))
    (func (export "null") (result i32) (call_ref $1 (i32.const 1) (ref.null $1)))
    (func (export "null many") (param (ref null $many)) (result i32)
      (i32.const 20) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
      (i32.const 300) (ref.func $f1) (local.get 0) (return_call_ref $many))
    (func (export "tail null") (result i32) (return_call_ref $0 (ref.null $0)))
  ))");
  ASSERT_NE(ctx, nullptr);
  EXPECT_EQ(call(ctx, "0"), Values{7});
  EXPECT_EQ(call(ctx, "1", {10}), Values{13});
  EXPECT_EQ(call(ctx, "2"), Values{7});
  EXPECT_EQ(call(ctx, "3"), Values{23});
  EXPECT_EQ(call(ctx, "5"), Values{12345});
  EXPECT_EQ(call(ctx, "mixed"), Values{42});
  EXPECT_EQ(call(ctx, "many"), Values{321});
  EXPECT_EQ(call(ctx, "tail many"), Values{321});
  EXPECT_EQ(trap(ctx, "null"), TrapKind::kNullFunctionReference);
  EXPECT_EQ(trap(ctx, "tail null"), TrapKind::kNullFunctionReference);
  EXPECT_EQ(trap(ctx, "null many", {0}), TrapKind::kNullFunctionReference);
}

TEST_P(References, NullTestsAndTheirBranches) {
  Ctx* const ctx = instantiate(R"((module
    (type $t (func (result i32)))
    (func $seven (type $t) i32.const 7)
    (elem declare func $seven)
    (func $pick (param i32) (result (ref null $t))
      (select (result (ref null $t)) (ref.func $seven) (ref.null $t) (local.get 0)))
    (func (export "as_non_null") (param i32) (result i32) (call_ref $t (ref.as_non_null (call $pick (local.get 0)))))
    (func (export "known null") (result i32) (ref.is_null (ref.as_non_null (ref.null $t))))
    (func (export "on_null") (param i32) (result i32)
      (block $null (return (call_ref $t (br_on_null $null (call $pick (local.get 0)))))) (i32.const -1))
    (func (export "on_null values") (param i32) (result i32 i64)
      (local $r (ref null $t))
      (local.set $r (call $pick (local.get 0)))
      (block $null (result i32 i64)
        (i32.const 1) (i64.const 2) (local.get $r) (br_on_null $null)
        (local.set $r (ref.null $t))
        (call_ref $t) (drop) (drop) (drop) (i32.const 3) (i64.const 4)))
    (func (export "on_non_null") (param i32) (result i32)
      (block $some (result (ref $t)) (br_on_non_null $some (call $pick (local.get 0))) (return (i32.const -1)))
      (call_ref $t))
    (func (export "on_non_null values") (param i32) (result i32 i32)
      (i32.const 100)
      (block $some (result i32 i32 (ref $t))
        (i32.const 20) (local.get 0) (call $pick (local.get 0)) (br_on_non_null $some)
        (drop) (drop) (return (i32.const 1) (i32.const 2)))
      (call_ref $t) (i32.add) (i32.add) (i32.add) (i32.const 5))
    (func (export "to the function") (param i32) (result i32)
      (i32.const 11) (call $pick (local.get 0)) (br_on_null 0) (call_ref $t) (i32.add))
    (func (export "loop") (param i32) (result i32)
      (local $n i32) (local $r (ref null $t))
      (loop $again
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (local.set $r (call $pick (i32.ge_u (local.get $n) (local.get 0))))
        (drop (br_on_null $again (local.get $r))))
      (local.get $n))
    (func (export "loop values") (param i32) (result i32)
      (call $pick (i32.const 1))
      (loop $again (param (ref null $t)) (result i32)
        (drop)
        (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
        (call $pick (i32.gt_s (local.get 0) (i32.const 0)))
        (br_on_non_null $again)
        (local.get 0)))
  ))");
  ASSERT_NE(ctx, nullptr);
  EXPECT_EQ(call(ctx, "as_non_null", {1}), Values{7});
  EXPECT_EQ(trap(ctx, "as_non_null", {0}), TrapKind::kNullReference);
  EXPECT_EQ(trap(ctx, "known null"), TrapKind::kNullReference);
  EXPECT_EQ(call(ctx, "on_null", {1}), Values{7});
  EXPECT_EQ(call(ctx, "on_null", {0}), Values{0xFFFF'FFFF});
  EXPECT_EQ(call(ctx, "on_null values", {1}), (Values{3, 4}));
  EXPECT_EQ(call(ctx, "on_null values", {0}), (Values{1, 2}));
  EXPECT_EQ(call(ctx, "on_non_null", {1}), Values{7});
  EXPECT_EQ(call(ctx, "on_non_null", {0}), Values{0xFFFF'FFFF});
  EXPECT_EQ(call(ctx, "on_non_null values", {1}), (Values{128, 5}));
  EXPECT_EQ(call(ctx, "on_non_null values", {0}), (Values{1, 2}));
  EXPECT_EQ(call(ctx, "to the function", {1}), Values{18});
  EXPECT_EQ(call(ctx, "to the function", {0}), Values{11});
  EXPECT_EQ(call(ctx, "loop", {50}), Values{50});
  EXPECT_EQ(call(ctx, "loop values", {50}), Values{0});
}

TEST_P(References, TablesWithAnInitialiserAndTailCallsInConstantStack) {
  Ctx* const ctx = instantiate(R"((module
    (type $loop (func (param i64) (result i64)))
    (global $g (ref $loop) (ref.func $count))
    (table $t 3 (ref $loop) (ref.func $count))
    (table $n 2 funcref (ref.func $count))
    (elem (table $n) (i32.const 1) funcref (ref.null func))
    (func $count (type $loop)
      (if (result i64) (i64.eqz (local.get 0)) (then (i64.const 99))
        (else (return_call_ref $loop (i64.sub (local.get 0) (i64.const 1)) (global.get $g)))))
    (func (export "count") (param i64) (result i64) (call_ref $loop (local.get 0) (table.get $t (i32.const 2))))
    (func (export "indirect") (param i32) (result i64) (call_indirect $n (type $loop) (i64.const 3) (local.get 0)))
    (func (export "grow") (result i32) (table.grow $t (global.get $g) (i32.const 4)))
  ))");
  ASSERT_NE(ctx, nullptr);
  const u64 moves = store_->stack_moves();
  EXPECT_EQ(call(ctx, "count", {20'000}), Values{99});
  EXPECT_EQ(call(ctx, "indirect", {0}), Values{99});
  EXPECT_EQ(trap(ctx, "indirect", {1}), TrapKind::kUninitializedElement);
  EXPECT_EQ(call(ctx, "grow"), Values{3});
#if !defined(LUNABEAM_TORTURE)
  EXPECT_LE(store_->stack_moves(), moves + 1);
#else
  (void)moves;
#endif
}

// call_indirect asks for a subtype of what it names, and nothing else.
TEST_P(References, IndirectCallsTakeSubtypes) {
  FeatureSet features = FeatureSet::supported();
  features.enable(Feature::kGc);  // For the declarations.
  Ctx* const ctx = instantiate(R"((module
    (type $root (sub (func (result i32))))
    (type $mid (sub $root (func (result i32))))
    (type $leaf (sub final $mid (func (result i32))))
    (type $plain (func (result i32)))
    (func $fmid (type $mid) i32.const 2)
    (func $fleaf (type $leaf) i32.const 3)
    (func $fplain (type $plain) i32.const 4)
    (table funcref (elem $fmid $fleaf $fplain))
    (func (export "root") (param i32) (result i32) (call_indirect (type $root) (local.get 0)))
    (func (export "mid") (param i32) (result i32) (call_indirect (type $mid) (local.get 0)))
    (func (export "leaf") (param i32) (result i32) (return_call_indirect (type $leaf) (local.get 0)))
    (func (export "plain") (param i32) (result i32) (call_indirect (type $plain) (local.get 0)))
  ))",
                               features);
  ASSERT_NE(ctx, nullptr);
  EXPECT_EQ(call(ctx, "root", {0}), Values{2});
  EXPECT_EQ(call(ctx, "root", {1}), Values{3});
  EXPECT_EQ(trap(ctx, "root", {2}), TrapKind::kIndirectCallTypeMismatch);
  EXPECT_EQ(call(ctx, "mid", {1}), Values{3});
  EXPECT_EQ(call(ctx, "leaf", {1}), Values{3});
  EXPECT_EQ(trap(ctx, "leaf", {0}), TrapKind::kIndirectCallTypeMismatch);
  EXPECT_EQ(call(ctx, "plain", {2}), Values{4});
  EXPECT_EQ(trap(ctx, "plain", {0}), TrapKind::kIndirectCallTypeMismatch);
}

// What belongs to stores with several instances.
class SharedReferences : public References {};
INSTANTIATE_TEST_SUITE_P(Modes, SharedReferences,
                         testing::Values(Mode{"tail", Dispatch::kTail, true, false},
                                         Mode{"step", Dispatch::kStep, true, false},
                                         Mode{"interrupted", kDefaultDispatch, true, true}),
                         [](const auto& instance) { return std::string(instance.param.name); });

TEST_P(SharedReferences, CallOtherInstancesInConstantStack) {
  Ctx* const ping = instantiate(R"((module
    (type $f (func (param i64) (result i64)))
    (global $other (mut (ref null $f)) (ref.null $f))
    (global $calls (mut i64) (i64.const 0))
    (func (export "set") (param (ref null $f)) (global.set $other (local.get 0)))
    (func $ping (export "ping") (type $f)
      (global.set $calls (i64.add (global.get $calls) (i64.const 1)))
      (if (result i64) (i64.eqz (local.get 0)) (then (global.get $calls))
        (else (return_call_ref $f (i64.sub (local.get 0) (i64.const 1)) (global.get $other)))))
    (func (export "calls") (result i64) (global.get $calls))
  ))");
  ASSERT_NE(ping, nullptr);
  store_->register_instance("ping", ping);
  Ctx* const pong = instantiate(R"((module
    (type $f (func (param i64) (result i64)))
    (import "ping" "ping" (func $ping (type $f)))
    (import "ping" "set" (func $set (param (ref null $f))))
    (global $calls (mut i64) (i64.const 1000))
    (elem declare func $pong $ping)
    (func $pong (type $f)
      (global.set $calls (i64.add (global.get $calls) (i64.const 1)))
      (return_call_ref $f (local.get 0) (ref.func $ping)))
    (func (export "run") (param i64) (result i64 i64)
      (call $set (ref.func $pong))
      (call_ref $f (local.get 0) (ref.func $ping))
      (global.get $calls))
  ))");
  ASSERT_NE(pong, nullptr);
  const u64 moves = store_->stack_moves();
  EXPECT_EQ(call(pong, "run", {10'000}), (Values{10'001, 11'000}));
  EXPECT_EQ(call(ping, "calls"), Values{10'001});
#if !defined(LUNABEAM_TORTURE)
  EXPECT_LE(store_->stack_moves(), moves + 1);
#else
  (void)moves;
#endif
}

// An imported function may have a subtype of what is asked for; tables and mutable globals must have the same type.
TEST_P(SharedReferences, ImportsFollowSubtyping) {
  Ctx* const provider = instantiate(R"((module
    (type $f (func (result i32)))
    (func $one (type $f) i32.const 1)
    (global (export "constant") (ref $f) (ref.func $one))
    (global (export "variable") (mut (ref null $f)) (ref.func $one))
    (table (export "table") 2 (ref $f) (ref.func $one))
  ))");
  ASSERT_NE(provider, nullptr);
  store_->register_instance("p", provider);
  const auto link = [this](std::string_view import) {
    const Result<Ctx*> instance =
        store_->instantiate(load_text("(module (type $f (func (result i32))) " + std::string(import) + ")"));
    return instance ? std::string("ok") : std::string(instance.error().message().substr(0, 24));
  };
  constexpr const char* kIncompatible = "incompatible import type";
  EXPECT_EQ(link(R"((import "p" "constant" (global (ref $f))))"), "ok");
  EXPECT_EQ(link(R"((import "p" "constant" (global (ref null $f))))"), "ok");
  EXPECT_EQ(link(R"((import "p" "constant" (global funcref)))"), "ok");
  EXPECT_EQ(link(R"((import "p" "constant" (global externref)))"), kIncompatible);
  EXPECT_EQ(link(R"((import "p" "variable" (global (mut (ref null $f)))))"), "ok");
  EXPECT_EQ(link(R"((import "p" "variable" (global (mut funcref))))"), kIncompatible);
  EXPECT_EQ(link(R"((import "p" "variable" (global (mut (ref $f)))))"), kIncompatible);
  EXPECT_EQ(link(R"((import "p" "table" (table 1 (ref $f))))"), "ok");
  EXPECT_EQ(link(R"((import "p" "table" (table 1 (ref null $f))))"), kIncompatible);
  EXPECT_EQ(link(R"((import "p" "table" (table 1 funcref)))"), kIncompatible);
}

TEST_P(SharedReferences, ImportedFunctionsMayHaveASubtype) {
  FeatureSet features = FeatureSet::supported();
  features.enable(Feature::kGc);  // For the declarations.
  constexpr std::string_view kTypes = R"(
    (type $super (sub (func (result i32)))) (type $sub (sub $super (func (result i32)))) )";
  Ctx* const provider = instantiate("(module " + std::string(kTypes) + R"(
    (func (export "super") (type $super) i32.const 1) (func (export "sub") (type $sub) i32.const 2)))",
                                    features);
  ASSERT_NE(provider, nullptr);
  store_->register_instance("p", provider);
  const auto link = [&](std::string_view import) {
    const Result<Ctx*> instance =
        store_->instantiate(load_text("(module " + std::string(kTypes) + std::string(import) + ")", features));
    return instance ? std::string("ok") : std::string(instance.error().message().substr(0, 24));
  };
  EXPECT_EQ(link(R"((import "p" "super" (func (type $super))))"), "ok");
  EXPECT_EQ(link(R"((import "p" "sub" (func (type $super))))"), "ok");
  EXPECT_EQ(link(R"((import "p" "sub" (func (type $sub))))"), "ok");
  EXPECT_EQ(link(R"((import "p" "super" (func (type $sub))))"), "incompatible import type");
  EXPECT_EQ(link(R"((import "p" "sub" (func (result i32))))"), "incompatible import type");  // A final type.
}

}  // namespace
}  // namespace lunabeam::vm
