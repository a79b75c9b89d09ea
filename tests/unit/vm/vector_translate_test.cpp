// v128 through everything that moves values: locals, globals, blocks and branches, select, calls of all kinds, wide frames, other
// instances; the same in every combination of the translator's switches, in both dispatches, interrupted and not.
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "vm/host_function.h"
#include "vm/interp/translate_options.h"
#include "vm/store.h"
#include "vm/text/text.h"

namespace lunabeam::vm::interp {
namespace {

using Values = std::vector<u64>;

std::shared_ptr<Module> load(const std::string& source) {
  static const HostRegistry* const kHosts = [] {
    auto* hosts = new HostRegistry;
    hosts->add(Store::spectest_functions());
    return hosts;
  }();
  Result<text::BinaryModule> binary = text::read_module(source);
  EXPECT_TRUE(binary.has_value()) << binary.error().message();
  if (!binary) return nullptr;
  Result<std::shared_ptr<Module>> module = Module::load(binary->bytes, kHosts);
  EXPECT_TRUE(module.has_value()) << module.error().message();
  return module ? *module : nullptr;
}

std::string vector(u64 low, u64 high) {
  return "(v128.const i64x2 " + std::to_string(low) + " " + std::to_string(high) + ")";
}

// Runs the export "f" of the source in every way there is; the results must be `want`, the reductions always the same.
void expect_returns(const std::string& source, const Values& want, const Values& args = {}) {
  u64 reductions = 0;
  for (u32 bits = 0; bits < 32; ++bits) {
    const TranslateOptions options{
        .peepholes = (bits & 1) != 0, .short_branches = (bits & 2) != 0, .fusion = (bits & 4) != 0};
    StoreOptions store_options;
    store_options.shared = false;
    store_options.stack_cap_bytes = 16 << 20;
    store_options.dispatch = (bits & 8) != 0 ? Dispatch::kTail : Dispatch::kStep;
    if (!has_dispatch(store_options.dispatch)) continue;
    if ((bits & 16) != 0) {
      store_options.chunk_reductions = 1;
      store_options.yield_at_every_tick = true;
    }
    const std::shared_ptr<Module> module = load(source);
    ASSERT_NE(module, nullptr);
    for (u32 i = module->imported_funcs; i < module->func_types.size(); ++i) {
      ASSERT_NE(translate_with(module->codes[i], options), nullptr);
    }
    Store store(store_options);
    Result<Ctx*> instance = store.instantiate(module);
    ASSERT_TRUE(instance.has_value()) << instance.error().message();
    const Outcome outcome = store.invoke(**instance, "f", args);
    ASSERT_TRUE(outcome.returned()) << text_of(outcome.trap.kind);
    EXPECT_EQ(outcome.values, want) << "variant " << bits;
    if (reductions == 0) reductions = outcome.reductions;
    EXPECT_EQ(outcome.reductions, reductions) << "variant " << bits;
  }
}

TEST(VectorTranslate, Constants) {
  expect_returns("(func (export \"f\") (result v128) " + vector(7, ~u64{0}) + ")", {7, ~u64{0}});
}

TEST(VectorTranslate, LocalsStayWhatTheyWereRead) {
  // The first local.get stands for the old value although the local changes before it is used.
  expect_returns(R"((func (export "f") (param v128) (result v128)
      (local v128)
      (local.get 0)
      (local.set 0 (i64x2.add (local.get 0) (v128.const i64x2 1 2)))
      (local.set 1 (local.get 0))
      (i64x2.sub (local.get 1))
      (i64x2.add (local.tee 1 (v128.const i64x2 100 100)))
      (i64x2.add (local.get 1))))",
                 {199, 198}, {50, 60});
  // A local that is never set is zero.
  expect_returns(R"((func (export "f") (param i64) (result v128) (local i32 v128 f64) (local.get 2)))", {0, 0}, {9});
}

