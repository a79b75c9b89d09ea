#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tests/unit/vm/raw_module.h"
#include "vm/module.h"
#include "vm/text/printer.h"
#include "vm/text/source_text.h"
#include "vm/text/text.h"

namespace lunabeam::tests {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using vm::ErrorCode;
using vm::text::BinaryModule;
using vm::text::read_module;

std::vector<u8> bytes_of(std::string_view source, bool writes_names = false) {
  auto module = read_module(source, {.writes_names = writes_names});
  EXPECT_TRUE(module) << (module ? "" : vm::text::describe(module.error(), source));
  return module ? std::move(module->bytes) : std::vector<u8>();
}

// Content of the section, or nothing when there is none. Custom sections: number 0, the first of this name, its name taken off.
std::vector<u8> section_of(const std::vector<u8>& bytes, u8 id, std::string_view name = {}) {
  const auto leb_at = [&bytes](size_t& at) {
    size_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const u8 byte = bytes.at(at++);
      value |= size_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
  };
  for (size_t at = 8; at < bytes.size();) {
    const u8 found = bytes[at++];
    const size_t size = leb_at(at);
    const size_t end = at + size;
    if (found == id) {
      if (id != 0) return {bytes.begin() + static_cast<i64>(at), bytes.begin() + static_cast<i64>(end)};
      size_t inner = at;
      const size_t length = leb_at(inner);
      const std::string found_name(bytes.begin() + static_cast<i64>(inner),
                                   bytes.begin() + static_cast<i64>(inner + length));
      if (found_name == name)
        return {bytes.begin() + static_cast<i64>(inner + length), bytes.begin() + static_cast<i64>(end)};
    }
    at = end;
  }
  return {};
}

// "id" or "id:name" of all sections, in order.
std::string outline(std::string_view source) {
  const std::vector<u8> bytes = bytes_of(source);
  std::string out;
  for (size_t at = 8; at < bytes.size();) {
    const u8 id = bytes[at];
    const size_t size = bytes[at + 1];  // Small modules: sizes are one byte.
    if (!out.empty()) out += " ";
    out += std::to_string(id);
    if (id == 0)
      out += ":" + std::string(bytes.begin() + static_cast<i64>(at + 3),
                               bytes.begin() + static_cast<i64>(at + 3 + bytes[at + 2]));
    at += 2 + size;
  }
  return out;
}

// "<line>:<column>: <message>" of the error, or "" when there is none.
std::string error_of(std::string_view source) {
  const auto module = read_module(source);
  if (module) return "";
  const vm::Error& error = module.error();
  const vm::text::LineColumn place = vm::text::line_column(source, error.offset);
  return std::to_string(place.line) + ":" + std::to_string(place.column) + ": " +
         vm::Error{error.code, vm::Error::kNoOffset, error.detail}.message();
}

// All ways of writing it give the same bytes.
void expect_same(std::initializer_list<std::string_view> sources) {
  const std::vector<u8> first = bytes_of(*sources.begin());
  for (const std::string_view source : sources) EXPECT_EQ(bytes_of(source), first) << source;
}

void expect_valid(std::string_view source) {
  const auto module = vm::Module::load(bytes_of(source), nullptr);
  EXPECT_TRUE(module) << source << ": " << module.error().message();
}

TEST(TextModule, EmptySourcesAndFormsAreEmptyModules) {
  const std::vector<u8> empty = {0, 'a', 's', 'm', 1, 0, 0, 0};
  for (const std::string_view source : {"", " ;; nothing\n", "(module)", "(; a ;)(module (; b ;) )"})
    EXPECT_EQ(bytes_of(source), empty) << source;
}

TEST(TextModule, FieldsMayStandWithoutTheirModule) {
  expect_same({"(module (func) (memory 0))", "(func) (memory 0)"});
  EXPECT_EQ(error_of("(module) (func)"), "1:10: unexpected token `(`");
  EXPECT_EQ(error_of("(module (func) 1)"), "1:16: unexpected token `1`");
  EXPECT_EQ(error_of("(module (funk))"), "1:10: unexpected token `funk`");
}

TEST(TextModule, SectionsStandInTheOrderOfTheFormat) {
  EXPECT_EQ(
      outline(
          "(data \"\") (func $f memory.init 0 0) (elem func) (start $f) (export \"e\" (func $f)) (global i32 (i32.const 0))"
          "(tag) (memory 0) (table 0 funcref) (type (func (param i32)))"),
      "1 3 4 5 13 6 7 8 9 12 10 11");
}

TEST(TextModule, DataCountIsWrittenWhenAnOperatorNamesASegment) {
  EXPECT_EQ(outline("(memory 0) (data \"a\")"), "5 11");
  EXPECT_EQ(section_of(bytes_of("(memory 0) (data \"a\") (data \"b\") (func data.drop 1)"), 12), (std::vector<u8>{2}));
}

TEST(TextModule, InlineExportsAndImportsAreAbbreviations) {
  expect_same({"(func (export \"a\") (export \"b\"))", "(func) (export \"a\" (func 0)) (export \"b\" (func 0))"});
  expect_same({"(func $f (export \"e\") (import \"m\" \"n\") (param i32))",
               "(import \"m\" \"n\" (func $f (param i32))) (export \"e\" (func $f))"});
  expect_same({"(table (import \"m\" \"n\") i64 1 2 funcref)", "(import \"m\" \"n\" (table i64 1 2 funcref))"});
  expect_same({"(memory (import \"m\" \"n\") 1)", "(import \"m\" \"n\" (memory 1))"});
  expect_same({"(global (import \"m\" \"n\") (mut i64))", "(import \"m\" \"n\" (global (mut i64)))"});
  expect_same({"(tag (import \"m\" \"n\") (param f32))", "(import \"m\" \"n\" (tag (param f32)))"});
}

TEST(TextModule, ImportsPrecedeDefinitions) {
  EXPECT_EQ(error_of("(func) (import \"m\" \"n\" (memory 0))"), "1:8: import after function");
  EXPECT_EQ(error_of("(table 0 funcref)\n(func (import \"m\" \"n\"))"), "2:1: import after table");
  EXPECT_EQ(error_of("(global i32 (i32.const 0)) (tag) (global (import \"m\" \"n\") i32)"), "1:34: import after tag");
  EXPECT_EQ(error_of("(type (func)) (export \"e\" (func 0)) (elem func) (data \"\") (import \"m\" \"n\" (func))"), "");
}

TEST(TextModule, InlineDataSizesItsMemory) {
  expect_same({"(memory (data \"ab\" \"c\"))", "(memory 1 1) (data (i32.const 0) \"abc\")"});
  expect_same({"(memory i64 (data))", "(memory i64 0 0) (data (i64.const 0) \"\")"});
  expect_same({"(memory 0) (memory (data \"a\"))", "(memory 0) (memory 1 1) (data (memory 1) (i32.const 0) \"a\")"});
  const std::string page(65536, 'x');
  expect_same({"(memory (data \"" + page + "\"))", "(memory 1 1) (data (i32.const 0) \"" + page + "\")"});
  expect_same({"(memory (data \"" + page + "y\"))", "(memory 2 2) (data (i32.const 0) \"" + page + "y\")"});
  expect_same({"(memory (pagesize 1) (data \"xyz\"))", "(memory 3 3 (pagesize 1)) (data (i32.const 0) \"xyz\")"});
}

TEST(TextModule, InlineElementsSizeTheirTable) {
  expect_same({"(table funcref (elem $f $f)) (func $f)", "(table 2 2 funcref) (elem (i32.const 0) func 0 0) (func)"});
  expect_same({"(table i64 funcref (elem (ref.func 0) (ref.null func))) (func)",
               "(table i64 2 2 funcref) (elem (i64.const 0) funcref (item ref.func 0) (item ref.null func)) (func)"});
  // Indices of functions are expressions where the table's type is another one.
  expect_same(
      {"(type (func)) (table (ref null 0) (elem 0)) (func)",
       "(type (func)) (table 1 1 (ref null 0)) (elem (table 0) (i32.const 0) (ref null 0) (ref.func 0)) (func)"});
}

TEST(TextModule, InlineSegmentsTakeAnIndex) {
  expect_valid("(memory (data \"a\")) (data $d \"b\") (func data.drop $d data.drop 1)");
  EXPECT_EQ(bytes_of("(memory (data \"a\")) (data $d \"b\") (func data.drop $d)"),
            bytes_of("(memory (data \"a\")) (data \"b\") (func data.drop 1)"));
  EXPECT_EQ(bytes_of("(table i64 funcref (elem)) (elem $e func) (func elem.drop $e)"),
            bytes_of("(table i64 funcref (elem)) (elem func) (func elem.drop 1)"));
  EXPECT_EQ(bytes_of("(table 0 (ref null func)) (elem $e func) (func elem.drop $e)"),
            bytes_of("(table 0 funcref) (elem func) (func elem.drop 0)"));
}

TEST(TextModule, ElementSegmentsUseTheShortestForm) {
  const auto segment = [](std::string_view field) {
    return section_of(bytes_of("(func) (table 1 funcref) (table 1 externref)" + std::string(field)), 9);
  };
  EXPECT_THAT(segment("(elem (i32.const 0) 0)"), ElementsAre(1, 0, 0x41, 0, 0x0B, 1, 0));
  EXPECT_THAT(segment("(elem (table 0) (offset i32.const 0) func 0)"), ElementsAre(1, 0, 0x41, 0, 0x0B, 1, 0));
  EXPECT_THAT(segment("(elem func 0 0)"), ElementsAre(1, 1, 0, 2, 0, 0));
  EXPECT_THAT(segment("(elem (table 1) (i32.const 0) func 0)"), ElementsAre(1, 2, 1, 0x41, 0, 0x0B, 0, 1, 0));
  EXPECT_THAT(segment("(elem declare func 0)"), ElementsAre(1, 3, 0, 1, 0));
  EXPECT_THAT(segment("(elem (i32.const 0) funcref (ref.func 0))"), ElementsAre(1, 4, 0x41, 0, 0x0B, 1, 0xD2, 0, 0x0B));
  EXPECT_THAT(segment("(elem externref (ref.null extern))"), ElementsAre(1, 5, 0x6F, 1, 0xD0, 0x6F, 0x0B));
  EXPECT_THAT(segment("(elem (table 1) (i32.const 0) externref)"), ElementsAre(1, 6, 1, 0x41, 0, 0x0B, 0x6F, 0));
  EXPECT_THAT(segment("(elem declare (ref func) (item ref.func 0))"), ElementsAre(1, 7, 0x64, 0x70, 1, 0xD2, 0, 0x0B));
  EXPECT_EQ(error_of("(func $f) (elem $f)"), "1:19: unexpected token `)`");
  EXPECT_EQ(error_of("(func $f) (elem declare 0)"), "1:25: unexpected token `0`");
}

TEST(TextModule, TablesMayHaveAnInitialiser) {
  EXPECT_THAT(section_of(bytes_of("(table 1 funcref (ref.null func))"), 4),
              ElementsAre(1, 0x40, 0, 0x70, 0, 1, 0xD0, 0x70, 0x0B));
}

TEST(TextModule, LocalsAreRunsAndParamsComeFirst) {
  EXPECT_THAT(
      section_of(bytes_of("(func (param $p i32) (local i32 i32) (local $x i32) (local f32 i32) local.get $x drop)"),
                 10),
      ElementsAre(1, 11, 3, 3, 0x7F, 1, 0x7D, 1, 0x7F, 0x20, 3, 0x1A, 0x0B));
  EXPECT_EQ(error_of("(func (param $x i32) (local $x i32))"), "1:29: duplicate local $x");
  EXPECT_EQ(error_of("(func (local $x))"), "1:16: unexpected token `)`");
}

TEST(TextModule, ParamsOfANamedTypeCountAsLocals) {
  const std::string_view body = "(local $x i32) local.get $x drop)";
  EXPECT_EQ(bytes_of("(func (type 0) " + std::string(body) + "(type (func (param i64 i64)))"),
            bytes_of("(func (type 0) (local i32) local.get 2 drop) (type (func (param i64 i64)))"));
  // The type may be one that only a later function adds.
  EXPECT_EQ(bytes_of("(func (type 0) " + std::string(body) + "(func (param f32 f32))"),
            bytes_of("(func (type 0) (local i32) local.get 2 drop) (func (param f32 f32))"));
}

TEST(TextModule, IdentifiersMustBeKnownAndUnique) {
  EXPECT_EQ(error_of("(export \"e\" (func $f))"), "1:19: unknown function $f");
  EXPECT_EQ(error_of("(start $f)"), "1:8: unknown function $f");
  EXPECT_EQ(error_of("(data (memory $m) (i32.const 0))"), "1:15: unknown memory $m");
  EXPECT_EQ(error_of("(func $f)\n(func $f)"), "2:7: duplicate function $f");
  EXPECT_EQ(error_of("(import \"\" \"\" (global $g i32)) (global $\"g\" i32 (i32.const 0))"),
            "1:40: duplicate global $g");
  EXPECT_EQ(error_of("(func $a) (global $a i32 (i32.const 0)) (type $a (func))"), "");
  EXPECT_EQ(error_of("(start 0) (start 0)"), "1:11: multiple start sections");
}

TEST(TextModule, IndicesOutOfRangeAreForTheValidator) {
  EXPECT_EQ(error_of("(export \"e\" (func 7)) (start 8) (data (memory 9) (i32.const 0)) (func (type 10))"), "");
  EXPECT_EQ(error_of("(start 4294967295)"), "");
  EXPECT_EQ(error_of("(start 4294967296)"), "1:8: i32 constant");
  EXPECT_EQ(error_of("(start -1)"), "1:8: unexpected token `-1`");
}

TEST(TextModule, NamesBecomeTheNameSection) {
  const std::vector<u8> names = section_of(
      bytes_of(
          "(module $m (type $t (struct (field i32) (field $y i32))) (func $f (param $p i32) (local i32) (local $l i32))"
          "(func (param i32)) (func $\"g h\") (memory $mem 0))",
          /*writes_names=*/true),
      0, "name");
  EXPECT_EQ(std::string(names.begin(), names.end()), std::string("\0\2\1m"
                                                                 "\1\x09\2\0\1f\2\3g h"
                                                                 "\2\x09\1\0\2\0\1p\2\1l"
                                                                 "\4\4\1\0\1t"
                                                                 "\6\6\1\0\3mem"
                                                                 "\x0A\6\1\0\1\1\1y",
                                                                 4 + 11 + 11 + 6 + 8 + 8));
  EXPECT_TRUE(section_of(bytes_of("(func)", true), 0, "name").empty());
  EXPECT_TRUE(section_of(bytes_of("(func $f)", false), 0, "name").empty());
  EXPECT_EQ(section_of(bytes_of("(func $f) (@custom \"name\" \"mine\")", true), 0, "name"),
            (std::vector<u8>{'m', 'i', 'n', 'e'}));
}

TEST(TextModule, NameAnnotationsOverrideIdentifiers) {
  const std::vector<u8> names = section_of(
      bytes_of(
          "(module $m (@name \"M\") (func $f (@name \"F\") (param $p (@name \"P\") i32) (local (@name \"L\") i32)))",
          true),
      0, "name");
  EXPECT_EQ(std::string(names.begin(), names.end()),
            std::string("\0\2\1M\1\4\1\0\1F\2\x09\1\0\2\0\1P\1\1L", 4 + 6 + 11));
  EXPECT_EQ(error_of("(module (@name \"a\") (@name \"b\"))"), "1:21: @name annotation: multiple module");
  EXPECT_EQ(error_of("(module (func) (@name \"M\"))"), "1:16: misplaced @name annotation");
  EXPECT_EQ(error_of("(module (@name \"M\") $m)"), "1:9: misplaced @name annotation");
  EXPECT_EQ(error_of("(func (@name))"), "1:7: @name annotation: unexpected token");
}

TEST(TextModule, CustomSectionsStandWhereTheyAreTold) {
  EXPECT_EQ(
      outline(
          "(@custom \"z\") (func) (@custom \"a\" (before first)) (@custom \"b\" (before func)) (@custom \"c\" (after type))"
          "(@custom \"d\" (after last) \"x\") (@custom \"e\" (after code)) (@custom \"f\" (before memory))"),
      "0:a 1 0:c 0:b 3 0:f 10 0:e 0:z 0:d");
  EXPECT_EQ(section_of(bytes_of("(@custom \"s\" \"a\" \"\" \"\\00b\")"), 0, "s"), (std::vector<u8>{'a', 0, 'b'}));
  EXPECT_EQ(error_of("(@custom)"), "1:1: @custom annotation: missing section name");
  EXPECT_EQ(error_of("(@custom \"s\" (before last))"), "1:26: @custom annotation: malformed section kind");
  EXPECT_EQ(error_of("(@custom \"s\" (aft type))"), "1:19: @custom annotation: malformed placement");
  EXPECT_EQ(error_of("(func (@custom \"s\"))"), "1:7: misplaced @custom annotation");
  EXPECT_EQ(error_of("(module (@custom \"s\") $m)"), "1:9: misplaced @custom annotation");
  EXPECT_EQ(error_of("(func (@unknown 1 \"x\" (y)) nop (@other))"), "");
}

TEST(TextModule, BranchHintsBecomeTheirSection) {
  const std::string source =
      "(import \"m\" \"n\" (func)) (func) (func (local i32) local.get 0 (@metadata.code.branch_hint \"\\01\") if end)";
  const std::vector<u8> hints = section_of(bytes_of(source), 0, "metadata.code.branch_hint");
  EXPECT_THAT(hints, ElementsAre(1, 2, 1, 5, 1, 1));  // Function 2, offset 5 of its body: behind 1 1 0x7F 0x20 0.
  EXPECT_EQ(error_of("(@metadata.code.branch_hint \"\\01\") (func)"),
            "1:1: @metadata.code.branch_hint annotation: not in a function");
  EXPECT_EQ(error_of("(func (@metadata.code.branch_hint \"\\01\") (param i32))"),
            "1:7: @metadata.code.branch_hint annotation: not in a function");
}

TEST(TextModule, ErrorsOfTheValidatorAreFoundInTheText) {
  const std::string_view source =
      "(module\n  (func $f (result i32)\n    i32.const 1\n    i64.eqz)\n  (global i32 (i64.const 0)))";
  const auto loaded = vm::Module::load(bytes_of(source, true), nullptr);
  ASSERT_FALSE(loaded);
  const vm::Error located = vm::text::locate(loaded.error(), source);
  EXPECT_THAT(vm::text::describe(located, source), HasSubstr("type mismatch"));
  EXPECT_GE(vm::text::line_column(source, located.offset).line, 4U);
}

TEST(TextModule, TextOffsetIsThatOfTheLastMark) {
  const std::vector<vm::text::PositionMark> marks = {{8, 100}, {10, 50}, {10, 60}};
  EXPECT_EQ(vm::text::text_offset(marks, 7), vm::Error::kNoOffset);
  EXPECT_EQ(vm::text::text_offset(marks, 9), 100U);
  EXPECT_EQ(vm::text::text_offset(marks, 10), 60U);
  EXPECT_EQ(vm::text::text_offset(marks, 1000), 60U);
}

TEST(TextModule, MarksAreSortedAndChangeNothing) {
  const std::string_view source =
      "(table funcref (elem 0)) (func (local i32) nop block end) (data \"x\") (global i32 (i32.const 1))";
  const auto plain = read_module(source);
  const auto marked = read_module(source, {.keeps_marks = true});
  ASSERT_TRUE(plain && marked);
  EXPECT_EQ(plain->bytes, marked->bytes);
  EXPECT_TRUE(plain->marks.empty());
  EXPECT_FALSE(marked->marks.empty());
  EXPECT_TRUE(std::ranges::is_sorted(marked->marks, {}, &vm::text::PositionMark::binary));
}

TEST(TextModule, TextIsToldByItsFirstCharacter) {
  const auto is_text = [](std::string_view bytes) {
    return vm::text::is_text({reinterpret_cast<const u8*>(bytes.data()), bytes.size()});
  };
  EXPECT_TRUE(is_text(" \r\n\t(module)"));
  EXPECT_TRUE(is_text(";; comment"));
  EXPECT_TRUE(is_text("  "));
  EXPECT_FALSE(is_text(""));
  EXPECT_FALSE(is_text(std::string_view("\0asm\1\0\0\0", 8)));
  EXPECT_FALSE(is_text("garbage"));
}

TEST(TextModule, PrintedModulesReadBackToTheSameBytes) {
  const std::vector<u8> bytes = bytes_of(
      "(module $m (type $t (sub (func (param i32) (result i32)))) (import \"a\" \"b\" (func $i (type $t)))"
      "(memory 1 2) (table 3 funcref) (global $g (mut i32) (i32.const 5)) (export \"e\" (func $f)) (elem (i32.const 0) func $f $i)"
      "(func $f (type $t) (local $x i64) local.get 0 global.set $g (call $i (i32.const 3))) (data (i32.const 4) \"abc\")"
      "(@custom \"c\" (before code) \"zzz\"))",
      /*writes_names=*/true);
  const auto text = vm::text::print_module(bytes);
  ASSERT_TRUE(text);
  EXPECT_EQ(bytes_of(*text, true), bytes) << *text;
}

TEST(TextModule, LongAndDeepSourcesCostTimeInProportion) {
  constexpr int kMany = 100'000;
  std::string deep = "(func ";
  for (int i = 0; i < kMany; ++i) deep += "(block ";
  deep += std::string(kMany, ')') + ")";
  EXPECT_EQ(error_of(deep), "");
  // One signature of many params, used by many functions.
  std::string wide = "(type (func (param";
  for (int i = 0; i < kMany; ++i) wide += " i32";
  wide += ")))";
  for (int i = 0; i < kMany; ++i) wide += "(func (type 0))";
  EXPECT_EQ(error_of(wide), "");
}

}  // namespace
}  // namespace lunabeam::tests
