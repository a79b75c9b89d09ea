#include <gmock/gmock.h>

#include <algorithm>

#include "tests/unit/vm/raw_module.h"
#include "vm/text/printer.h"

namespace lunabeam::tests {
namespace {

using testing::HasSubstr;
using testing::Not;
using vm::ErrorCode;
using vm::text::print_module;
using vm::text::PrintOptions;

// Text of a module, or "error: <message>".
std::string printed(const Bytes& bytes, PrintOptions options = {}) {
  const auto text = print_module(bytes, options);
  return text ? *text : "error: " + text.error().message();
}

ErrorCode error_of(const Bytes& bytes) {
  const auto text = print_module(bytes);
  EXPECT_FALSE(text) << *text;
  return text ? ErrorCode{} : text.error().code;
}

Bytes name_bytes(std::string_view text) {
  Bytes out = leb(text.size());
  out.insert(out.end(), text.begin(), text.end());
  return out;
}
Bytes custom(std::string_view name, const Bytes& contents) { return raw_section(0, seq({name_bytes(name), contents})); }
Bytes name_map(std::initializer_list<std::pair<u32, std::string_view>> names) {
  Bytes out = leb(names.size());
  for (const auto& [index, name] : names) append(out, seq({leb(index), name_bytes(name)}));
  return out;
}
Bytes names(std::initializer_list<Bytes> subsections) { return custom("name", seq(subsections)); }

// The text of one function's operators, blanks between lines folded to "; ".
std::string printed_code(const Bytes& code) {
  const std::string text = printed(one_function(code));
  const size_t begin = text.find("(type 0)");
  if (begin == text.npos) return text;
  std::string out;
  for (size_t at = begin + 8; at < text.size(); ++at) {
    if (text[at] != '\n') {
      out += text[at];
      continue;
    }
    while (at + 1 < text.size() && text[at + 1] == ' ') ++at;
    out += "; ";
  }
  return out.substr(0, out.find("; )"));
}

TEST(TextPrinter, PrintsAnEmptyModule) { EXPECT_EQ(printed(raw_module({})), "(module)\n"); }

TEST(TextPrinter, PrintsAFunctionWithItsNames) {
  const Bytes type{0x60, 2, 0x7F, 0x7E, 1, 0x7F};
  const Bytes locals{3, 2, 0x7F, 1, 0x7F, 1, 0x70};  // i32 i32, i32, funcref: the first two runs are one.
  const Bytes module = raw_module({raw_section(1, raw_vector({type})), raw_section(3, {1, 0}),
                                   raw_section(10, raw_vector({raw_body({0x20, 0, 0x20, 1, 0xA7, 0x6A}, locals)})),
                                   names({raw_section(0, name_bytes("m")), raw_section(1, name_map({{0, "add"}})),
                                          raw_section(2, seq({{1, 0}, name_map({{0, "a"}, {3, "three"}})})),
                                          raw_section(4, name_map({{0, "t"}}))})});
  EXPECT_EQ(printed(module),
            "(module $m\n"
            "  (type $t (;0;) (func (param i32 i64) (result i32)))\n"
            "  (func $add (;0;) (type $t) (param $a i32) (param i64) (result i32)\n"
            "    (local i32) (local $three i32) (local i32) (local funcref)\n"
            "    local.get $a\n"
            "    local.get 1\n"
            "    i32.wrap_i64\n"
            "    i32.add\n"
            "  ))\n");
  EXPECT_EQ(printed(module, {.names = false}),
            "(module\n"
            "  (type (;0;) (func (param i32 i64) (result i32)))\n"
            "  (func (;0;) (type 0) (param i32 i64) (result i32)\n"
            "    (local i32 i32 i32) (local funcref)\n"
            "    local.get 0\n"
            "    local.get 1\n"
            "    i32.wrap_i64\n"
            "    i32.add\n"
            "  ))\n");
}

TEST(TextPrinter, NamesThatIdentifyNothingGiveWayToIndices) {
  const Bytes bodies = raw_repeated(raw_body({0x10, 0, 0x10, 1, 0x10, 2, 0x10, 3, 0x10, 9}), 4);
  const Bytes module = raw_module(
      {raw_section(1, raw_vector({kEmptyFuncType})), raw_section(3, {4, 0, 0, 0, 0}), raw_section(10, bodies),
       names({raw_section(
           1, name_map({{0, "twice"}, {1, ""}, {2, "twice"}, {3, "a b\"\\\n\xE2\x80\xAEλ"}, {9, "nobody"}}))})});
  const std::string text = printed(module);
  EXPECT_THAT(text, HasSubstr("    call 0\n    call 1\n    call 2\n"));
  EXPECT_THAT(text, HasSubstr("(func (@name \"twice\") (;2;) (type 0)"));
  EXPECT_THAT(text, HasSubstr("    call $\"a b\\\"\\\\\\n\\u{202e}λ\"\n    call 9\n"));
  EXPECT_THAT(text, HasSubstr("(func $\"a b\\\"\\\\\\n\\u{202e}λ\" (;3;) (type 0)"));
}

TEST(TextPrinter, AMalformedNameSectionGivesTheNamesBeforeTheMistake) {
  const auto with = [](const Bytes& section) {
    return printed(raw_module({raw_section(1, raw_vector({kEmptyFuncType})), raw_section(3, {1, 0}),
                               raw_section(10, raw_vector({raw_body({})})), section}));
  };
  const std::string plain = with({});
  EXPECT_EQ(with(names({{9}})), plain);
  EXPECT_EQ(with(names({raw_section(1, {1, 0, 50, 'a'})})), plain);
  EXPECT_EQ(with(names({raw_section(1, {1, 0, 1, 0xFF})})), plain);
  EXPECT_THAT(with(names({raw_section(1, seq({{2}, {0}, name_bytes("f"), {1}}))})), HasSubstr("(func $f (;0;)"));
}

TEST(TextPrinter, PrintsTypesWithTheirGroupsAndSupertypes) {
  const Bytes types = raw_vector({
      {0x50, 0, 0x5F, 2, 0x78, 1, 0x63, 0, 0},                       // 0: open struct that refers to itself
      {0x4E, 2, 0x4F, 1, 0, 0x5F, 0, 0x50, 1, 0, 0x5E, 0x64, 2, 1},  // 1 and 2
      {0x4F, 0, 0x60, 2, 0x63, 0x70, 0x64, 0x6E, 2, 0x6F, 0x69},     // 3: final without super: the short form
      {0x4E, 1, 0x5E, 0x7B, 0},                                      // 4: a group of one
      {0x4E, 0},                                                     // an empty group
      {0x50, 2, 0, 1, 0x60, 1, 0x64, 0xE3, 0, 0},  // 5: two supers, an unknown type: invalid, but text
  });
  EXPECT_EQ(
      printed(raw_module({raw_section(1, types), names({raw_section(10, seq({{1, 0}, name_map({{1, "next"}})}))})})),
      "(module\n"
      "  (type (;0;) (sub (struct (field (mut i8)) (field $next (ref null 0)))))\n"
      "  (rec\n"
      "    (type (;1;) (sub final 0 (struct)))\n"
      "    (type (;2;) (sub 0 (array (mut (ref 2))))))\n"
      "  (type (;3;) (func (param funcref (ref any)) (result externref exnref)))\n"
      "  (type (;4;) (array v128))\n"
      "  (rec)\n"
      "  (type (;5;) (sub 0 1 (func (param (ref 99))))))\n");
}

TEST(TextPrinter, PrintsImportsInOrder) {
  const Bytes imports = raw_vector({
      seq({name_bytes("m"), name_bytes("g"), {3, 0x7F, 1}}),
      seq({name_bytes("m"), name_bytes("f"), {0, 0}}),
      seq({name_bytes("m"), name_bytes("t"), {1, 0x70, 1, 1, 2}}),
      seq({name_bytes(""), name_bytes("\"\x07"), {2, 4, 3}}),
      seq({name_bytes("m"), name_bytes("e"), {4, 0, 0}}),
      seq({name_bytes("m"), name_bytes("s"), {2, 0x0B, 1, 2, 0}}),
      seq({name_bytes("m"), name_bytes("f"), {0, 7}}),
  });
  EXPECT_EQ(printed(raw_module({raw_section(1, raw_vector({{0x60, 1, 0x7F, 0}})), raw_section(2, imports)})),
            "(module\n"
            "  (type (;0;) (func (param i32)))\n"
            "  (import \"m\" \"g\" (global (;0;) (mut i32)))\n"
            "  (import \"m\" \"f\" (func (;0;) (type 0) (param i32)))\n"
            "  (import \"m\" \"t\" (table (;0;) 1 2 funcref))\n"
            "  (import \"\" \"\\\"\\u{7}\" (memory (;0;) i64 3))\n"
            "  (import \"m\" \"e\" (tag (;0;) (type 0) (param i32)))\n"
            "  (import \"m\" \"s\" (memory (;1;) 1 2 shared (pagesize 1)))\n"
            "  (import \"m\" \"f\" (func (;1;) (type 7))))\n");
}

TEST(TextPrinter, PrintsDefinitionsAndExports) {
  const Bytes module = raw_module({
      raw_section(1, raw_vector({kEmptyFuncType})),
      raw_section(3, {1, 0}),
      raw_section(4, raw_vector({{0x70, 0, 1}, {0x40, 0, 0x64, 0x70, 5, 1, 9, 0xD2, 0, 0x0B}})),
      raw_section(5, raw_vector({{1, 1, 2}})),
      raw_section(13, raw_vector({{0, 0}})),
      raw_section(6,
                  raw_vector({{0x7F, 0, 0x41, 0x7F, 0x0B}, {0x7E, 1, 0x42, 1, 0x42, 2, 0x7C, 0x0B}, {0x7F, 0, 0x0B}})),
      raw_section(
          7, raw_vector({seq({name_bytes("λ"), {0, 0}}), seq({name_bytes("t"), {1, 1}}), seq({name_bytes("m"), {2, 0}}),
                         seq({name_bytes("g"), {3, 2}}), seq({name_bytes("e"), {4, 8}})})),
      raw_section(8, {0}),
      raw_section(10, raw_vector({raw_body({})})),
  });
  EXPECT_EQ(printed(module),
            "(module\n"
            "  (type (;0;) (func))\n"
            "  (table (;0;) 1 funcref)\n"
            "  (table (;1;) i64 1 9 (ref func) (ref.func 0))\n"
            "  (memory (;0;) 1 2)\n"
            "  (tag (;0;) (type 0))\n"
            "  (global (;0;) i32 (i32.const -1))\n"
            "  (global (;1;) (mut i64) i64.const 1 i64.const 2 i64.add)\n"
            "  (global (;2;) i32)\n"
            "  (export \"λ\" (func 0))\n"
            "  (export \"t\" (table 1))\n"
            "  (export \"m\" (memory 0))\n"
            "  (export \"g\" (global 2))\n"
            "  (export \"e\" (tag 8))\n"
            "  (start 0)\n"
            "  (func (;0;) (type 0)\n"
            "  ))\n");
}

TEST(TextPrinter, KindsOfSegmentsAreToldApart) {
  const Bytes elems = raw_vector({
      {0, 0x41, 0, 0x0B, 2, 0, 0},
      {1, 0, 1, 0},
      {2, 1, 0x41, 0, 0x41, 1, 0x6A, 0x0B, 0, 1, 0},
      {3, 0, 1, 0},
      {4, 0x41, 0, 0x0B, 1, 0xD2, 0, 0x0B},
      {5, 0x70, 2, 0xD2, 0, 0x0B, 0xD0, 0x70, 0x0B},
      {6, 0, 0x0B, 0x64, 0x70, 1, 0x0B},
      {7, 0x6F, 0},
  });
  const Bytes datas = raw_vector({{0, 0x41, 8, 0x0B, 3, 'a', 0, 0xFF}, {1, 0}, {2, 1, 0x0B, 1, '"'}});
  EXPECT_EQ(printed(raw_module({raw_section(9, elems), raw_section(11, datas)})),
            "(module\n"
            "  (elem (;0;) (i32.const 0) func 0 0)\n"
            "  (elem (;1;) func 0)\n"
            "  (elem (;2;) (table 1) (offset i32.const 0 i32.const 1 i32.add) func 0)\n"
            "  (elem (;3;) declare func 0)\n"
            "  (elem (;4;) (i32.const 0) funcref (item ref.func 0))\n"
            "  (elem (;5;) funcref (item ref.func 0) (item ref.null func))\n"
            "  (elem (;6;) (offset) (ref func) (item))\n"
            "  (elem (;7;) declare externref)\n"
            "  (data (;0;) (i32.const 8) \"a\\00\\ff\")\n"
            "  (data (;1;))\n"
            "  (data (;2;) (memory 1) (offset) \"\\\"\"))\n");
}

TEST(TextPrinter, PrintsOperatorsWithTheirImmediates) {
  EXPECT_EQ(printed_code({0x02, 0x40, 0x0B, 0x03, 0x7F, 0x0B, 0x02, 0x05, 0x0B}),
            "; block; end; loop (result i32); end; block (type 5); end");
  EXPECT_EQ(printed_code({0x04, 0x63, 0x03, 0x01, 0x05, 0x00, 0x0B}),
            "; if (result (ref null 3)); nop; else; unreachable; end");
  EXPECT_EQ(printed_code({0x0E, 2, 0, 1, 2, 0x0C, 3}), "; br_table 0 1 2; br 3");
  EXPECT_EQ(printed_code({0x11, 4, 0, 0x11, 4, 1}), "; call_indirect (type 4); call_indirect 1 (type 4)");
  EXPECT_EQ(printed_code({0x1F, 0x40, 4, 0, 1, 2, 1, 1, 2, 2, 3, 3, 4, 0x0B}),
            "; try_table (catch 1 2) (catch_ref 1 2) (catch_all 3) (catch_all_ref 4); end");
  EXPECT_EQ(printed_code({0x1C, 2, 0x7F, 0x6E, 0x1C, 0, 0x1B}),
            "; select (result i32 anyref); select (result); select");
  EXPECT_EQ(printed_code({0x41, 0x7F, 0x42, 0x80, 0x7F}), "; i32.const -1; i64.const -128");
  EXPECT_EQ(printed_code({0xD0, 0x6B, 0xD0, 0x07}), "; ref.null struct; ref.null 7");
  EXPECT_EQ(printed_code({0xFB, 0x14, 0x6E, 0xFB, 0x15, 0x6E, 0xFB, 0x16, 0x02, 0xFB, 0x17, 0x02}),
            "; ref.test (ref any); ref.test anyref; ref.cast (ref 2); ref.cast (ref null 2)");
  EXPECT_EQ(printed_code({0xFB, 0x18, 1, 9, 0x6E, 0x6D, 0xFB, 0x19, 2, 9, 1, 0x71}),
            "; br_on_cast 9 anyref (ref eq); br_on_cast_fail 9 (ref 1) nullref");
  EXPECT_EQ(printed_code({0xFB, 2, 3, 4, 0xFB, 8, 3, 4, 0xFB, 0x11, 3, 4, 0xFB, 10, 3, 4}),
            "; struct.get 3 4; array.new_fixed 3 4; array.copy 3 4; array.new_elem 3 4");
  EXPECT_EQ(printed_code({0xFC, 0x0A, 0, 0,    0xFC, 0x0A, 1, 0,    0xFC, 0x0B, 0, 0xFC,
                          0x0E, 0,    2, 0xFC, 0x0C, 7,    0, 0xFC, 0x0C, 7,    1}),
            "; memory.copy; memory.copy 1 0; memory.fill; table.copy 0 2; table.init 7; table.init 1 7");
}

TEST(TextPrinter, PrintsOperatorsOfProposals) {
  EXPECT_EQ(printed_code({0x06, 0x40, 0x07, 1, 0x09, 0, 0x07, 2, 0x19, 0x0B, 0x06, 0x7F, 0x18, 3}),
            "; try; catch 1; rethrow 0; catch 2; catch_all; end; try (result i32); delegate 3");
  EXPECT_EQ(printed_code({0xFE, 0x03, 0, 0xFE, 0x11, 3, 8, 0xFC, 0x13}),
            "; atomic.fence; i64.atomic.load offset=8; i64.add128");
  // Each of these stands where text has no place for it.
  for (const Bytes& code : std::initializer_list<Bytes>{{0x07, 0},
                                                        {0x18, 0},
                                                        {0x02, 0x40, 0x19, 0x0B},
                                                        {0x06, 0x40, 0x05, 0x0B},
                                                        {0x06, 0x40, 0x19, 0x19, 0x0B},
                                                        {0x06, 0x40, 0x19, 0x07, 0, 0x0B},
                                                        {0x06, 0x40, 0x07, 0, 0x18, 0}}) {
    EXPECT_EQ(error_of(one_function(code)), ErrorCode::kEndOpcodeExpected) << printed_code(code);
  }
}

TEST(TextPrinter, MemoryOperandsNameWhatIsNotTheDefault) {
  EXPECT_EQ(printed_code({0x28, 2, 0, 0x28, 0, 16, 0x28, 0x42, 3, 0, 0x37, 0x3F, 1}),
            "; i32.load; i32.load offset=16 align=1; i32.load 3; i64.store offset=1 align=9223372036854775808");
  EXPECT_EQ(printed_code({0xFD, 0x54, 0, 0, 5, 0xFD, 0x54, 0x40, 1, 2, 5}),
            "; v128.load8_lane 5; v128.load8_lane 1 offset=2 5");
}

TEST(TextPrinter, PrintsVectorImmediates) {
  EXPECT_EQ(printed_code({0xFD, 0x0C, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}),
            "; v128.const i32x4 0x04030201 0x08070605 0x0c0b0a09 0x100f0e0d");
  EXPECT_EQ(printed_code({0xFD, 0x0D, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 31}),
            "; i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 31");
}

TEST(TextPrinter, CustomSectionsKeepTheirPlaces) {
  const Bytes body = raw_body({0xFC, 9, 0});
  const auto module = [&](const Bytes& code) {
    return raw_module({custom("a", {1}), raw_section(1, raw_vector({kEmptyFuncType})), custom("b", {}),
                       raw_section(2, {0}), custom("c", {}), raw_section(3, {1, 0}), raw_section(12, {1}),
                       custom("d", {}), raw_section(10, raw_vector({code})), raw_section(11, {1, 1, 0}),
                       custom("e", {})});
  };
  EXPECT_EQ(printed(module(body)),
            "(module\n"
            "  (@custom \"a\" (before first) \"\\01\")\n"
            "  (type (;0;) (func))\n"
            "  (@custom \"b\" (after type))\n"
            "  (@custom \"c\" (after type))\n"
            "  (@custom \"d\" (after datacount))\n"
            "  (func (;0;) (type 0)\n"
            "    data.drop 0\n"
            "  )\n"
            "  (data (;0;))\n"
            "  (@custom \"e\"))\n");
  EXPECT_THAT(printed(module(raw_body({}))), HasSubstr("(@custom \"d\" (after func))"));
  EXPECT_THAT(printed(module(body), {.custom_sections = false}), Not(HasSubstr("@custom")));
}

TEST(TextPrinter, BranchHintsAreAnnotationsWhereTheyFit) {
  const auto with = [](const Bytes& contents) {
    const Bytes body = raw_body({0x41, 0x81, 0x00, 0x0D, 0, 0x41, 0, 0x04, 0x40, 0x0B});
    return printed(raw_module({raw_section(1, raw_vector({kEmptyFuncType})), raw_section(3, {1, 0}),
                               custom("metadata.code.branch_hint", contents), raw_section(10, raw_vector({body}))}));
  };
  const std::string hinted = with({1, 0, 2, 4, 1, 0, 8, 1, 1});
  EXPECT_THAT(hinted, HasSubstr("    i32.const 1\n"
                                "    (@metadata.code.branch_hint \"\\00\") br_if 0\n"
                                "    i32.const 0\n"
                                "    (@metadata.code.branch_hint \"\\01\") if\n"));
  EXPECT_THAT(hinted, Not(HasSubstr("@custom")));
  // Not before a branch, behind the body, of no function, empty, too long, of another value, out of order, cut off.
  for (const Bytes& contents : std::initializer_list<Bytes>{{1, 0, 1, 6, 1, 0},
                                                            {1, 0, 1, 5, 1, 0},
                                                            {1, 0, 1, 90, 1, 0},
                                                            {1, 1, 1, 4, 1, 0},
                                                            {0},
                                                            {1, 0, 0},
                                                            {1, 0, 1, 4, 1, 0, 0},
                                                            {1, 0, 1, 4, 1, 2},
                                                            {1, 0, 2, 8, 1, 0, 4, 1, 0},
                                                            {1, 0, 1, 4, 1}}) {
    const std::string text = with(contents);
    EXPECT_THAT(text, HasSubstr("(@custom \"metadata.code.branch_hint\" (after func) ")) << text;
    EXPECT_THAT(text, Not(HasSubstr("(@metadata")));
  }
}

TEST(TextPrinter, LongDataIsSplitOverLines) {
  const Bytes text(130, 'x');
  const std::string out = printed(raw_module({raw_section(11, raw_vector({seq({{1}, leb(text.size()), text})}))}));
  EXPECT_EQ(out, "(module\n  (data (;0;)\n    \"" + std::string(64, 'x') + "\"\n    \"" + std::string(64, 'x') +
                     "\"\n    \"xx\"))\n");
}

TEST(TextPrinter, MalformedModulesAreErrors) {
  EXPECT_EQ(error_of({}), ErrorCode::kUnexpectedEnd);
  EXPECT_EQ(error_of({0, 'a', 's', 'x'}), ErrorCode::kMagicHeaderNotDetected);
  EXPECT_EQ(error_of({0, 'a', 's', 'm', 2, 0, 0, 0}), ErrorCode::kUnknownBinaryVersion);
  EXPECT_EQ(error_of(raw_module({raw_section(14, {})})), ErrorCode::kMalformedSectionId);
  EXPECT_EQ(error_of(raw_module({{1, 9, 0}})), ErrorCode::kLengthOutOfBounds);
  EXPECT_EQ(error_of(raw_module({raw_section(2, {0}), raw_section(1, {0})})), ErrorCode::kUnexpectedContent);
  EXPECT_EQ(error_of(raw_module({raw_section(1, {0, 0})})), ErrorCode::kSectionSizeMismatch);
  EXPECT_EQ(error_of(raw_module({raw_section(7, {0, 0})})), ErrorCode::kSectionSizeMismatch);
  EXPECT_EQ(error_of(raw_module({raw_section(3, {1, 0})})), ErrorCode::kFunctionCodeMismatch);
  EXPECT_EQ(error_of(raw_module({raw_section(12, {1})})), ErrorCode::kDataCountMismatch);
  EXPECT_EQ(error_of(one_function({0xFC, 9, 0})), ErrorCode::kDataCountRequired);
  EXPECT_EQ(error_of(one_function({0x05})), ErrorCode::kEndOpcodeExpected);
  EXPECT_EQ(error_of(one_function({0x0B})), ErrorCode::kSectionSizeMismatch);
  EXPECT_EQ(error_of(one_function({0xFF})), ErrorCode::kIllegalOpcode);
  EXPECT_EQ(error_of(raw_module({raw_section(11, raw_vector({{1, 5, 0}}))})), ErrorCode::kUnexpectedEnd);
}

TEST(TextPrinter, EveryPrefixOfAModuleIsHandled) {
  const Bytes module =
      raw_module({raw_section(1, raw_vector({{0x60, 1, 0x7F, 0}})),
                  raw_section(2, raw_vector({seq({name_bytes("m"), name_bytes("g"), {3, 0x7F, 1}})})),
                  raw_section(3, {1, 0}), raw_section(9, raw_vector({{0, 0x41, 0, 0x0B, 1, 0}})),
                  raw_section(10, raw_vector({raw_body({0x02, 0x40, 0x41, 0x80, 0x01, 0x1A, 0x0B})}))});
  size_t good = 0;
  for (size_t size = 0; size <= module.size(); ++size) {
    good += print_module(std::span(module).first(size)).has_value();
  }
  // The header alone, the type section, and the imports: nothing is asked of them yet.
  EXPECT_EQ(good, 4);
}

TEST(TextPrinter, DeepNestingIsLinear) {
  constexpr size_t kDepth = 100'000;
  const Bytes module = one_function(seq({repeat({0x02, 0x40}, kDepth), repeat({0x0B}, kDepth)}));
  const std::string text = printed(module);
  EXPECT_EQ(static_cast<size_t>(std::ranges::count(text, '\n')), 2 * kDepth + 4);
  EXPECT_LT(text.size(), kDepth * 2 * (2 * 40 + 8));
  EXPECT_THAT(text, HasSubstr('\n' + std::string(80, ' ') + "block\n"));
}

TEST(TextPrinter, TextThatGrowsOutOfProportionIsRefused) {
  // A long name, named by each of many two-byte operators.
  const std::string name(20'000, 'n');
  const Bytes calls = repeat({0x10, 0}, 1'500);
  const Bytes module = seq({one_function(calls), names({raw_section(1, seq({{1, 0}, name_bytes(name)}))})});
  EXPECT_EQ(error_of(module), ErrorCode::kImplementationLimit);
  EXPECT_TRUE(print_module(module, {.names = false}));
  // Locals by the thousand, in every function.
  const Bytes body = raw_body({}, {1, 0xC0, 0x84, 0x03, 0x7F});  // 49,728 of them
  const Bytes many = raw_module({raw_section(1, raw_vector({kEmptyFuncType})), raw_section(3, raw_repeated({0}, 150)),
                                 raw_section(10, raw_repeated(body, 150))});
  EXPECT_EQ(error_of(many), ErrorCode::kImplementationLimit);
  EXPECT_EQ(error_of(one_function({}, {}, {1, 0xFF, 0xFF, 0x03, 0x7F})), ErrorCode::kImplementationLimit);
}

}  // namespace
}  // namespace lunabeam::tests
