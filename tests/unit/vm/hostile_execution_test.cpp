// Modules that are valid and mean harm when they run: what a guest puts where the engine keeps its own notes, and work that is not paid
// for.
#include <gtest/gtest.h>

#include <bit>

#include "tests/support/module_builder.h"
#include "tests/unit/vm/raw_module.h"
#include "vm/backtrace.h"
#include "vm/interp/interp.h"
#include "vm/reductions.h"
#include "vm/store.h"
#include "vm/table.h"

namespace lunabeam::vm {
namespace {

using namespace tests;  // NOLINT: the builder's words.

std::shared_ptr<Module> load(Bytes bytes) {
  Result<std::shared_ptr<Module>> module = Module::load(std::move(bytes), nullptr);
  if (!module) {
    ADD_FAILURE() << module.error().message();
    return nullptr;
  }
  return *module;
}

class HostileExecution : public testing::TestWithParam<Dispatch> {
 protected:
  void SetUp() override {
    if (!has_dispatch(GetParam())) GTEST_SKIP() << "this build has no such dispatch";
  }
  StoreOptions options() const { return {.dispatch = GetParam()}; }
};

INSTANTIATE_TEST_SUITE_P(Dispatch, HostileExecution, testing::Values(Dispatch::kTail, Dispatch::kStep),
                         [](const auto& instance) { return instance.param == Dispatch::kTail ? "tail" : "step"; });

Bytes f64_const(u64 bits) {
  Bytes out{0x44};
  for (u32 i = 0; i < 8; ++i) out.push_back(static_cast<u8>(bits >> (8 * i)));
  return out;
}

// An indirect call with `args` i64 arguments, of a function that takes none, right behind operations that leave the bits in both
// accumulators.
Bytes mismatched_call(u64 bits, u32 args, bool tail) {
  ModuleBuilder builder;
  const u32 none = builder.type("", "");
  const u32 takes = builder.type(std::string(args, 'I'), "");
  const u32 main_type = builder.type("FI", "");
  builder.table('r', 1);
  const u32 victim = builder.func(none, {});
  Bytes body = seq({local_get(0), f64_const(0), op({0xA0}), op(0x21, 2),    // facc = a + 0
                    local_get(1), i64_const(0), op({0x7C}), op(0x21, 3)});  // acc = b + 0
  for (u32 i = 0; i < args; ++i) append(body, local_get(1));
  append(body, seq({i32_const(0), {static_cast<u8>(tail ? 0x13 : 0x11)}, leb(takes), leb(0)}));
  const u32 f = builder.func(main_type, body, "FI");
  builder.export_item("f", ModuleBuilder::kFunc, f);
  builder.elem_active(0, i32_const(0), {victim});
  static_cast<void>(bits);
  return builder.build();
}

TEST_P(HostileExecution, AccumulatorsThatLookLikeTheEnginesNotesPassNoTypeCheck) {
  for (const u64 bits : {0x600D'719E'600D'719Eu, 0x600D'57AC'600D'57ACu}) {
    for (const u32 args : {1u, 3u, 8u, 40u}) {
      for (const bool tail : {false, true}) {
        Store store(options());
        const Result<Ctx*> instance = store.instantiate(load(mismatched_call(bits, args, tail)));
        ASSERT_TRUE(instance);
        const u64 values[] = {bits, bits};
        const Outcome outcome = store.invoke(**instance, "f", values);
        ASSERT_EQ(outcome.kind, Outcome::Kind::kTrapped) << args << tail;
        EXPECT_EQ(outcome.trap.kind, TrapKind::kIndirectCallTypeMismatch);
      }
    }
  }
}

TEST_P(HostileExecution, EntryOfTheFirstFunctionIsPaidFor) {
  constexpr u64 kOps = 256 * 10;
  ModuleBuilder builder;
  Bytes body;
  for (u64 i = 0; i < kOps / 2; ++i) append(body, seq({i32_const(0), op({0x1A})}));
  const u32 type = builder.type("", "");
  builder.export_item("f", ModuleBuilder::kFunc, builder.func(type, body));
  Store store(options());
  const Result<Ctx*> instance = store.instantiate(load(builder.build()));
  ASSERT_TRUE(instance);
  // Translated by the first call, ready at the second: both pay.
  for (int i = 0; i < 2; ++i) EXPECT_EQ(store.invoke(**instance, "f").reductions, 1 + kOps / kOpsPerReduction);
}

TEST(HostileInstantiation, ManyTablesAndManySegments) {
  constexpr size_t kCount = 150'000;
  // Segments that are in no table, and tables without elements.
  Store store({.shared = false});
  const Result<Ctx*> instance = store.instantiate(load(raw_module(
      {raw_section(4, raw_repeated({0x70, 0, 0}, kCount)), raw_section(9, raw_repeated({1, 0, 0}, kCount))})));
  ASSERT_TRUE(instance);
  EXPECT_EQ(store.used_bytes(), 0u);
}

TEST(HostileInstantiation, ElementsOfManyTablesCountAgainstTheLimit) {
  // Each would be small enough to be shared by all processes, and charged to none.
  const Bytes table = seq({{0x70, 0}, leb(TableImages::kMaxImageElements)});
  Store store({.shared = false, .memory_limit_bytes = u64{64} << 20});
  const Result<Ctx*> instance = store.instantiate(load(raw_module({raw_section(4, raw_repeated(table, 50))})));
  ASSERT_FALSE(instance);
  EXPECT_EQ(instance.error().code, ErrorCode::kResourceLimit);
}

TEST_P(HostileExecution, GrowthOfATableIsPaidFor) {
  constexpr i32 kElements = 1'000'000;
  ModuleBuilder builder;
  builder.table('r', 0);
  const u32 type = builder.type("", "i");
  builder.export_item("f", ModuleBuilder::kFunc,
                      builder.func(type, seq({ref_null_func(), i32_const(kElements), op({0xFC, 15, 0})})));
  Store store(options());
  const Result<Ctx*> instance = store.instantiate(load(builder.build()));
  ASSERT_TRUE(instance);
  const Outcome outcome = store.invoke(**instance, "f");
  ASSERT_TRUE(outcome.returned());
  EXPECT_EQ(outcome.values, std::vector<u64>{0});
  EXPECT_EQ(outcome.reductions, 1 + static_cast<u64>(bulk_cost(u64{kElements} * 8)));
  EXPECT_GE(store.ticks(), 1u);
}

// The first call of a function pays for its translation (rule R1), and is interrupted behind it, wherever it comes from.
TEST_P(HostileExecution, TranslationIsCharged) {
  constexpr u32 kPairs = 20'000;
  ModuleBuilder builder;
  const u32 type = builder.type("", "i");
  Bytes body = i32_const(7);
  for (u32 i = 0; i < kPairs; ++i) append(body, {0x41, 0, 0x1A});
  const u32 large = builder.func(type, body);
  builder.export_item("entry", ModuleBuilder::kFunc, large);
  builder.export_item("caller", ModuleBuilder::kFunc, builder.func(type, call(large)));
  const u64 translated = body.size() / 8;
  for (const std::string_view first : {"entry", "caller"}) {
    Store store(options());
    const Result<Ctx*> instance = store.instantiate(load(builder.build()));
    ASSERT_TRUE(instance);
    const Outcome cold = store.invoke(**instance, first);
    ASSERT_TRUE(cold.returned());
    EXPECT_EQ(cold.values, std::vector<u64>{7});
    EXPECT_GE(store.ticks(), 1u);
    const Outcome warm = store.invoke(**instance, first);
    EXPECT_EQ(warm.values, std::vector<u64>{7});
    EXPECT_GE(cold.reductions, warm.reductions + translated - 1) << first;
    EXPECT_LE(cold.reductions, warm.reductions + translated + 1) << first;
  }
}

// Sixty-four frames of one long function: its offsets are looked for once, not once a frame.
TEST(HostileExecutionBacktrace, ManyFramesOfALongFunction) {
  ModuleBuilder builder;
  Bytes body = seq({local_get(0), op({0x45, 0x04, 0x40, 0x00, 0x0B}), local_get(0), i32_const(1), op({0x6B}), call(0)});
  for (u32 i = 0; i < 2'400'000; ++i) append(body, {0x41, 0, 0x1A});
  builder.export_item("f", ModuleBuilder::kFunc, builder.func(builder.type("i", ""), body));
  Store store;
  const Result<Ctx*> instance = store.instantiate(load(builder.build()));
  ASSERT_TRUE(instance);
  const u64 args[] = {100};
  ASSERT_EQ(store.invoke(**instance, "f", args).trap.kind, TrapKind::kUnreachable);
  const std::vector<std::string> lines = symbolise(*exec_backtrace(store.exec()));
  ASSERT_EQ(lines.size(), Backtrace::kMaxFrames + 1);
  // All frames but the innermost stand at the call.
  EXPECT_NE(lines[0].substr(lines[0].find('[')), lines[1].substr(lines[1].find('[')));
  for (u32 i = 2; i < Backtrace::kMaxFrames; ++i)
    EXPECT_EQ(lines[i].substr(lines[i].find('[')), lines[1].substr(lines[1].find('[')));
}

}  // namespace
}  // namespace lunabeam::vm