TEST(VectorTranslate, NumbersStayPendingOverVectors) {
  expect_returns(R"((func (export "f") (param v128 i64 f64) (result i64 f64 v128)
      (i64.add (local.get 1) (i64.const 1))
      (f64.add (local.get 2) (f64.const 1))
      (i64x2.mul (local.get 0) (i64x2.splat (i64.const 3)))))",
                 {42, std::bit_cast<u64>(2.5), 15, 18}, {5, 6, 41, std::bit_cast<u64>(1.5)});
  expect_returns(R"((func (export "f") (param v128) (result i32)
      (i32.add (i32x4.extract_lane 1 (local.get 0)) (i32.sub (i8x16.extract_lane_u 0 (local.get 0)) (i32.const 1)))))",
                 {7 + 4}, {(u64{7} << 32) | 5, 0});
  expect_returns(R"((func (export "f") (param v128) (result f32)
      (f32.add (f32x4.extract_lane 2 (local.get 0)) (f32x4.extract_lane 3 (local.get 0)))))",
                 {std::bit_cast<u32>(3.5F)}, {0, u64{std::bit_cast<u32>(2.0F)} << 32 | std::bit_cast<u32>(1.5F)});
}

TEST(VectorTranslate, Select) {
  for (const u64 condition : {0, 1, 2}) {
    const std::string body = R"((func (export "f") (param v128 v128 i32) (result v128)
        (select (local.get 0) (i64x2.add (local.get 1) (local.get 1)) )";
    const Values want = condition != 0 ? Values{1, 2} : Values{20, 40};
    const Values opposite = condition == 0 ? Values{1, 2} : Values{20, 40};
    expect_returns(body + "(local.get 2)))", want, {1, 2, 10, 20, condition});
    expect_returns(body + "(i32.ne (local.get 2) (i32.const 0))))", want, {1, 2, 10, 20, condition});
    expect_returns(body + "(i32.eqz (local.get 2))))", opposite, {1, 2, 10, 20, condition});
  }
  expect_returns(R"((func (export "f") (param v128 v128) (result v128)
      (select (result v128) (local.get 0) (local.get 1) (v128.any_true (local.get 0)))))",
                 {0, 4}, {0, 0, 0, 4});
}

TEST(VectorTranslate, BranchesCarryVectors) {
  const std::string source = R"((func (export "f") (param v128 i32) (result v128)
      (block (result v128 i32)
        (block (result v128 i32)
          (i32.const 5) (drop)
          (local.get 0)
          (i64x2.add (v128.const i64x2 1 1))
          (i32.const 77)
          (br_table 0 1 (local.get 1)))
        (drop)
        (i64x2.add (v128.const i64x2 1000 1000))
        (i32.const 78))
      (i64.extend_i32_u)
      (i64x2.splat)
      (i64x2.add)))";
  expect_returns(source, {10 + 1 + 1000 + 78, 20 + 1 + 1000 + 78}, {10, 20, 0});
  expect_returns(source, {10 + 1 + 77, 20 + 1 + 77}, {10, 20, 1});
  // A conditional branch with values below it that differ from the label's place.
  const std::string conditional = R"((func (export "f") (param v128 i32) (result v128)
      (block (result v128)
        (i64.const 3)
        (v128.const i64x2 5 6)
        (local.get 0)
        (br_if 0 (local.get 1))
        (i64x2.add)
        (i64x2.shl (i32.const 1))
        (local.set 0)
        (i64x2.splat)
        (i64x2.add (local.get 0)))))";
  expect_returns(conditional, {10, 20}, {10, 20, 1});
  expect_returns(conditional, {33, 55}, {10, 20, 0});
  // if and else with a parameter.
  const std::string branching = R"((func (export "f") (param v128 i32) (result v128)
      (local.get 0)
      (if (param v128) (result v128) (local.get 1)
        (then (i64x2.add (v128.const i64x2 1 1)))
        (else (i64x2.sub (v128.const i64x2 1 1))))))";
  expect_returns(branching, {11, 21}, {10, 20, 7});
  expect_returns(branching, {9, 19}, {10, 20, 0});
}

TEST(VectorTranslate, LoopsCarryVectors) {
  expect_returns(R"((func (export "f") (param i32) (result v128 i64) (local i64)
      (v128.const i64x2 0 1)
      (i64.const 0)
      (loop (param v128 i64) (result v128 i64)
        (i64.add (i64.const 2))
        (local.set 1)
        (i64x2.add (v128.const i64x2 1 3))
        (local.get 1)
        (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
        (br_if 0 (local.get 0)))))",
                 {10, 31, 20}, {10});
}

