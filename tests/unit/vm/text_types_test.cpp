#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "vm/text/source_text.h"
#include "vm/text/text.h"

namespace lunabeam::tests {
namespace {

using vm::text::read_module;

// Bytes of a module that has nothing but one section of less than 128 bytes, that section's head taken off; else a message.
std::string section(std::string_view source) {
  const auto module = read_module(source, {.writes_names = false});
  if (!module) {
    const vm::Error& error = module.error();
    return std::to_string(vm::text::line_column(source, error.offset).column) + ": " +
           vm::Error{error.code, vm::Error::kNoOffset, error.detail}.message();
  }
  return {module->bytes.begin() + 10, module->bytes.end()};
}

// The bytes behind the type section of a module that has another one.
std::string second_section(std::string_view source) {
  const auto module = read_module(source, {.writes_names = false});
  EXPECT_TRUE(module) << source;
  if (!module) return {};
  const size_t types = module->bytes[9];
  return {module->bytes.begin() + static_cast<i64>(10 + types + 2), module->bytes.end()};
}

std::string raw(std::initializer_list<int> bytes) {
  std::string out;
  for (const int byte : bytes) out.push_back(static_cast<char>(byte));
  return out;
}

TEST(TextTypes, ValueTypesHaveTheirCodes) {
  EXPECT_EQ(section("(type (func (param i32 i64 f32 f64 v128)))"), raw({1, 0x60, 5, 0x7F, 0x7E, 0x7D, 0x7C, 0x7B, 0}));
  EXPECT_EQ(section("(type (func (result funcref externref anyref eqref i31ref structref arrayref exnref)))"),
            raw({1, 0x60, 0, 8, 0x70, 0x6F, 0x6E, 0x6D, 0x6C, 0x6B, 0x6A, 0x69}));
  EXPECT_EQ(section("(type (func (result nullref nullfuncref nullexternref nullexnref)))"),
            raw({1, 0x60, 0, 4, 0x71, 0x73, 0x72, 0x74}));
  EXPECT_EQ(section("(type (func (param i8)))"), "20: unexpected token `i8`");
  EXPECT_EQ(section("(type (func (param anyfunc)))"), "20: unexpected token `anyfunc`");
}

TEST(TextTypes, NullableAbstractReferencesAreTheirShorthands) {
  EXPECT_EQ(section("(type (func (param (ref null func) (ref null none) (ref null noexn))))"),
            section("(type (func (param funcref nullref nullexnref)))"));
  EXPECT_EQ(section("(type (func (param (ref any) (ref null 0) (ref 64))))"),
            raw({1, 0x60, 3, 0x64, 0x6E, 0x63, 0, 0x64, 0xC0, 0, 0}));
  EXPECT_EQ(section("(type (func (param (ref $x))))"), "25: unknown type $x");
}

TEST(TextTypes, CompositeTypes) {
  EXPECT_EQ(section("(type (struct (field i8 (mut i16)) (field $x (mut (ref null $t))))) (type $t (array (mut f64)))"),
            raw({2, 0x5F, 3, 0x78, 0, 0x77, 1, 0x63, 1, 1, 0x5E, 0x7C, 1}));
  EXPECT_EQ(section("(type (struct (field $x i32) (field) (field $x i32)))"), "45: duplicate field $x");
  EXPECT_EQ(section("(type (struct (field $x i32)) ) (type (struct (field $x i32)))"),
            raw({2, 0x5F, 1, 0x7F, 0, 0x5F, 1, 0x7F, 0}));
  EXPECT_EQ(section("(type (func (result i32) (param i32)))"), "26: unexpected token `(`");
  EXPECT_EQ(section("(type (func (result $x i32)))"), "21: unexpected token `$x`");
  EXPECT_EQ(section("(type (func (param $x)))"), "22: unexpected token `)`");
  EXPECT_EQ(section("(type (func (param $x i32 i32)))"), "27: unexpected token `i32`");
}

TEST(TextTypes, SubtypesAndGroups) {
  EXPECT_EQ(
      section("(type $a (sub (func))) (type (sub final $a (func))) (type (sub final (func))) (type (sub $a 1 (func)))"),
      raw({4, 0x50, 0, 0x60, 0, 0, 0x4F, 1, 0, 0x60, 0, 0, 0x60, 0, 0, 0x50, 2, 0, 1, 0x60, 0, 0}));
  EXPECT_EQ(section("(rec) (rec (type $a (func (param (ref $b)))) (type $b (struct))) (rec (type (func)))"),
            raw({3, 0x4E, 0, 0x4E, 2, 0x60, 1, 0x64, 1, 0, 0x5F, 0, 0x60, 0, 0}));
  EXPECT_EQ(section("(rec (func))"), "6: unexpected token `(`");
  EXPECT_EQ(section("(rec (type $a (func)) (type $a (func)))"), "29: duplicate type $a");
}

TEST(TextTypes, ImplicitTypesAreReusedOrAppended) {
  // In the order of the text: f64 results are type 1, nothing at all type 2, the block's i64 type 3. Types in groups, open ones and
  // those with a supertype do not count.
  EXPECT_EQ(
      second_section(
          "(func (result f64) unreachable) (func (param i32)) (func (block (param i64) drop)) (type (func (param i32)))"
          "(func (result f64) unreachable)")
          .substr(0, 5),
      raw({4, 1, 0, 2, 1}));
  EXPECT_EQ(section("(rec (type (func)) (type (func))) (type (sub (func))) (type (sub final 2 (func))) (tag)").back(),
            4);
  EXPECT_EQ(section("(type (func)) (type (func)) (tag)").back(), 0);
  EXPECT_EQ(section("(type (func (param (ref null func)))) (tag (param funcref))").back(), 0);
}

TEST(TextTypes, RepeatedSignaturesMustAgree) {
  const std::string types = "(type (func (param i32) (result i32))) ";
  EXPECT_EQ(section(types + "(tag (type 0) (param i32) (result i32))").back(), 0);
  EXPECT_EQ(section(types + "(tag (type 0))").back(), 0);
  EXPECT_EQ(section(types + "(tag (type 0) (param i32))"), "45: inline function type");
  EXPECT_EQ(section("(type (struct)) (tag (type 0) (param i32))"), "22: unknown type 0");
  EXPECT_EQ(section("(tag (type 2) (param i32))"), "6: unknown type 2");
  EXPECT_EQ(section(types + "(func (type 0) (result i32) (param i32))"), "68: unexpected token `(`");
}

TEST(TextTypes, LimitsOfMemories) {
  EXPECT_EQ(section("(memory 1)"), raw({1, 0, 1}));
  EXPECT_EQ(section("(memory i32 1 0x80)"), raw({1, 1, 1, 0x80, 1}));
  EXPECT_EQ(section("(memory i64 0xffff_ffff_ffff_ffff)"),
            raw({1, 4, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1}));
  EXPECT_EQ(section("(memory 1 2 shared)"), raw({1, 3, 1, 2}));
  EXPECT_EQ(section("(memory 1 2 (pagesize 65536))"), raw({1, 9, 1, 2, 16}));
  EXPECT_EQ(section("(memory 0 (pagesize 3))"), "21: invalid custom page size");
  EXPECT_EQ(section("(memory 0 (pagesize 0))"), "21: invalid custom page size");
  EXPECT_EQ(section("(memory 0x1_0000_0000_0000_0000)"), "9: constant out of range");
  EXPECT_EQ(section("(memory -1)"), "9: unexpected token `-1`");
  EXPECT_EQ(section("(memory)"), "8: unexpected token `)`");
}

TEST(TextTypes, TablesAndGlobals) {
  EXPECT_EQ(section("(table i64 1 2 (ref null extern))"), raw({1, 0x6F, 5, 1, 2}));
  EXPECT_EQ(section("(table 1 i32)"), "10: unexpected token `i32`");
  EXPECT_EQ(section("(global (mut i64) (i64.const -1))"), raw({1, 0x7E, 1, 0x42, 0x7F, 0x0B}));
  EXPECT_EQ(section("(global (ref func))"), raw({1, 0x64, 0x70, 0, 0x0B}));
}

}  // namespace
}  // namespace lunabeam::tests
