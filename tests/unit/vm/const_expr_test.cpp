// Constant expressions that are more than one instruction.
#include "vm/const_expr.h"

#include <gtest/gtest.h>

#include "tests/support/module_builder.h"
#include "vm/store.h"

namespace lunabeam::vm {
namespace {

using namespace tests;  // NOLINT: the builder's words.

// The first word of the last global of `builder`.
u64 last_global(const ModuleBuilder& builder) {
  Result<std::shared_ptr<Module>> module = Module::load(builder.build(), nullptr);
  EXPECT_TRUE(module) << module.error().message();
  Store store;
  const Result<Ctx*> instance = store.instantiate(*module);
  EXPECT_TRUE(instance) << instance.error().message();
  return (*instance)->globals[(*module)->global_offsets.back()];
}

u64 value_of(char type, const Bytes& expr) {
  ModuleBuilder builder;
  builder.global(type, false, expr);
  return last_global(builder);
}

TEST(ConstExpr, ArithmeticWraps) {
  EXPECT_EQ(value_of('i', seq({i32_const(2'147'483'647), i32_const(1), op({0x6A})})), 0x8000'0000u);
  EXPECT_EQ(value_of('i', seq({i32_const(0), i32_const(1), op({0x6B})})), 0xFFFF'FFFFu);
  EXPECT_EQ(value_of('i', seq({i32_const(65536), i32_const(65537), op({0x6C})})), 65536u);
  EXPECT_EQ(value_of('I', seq({i64_const(-1), i64_const(2), op({0x7C})})), 1u);
  EXPECT_EQ(value_of('I', seq({i64_const(0), i64_const(1), op({0x7D})})), ~u64{0});
  EXPECT_EQ(value_of('I', seq({i64_const(i64{1} << 40), i64_const(i64{1} << 30), op({0x7E})})), 0u);
}

TEST(ConstExpr, ReadsEarlierGlobals) {
  ModuleBuilder builder;
  builder.global('i', false, i32_const(40));
  builder.global('i', false, seq({global_get(0), i32_const(2), op({0x6A})}));
  EXPECT_EQ(last_global(builder), 42u);
}

TEST(ConstExpr, ReferencesMayBeNullOrFunctions) {
  EXPECT_EQ(value_of('r', ref_null_func()), 0u);
  ModuleBuilder builder;
  builder.func(builder.type("", ""), {});
  builder.elem_declarative({0});
  builder.global('r', false, ref_func(0));
  EXPECT_NE(last_global(builder), 0u);
}

// Operands on their stack, not on ours.
TEST(ConstExpr, EvaluatesDeepExpressions) {
  constexpr i32 kDepth = 50'000;
  Bytes expr;
  for (i32 i = 0; i < kDepth; ++i) append(expr, i32_const(i));
  for (i32 i = 1; i < kDepth; ++i) append(expr, op({0x6A}));
  EXPECT_EQ(value_of('i', expr), u32(u64{kDepth} * (kDepth - 1) / 2));
}

}  // namespace
}  // namespace lunabeam::vm