TEST(VectorTranslate, ManyVectorsThroughOneBranch) {
  // More than are moved one by one.
  expect_returns(R"((func (export "f") (param v128 i32) (result v128 v128 v128 i64 v128 v128)
      (block (result v128 v128 v128 i64 v128 v128)
        (i64.const 9)
        (local.get 0) (v128.const i64x2 1 2) (local.get 0) (i64.const 3) (v128.const i64x2 4 5) (local.get 0)
        (br_if 0 (local.get 1))
        (drop) (drop) (drop) (drop) (drop) (drop) (drop)
        (local.get 0) (local.get 0) (local.get 0) (i64.const 0) (local.get 0) (local.get 0))))",
                 {10, 20, 1, 2, 10, 20, 3, 4, 5, 10, 20}, {10, 20, 1});
}

TEST(VectorTranslate, Globals) {
  expect_returns(R"((module
      (global $a i32 (i32.const 1))
      (global $v (mut v128) (v128.const i64x2 3 4))
      (global $w v128 (v128.const i32x4 1 2 3 4))
      (global $x i64 (i64.const 77))
      (func (export "f") (param v128) (result v128 v128 v128 i64)
        (global.get $v)
        (global.set $v (i64x2.add (local.get 0) (global.get $v)))
        (global.get $v)
        (global.get $w)
        (global.get $x))))",
                 {3, 4, 13, 24, 0x2'0000'0001, 0x4'0000'0003, 77}, {10, 20});
}

TEST(VectorTranslate, Calls) {
  const std::string helpers = R"(
      (type $mix (func (param i32 v128 f64 v128) (result v128 i64)))
      (func $mix (type $mix) (i64x2.sub (local.get 1) (local.get 3)) (i64.extend_i32_u (local.get 0)))
      (func $twice (param v128) (result v128) (i64x2.add (local.get 0) (local.get 0)))
      (table funcref (elem $mix $twice)))";
  expect_returns("(module " + helpers + R"((func (export "f") (param v128) (result v128 i64)
      (call $mix (i32.const 5) (call $twice (local.get 0)) (f64.const 0) (v128.const i64x2 1 1)))))",
                 {19, 39, 5}, {10, 20});
  expect_returns("(module " + helpers + R"((func (export "f") (param v128) (result v128 i64)
      (call_indirect (type $mix) (i32.const 5) (local.get 0) (f64.const 0) (v128.const i64x2 1 1) (i32.const 0)))))",
                 {9, 19, 5}, {10, 20});
  expect_returns("(module " + helpers + R"((func (export "f") (param v128) (result v128)
      (return_call_indirect (param v128) (result v128) (local.get 0) (i32.const 1)))))",
                 {20, 40}, {10, 20});
  expect_returns("(module " + helpers + R"((func $down (param v128 i32) (result v128)
      (if (local.get 1) (then
        (return_call $down (i64x2.add (local.get 0) (v128.const i64x2 1 2)) (i32.sub (local.get 1) (i32.const 1)))))
      (return_call $twice (local.get 0)))
      (func (export "f") (param v128) (result v128) (return_call $down (local.get 0) (i32.const 1000)))))",
                 {2020, 4040}, {10, 20});
  // One result returned early, from a block, by the branch to the function.
  expect_returns(R"((func (export "f") (param v128 i32) (result v128)
      (block (br_if 1 (local.get 0) (local.get 1)) (drop))
      (return (i64x2.neg (local.get 0)))))",
                 {~u64{0}, ~u64{1}}, {1, 2, 0});
}

