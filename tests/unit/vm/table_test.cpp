// Tables: shared images, private copies, growth, bulk parts.
#include "vm/table.h"

#include <gtest/gtest.h>

#include "tests/support/module_builder.h"
#include "vm/store.h"

namespace lunabeam::vm {
namespace {

using namespace tests;  // NOLINT: the builder's words.

std::shared_ptr<Module> load(const ModuleBuilder& builder) {
  Result<std::shared_ptr<Module>> module = Module::load(builder.build(), nullptr);
  if (!module) {
    ADD_FAILURE() << module.error().message();
    return nullptr;
  }
  return *module;
}

// Two functions, a table of 8 with both in the middle.
ModuleBuilder two_functions(u64 max = ModuleBuilder::kNoMax) {
  ModuleBuilder builder;
  const u32 type = builder.type("", "");
  builder.func(type, {});
  builder.func(type, {});
  builder.table('r', 8, max);
  builder.elem_active(0, i32_const(3), {1, 0});
  return builder;
}

TEST(Table, ProcessesOfAModuleShareOneImage) {
  const std::shared_ptr<Module> module = load(two_functions());
  Store one({.shared = false}), two({.shared = false});
  const Result<Ctx*> a = one.instantiate(module);
  const Result<Ctx*> b = two.instantiate(module);
  ASSERT_TRUE(a && b);
  TableInst& table = *(*a)->tables[0];
  EXPECT_FALSE(table.owned);
  EXPECT_EQ(table.elems, (*b)->tables[0]->elems);
  EXPECT_EQ(one.used_bytes(), 0u);
  const u64 expected[] = {0, 0, 0, make_ref(&module->codes[1]), make_ref(&module->codes[0]), 0, 0, 0};
  EXPECT_TRUE(std::equal(expected, expected + 8, table.elems));
}

TEST(Table, BecomesPrivateForTheFirstWriter) {
  const std::shared_ptr<Module> module = load(two_functions());
  Store one({.shared = false}), two({.shared = false});
  const Result<Ctx*> a = one.instantiate(module);
  const Result<Ctx*> b = two.instantiate(module);
  ASSERT_TRUE(a && b);
  TableInst& table = *(*a)->tables[0];
  ASSERT_TRUE(make_table_writable(**a, table));
  EXPECT_TRUE(table.owned);
  EXPECT_EQ(one.used_bytes(), 64u);
  table.elems[3] = 0;
  EXPECT_EQ((*b)->tables[0]->elems[3], make_ref(&module->codes[1]));
  EXPECT_EQ(table.elems[4], make_ref(&module->codes[0]));
}

TEST(Table, PrivacyCountsAgainstTheLimit) {
  const std::shared_ptr<Module> module = load(two_functions());
  Store store({.shared = false, .memory_limit_bytes = 63});
  const Result<Ctx*> instance = store.instantiate(module);
  ASSERT_TRUE(instance);
  EXPECT_FALSE(make_table_writable(**instance, *(*instance)->tables[0]));
  EXPECT_EQ(grow_table(**instance, *(*instance)->tables[0], 1, 0), ~u64{0});
  EXPECT_FALSE((*instance)->tables[0]->owned);
}

TEST(Table, StoresWithSeveralInstancesHaveTheirOwn) {
  const std::shared_ptr<Module> module = load(two_functions());
  Store store;
  const Result<Ctx*> instance = store.instantiate(module);
  ASSERT_TRUE(instance);
  const TableInst& table = *(*instance)->tables[0];
  EXPECT_TRUE(table.owned);
  EXPECT_EQ(table.elems[3], func_ref(**instance, 1));
  EXPECT_EQ(tag_of(table.elems[3]), kRefTagFuncInst);
}

TEST(Table, LargeOnesAreNotImages) {
  ModuleBuilder builder;
  builder.table('r', TableImages::kMaxImageElements + 1);
  Store store({.shared = false});
  const Result<Ctx*> instance = store.instantiate(load(builder));
  ASSERT_TRUE(instance);
  EXPECT_TRUE((*instance)->tables[0]->owned);
  EXPECT_EQ(store.used_bytes(), (TableImages::kMaxImageElements + 1) * 8);
}

TEST(Table, GrowsWithinItsMaximum) {
  Store store({.shared = false});
  const std::shared_ptr<Module> module = load(two_functions(12));
  const Result<Ctx*> instance = store.instantiate(module);
  ASSERT_TRUE(instance);
  TableInst& table = *(*instance)->tables[0];
  EXPECT_EQ(grow_table(**instance, table, 0, 0), 8u);
  EXPECT_EQ(grow_table(**instance, table, 5, 0), ~u64{0});
  EXPECT_EQ(grow_table(**instance, table, ~u64{0}, 0), ~u64{0});
  const u64 ref = func_ref(**instance, 0);
  EXPECT_EQ(grow_table(**instance, table, 3, ref), 8u);
  EXPECT_EQ(table.size, 11u);
  EXPECT_EQ(table.elems[4], ref);
  for (u64 i = 8; i < 11; ++i) EXPECT_EQ(table.elems[i], ref);
  EXPECT_EQ(grow_table(**instance, table, 1, 0), 11u);
  EXPECT_EQ(table.elems[11], 0u);
}

TEST(Table, ManySmallGrowthsStayLinear) {
  ModuleBuilder builder;
  builder.table('r', 0);
  Store store({.shared = false});
  const Result<Ctx*> instance = store.instantiate(load(builder));
  ASSERT_TRUE(instance);
  TableInst& table = *(*instance)->tables[0];
  u64 reallocations = 0;
  for (u64 i = 0; i < 100'000; ++i) {
    const u64 capacity = table.capacity;
    ASSERT_EQ(grow_table(**instance, table, 1, i << 2 | kRefTagHost), i);
    reallocations += table.capacity != capacity;
  }
  EXPECT_LE(reallocations, 20u);
  EXPECT_EQ(table.elems[77'777], u64{77'777} << 2 | kRefTagHost);
  EXPECT_EQ(store.used_bytes(), table.capacity * 8);
}

TEST(Table, BulkPartsCopyOverlappingRangesAndSegments) {
  ModuleBuilder builder = two_functions();
  builder.elem_passive({0, 1, 0});
  Store store({.shared = false});
  const Result<Ctx*> instance = store.instantiate(load(builder));
  ASSERT_TRUE(instance);
  Ctx& ctx = **instance;
  TableInst& table = *ctx.tables[0];
  const u64 f = func_ref(ctx, 0), g = func_ref(ctx, 1);
  ASSERT_TRUE(make_table_writable(ctx, table));
  ASSERT_TRUE(init_table_elements(ctx, table, 1, 5, 1, 2, nullptr));
  const u64 after_init[] = {0, 0, 0, g, f, g, f, 0};
  EXPECT_TRUE(std::equal(after_init, after_init + 8, table.elems));
  copy_table_elements(table, table, 4, 3, 4);
  const u64 after_copy[] = {0, 0, 0, g, g, f, g, f};
  EXPECT_TRUE(std::equal(after_copy, after_copy + 8, table.elems));
  fill_table_elements(table, 1, f, 3);
  const u64 after_fill[] = {0, f, f, f, g, f, g, f};
  EXPECT_TRUE(std::equal(after_fill, after_fill + 8, table.elems));
}

}  // namespace
}  // namespace lunabeam::vm
