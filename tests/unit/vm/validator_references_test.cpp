// Typed references in the validator: what the official scripts say of them only in passing (fact sheet, sections 7 and 10).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/vm/text_support.h"

namespace lunabeam::vm {
namespace {

using testing::StartsWith;
using tests::text_outcome;

constexpr std::string_view kMismatch = "invalid: type mismatch";

std::string with_types(std::string_view fields) {
  return "(module (type $f (func (param i32) (result i32))) (type $v (func))" + std::string(fields) + ")";
}

TEST(TypedReferences, RefFuncHasTheExactTypeOfTheFunction) {
  EXPECT_EQ(text_outcome(with_types("(func $g (type $v)) (elem declare func $g)"
                                    "(func (result (ref $v)) ref.func $g)")),
            "ok");
  EXPECT_THAT(text_outcome(with_types("(func $g (type $v)) (elem declare func $g)"
                                      "(func (result (ref $f)) ref.func $g)")),
              StartsWith(kMismatch));
}

TEST(TypedReferences, BranchesLeaveTheTypesOfTheLabel) {
  // The operand is (ref $v), the label says funcref: what stays below is a funcref.
  const auto body = [](std::string_view branch, std::string_view after) {
    return with_types("(func (param (ref $v) (ref null $v)) (result funcref) (block $l (result funcref) local.get 0 " +
                      std::string(branch) + " " + std::string(after) + "))");
  };
  EXPECT_EQ(text_outcome(body("i32.const 0 br_if $l", "")), "ok");
  EXPECT_THAT(text_outcome(body("i32.const 0 br_if $l", "call_ref $v ref.null func")), StartsWith(kMismatch));
  EXPECT_EQ(text_outcome(body("local.get 1 br_on_null $l", "drop")), "ok");
  EXPECT_THAT(text_outcome(body("local.get 1 br_on_null $l", "drop call_ref $v ref.null func")), StartsWith(kMismatch));
  // local.tee leaves the type of the local.
  EXPECT_THAT(text_outcome(with_types("(func (param (ref $v)) (local funcref) local.get 0 local.tee 1 call_ref $v)")),
              StartsWith(kMismatch));
}

TEST(TypedReferences, NullTestsNarrow) {
  EXPECT_EQ(text_outcome(with_types("(func (param (ref null $v)) (result (ref $v)) local.get 0 ref.as_non_null)")),
            "ok");
  EXPECT_EQ(text_outcome(with_types("(func (param (ref null $v)) (result (ref $v))"
                                    "(block $l local.get 0 br_on_null $l return) unreachable)")),
            "ok");
  EXPECT_EQ(text_outcome(with_types("(func (param (ref null $v)) (result (ref $v))"
                                    "(block $l (result (ref $v)) local.get 0 br_on_non_null $l unreachable))")),
            "ok");
  // Without a reference at its end, the label of br_on_non_null takes nothing.
  EXPECT_THAT(text_outcome(with_types("(func (param (ref null $v)) (block $l local.get 0 br_on_non_null $l))")),
              StartsWith(kMismatch));
  EXPECT_THAT(text_outcome(with_types("(func (param (ref null $v)) (result i32)"
                                      "(block $l (result i32) local.get 0 br_on_non_null $l i32.const 0))")),
              StartsWith(kMismatch));
  EXPECT_THAT(text_outcome("(module (func i32.const 0 ref.as_non_null drop))"), StartsWith(kMismatch));
  EXPECT_THAT(text_outcome("(module (func ref.as_non_null drop))"), StartsWith(kMismatch));
  EXPECT_THAT(text_outcome("(module (func ref.null func br_on_null 1 drop))"), StartsWith("invalid: unknown label 1"));
}

// A bottom becomes a reference that matches all others, but no number.
TEST(TypedReferences, UnreachableOperands) {
  for (const char* narrow : {"ref.as_non_null", "br_on_null 0"}) {
    const auto body = [narrow](std::string_view result) {
      return with_types("(func unreachable " + std::string(narrow) + " (block (param " + std::string(result) +
                        ") drop))");
    };
    EXPECT_EQ(text_outcome(body("(ref $f)")), "ok") << narrow;
    EXPECT_EQ(text_outcome(body("(ref extern)")), "ok") << narrow;
    EXPECT_EQ(text_outcome(body("funcref")), "ok") << narrow;
    EXPECT_THAT(text_outcome(body("i32")), StartsWith(kMismatch)) << narrow;
  }
  EXPECT_EQ(text_outcome(with_types("(func (result i32) unreachable call_ref $f)")), "ok");
  EXPECT_EQ(text_outcome(with_types("(func (result i32) unreachable ref.null $f call_ref $f)")), "ok");
  EXPECT_THAT(text_outcome(with_types("(func (result i32) unreachable ref.null $v call_ref $f)")),
              StartsWith(kMismatch));
  EXPECT_EQ(text_outcome(with_types("(func (result i32) unreachable return_call_ref $f)")), "ok");
  EXPECT_EQ(text_outcome(with_types("(func unreachable br_on_non_null 0)")).substr(0, kMismatch.size()), kMismatch);
  EXPECT_EQ(text_outcome(with_types("(func (result (ref $v)) unreachable br_on_non_null 0 unreachable)")), "ok");
}

TEST(TypedReferences, CallsOfReferences) {
  EXPECT_EQ(text_outcome(with_types("(func (param (ref null $f)) (result i32) i32.const 1 local.get 0 call_ref $f)")),
            "ok");
  EXPECT_THAT(text_outcome(with_types("(func (param funcref) (result i32) i32.const 1 local.get 0 call_ref $f)")),
              StartsWith(kMismatch));
  EXPECT_THAT(text_outcome(with_types("(func unreachable call_ref 7)")), StartsWith("invalid: unknown type 7"));
  // Tail calls need results that are a subtype of the caller's.
  EXPECT_EQ(text_outcome("(module (type $t (func (result (ref func))))"
                         "(func (param (ref $t)) (result funcref) local.get 0 return_call_ref $t))"),
            "ok");
  EXPECT_THAT(text_outcome("(module (type $t (func (result funcref)))"
                           "(func (param (ref $t)) (result (ref func)) local.get 0 return_call_ref $t))"),
              StartsWith(kMismatch));
  EXPECT_THAT(text_outcome(with_types("(func (param (ref $f)) i32.const 0 local.get 0 return_call_ref $f)")),
              StartsWith(kMismatch));
}

TEST(TypedReferences, TablesWithoutNullNeedAnInitialiser) {
  EXPECT_THAT(text_outcome("(module (table 1 (ref func)))"), StartsWith(kMismatch));
  EXPECT_THAT(text_outcome("(module (table 0 (ref func)))"), StartsWith(kMismatch));
  EXPECT_EQ(text_outcome("(module (func $f) (table 3 (ref func) (ref.func $f)))"), "ok");
  EXPECT_EQ(text_outcome("(module (import \"m\" \"t\" (table 1 (ref func))))"), "ok");
  EXPECT_THAT(text_outcome("(module (table 1 (ref func) (ref.null func)))"), StartsWith(kMismatch));
  // The initialiser sees imported globals, and no others.
  EXPECT_EQ(text_outcome("(module (import \"m\" \"g\" (global (ref func))) (table 1 (ref func) (global.get 0)))"),
            "ok");
  EXPECT_THAT(text_outcome("(module (func $f) (global (ref func) (ref.func $f)) (table 1 (ref func) (global.get 0)))"),
              StartsWith("invalid: unknown global 0"));
  // A function that it names may be named by ref.func in bodies.
  EXPECT_EQ(text_outcome("(module (func $f) (table 1 funcref (ref.func $f)) (func ref.func $f drop))"), "ok");
}

TEST(TypedReferences, TableOperatorsFollowSubtyping) {
  const auto copy = [](std::string_view to, std::string_view from) {
    return text_outcome("(module (func $f) (table $to 1 " + std::string(to) + " (ref.func $f)) (table $from 1 " +
                        std::string(from) +
                        " (ref.func $f)) (func i32.const 0 i32.const 0 i32.const 0 table.copy $to $from))");
  };
  EXPECT_EQ(copy("funcref", "(ref func)"), "ok");
  EXPECT_THAT(copy("(ref func)", "funcref"), StartsWith(kMismatch));
  const auto init = [](std::string_view table, std::string_view segment) {
    return text_outcome("(module (func $f) (table 1 " + std::string(table) + " (ref.func $f)) (elem $e " +
                        std::string(segment) +
                        " (ref.func $f)) (func i32.const 0 i32.const 0 i32.const 0 table.init $e))");
  };
  EXPECT_EQ(init("(ref func)", "(ref func)"), "ok");
  EXPECT_EQ(init("funcref", "(ref func)"), "ok");
  EXPECT_THAT(init("(ref func)", "funcref"), StartsWith(kMismatch));
  // call_indirect wants a table of functions, whatever they are.
  EXPECT_EQ(text_outcome(with_types("(func $g (type $v)) (table 1 (ref $v) (ref.func $g)) "
                                    "(func i32.const 0 call_indirect (type $v))")),
            "ok");
  EXPECT_THAT(text_outcome("(module (table 1 externref) (func i32.const 0 call_indirect))"), StartsWith(kMismatch));
  // Segments of function indices have no nulls.
  EXPECT_EQ(text_outcome("(module (func $f) (table 1 (ref func) (ref.func $f)) (elem (i32.const 0) func $f))"), "ok");
}

// In both arms set is not set behind the if; a loop's body is entered with what was set before it.
TEST(TypedReferences, LocalsAreSetPerBlock) {
  const auto body = [](std::string_view code) {
    return text_outcome("(module (func $f) (elem declare func $f) (func (param i32) (local (ref func)) " +
                        std::string(code) + "))");
  };
  constexpr std::string_view kSet = "(local.set 1 (ref.func $f))";
  constexpr std::string_view kGet = "(drop (local.get 1))";
  EXPECT_THAT(
      body("(if (local.get 0) (then " + std::string(kSet) + ") (else " + std::string(kSet) + "))" + std::string(kGet)),
      StartsWith("invalid: uninitialized local 1"));
  EXPECT_EQ(body(std::string(kSet) + "(loop " + std::string(kGet) + ")"), "ok");
  EXPECT_EQ(body("(loop (drop (local.tee 1 (ref.func $f)))" + std::string(kGet) + ")"), "ok");
  EXPECT_THAT(body("(loop " + std::string(kSet) + ")" + std::string(kGet)),
              StartsWith("invalid: uninitialized local 1"));
  // Set in dead code counts to the end of its block, as anywhere.
  EXPECT_EQ(body("(block unreachable " + std::string(kSet) + std::string(kGet) + ")"), "ok");
  EXPECT_THAT(body("(block unreachable " + std::string(kSet) + ")" + std::string(kGet)),
              StartsWith("invalid: uninitialized local 1"));
  // Parameters are set, whatever their type is.
  EXPECT_EQ(text_outcome("(module (func (param (ref func)) (drop (local.get 0))))"), "ok");
}

TEST(TypedReferences, GlobalsMustBeInitialisedWithTheirType) {
  EXPECT_EQ(text_outcome("(module (func $f) (global (ref func) (ref.func $f)))"), "ok");
  EXPECT_THAT(text_outcome("(module (global (ref func) (ref.null func)))"), StartsWith(kMismatch));
  EXPECT_EQ(text_outcome("(module (func $f) (global (ref func) (ref.func $f)) (global funcref (global.get 0)))"), "ok");
  EXPECT_THAT(text_outcome("(module (import \"m\" \"g\" (global funcref)) (global (ref func) (global.get 0)))"),
              StartsWith(kMismatch));
}

TEST(TypedReferences, SelectWithATypeTakesSubtypes) {
  EXPECT_EQ(text_outcome(with_types("(func (param (ref $v) (ref null $v)) (result funcref)"
                                    "(select (result funcref) (local.get 0) (local.get 1) (i32.const 0)))")),
            "ok");
  EXPECT_THAT(text_outcome(with_types("(func (param (ref $v) (ref null $v)) (result (ref $v))"
                                      "(select (result (ref $v)) (local.get 0) (local.get 1) (i32.const 0)))")),
              StartsWith(kMismatch));
}

}  // namespace
}  // namespace lunabeam::vm