TEST(VectorTranslate, ManyArguments) {
  // More operands than a call lists one by one.
  std::string params;
  std::string gets;
  std::string sum = "(local.get 0)";
  for (int i = 0; i < 40; ++i) {
    params += " v128";
    gets += " (i64x2.add (local.get 0) (i64x2.splat (i64.const " + std::to_string(i) + ")))";
    if (i > 0) sum = "(i64x2.add " + sum + " (local.get " + std::to_string(i) + "))";
  }
  const std::string module = "(module (func $sum (param" + params + ") (result v128) " + sum + ")";
  expect_returns(module + "(func (export \"f\") (param v128) (result v128) (call $sum" + gets + ")))",
                 {400 + 780, 800 + 780}, {10, 20});
  expect_returns(module + "(func (export \"f\") (param v128) (result v128) (return_call $sum" + gets + ")))",
                 {400 + 780, 800 + 780}, {10, 20});
}

// A frame with operands beyond 65,535: vectors go through scratch slots.
TEST(VectorTranslate, WideFrames) {
  std::string locals = "(local";
  for (int i = 0; i < 34'000; ++i) locals += " v128";
  locals += ")";
  const std::string head =
      "(module (memory 1) (global $g (mut v128) (v128.const i64x2 1 1))"
      "(func $swap (param v128 v128) (result v128 v128) (local.get 1) (local.get 0))"
      "(func (export \"f\") (param v128 i32) (result v128) " +
      locals;
  const auto run = [&](const std::string& body, const Values& want) {
    expect_returns(head + body + "))", want, {10, 20, 1});
  };
  run("(local.set 34000 (local.get 0)) (local.get 34000)", {10, 20});
  run("(local.set 33999 (v128.const i64x2 4 5)) (local.set 34000 (local.get 33999))"
      "(local.tee 2 (i64x2.add (local.get 34000) (local.get 0))) (i64x2.add (local.get 33998))",
      {14, 25});
  run("(v128.bitselect (local.get 0) (v128.const i64x2 5 6) (i64x2.splat (i64.const 15)))", {10, 4});
  run("(select (local.get 0) (local.get 34000) (local.get 1))", {10, 20});
  run("(i8x16.shuffle 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 (local.get 0) (local.get 0))", {20, 10});
  run("(v128.store (i32.const 8) (local.get 0))"
      "(v128.load32_lane 1 (i32.const 8) (i64x2.add (v128.load (i32.const 8)) (v128.load64_splat (i32.const 16))))"
      "(v128.store32_lane offset=60000 0 (i32.const 8) (local.get 0))",
      {30 | u64{10} << 32, 40});
  run("(global.set $g (local.get 0)) (global.get $g) (call $swap (v128.const i64x2 7 7)) (i64x2.sub)",
      {~u64{2}, ~u64{12}});
  run("(block (result v128) (i64x2.shl (local.get 0) (i32.const 1)) (br_if 0 (local.get 1))"
      "(local.set 0) (local.get 0))",
      {20, 40});
  run("(i64x2.replace_lane 1 (local.get 0) (i64x2.extract_lane 0 (local.get 0)))", {10, 10});
  run("(i64x2.splat (i64.extend_i32_u (i8x16.bitmask (i64x2.neg (local.get 0)))))", {0xFFFF, 0xFFFF});
}

TEST(VectorTranslate, OtherInstancesAndTheHost) {
  for (const Dispatch dispatch : {Dispatch::kTail, Dispatch::kStep}) {
    if (!has_dispatch(dispatch)) continue;
    StoreOptions options;
    options.dispatch = dispatch;
    Store store(options);
    const std::shared_ptr<Module> exporter = load(R"((module
        (global (export "g") (mut v128) (v128.const i64x2 3 4))
        (global (export "c") v128 (v128.const i64x2 5 6))
        (func (export "id") (param i32 v128) (result v128 i32) (local.get 1) (local.get 0))))");
    const std::shared_ptr<Module> importer = load(R"((module
        (global $g (import "m" "g") (mut v128))
        (global $c (import "m" "c") v128)
        (func $id (import "m" "id") (param i32 v128) (result v128 i32))
        (global $d v128 (global.get $c))
        (func (export "f") (param v128) (result v128 i32)
          (global.set $g (i64x2.add (global.get $g) (local.get 0)))
          (call $id (i32.const 9) (i64x2.add (global.get $g) (global.get $d))))
        (func (export "t") (param v128) (result v128 i32)
          (return_call $id (i32.const 8) (global.get $c)))))");
    ASSERT_NE(exporter, nullptr);
    ASSERT_NE(importer, nullptr);
    Result<Ctx*> first = store.instantiate(exporter);
    ASSERT_TRUE(first.has_value());
    store.register_instance("m", *first);
    Result<Ctx*> second = store.instantiate(importer);
    ASSERT_TRUE(second.has_value()) << second.error().message();
    const Values args = {10, 20};
    EXPECT_EQ(store.invoke(**second, "f", args).values, (Values{18, 30, 9}));
    EXPECT_EQ(store.invoke(**second, "t", args).values, (Values{5, 6, 8}));
    EXPECT_EQ(store.get_global(**first, "g").values, (Values{13, 24}));
  }
}

