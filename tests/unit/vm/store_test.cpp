// The embedder for tests: calls, traps, yields, stacks, several instances; in
// every dispatch of the build.
#include "vm/store.h"

#include <gtest/gtest.h>

#include "tests/support/module_builder.h"
#include "vm/base/check.h"
#include "vm/process_stack.h"
#include "vm/spectest.h"

namespace lunabeam::vm {
namespace {

using namespace tests;  // NOLINT: the builder's words.

std::shared_ptr<Module> load(const ModuleBuilder& builder, const HostRegistry* hosts = nullptr) {
  Result<std::shared_ptr<Module>> module = Module::load(builder.build(), hosts);
  if (!module) {
    ADD_FAILURE() << module.error().message();
    return nullptr;
  }
  return *module;
}

class StoreTest : public testing::TestWithParam<Dispatch> {
 protected:
  void SetUp() override {
    if (!has_dispatch(GetParam())) GTEST_SKIP() << "this build has no such dispatch";
  }
  StoreOptions options() const { return {.dispatch = GetParam()}; }
};

INSTANTIATE_TEST_SUITE_P(Dispatch, StoreTest, testing::Values(Dispatch::kTail, Dispatch::kStep),
                         [](const auto& instance) { return instance.param == Dispatch::kTail ? "tail" : "step"; });

// sum(n) = n == 0 ? 0 : n + sum(n - 1), not a tail call.
ModuleBuilder recursive_sum() {
  ModuleBuilder builder;
  const u32 type = builder.type("I", "I");
  const u32 sum =
      builder.func(type, seq({local_get(0), op({0x50}), op({0x04, 0x7E}), i64_const(0), op({0x05}), local_get(0),
                              local_get(0), i64_const(1), op({0x7D}), call(0), op({0x7C}), op({0x0B})}));
  builder.export_item("sum", ModuleBuilder::kFunc, sum);
  return builder;
}

TEST_P(StoreTest, ReturnsResultsWithTheirTypes) {
  ModuleBuilder builder;
  const u32 f = builder.func(builder.type("iI", "Ii"), seq({local_get(1), local_get(0), i32_const(1), op({0x6A})}));
  builder.export_item("f", ModuleBuilder::kFunc, f);
  Store store(options());
  const Result<Ctx*> instance = store.instantiate(load(builder));
  ASSERT_TRUE(instance);
  const u64 args[] = {0xFFFF'FFFF, 77};
  const Outcome outcome = store.invoke(**instance, "f", args);
  ASSERT_TRUE(outcome.returned());
  EXPECT_EQ(outcome.values, (std::vector<u64>{77, 0}));
  EXPECT_EQ(outcome.types, (std::vector<ValType>{ValType::kI64, ValType::kI32}));
  EXPECT_EQ(store.invoke(**instance, "g").kind, Outcome::Kind::kNoExport);
}

TEST_P(StoreTest, GrowsTheStackForDeepRecursion) {
  StoreOptions deep = options();
  deep.stack_cap_bytes = u64{64} << 20;
  Store store(deep);
  const Result<Ctx*> instance = store.instantiate(load(recursive_sum()));
  ASSERT_TRUE(instance);
  const u64 args[] = {200'000};
  const Outcome outcome = store.invoke(**instance, "sum", args);
  ASSERT_TRUE(outcome.returned());
  EXPECT_EQ(outcome.values, std::vector<u64>{u64{200'000} * 200'001 / 2});
  EXPECT_GE(store.stack_moves(), 10u);
}

TEST_P(StoreTest, ExhaustsTheStackCleanly) {
  Store store(options());
  const Result<Ctx*> instance = store.instantiate(load(recursive_sum()));
  ASSERT_TRUE(instance);
  const u64 too_deep[] = {10'000'000};
  const Outcome outcome = store.invoke(**instance, "sum", too_deep);
  EXPECT_TRUE(outcome.exhausted());
  EXPECT_EQ(used_stack_bytes(store.exec()), 0u);
  const u64 fine[] = {100};
  EXPECT_EQ(store.invoke(**instance, "sum", fine).values, std::vector<u64>{5050});
}

// What is enough does not depend on where chunks end.
TEST_P(StoreTest, TheReductionLimitIsExact) {
  const auto invoke = [&](StoreOptions opts) {
    Store store(opts);
    const Result<Ctx*> instance = store.instantiate(load(recursive_sum()));
    VM_CHECK(instance.has_value());
    const u64 args[] = {1000};
    return store.invoke(**instance, "sum", args);
  };
  StoreOptions opts = options();
  const u64 needed = invoke(opts).reductions;
  ASSERT_GT(needed, 1000u);
  for (const i64 chunk : {1, 7, 100, 1'000'000}) {
    opts.chunk_reductions = chunk;
    opts.reduction_limit = needed;
    EXPECT_TRUE(invoke(opts).returned()) << chunk;
    opts.reduction_limit = needed - 1;
    EXPECT_EQ(invoke(opts).trap.kind, TrapKind::kOutOfFuel) << chunk;
  }
}

// The reductions of a program do not depend on where it is interrupted.
TEST_P(StoreTest, YieldsAtTicksWithoutAnEffectOnTheResult) {
  Outcome outcomes[2];
  u64 ticks[2];
  for (const bool yields : {false, true}) {
    StoreOptions opts = options();
    opts.yield_at_every_tick = yields;
    opts.chunk_reductions = yields ? 3 : 100;
    Store store(opts);
    const Result<Ctx*> instance = store.instantiate(load(recursive_sum()));
    ASSERT_TRUE(instance);
    const u64 args[] = {1000};
    outcomes[yields] = store.invoke(**instance, "sum", args);
    ticks[yields] = store.ticks();
  }
  EXPECT_EQ(outcomes[0].values, std::vector<u64>{500'500});
  EXPECT_EQ(outcomes[1].values, outcomes[0].values);
  EXPECT_EQ(outcomes[1].reductions, outcomes[0].reductions);
  EXPECT_GE(outcomes[0].reductions, 1000u);
  EXPECT_GT(ticks[1], ticks[0] * 10);
}

TEST_P(StoreTest, ReportsTraps) {
  ModuleBuilder builder;
  const u32 f = builder.func(builder.type("", ""), op({0x00}));
  builder.export_item("f", ModuleBuilder::kFunc, f);
  Store store(options());
  const Result<Ctx*> instance = store.instantiate(load(builder));
  ASSERT_TRUE(instance);
  const Outcome outcome = store.invoke(**instance, "f");
  EXPECT_EQ(outcome.kind, Outcome::Kind::kTrapped);
  EXPECT_EQ(outcome.trap.kind, TrapKind::kUnreachable);
}

TEST_P(StoreTest, RunsStartFunctions) {
  ModuleBuilder builder;
  const u32 type = builder.type("", "");
  builder.global('i', true, i32_const(0));
  builder.start(builder.func(type, seq({i32_const(5), global_set(0)})));
  Store store(options());
  const Result<Ctx*> instance = store.instantiate(load(builder));
  ASSERT_TRUE(instance);
  EXPECT_EQ((*instance)->globals[0], 5u);

  ModuleBuilder trapping;
  trapping.start(trapping.func(trapping.type("", ""), op({0x00})));
  const Result<Ctx*> trapped = store.instantiate(load(trapping));
  ASSERT_FALSE(trapped);
  EXPECT_EQ(trapped.error().code, ErrorCode::kStartTrapped);
  EXPECT_EQ(store.trap().kind, TrapKind::kUnreachable);
}

// A call into another instance uses that instance's memory and globals, and
// comes back to the caller's.
TEST_P(StoreTest, CallsAcrossInstances) {
  ModuleBuilder base;
  base.memory(1);
  base.data_active(i32_const(0), "\x07");
  base.global('i', true, i32_const(100));
  const u32 f = base.func(base.type("", "i"), seq({i32_const(0), op({0x2D, 0, 0}), global_get(0), op({0x6A})}));
  base.export_item("f", ModuleBuilder::kFunc, f);
  ModuleBuilder builder;
  const u32 type = builder.type("", "i");
  const u32 imported = builder.import_func("env", "f", type);
  builder.memory(1);
  builder.data_active(i32_const(0), "\x01");
  const u32 g = builder.func(type, seq({call(imported), i32_const(0), op({0x2D, 0, 0}), op({0x6A})}));
  builder.export_item("g", ModuleBuilder::kFunc, g).export_item("f", ModuleBuilder::kFunc, imported);
  Store store(options());
  const Result<Ctx*> env = store.instantiate(load(base));
  ASSERT_TRUE(env);
  store.register_instance("env", *env);
  const Result<Ctx*> instance = store.instantiate(load(builder));
  ASSERT_TRUE(instance) << instance.error().message();
  EXPECT_EQ(store.invoke(**instance, "g").values, std::vector<u64>{108});
  EXPECT_EQ(store.invoke(**instance, "f").values, std::vector<u64>{107});
}

// spectest's functions can be bound when a module is loaded, or linked from the
// instance that exports them.
TEST_P(StoreTest, OffersSpectest) {
  ModuleBuilder builder;
  const u32 type = builder.type("i", "");
  const u32 print = builder.import_func("spectest", "print_i32", type);
  const u32 global = builder.import_global("spectest", "global_i32", 'i', false);
  builder.import_table("spectest", "table", 'r', 10, 20);
  builder.import_memory("spectest", "memory", 1, 2);
  const u32 f = builder.func(builder.type("", "i"), seq({global_get(global), call(print), global_get(global)}));
  builder.export_item("f", ModuleBuilder::kFunc, f).export_item("print", ModuleBuilder::kFunc, print);
  HostRegistry hosts;
  hosts.add(Store::spectest_functions());
  for (const HostRegistry* registry :
       {static_cast<const HostRegistry*>(nullptr), static_cast<const HostRegistry*>(&hosts)}) {
    Store store(options());
    const Result<void> added = store.add_spectest();
    ASSERT_TRUE(added) << added.error().message();
    const Result<Ctx*> instance = store.instantiate(load(builder, registry));
    ASSERT_TRUE(instance) << instance.error().message();
    EXPECT_EQ(store.invoke(**instance, "f").values, std::vector<u64>{666});
    const u64 args[] = {1};
    EXPECT_TRUE(store.invoke(**instance, "print", args).returned());
  }
  Store store(options());
  ASSERT_TRUE(store.add_spectest());
  ModuleBuilder unknown;
  unknown.import_func("spectest", "unknown", unknown.type("", ""));
  EXPECT_EQ(store.instantiate(load(unknown)).error().code, ErrorCode::kUnknownImport);
}

// 64-bit tables are exported as soon as there are any.
TEST(Spectest, ExportsTable64WithTheFeatureOnly) {
  FeatureSet features = FeatureSet::supported();
  for (const bool has_memory64 : {false, true}) {
    has_memory64 ? features.enable(Feature::kMemory64) : features.disable(Feature::kMemory64);
    const Result<std::shared_ptr<Module>> module = Module::load(spectest_module(features), nullptr, features);
    ASSERT_TRUE(module) << module.error().message();
    const Export* const table64 = (*module)->find_export("table64", ExternKind::kTable);
    EXPECT_EQ(table64 != nullptr, has_memory64);
    if (table64 != nullptr) {
      EXPECT_EQ((*module)->tables[table64->index].type.limits.address_type, AddressType::kI64);
    }
  }
}

TEST_P(StoreTest, ForgetsANameThatIsRegisteredAsNothing) {
  Store store(options());
  ASSERT_TRUE(store.add_spectest());
  store.register_instance("spectest", nullptr);
  ModuleBuilder builder;
  builder.import_func("spectest", "print", builder.type("", ""));
  EXPECT_EQ(store.instantiate(load(builder)).error().code, ErrorCode::kUnknownImport);
}

TEST_P(StoreTest, RunsAModuleAlone) {
  StoreOptions single = options();
  single.shared = false;
  Store store(single);
  const Result<Ctx*> instance = store.instantiate(load(recursive_sum()));
  ASSERT_TRUE(instance);
  const u64 args[] = {10};
  EXPECT_EQ(store.invoke(**instance, "sum", args).values, std::vector<u64>{55});
}

// As many results as a function may have, of two words each, with references among them.
TEST_P(StoreTest, ReturnsAThousandVectors) {
  constexpr u32 kVectors = 998;
  ModuleBuilder builder;
  Bytes body{0xD0, 0x6F};
  for (u32 i = 0; i < kVectors; ++i) {
    append(body, {0xFD, 0x0C});
    for (u32 byte = 0; byte < 16; ++byte) body.push_back(static_cast<u8>(byte == 0 ? i : byte == 1 ? i >> 8 : byte));
  }
  append(body, {0xD0, 0x6F});
  const u32 f = builder.func(builder.type("", "e" + std::string(kVectors, 'v') + "e"), body);
  builder.export_item("f", ModuleBuilder::kFunc, f);
  Store store(options());
  const Result<Ctx*> instance = store.instantiate(load(builder));
  ASSERT_TRUE(instance);
  const Outcome outcome = store.invoke(**instance, "f");
  ASSERT_TRUE(outcome.returned());
  std::vector<u64> expected{0};
  for (u64 i = 0; i < kVectors; ++i) {
    expected.push_back(0x0706'0504'0302'0000 | i);
    expected.push_back(0x0F0E'0D0C'0B0A'0908);
  }
  expected.push_back(0);
  EXPECT_EQ(outcome.values, expected);
}

// Everything is linked before anything is made: the memory could not be.
TEST_P(StoreTest, WhatDoesNotLinkIsNotMade) {
  ModuleBuilder builder;
  builder.import_func("nowhere", "f", builder.type("", ""));
  builder.memory(65536);
  StoreOptions small = options();
  small.memory_limit_bytes = 1 << 20;
  Store store(small);
  const Result<Ctx*> instance = store.instantiate(load(builder));
  ASSERT_FALSE(instance);
  EXPECT_EQ(instance.error().code, ErrorCode::kUnknownImport);
}

}  // namespace
}  // namespace lunabeam::vm
