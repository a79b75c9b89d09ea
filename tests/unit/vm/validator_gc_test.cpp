// Rec groups, subtypes, and the operators of structs, arrays and casts in the validator (fact sheet, section 7). They need no heap.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/vm/text_support.h"
#include "vm/type_registry.h"
#include "vm/validate/function_validator.h"

namespace lunabeam::vm {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

constexpr std::string_view kMismatch = "invalid: type mismatch";
constexpr std::string_view kSubType = "invalid: sub type";

FeatureSet with_gc() {
  FeatureSet features = FeatureSet::supported();
  features.enable(Feature::kTypedFunctionReferences);
  features.enable(Feature::kGc);
  return features;
}

std::string outcome(std::string_view fields) {
  return tests::text_outcome("(module " + std::string(fields) + ")", with_gc());
}

// Types that the bodies below name.
std::string body(std::string_view signature, std::string_view code) {
  return outcome(
      "(type $s (sub (struct (field i8) (field (mut i32)) (field (mut i16)) (field (ref null func)))))"
      "(type $s2 (sub $s (struct (field i8) (field (mut i32)) (field (mut i16)) (field (ref func)) (field f64))))"
      "(type $bytes (array (mut i8))) (type $words (array i32)) (type $halves (array (mut i16)))"
      "(type $funcs (array (mut funcref))) (type $named (array (mut (ref func))))"
      "(func $g) (elem $e (ref func) (ref.func $g)) (elem $nullable funcref (ref.func $g)) (data $d \"x\")"
      "(func " +
      std::string(signature) + " " + std::string(code) + ")");
}

// --- Types ---

TEST(GcTypes, RecGroupsAreEqualAsAWhole) {
  const auto equal = [](std::string_view types, std::string_view a, std::string_view b) {
    return outcome(std::string(types) + "(func (param (ref " + std::string(a) + ")) (result (ref " + std::string(b) +
                   ")) local.get 0)") == "ok";
  };
  EXPECT_TRUE(equal("(rec (type $a (func)) (type (struct))) (rec (type $b (func)) (type (struct)))", "$a", "$b"));
  EXPECT_FALSE(equal("(rec (type $a (func)) (type (struct))) (type $b (func))", "$a", "$b"));
  EXPECT_FALSE(equal("(rec (type $a (func)) (type (struct))) (rec (type (struct)) (type $b (func)))", "$a", "$b"));
  EXPECT_FALSE(equal("(rec (type $a (func)) (type $b (func)))", "$a", "$b"));
  EXPECT_FALSE(equal("(type $a (sub (func))) (type $b (func))", "$a", "$b"));
  EXPECT_TRUE(equal("(type $a (sub final (func))) (type $b (func))", "$a", "$b"));
  EXPECT_FALSE(equal("(type $x (sub (struct))) (type $a (sub (struct))) (type $b (sub $x (struct)))", "$a", "$b"));
  // References to the group itself count by position, those to earlier groups by what they are.
  EXPECT_TRUE(equal("(type $a (struct (field (ref null $a)))) (type $b (struct (field (ref null $b))))", "$a", "$b"));
  EXPECT_FALSE(equal("(type $a (struct (field (ref null $a)))) (type $b (struct (field (ref null $a))))", "$a", "$b"));
  EXPECT_TRUE(
      equal("(rec (type $a (struct (field (ref $x)))) (type $x (struct)))"
            "(rec (type $b (struct (field (ref $y)))) (type $y (struct)))",
            "$a", "$b"));
  EXPECT_FALSE(
      equal("(rec (type $a (struct (field (ref $x)))) (type $x (struct)))"
            "(rec (type $b (struct (field (ref $b)))) (type $y (struct)))",
            "$a", "$b"));
}

TEST(GcTypes, IndicesReachTheEndOfTheirGroup) {
  EXPECT_EQ(outcome("(rec (type (struct (field (ref 1)))) (type (struct (field (ref 0)))))"), "ok");
  EXPECT_THAT(outcome("(rec (type (struct (field (ref 2)))) (type (struct)))"), StartsWith("invalid: unknown type 2"));
  EXPECT_THAT(outcome("(type (struct (field (ref 1)))) (type (struct))"), StartsWith("invalid: unknown type 1"));
  // A supertype comes before, even inside the group.
  EXPECT_EQ(outcome("(rec (type (sub (struct))) (type (sub 0 (struct))))"), "ok");
  EXPECT_THAT(outcome("(rec (type (sub 1 (struct))) (type (sub (struct))))"), StartsWith("invalid: unknown type 1"));
  EXPECT_THAT(outcome("(type (sub 0 (struct)))"), StartsWith("invalid: unknown type 0"));
}

TEST(GcTypes, DeclaredSupertypesMustFit) {
  const auto declare = [](std::string_view super, std::string_view sub) {
    return outcome("(type $t (sub (struct (field (ref null func))))) (type $a (sub " + std::string(super) +
                   ")) (type $b (sub $a " + std::string(sub) + "))");
  };
  EXPECT_EQ(declare("(struct)", "(struct (field i32))"), "ok");
  EXPECT_THAT(declare("(struct (field i32))", "(struct)"), StartsWith(kSubType));
  EXPECT_EQ(declare("(struct (field anyref))", "(struct (field i31ref) (field f32))"), "ok");
  EXPECT_THAT(declare("(struct (field i31ref))", "(struct (field anyref))"), StartsWith(kSubType));
  EXPECT_EQ(declare("(struct (field anyref))", "(struct (field (ref $t)))"), "ok");
  EXPECT_THAT(declare("(struct (field (mut anyref)))", "(struct (field (mut i31ref)))"), StartsWith(kSubType));
  EXPECT_THAT(declare("(struct (field (mut i32)))", "(struct (field i32))"), StartsWith(kSubType));
  EXPECT_THAT(declare("(struct (field i32))", "(struct (field (mut i32)))"), StartsWith(kSubType));
  EXPECT_THAT(declare("(struct (field i8))", "(struct (field i16))"), StartsWith(kSubType));
  EXPECT_THAT(declare("(struct (field i32))", "(struct (field i8))"), StartsWith(kSubType));
  EXPECT_EQ(declare("(array i8)", "(array i8)"), "ok");
  EXPECT_THAT(declare("(array i8)", "(struct (field i8))"), StartsWith(kSubType));
  EXPECT_EQ(declare("(func (param i31ref) (result anyref))", "(func (param anyref) (result i31ref))"), "ok");
  EXPECT_THAT(declare("(func (param anyref))", "(func (param i31ref))"), StartsWith(kSubType));
  EXPECT_THAT(declare("(func (result i31ref))", "(func (result anyref))"), StartsWith(kSubType));
  EXPECT_THAT(declare("(func)", "(func (param i32))"), StartsWith(kSubType));
  EXPECT_THAT(outcome("(type $a (struct)) (type (sub $a (struct)))"), StartsWith(kSubType));  // Final.
  EXPECT_THAT(outcome("(type $a (sub final (struct))) (type (sub $a (struct)))"), StartsWith(kSubType));
  // A field may refer forward inside the group, to what becomes a subtype.
  EXPECT_EQ(
      outcome("(rec (type $a (sub (struct (field (ref null $a))))) (type $b (sub $a (struct (field (ref null $b))))))"),
      "ok");
  EXPECT_THAT(
      outcome("(rec (type $a (sub (struct (field (ref null $b))))) (type $b (sub $a (struct (field (ref null $a))))))"),
      StartsWith(kSubType));
}

TEST(GcTypes, HeapTypesFormFourHierarchies) {
  const auto subtype = [](std::string_view sub, std::string_view super) {
    return outcome(
               "(type $struct (struct)) (type $array (array i8)) (type $func (func))"
               "(func (param (ref null " +
               std::string(sub) + ")) (result (ref null " + std::string(super) + ")) local.get 0)") == "ok";
  };
  for (const char* sub : {"none", "i31", "struct", "array", "eq", "any", "$struct", "$array"}) {
    EXPECT_TRUE(subtype(sub, "any")) << sub;
    EXPECT_EQ(subtype(sub, "eq"), std::string_view(sub) != "any") << sub;
    EXPECT_TRUE(subtype("none", sub)) << sub;
    EXPECT_FALSE(subtype(sub, "func")) << sub;
    EXPECT_FALSE(subtype(sub, "extern")) << sub;
    EXPECT_FALSE(subtype("nofunc", sub)) << sub;
  }
  for (const char* sub : {"nofunc", "func", "$func"}) {
    EXPECT_TRUE(subtype(sub, "func")) << sub;
    EXPECT_TRUE(subtype("nofunc", sub)) << sub;
    EXPECT_FALSE(subtype(sub, "any")) << sub;
    EXPECT_FALSE(subtype("none", sub)) << sub;
  }
  EXPECT_TRUE(subtype("noextern", "extern"));
  EXPECT_FALSE(subtype("extern", "any"));
  EXPECT_TRUE(subtype("$struct", "struct"));
  EXPECT_FALSE(subtype("$struct", "array"));
  EXPECT_FALSE(subtype("struct", "$struct"));
  EXPECT_FALSE(subtype("i31", "struct"));
}

// --- Operators ---

TEST(GcOperators, Structs) {
  EXPECT_EQ(body("(result (ref $s))", "i32.const 1 i32.const 2 i32.const 3 ref.null func struct.new $s"), "ok");
  EXPECT_THAT(body("(result (ref $s))", "i32.const 1 i64.const 2 i32.const 3 ref.null func struct.new $s"),
              StartsWith(kMismatch));
  EXPECT_EQ(body("(result (ref $s))", "struct.new_default $s"), "ok");
  EXPECT_THAT(body("(result (ref $s))", "struct.new_default $s2"), StartsWith(kMismatch));  // (ref func)
  EXPECT_THAT(body("", "struct.new_default $bytes drop"), StartsWith(kMismatch));
  EXPECT_THAT(body("", "struct.new_default 99 drop"), StartsWith("invalid: unknown type 99"));
  EXPECT_EQ(body("(param (ref null $s)) (result i32)", "local.get 0 struct.get_s $s 0"), "ok");
  EXPECT_EQ(body("(param (ref $s2)) (result i32)", "local.get 0 struct.get_u $s 2"), "ok");
  EXPECT_EQ(body("(param (ref $s)) (result i32)", "local.get 0 struct.get $s 1"), "ok");
  EXPECT_THAT(body("(param (ref $s)) (result i32)", "local.get 0 struct.get $s 0"), StartsWith(kMismatch));
  EXPECT_THAT(body("(param (ref $s)) (result i32)", "local.get 0 struct.get_u $s 1"), StartsWith(kMismatch));
  EXPECT_THAT(body("(param (ref $s)) (result i32)", "local.get 0 struct.get $s 4"),
              StartsWith("invalid: unknown field 4"));
  EXPECT_THAT(body("(param (ref $s)) (result f64)", "local.get 0 struct.get $s2 4"), StartsWith(kMismatch));
  EXPECT_EQ(body("(param (ref $s))", "local.get 0 i32.const 0 struct.set $s 2"), "ok");
  EXPECT_THAT(body("(param (ref $s))", "local.get 0 i32.const 0 struct.set $s 0"),
              StartsWith("invalid: immutable field"));
}

TEST(GcOperators, Arrays) {
  EXPECT_EQ(body("(result (ref $bytes))", "i32.const 1 i32.const 2 array.new $bytes"), "ok");
  EXPECT_EQ(body("(result (ref $funcs))", "i32.const 2 array.new_default $funcs"), "ok");
  EXPECT_THAT(body("(result (ref $named))", "i32.const 2 array.new_default $named"), StartsWith(kMismatch));
  EXPECT_EQ(body("(result (ref $words))", "i32.const 1 i32.const 2 array.new_fixed $words 2"), "ok");
  EXPECT_THAT(body("(result (ref $words))", "i32.const 1 i32.const 2 array.new_fixed $words 3"), StartsWith(kMismatch));
  EXPECT_THAT(body("(result (ref $words))", "i32.const 1 array.new_fixed $words 4294967295"), StartsWith(kMismatch));
  EXPECT_EQ(body("(param (ref $bytes)) (result i32)", "local.get 0 i32.const 0 array.get_s $bytes"), "ok");
  EXPECT_THAT(body("(param (ref $bytes)) (result i32)", "local.get 0 i32.const 0 array.get $bytes"),
              StartsWith(kMismatch));
  EXPECT_THAT(body("(param (ref $words)) (result i32)", "local.get 0 i32.const 0 array.get_u $words"),
              StartsWith(kMismatch));
  EXPECT_EQ(body("(param (ref null $words)) (result i32)", "local.get 0 array.len"), "ok");
  EXPECT_THAT(body("(param anyref) (result i32)", "local.get 0 array.len"), StartsWith(kMismatch));
  // What writes needs mutable elements.
  constexpr std::string_view kImmutable = "invalid: immutable array";
  EXPECT_THAT(body("(param (ref $words))", "local.get 0 i32.const 0 i32.const 0 array.set $words"),
              StartsWith(kImmutable));
  EXPECT_THAT(body("(param (ref $words))", "local.get 0 i32.const 0 i32.const 0 i32.const 0 array.fill $words"),
              StartsWith(kImmutable));
  EXPECT_THAT(body("(param (ref $words))",
                   "local.get 0 i32.const 0 local.get 0 i32.const 0 i32.const 0 array.copy $words $words"),
              StartsWith(kImmutable));
  EXPECT_THAT(body("(param (ref $words))", "local.get 0 i32.const 0 i32.const 0 i32.const 0 array.init_data $words $d"),
              StartsWith(kImmutable));
  // Copies go by storage types: packed ones must be equal, references may be subtypes.
  const auto copy = [](std::string_view to, std::string_view from) {
    const std::string types = std::string(to) + " " + std::string(from);
    return body("(param (ref " + std::string(to) + ") (ref " + std::string(from) + "))",
                "local.get 0 i32.const 0 local.get 1 i32.const 0 i32.const 0 array.copy " + types);
  };
  EXPECT_EQ(copy("$bytes", "$bytes"), "ok");
  EXPECT_THAT(copy("$bytes", "$halves"), StartsWith("invalid: array types do not match"));
  EXPECT_THAT(copy("$bytes", "$words"), StartsWith("invalid: array types do not match"));
  EXPECT_EQ(copy("$funcs", "$named"), "ok");
  EXPECT_THAT(copy("$named", "$funcs"), StartsWith("invalid: array types do not match"));
}

TEST(GcOperators, ArraysFromSegments) {
  constexpr std::string_view kTwo = "i32.const 0 i32.const 0 ";
  const auto from = [kTwo](std::string_view type, std::string_view code) {
    return body("(result (ref " + std::string(type) + "))", std::string(kTwo) + std::string(code));
  };
  EXPECT_EQ(from("$bytes", "array.new_data $bytes $d"), "ok");
  EXPECT_THAT(from("$funcs", "array.new_data $funcs $d"), StartsWith("invalid: array type is not numeric or vector"));
  EXPECT_THAT(from("$bytes", "array.new_data $bytes 1"), StartsWith("invalid: unknown data segment 1"));
  EXPECT_EQ(from("$funcs", "array.new_elem $funcs $e"), "ok");
  EXPECT_EQ(from("$named", "array.new_elem $named $e"), "ok");
  EXPECT_THAT(from("$named", "array.new_elem $named $nullable"), StartsWith(kMismatch));
  EXPECT_THAT(from("$bytes", "array.new_elem $bytes $e"), StartsWith(kMismatch));
  EXPECT_THAT(from("$funcs", "array.new_elem $funcs 7"), StartsWith("invalid: unknown elem segment 7"));
}

TEST(GcOperators, IdentityAndConversions) {
  EXPECT_EQ(body("(param eqref i31ref) (result i32)", "local.get 0 local.get 1 ref.eq"), "ok");
  EXPECT_THAT(body("(param eqref anyref) (result i32)", "local.get 0 local.get 1 ref.eq"), StartsWith(kMismatch));
  EXPECT_THAT(body("(param funcref) (result i32)", "local.get 0 local.get 0 ref.eq"), StartsWith(kMismatch));
  EXPECT_EQ(body("(result i32)", "i32.const 5 ref.i31 i31.get_s"), "ok");
  EXPECT_THAT(body("(param eqref) (result i32)", "local.get 0 i31.get_u"), StartsWith(kMismatch));
  // Conversions keep what is known of null.
  EXPECT_EQ(body("(param (ref extern)) (result (ref any))", "local.get 0 any.convert_extern"), "ok");
  EXPECT_THAT(body("(param externref) (result (ref any))", "local.get 0 any.convert_extern"), StartsWith(kMismatch));
  EXPECT_EQ(body("(param (ref $s)) (result (ref extern))", "local.get 0 extern.convert_any"), "ok");
  EXPECT_THAT(body("(param externref) (result externref)", "local.get 0 extern.convert_any"), StartsWith(kMismatch));
  EXPECT_EQ(body("(result (ref any))", "unreachable any.convert_extern"), "ok");
}

TEST(GcOperators, CastsStayInTheirHierarchy) {
  EXPECT_EQ(body("(param anyref) (result (ref $s))", "local.get 0 ref.cast (ref $s)"), "ok");
  EXPECT_EQ(body("(param (ref $s)) (result i32)", "local.get 0 ref.test (ref null i31)"), "ok");
  EXPECT_THAT(body("(param anyref) (result funcref)", "local.get 0 ref.cast funcref"), StartsWith(kMismatch));
  EXPECT_THAT(body("(param externref) (result i32)", "local.get 0 ref.test anyref"), StartsWith(kMismatch));
  EXPECT_THAT(body("(param anyref) (result (ref $s))", "local.get 0 ref.cast (ref null $s)"), StartsWith(kMismatch));
}

TEST(GcOperators, BranchesOnCasts) {
  // br_on_cast leaves the difference of its types, whatever is on the stack; _fail takes it along.
  EXPECT_EQ(body("(param anyref) (result (ref any))",
                 "(block $l (result (ref null $s)) local.get 0 br_on_cast $l anyref (ref null $s) return) unreachable"),
            "ok");
  EXPECT_THAT(body("(param anyref) (result (ref any))",
                   "(block $l (result (ref null $s)) local.get 0 br_on_cast $l anyref (ref $s) return) unreachable"),
              StartsWith(kMismatch));
  EXPECT_EQ(body("(param anyref) (result (ref any))",
                 "(block $l (result (ref any)) local.get 0 br_on_cast_fail $l anyref (ref null $s) unreachable)"),
            "ok");
  EXPECT_THAT(body("(param anyref) (result (ref any))",
                   "(block $l (result (ref any)) local.get 0 br_on_cast_fail $l anyref (ref $s) unreachable)"),
              StartsWith(kMismatch));
  // The operand counts as the source type, even where it is known to be more.
  EXPECT_THAT(body("(param (ref $s2)) (result (ref $s2))",
                   "(block $l (result i31ref) local.get 0 br_on_cast $l anyref i31ref return) unreachable"),
              StartsWith(kMismatch));
  // The target is a subtype of the source, and fits the label.
  EXPECT_THAT(body("(param i31ref) (result anyref)", "local.get 0 br_on_cast 0 i31ref anyref"), StartsWith(kMismatch));
  EXPECT_THAT(body("(param (ref any)) (result anyref)", "local.get 0 br_on_cast 0 (ref any) (ref null $s)"),
              StartsWith(kMismatch));
  EXPECT_THAT(body("(param anyref) (result i31ref)", "local.get 0 br_on_cast 0 anyref (ref $s) drop ref.null i31"),
              StartsWith(kMismatch));
  EXPECT_THAT(body("(param anyref)", "local.get 0 br_on_cast 0 anyref (ref $s) drop"), StartsWith(kMismatch));
}

TEST(GcOperators, ConstantExpressions) {
  const std::string types = "(type $p (struct (field i32) (field (ref null $p)))) (type $w (array i32)) ";
  EXPECT_EQ(outcome(types + "(global (ref $p) (struct.new $p (i32.const 1) (struct.new_default $p)))"), "ok");
  EXPECT_EQ(outcome(types + "(global $a (ref $p) (struct.new_default $p))"
                            "(global (ref $p) (struct.new $p (i32.const 1) (global.get $a)))"),
            "ok");
  EXPECT_EQ(outcome(types + "(global (ref $w) (array.new_fixed $w 2 (i32.const 1) (i32.const 2)))"), "ok");
  EXPECT_EQ(outcome(types + "(global (ref $w) (array.new $w (i32.const 1) (i32.const 2)))"), "ok");
  EXPECT_EQ(outcome(types + "(global (ref $w) (array.new_default $w (i32.add (i32.const 2) (i32.const 3))))"), "ok");
  EXPECT_EQ(outcome("(global i31ref (ref.i31 (i32.const 7)))"), "ok");
  EXPECT_EQ(outcome("(global (ref extern) (extern.convert_any (ref.i31 (i32.const 7))))"), "ok");
  EXPECT_THAT(outcome("(global (ref any) (any.convert_extern (ref.null extern)))"), StartsWith(kMismatch));
  EXPECT_EQ(outcome("(table 2 i31ref (ref.i31 (i32.const 7)))"), "ok");
  EXPECT_THAT(outcome(types + "(global (ref $p) (struct.new $p (i32.const 1)))"), StartsWith(kMismatch));
  EXPECT_THAT(outcome(types + "(global (ref $w) (struct.new_default $w))"), StartsWith(kMismatch));
  EXPECT_THAT(outcome(types + "(global i32 (struct.get $p 0 (struct.new_default $p)))"),
              StartsWith("invalid: constant expression required"));
}

// --- Cost ---

// Thousands of fields for three bytes: in dead code nothing was pushed for them.
TEST(GcCost, DeadObjectsCostWhatTheirBytesDo) {
  using namespace tests;  // NOLINT: the builder's words.
  const Bytes field{0x7F, 0};
  const Bytes type = seq({{0x5F}, raw_repeated(field, 10'000)});
  const auto module = [&](const Bytes& code) {
    return load_outcome(raw_module({raw_section(1, raw_vector({type, kEmptyFuncType, Bytes{0x5E, 0x7F, 0}})),
                                    raw_section(3, {1, 1}), raw_section(10, raw_vector({raw_body(code)}))}),
                        with_gc());
  };
  EXPECT_EQ(module(seq({{0x00}, repeat({0xFB, 0x00, 0, 0x1A}, 1'000'000)})), "ok");
  EXPECT_EQ(module(repeat({0xFB, 0x01, 0, 0x1A}, 1'000'000)), "ok");
  EXPECT_EQ(module(seq({{0x00}, repeat({0xFB, 0x08, 2, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0x1A}, 500'000)})), "ok");
}

// A chain of supertypes may be no longer than a display; a module of chains is checked in one pass over its bytes.
TEST(GcCost, ManySubtypes) {
  using namespace tests;  // NOLINT: the builder's words.
  const auto chains = [](size_t count, size_t length) {
    Bytes types;
    size_t index = 0;
    for (size_t chain = 0; chain < count; ++chain) {
      append(types, {0x50, 0, 0x5F, 0});
      ++index;
      for (size_t i = 1; i < length; ++i, ++index) append(types, seq({{0x50, 1}, leb(index - 1), {0x5F, 0}}));
    }
    return load_outcome(raw_module({raw_section(1, seq({{1, 0x4E}, leb(count * length), types}))}), with_gc());
  };
  EXPECT_EQ(chains(3'000, 63), "ok");
  EXPECT_THAT(chains(1, 64), StartsWith("limit: implementation limit exceeded: chain of supertypes"));
}

// --- What a listener hears ---

// NOLINTBEGIN(bugprone-derived-method-shadowing-base-method)
struct RecordingSink : NullSink {
  std::vector<std::string> events;

  void struct_get(u64, Opcode op, TypeId, u32 field) { events.push_back(fmt::format("{} {}", info(op).text, field)); }
  void array_new_fixed(u64, TypeId, u32 count) { events.push_back(fmt::format("array.new_fixed {}", count)); }
  void ref_test(u64, ValType target) { events.push_back("ref.test " + to_string(target)); }
  void ref_cast(u64, ValType target) { events.push_back("ref.cast " + to_string(target)); }
  void br_on_cast(u64, Opcode op, u32 depth, ValType source, ValType target) {
    events.push_back(fmt::format("{} {} {} {}", info(op).text, depth, to_string(source), to_string(target)));
  }
  void ref_as_non_null(u64, ValType type) { events.push_back("ref.as_non_null " + to_string(type)); }
  void any_convert_extern(u64, ValType type) { events.push_back("any.convert_extern " + to_string(type)); }
};
// NOLINTEND(bugprone-derived-method-shadowing-base-method)

TEST(GcSink, HearsTypesAndIsSpared) {
  const auto module = tests::load_text(
      "(module (type $s (struct (field i8))) (type $w (array i32))"
      "(func (param anyref externref) (result anyref)"
      "  (drop (struct.get_s $s 0 (ref.cast (ref $s) (local.get 0))))"
      "  (drop (array.new_fixed $w 2 (i32.const 0) (i32.const 1)))"
      "  (drop (ref.test i31ref (local.get 0)))"
      "  (drop (ref.as_non_null (local.get 0)))"
      "  (drop (br_on_cast_fail 0 anyref i31ref (local.get 0)))"
      "  (return (any.convert_extern (local.get 1)))"
      "  (ref.cast (ref $s) (ref.null none))))",
      with_gc());
  ASSERT_NE(module, nullptr);
  RecordingSink sink;
  ASSERT_TRUE(validate_body(*module, 0, sink));
  EXPECT_EQ(sink.events.size(), 7u);
  EXPECT_THAT(sink.events[0], StartsWith("ref.cast (ref type#"));
  sink.events.erase(sink.events.begin());
  EXPECT_THAT(sink.events,
              ElementsAre("struct.get_s 0", "array.new_fixed 2", "ref.test (ref null i31)", "ref.as_non_null (ref any)",
                          "br_on_cast_fail 0 (ref null any) (ref null i31)", "any.convert_extern (ref null any)"));
}

}  // namespace
}  // namespace lunabeam::vm