TEST(VectorTranslate, MeteredLikeOtherOperators) {
  // 300 operators cost one reduction more than none, whatever they work on.
  const auto reductions = [](const std::string& body) {
    const std::shared_ptr<Module> module = load("(func (export \"f\") " + body + ")");
    Store store;
    Result<Ctx*> instance = store.instantiate(module);
    EXPECT_TRUE(instance.has_value());
    return store.invoke(**instance, "f").reductions;
  };
  std::string vectors;
  std::string numbers;
  for (int i = 0; i < 150; ++i) {
    vectors += "(drop (v128.const i64x2 0 0))";
    numbers += "(drop (i64.const 0))";
  }
  EXPECT_EQ(reductions(vectors), reductions(numbers));
  EXPECT_EQ(reductions(vectors), reductions("") + 1);
}

std::string load_error(const std::string& source) {
  Result<text::BinaryModule> binary = text::read_module(source);
  if (!binary) return binary.error().message();
  Result<std::shared_ptr<Module>> module = Module::load(binary->bytes, nullptr);
  return module ? "ok" : module.error().message();
}

TEST(VectorValidation, LanesAndAlignments) {
  const auto error = [](const std::string& body) { return load_error("(memory 1) (func (param v128) " + body + ")"); };
  const auto contains = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos ? testing::AssertionSuccess() : testing::AssertionFailure() << text;
  };
  EXPECT_EQ(error("(drop (i8x16.extract_lane_s 15 (local.get 0)))"), "ok");
  EXPECT_TRUE(contains(error("(drop (i8x16.extract_lane_s 16 (local.get 0)))"), "invalid lane index"));
  EXPECT_TRUE(contains(error("(drop (i16x8.extract_lane_u 8 (local.get 0)))"), "invalid lane index"));
  EXPECT_TRUE(contains(error("(drop (f32x4.replace_lane 4 (local.get 0) (f32.const 0)))"), "invalid lane index"));
  EXPECT_TRUE(contains(error("(drop (f64x2.replace_lane 2 (local.get 0) (f64.const 0)))"), "invalid lane index"));
  EXPECT_EQ(error("(drop (v128.load16_lane align=2 7 (i32.const 0) (local.get 0)))"), "ok");
  EXPECT_TRUE(contains(error("(drop (v128.load16_lane 8 (i32.const 0) (local.get 0)))"), "invalid lane index"));
  EXPECT_TRUE(contains(error("(v128.store64_lane 2 (i32.const 0) (local.get 0))"), "invalid lane index"));
  EXPECT_TRUE(contains(error("(v128.store8_lane align=2 0 (i32.const 0) (local.get 0))"), "alignment must not be"));
  EXPECT_TRUE(contains(error("(drop (v128.load align=32 (i32.const 0)))"), "alignment must not be"));
  EXPECT_TRUE(
      contains(error("(drop (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 32 (local.get 0) (local.get 0)))"),
               "invalid lane index"));
  EXPECT_TRUE(contains(error("(drop (v128.bitselect (local.get 0) (local.get 0) (i32.const 0)))"), "type mismatch"));
  EXPECT_TRUE(
      contains(load_error("(func (drop (v128.load8_lane 0 (i32.const 0) (v128.const i64x2 0 0))))"), "unknown memory"));
  EXPECT_TRUE(contains(load_error("(global v128 (i64.const 0))"), "type mismatch"));
}

}  // namespace
}  // namespace lunabeam::vm::interp
