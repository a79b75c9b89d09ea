// Instantiation: imports, initialisers, segments, limits, both representations
// of function references.
#include "vm/instance.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <tuple>

#include "tests/support/module_builder.h"
#include "tests/unit/vm/text_support.h"
#include "vm/const_expr.h"
#include "vm/reductions.h"
#include "vm/segment.h"
#include "vm/store.h"
#include "vm/table.h"

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

// A function of type () -> () that does nothing, and its type, as index 0.
ModuleBuilder with_func() {
  ModuleBuilder builder;
  builder.func(builder.type("", ""), {});
  return builder;
}

TEST(Instance, BlockDoesNotGrowWithDeclaredSizes) {
  ModuleBuilder small, large;
  small.table('r', 1);
  small.memory(1);
  large.table('r', 1'000'000);
  large.memory(60'000);
  EXPECT_EQ(instance_bytes(*load(small)), instance_bytes(*load(large)));
}

TEST(Instance, EvaluatesGlobalsInOrder) {
  ModuleBuilder builder;
  builder.global('i', false, i32_const(-7));
  builder.global('I', false, i64_const(-8));
  builder.global('i', true, global_get(0));
  builder.global('f', false, op({0x43, 0, 0, 0xC0, 0x3F}));  // 1.5f
  // Extended constant expressions: (global 0 + 3) * 5 - 1 wraps in 32 bits.
  builder.global('i', false,
                 seq({global_get(0), i32_const(3), op({0x6A}), i32_const(5), op({0x6C}), i32_const(1), op({0x6B})}));
  builder.global('I', false,
                 seq({i64_const(-1), i64_const(2), op({0x7C}), i64_const(6), op({0x7E}), i64_const(1), op({0x7D})}));
  Store store;
  const Result<Ctx*> instance = store.instantiate(load(builder));
  ASSERT_TRUE(instance) << instance.error().message();
  const u64* globals = (*instance)->globals;
  EXPECT_EQ(globals[0], u32(-7));
  EXPECT_EQ(globals[1], u64(-8));
  EXPECT_EQ(globals[2], u32(-7));
  EXPECT_EQ(globals[3], 0x3FC0'0000u);
  EXPECT_EQ(globals[4], u32((-7 + 3) * 5 - 1));
  EXPECT_EQ(globals[5], 5u);
}

TEST(Instance, OverlaysDataSegmentsInOrder) {
  ModuleBuilder builder;
  builder.memory(1, 2);
  builder.data_active(i32_const(10), "abcdef");
  builder.data_active(i32_const(12), "XY");
  builder.data_active(i32_const(65530), "second");
  builder.data_passive("not there");
  for (const bool shared : {false, true}) {
    Store store({.shared = shared});
    const Result<Ctx*> instance = store.instantiate(load(builder));
    ASSERT_TRUE(instance) << instance.error().message();
    const Ctx& ctx = **instance;
    EXPECT_EQ(ctx.mem0, ctx.memories[0]->base);
    EXPECT_EQ(ctx.mem0_limit, kWasmPageBytes);
    EXPECT_EQ(std::string(reinterpret_cast<char*>(ctx.mem0 + 9), 8), std::string("\0abXYef\0", 8));
    EXPECT_EQ(std::string(reinterpret_cast<char*>(ctx.mem0 + 65530), 6), "second");
    EXPECT_EQ(data_bytes(ctx, 0).size(), 0u);
    EXPECT_EQ(data_bytes(ctx, 3).size(), 9u);
  }
}

TEST(Instance, TakesSegmentOffsetsFromImportedGlobals) {
  ModuleBuilder base;
  base.global('i', false, i32_const(100));
  base.export_item("base", ModuleBuilder::kGlobal, 0);
  ModuleBuilder builder;
  const u32 global = builder.import_global("env", "base", 'i', false);
  builder.func(builder.type("", ""), {});
  builder.memory(1);
  builder.table('r', 200);
  builder.data_active(global_get(global), "here");
  builder.elem_active(0, global_get(global), {0});
  Store store;
  const Result<Ctx*> env = store.instantiate(load(base));
  ASSERT_TRUE(env);
  store.register_instance("env", *env);
  const Result<Ctx*> instance = store.instantiate(load(builder));
  ASSERT_TRUE(instance) << instance.error().message();
  EXPECT_EQ(std::string(reinterpret_cast<char*>((*instance)->mem0 + 100), 4), "here");
  EXPECT_EQ((*instance)->tables[0]->elems[100], func_ref(**instance, 0));
  EXPECT_EQ((*instance)->tables[0]->elems[99], 0u);
}

TEST(Instance, TrapsOnSegmentsOutOfBounds) {
  for (const i32 offset : {65534, 65537, -1}) {
    ModuleBuilder builder = with_func();
    builder.memory(1);
    builder.data_active(i32_const(offset), "abc");
    for (const bool shared : {false, true}) {
      Store store({.shared = shared});
      const Result<Ctx*> instance = store.instantiate(load(builder));
      ASSERT_FALSE(instance);
      EXPECT_EQ(instance.error().code, ErrorCode::kInitTrapped);
      EXPECT_EQ(store.trap().kind, TrapKind::kOutOfBoundsMemoryAccess);
    }
  }
  ModuleBuilder builder = with_func();
  builder.table('r', 10);
  builder.elem_active(0, i32_const(9), {0, 0});
  Store store;
  ASSERT_FALSE(store.instantiate(load(builder)));
  EXPECT_EQ(store.trap().kind, TrapKind::kOutOfBoundsTableAccess);
}

// An empty segment may stand at the end, not behind it.
TEST(Instance, ChecksEmptySegmentsToo) {
  for (const i32 offset : {65536, 65537}) {
    ModuleBuilder builder;
    builder.memory(1);
    builder.data_active(i32_const(offset), "");
    EXPECT_EQ(Store().instantiate(load(builder)).has_value(), offset == 65536);
  }
  for (const i32 offset : {10, 11}) {
    ModuleBuilder builder;
    builder.table('r', 10);
    builder.elem_active(0, i32_const(offset), {});
    for (const bool shared : {false, true}) {
      EXPECT_EQ(Store({.shared = shared}).instantiate(load(builder)).has_value(), offset == 10);
    }
  }
}

TEST(Instance, KeepsWhatWasWrittenBeforeATrap) {
  ModuleBuilder base;
  base.table('r', 10);
  base.memory(1);
  base.export_item("table", ModuleBuilder::kTable, 0).export_item("memory", ModuleBuilder::kMemory, 0);
  ModuleBuilder builder;
  builder.import_table("env", "table", 'r', 10);
  builder.import_memory("env", "memory", 1);
  builder.func(builder.type("", ""), {});
  builder.elem_active(0, i32_const(3), {0});
  builder.data_active(i32_const(5), "kept");
  builder.data_active(i32_const(65535), "too long");
  builder.data_active(i32_const(50), "never written");
  Store store;
  const Result<Ctx*> env = store.instantiate(load(base));
  ASSERT_TRUE(env);
  store.register_instance("env", *env);
  const Result<Ctx*> instance = store.instantiate(load(builder));
  ASSERT_FALSE(instance);
  EXPECT_EQ(store.trap().kind, TrapKind::kOutOfBoundsMemoryAccess);
  const Ctx& ctx = **env;
  EXPECT_EQ(std::string(reinterpret_cast<char*>(ctx.mem0 + 5), 4), "kept");
  EXPECT_EQ(ctx.mem0[50], 0);
  // The function leaked into the table: its instance is alive.
  const u64 leaked = ctx.tables[0]->elems[3];
  ASSERT_NE(leaked, 0u);
  EXPECT_EQ(func_inst_of(leaked)->ctx->tables[0], ctx.tables[0]);
}

TEST(Instance, RefusesHugeDeclaredMinimumsWithoutAllocating) {
  ModuleBuilder table, memory;
  table.table('r', 0xFFFF'FFFF);
  memory.memory(65536);
  for (const ModuleBuilder* builder : {&table, &memory}) {
    for (const bool shared : {false, true}) {
      Store store({.shared = shared, .memory_limit_bytes = u64{1} << 30});
      const Result<Ctx*> instance = store.instantiate(load(*builder));
      ASSERT_FALSE(instance);
      EXPECT_EQ(instance.error().code, ErrorCode::kResourceLimit);
      EXPECT_EQ(store.used_bytes(), 0u);
    }
  }
}

TEST(Instance, ReportsMissingImportsBeforeMismatchedOnes) {
  ModuleBuilder base = with_func();
  base.export_item("f", ModuleBuilder::kFunc, 0);
  Store store;
  const Result<Ctx*> env = store.instantiate(load(base));
  ASSERT_TRUE(env);
  store.register_instance("env", *env);
  const auto link = [&](std::string_view module, std::string_view name, std::string_view params) {
    ModuleBuilder builder;
    builder.import_func("env", "f", builder.type(params, ""));
    builder.import_func(module, name, builder.type("", ""));
    return store.instantiate(load(builder));
  };
  EXPECT_TRUE(link("env", "f", ""));
  EXPECT_EQ(link("env", "f", "i").error().code, ErrorCode::kIncompatibleImportType);
  EXPECT_EQ(link("env", "g", "i").error().code, ErrorCode::kUnknownImport);
  EXPECT_EQ(link("else", "f", "").error().code, ErrorCode::kUnknownImport);
}

// Limits on import: against the current size and the real maximum.
TEST(Instance, MatchesLimitsOfImportedTablesAndMemories) {
  ModuleBuilder base;
  base.table('r', 10, 20);
  base.memory(1, 2);
  base.export_item("table", ModuleBuilder::kTable, 0).export_item("memory", ModuleBuilder::kMemory, 0);
  Store store;
  const Result<Ctx*> env = store.instantiate(load(base));
  ASSERT_TRUE(env);
  store.register_instance("env", *env);
  const auto table = [&](char element, u64 min, u64 max = ModuleBuilder::kNoMax) {
    ModuleBuilder builder;
    builder.import_table("env", "table", element, min, max);
    return store.instantiate(load(builder)).has_value();
  };
  EXPECT_TRUE(table('r', 0));
  EXPECT_TRUE(table('r', 10, 20));
  EXPECT_TRUE(table('r', 5, 30));
  EXPECT_FALSE(table('r', 11));
  EXPECT_FALSE(table('r', 10, 19));
  EXPECT_FALSE(table('e', 10));
  ASSERT_EQ(grow_table(**env, *(*env)->tables[0], 3, 0), 10u);
  EXPECT_TRUE(table('r', 13));

  const auto memory = [&](u64 min, u64 max = ModuleBuilder::kNoMax) {
    ModuleBuilder builder;
    builder.import_memory("env", "memory", min, max);
    return store.instantiate(load(builder)).has_value();
  };
  EXPECT_TRUE(memory(1));
  EXPECT_TRUE(memory(0, 2));
  EXPECT_FALSE(memory(2));
  EXPECT_FALSE(memory(1, 1));
  ASSERT_EQ(grow_memory(**env, *(*env)->memories[0], 1), 1u);
  EXPECT_TRUE(memory(2));
}

TEST(Instance, SharesMutableGlobalsAndChecksTheirTypes) {
  ModuleBuilder base;
  base.global('i', true, i32_const(1));
  base.global('i', false, i32_const(2));
  base.export_item("var", ModuleBuilder::kGlobal, 0).export_item("const", ModuleBuilder::kGlobal, 1);
  Store store;
  const Result<Ctx*> env = store.instantiate(load(base));
  ASSERT_TRUE(env);
  store.register_instance("env", *env);
  const auto link = [&](std::string_view name, char type, bool is_mutable) {
    ModuleBuilder builder;
    builder.import_global("env", name, type, is_mutable);
    builder.export_item("again", ModuleBuilder::kGlobal, 0);
    return store.instantiate(load(builder));
  };
  EXPECT_FALSE(link("var", 'i', false));
  EXPECT_FALSE(link("var", 'I', true));
  EXPECT_FALSE(link("const", 'i', true));
  EXPECT_FALSE(link("const", 'f', false));
  const Result<Ctx*> constant = link("const", 'i', false);
  ASSERT_TRUE(constant);
  EXPECT_EQ((*constant)->globals[0], 2u);
  const Result<Ctx*> variable = link("var", 'i', true);
  ASSERT_TRUE(variable);
  (*env)->globals[0] = 99;
  EXPECT_EQ(*(*variable)->imported_globals[0], 99u);
  EXPECT_EQ(store.get_global(**variable, "again").values, std::vector<u64>{99});
}

TEST(Instance, FuncRefsAreAddressesOfTheSharedCodeOrOfTheInstance) {
  const std::shared_ptr<Module> module = load(with_func());
  Store single({.shared = false});
  const Result<Ctx*> alone = single.instantiate(module);
  ASSERT_TRUE(alone);
  EXPECT_EQ(func_ref(**alone, 0), make_ref(&module->codes[0]));
  EXPECT_EQ(func_code_of(func_ref(**alone, 0)), &module->codes[0]);

  Store store;
  const Result<Ctx*> one = store.instantiate(module);
  const Result<Ctx*> two = store.instantiate(module);
  ASSERT_TRUE(one && two);
  EXPECT_NE(func_ref(**one, 0), func_ref(**two, 0));
  EXPECT_EQ(func_code_of(func_ref(**one, 0)), func_code_of(func_ref(**two, 0)));
  EXPECT_EQ(func_inst_of(func_ref(**two, 0))->ctx, *two);
}

// A function that is imported and exported again stays the function it was.
TEST(Instance, ReExportedFunctionsKeepTheirIdentity) {
  ModuleBuilder base = with_func();
  base.export_item("f", ModuleBuilder::kFunc, 0);
  ModuleBuilder builder;
  builder.import_func("env", "f", builder.type("", ""));
  builder.export_item("f", ModuleBuilder::kFunc, 0);
  Store store;
  const Result<Ctx*> env = store.instantiate(load(base));
  ASSERT_TRUE(env);
  store.register_instance("env", *env);
  const Result<Ctx*> again = store.instantiate(load(builder));
  ASSERT_TRUE(again);
  EXPECT_EQ(func_ref(**again, 0), func_ref(**env, 0));
}

TEST(Instance, StackLimitsOfAllInstancesFollowTheStack) {
  Store store;
  const Result<Ctx*> one = store.instantiate(load(with_func()));
  const Result<Ctx*> two = store.instantiate(load(with_func()));
  const Result<Ctx*> three = store.instantiate(load(with_func()));
  ASSERT_TRUE(one && two && three);
  ASSERT_TRUE(store.exec().hooks->grow_stack(store.exec(), 5000));
  for (const Ctx* ctx : {*one, *two, *three}) EXPECT_EQ(ctx->stack_limit, store.exec().stack_limit);
}

// The error that making an instance of the module ends with; nothing when it can be made.
std::string making(std::string_view source, u64* reductions = nullptr) {
  Store store;
  const i64 before = store.exec().reductions;
  const Result<Ctx*> instance = store.instantiate(load_text(source));
  if (reductions != nullptr) *reductions = static_cast<u64>(before - store.exec().reductions);
  return instance ? "" : std::string(instance.error().message());
}

TEST(Instance, BoundsWhatInitialisersMake) {
  static_assert(InitBudget::kMaxBytes == u64{16} << 20);
  EXPECT_EQ(making("(type $a (array i64)) (global (ref $a) (array.new_default $a (i32.const 2000000)))"), "");
  const std::string refused =
      making("(type $a (array i64)) (global (ref $a) (array.new_default $a (i32.const 2100000)))");
  EXPECT_NE(refused.find("resource limit"), std::string::npos) << refused;
  // All together; and whatever the element is.
  EXPECT_NE(making(R"((type $a (array (ref null 0)))
    (elem (ref null $a) (item (array.new_default $a (i32.const 1000000)))
      (item (array.new $a (ref.null $a) (i32.const 1000000))) (item (array.new_default $a (i32.const 200000)))))"),
            "");
  EXPECT_NE(making(R"((type $a (array i8)) (table $t 8 (ref null $a))
    (elem (table $t) (i32.const 0) (ref null $a) (item (array.new $a (i32.const 1) (i32.const 100000000)))))"),
            "");
}

TEST(Instance, BoundsFirstValuesOfTables) {
  const std::string_view table = "(func $f) (table 1500000 funcref (ref.func $f))";
  EXPECT_EQ(making(table), "");
  EXPECT_NE(making(std::string(table) + "(table 1500000 funcref (ref.func $f))"), "");
  EXPECT_EQ(making("(table 9000000 funcref) (table 9000000 funcref)"), "");  // Nulls are not written.
}

TEST(Instance, FillsArraysOfEveryWidth) {
  for (const auto& [storage, value, load, expected] :
       {std::tuple{"i8", "i32.const 0x181", "array.get_u", u64{0x81}},
        std::tuple{"i16", "i32.const 0x18001", "array.get_u", u64{0x8001}},
        std::tuple{"i32", "i32.const -2", "array.get", u64{0xFFFF'FFFE}},
        std::tuple{"i64", "i64.const -2", "array.get", ~u64{1}}}) {
    const bool wide = std::string_view(storage) == "i64";
    Store store;
    const Result<Ctx*> instance = store.instantiate(load_text(fmt::format(
        R"((type $a (array {0})) (global $g (ref $a) (array.new $a ({1}) (i32.const 5)))
           (func (export "f") (result {3}) ({2} $a (global.get $g) (i32.const 4))))",
        storage, value, load, wide ? "i64" : "i32")));
    ASSERT_TRUE(instance) << instance.error().message();
    const Outcome outcome = store.invoke(**instance, "f", {});
    ASSERT_TRUE(outcome.returned());
    EXPECT_EQ(outcome.values[0], expected) << storage;
  }
}

TEST(Instance, IsChargedForWhatItBeginsWith) {
  u64 small = 0;
  EXPECT_EQ(making("(memory 1) (func)", &small), "");
  EXPECT_LE(small, 5u);
  const auto at_least = [](std::string_view source, u64 bytes) {
    u64 reductions = 0;
    EXPECT_EQ(making(source, &reductions), "");
    EXPECT_GE(reductions, bytes / kBulkBytesPerReduction) << source.substr(0, 80);
    EXPECT_LE(reductions, 3 * bytes / kBulkBytesPerReduction) << source.substr(0, 80);
  };
  at_least(fmt::format("(memory 2) (data (i32.const 0) \"{}\")", std::string(100'000, 'x')), 100'000);
  at_least(fmt::format("(memory 2) (global $g i32 (i32.const 7)) (data (offset (global.get $g)) \"{}\")",
                       std::string(100'000, 'x')),
           100'000);
  at_least("(func $f) (table 1500000 funcref (ref.func $f))", 12'000'000);
  at_least("(type $a (array i8)) (global (ref $a) (array.new_default $a (i32.const 1000000)))", 1'000'000);
}

TEST(Instance, GrowsMemoryWithinTypeAndLimit) {
  ModuleBuilder builder;
  builder.memory(1, 5);
  Store store({.memory_limit_bytes = 4 * kWasmPageBytes});
  const Result<Ctx*> instance = store.instantiate(load(builder));
  ASSERT_TRUE(instance);
  Ctx& ctx = **instance;
  MemoryInst& memory = *ctx.memories[0];
  ctx.mem0[100] = 42;
  EXPECT_EQ(grow_memory(ctx, memory, 0), 1u);
  EXPECT_EQ(grow_memory(ctx, memory, 2), 1u);
  EXPECT_EQ(ctx.mem0_limit, 3 * kWasmPageBytes);
  EXPECT_EQ(ctx.mem0, memory.base);
  EXPECT_EQ(ctx.mem0[100], 42);
  EXPECT_EQ(ctx.mem0[3 * kWasmPageBytes - 1], 0);
  EXPECT_EQ(grow_memory(ctx, memory, 2), ~u64{0});  // The store's limit.
  EXPECT_EQ(grow_memory(ctx, memory, 3), ~u64{0});  // The type's maximum.
  EXPECT_EQ(grow_memory(ctx, memory, 0xFFFF'FFFF), ~u64{0});
  EXPECT_EQ(grow_memory(ctx, memory, 1), 3u);
}

}  // namespace
}  // namespace lunabeam::vm
