// Instructions as text: every row of the table encodes to what the decoder reads back, flat and folded forms agree, labels, errors.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vm/decode/operator_reader.h"
#include "vm/text/instruction_reader.h"
#include "vm/text/lexer.h"

namespace lunabeam::vm::text {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// What the samples name: one thing of every space, at index 3, and the locals $x (0) and $y (1).
struct Fixture {
  explicit Fixture(std::string_view text) : source(text) {
    for (size_t i = 0; i < kSpaceCount; ++i) {
      IndexSpace& space = scope.space(static_cast<Space>(i));
      for (int unnamed = 0; unnamed < 3; ++unnamed) EXPECT_TRUE(space.define(std::nullopt));
      EXPECT_TRUE(space.define("n"));
    }
    EXPECT_TRUE(scope.fields(3).define("first"));
    EXPECT_TRUE(scope.fields(3).define("second"));
    EXPECT_TRUE(locals.define("x"));
    EXPECT_TRUE(locals.define("y"));
    const FuncSignature unary{{"\x7F"}, {"\x7E"}};  // i32 to i64.
    for (int i = 0; i < 3; ++i) scope.add_type(nullptr, false);
    scope.add_type(&unary, true);
  }

  // Reads a sequence: its bytes in hexadecimal, or the error with its place.
  std::string read(bool keeps_marks = false) {
    out = ByteWriter(keeps_marks);
    auto lexed = lex(source);
    if (!lexed) return lexed.error().message();
    tokens = *std::move(lexed);
    Cursor cursor(tokens);
    InstructionReader reader(cursor, scope);
    reader.set_locals(&locals);
    const bool done = reader.read_sequence(out);
    EXPECT_NE(done, cursor.failed());
    if (!done) return cursor.error().message();
    EXPECT_TRUE(cursor.at(TokenKind::kEnd) || cursor.at(TokenKind::kClose));
    for (const auto& hint : reader.take_branch_hints()) hints.emplace_back(hint.offset, hint.value);
    EXPECT_TRUE(reader.take_branch_hints().empty());
    return hex();
  }

  std::string hex() const {
    std::string text;
    for (const u8 byte : out.view()) text += fmt::format("{}{:02x}", text.empty() ? "" : " ", byte);
    return text;
  }

  std::string source;
  TokenBuffer tokens;
  ModuleScope scope;
  IndexSpace locals;
  ByteWriter out;
  std::vector<std::pair<u32, int>> hints;
};

std::string read(std::string_view source) { return Fixture(source).read(); }

// --- Every row ---

FeatureSet all_features() {
  FeatureSet all;
#define VM_FEATURE(id, text, enabled) all.enable(Feature::id);
#include "vm/features.def"
  return all;
}

struct Sample {
  std::string text;     // Behind the mnemonic.
  std::string decoded;  // As describe() tells it.
};

Sample sample_of(Opcode op) {
  const OpcodeInfo& row = info(op);
  switch (row.immediate) {
    case Immediate::kNone:
    case Immediate::kZeroByte: return {"", ""};
    case Immediate::kBlock: return {" $b (result f32) end $b", "value f32"};
    case Immediate::kTryTable:
      return {" (param i32) (result i64) (catch $n 1) (catch_ref 7 2) (catch_all 300) (catch_all_ref 4) end",
              "type 3; 0 3 1; 1 7 2; 2 0 300; 3 0 4"};
    case Immediate::kTag:
    case Immediate::kFunc:
    case Immediate::kType:
    case Immediate::kGlobal:
    case Immediate::kTable:
    case Immediate::kMemory:
    case Immediate::kElem:
    case Immediate::kData: return {" $n", "3"};
    case Immediate::kLocal: return {" $y", "1"};
    case Immediate::kLabel: return {" 4_0", "40"};
    case Immediate::kBrTable: return {" 1 0x200 3", "1 512 3"};
    case Immediate::kCallIndirect: return {" $n (type $n) (param i32) (result i64)", "3 3"};
    case Immediate::kSelectTypes: return {" (result i64)", "1 i64"};
    case Immediate::kTypeField: return {" $n $second", "3 1"};
    case Immediate::kTypeU32: return {" $n 4294967295", "3 4294967295"};
    case Immediate::kTypeData:
    case Immediate::kTypeElem:
    case Immediate::kTypeType:
    case Immediate::kMemoryMemory:
    case Immediate::kTableTable: return {" $n 200", "3 200"};
    case Immediate::kDataMemory:
    case Immediate::kElemTable: return {" $n 200", "200 3"};
    case Immediate::kMemArg:
      return {" $n offset=0xFFFF_FFFF_FFFF_FFFF align=1", "memory 3 offset 18446744073709551615 align 0"};
    case Immediate::kMemArgLane:
      return {" 1 offset=9 3", fmt::format("memory 1 offset 9 align {} lane 3", row.width_log2)};
    case Immediate::kS32: return {" -0x8000_0000", "80000000"};
    case Immediate::kS64: return {" 0xFFFF_FFFF_FFFF_FFFE", "fffffffffffffffe"};
    case Immediate::kF32: return {" -0x1.8p+1", "c0400000"};
    case Immediate::kF64: return {" nan:0x123", "7ff0000000000123"};
    case Immediate::kHeapType: {
      if (op == Opcode::ref_null) return {" extern", "(ref null extern)"};
      const bool nullable = op == Opcode::ref_test_null || op == Opcode::ref_cast_null;
      return {nullable ? " (ref null any)" : " (ref any)", "(ref null any)"};
    }
    case Immediate::kBrOnCast: return {" 5 anyref (ref i31)", "5 (ref null any) (ref i31)"};
    case Immediate::kV128: return {" i32x4 1 -2 0x3 4_0", "fffffffe00000001 0000002800000003"};
    case Immediate::kShuffle:
      return {" 0 1 2 3 4 5 6 7 8 9 10 11 12 13 31 255", "0 1 2 3 4 5 6 7 8 9 10 11 12 13 31 255"};
    case Immediate::kLane: return {" 255", "255"};
  }
  return {"?", "?"};
}

std::string describe(const Operator& op, const OperatorReader& reader) {
  switch (info(op.op).immediate) {
    case Immediate::kNone:
    case Immediate::kZeroByte: return "";
    case Immediate::kBlock: return "value " + to_string(op.block.value);
    case Immediate::kTryTable: {
      std::string text = fmt::format("type {}", op.block.index);
      for (const CatchClause& clause : reader.catches())
        text += fmt::format("; {} {} {}", clause.kind, clause.tag, clause.label);
      return text;
    }
    case Immediate::kTag:
    case Immediate::kFunc:
    case Immediate::kType:
    case Immediate::kGlobal:
    case Immediate::kTable:
    case Immediate::kMemory:
    case Immediate::kElem:
    case Immediate::kData:
    case Immediate::kLocal:
    case Immediate::kLabel: return fmt::format("{}", op.index);
    case Immediate::kBrTable: return fmt::format("{}", fmt::join(reader.labels(), " "));
    case Immediate::kSelectTypes: return fmt::format("{} {}", op.count, to_string(op.type));
    case Immediate::kCallIndirect:
    case Immediate::kTypeField:
    case Immediate::kTypeU32:
    case Immediate::kTypeData:
    case Immediate::kTypeElem:
    case Immediate::kTypeType:
    case Immediate::kMemoryMemory:
    case Immediate::kTableTable:
    case Immediate::kDataMemory:
    case Immediate::kElemTable: return fmt::format("{} {}", op.index, op.index2);
    case Immediate::kMemArg: return fmt::format("memory {} offset {} align {}", op.memory, op.value, op.align_log2);
    case Immediate::kMemArgLane:
      return fmt::format("memory {} offset {} align {} lane {}", op.memory, op.value, op.align_log2, op.lanes[0]);
    case Immediate::kS32:
    case Immediate::kF32: return fmt::format("{:08x}", op.value);
    case Immediate::kS64:
    case Immediate::kF64: return fmt::format("{:016x}", op.value);
    case Immediate::kHeapType: return to_string(op.type);
    case Immediate::kBrOnCast: return fmt::format("{} {} {}", op.index, to_string(op.type), to_string(op.type2));
    case Immediate::kV128: return fmt::format("{:016x} {:016x}", op.value, op.high);
    case Immediate::kShuffle: return fmt::format("{}", fmt::join(op.lanes, " "));
    case Immediate::kLane: return fmt::format("{}", op.lanes[0]);
  }
  return "";
}

// Operators that only stand inside a block, with the block around them; the operator itself is the second one read.
std::string in_its_block(Opcode op, const std::string& operator_text) {
  switch (op) {
    case Opcode::else_: return "if " + operator_text + " end";
    case Opcode::end: return "block " + operator_text;
    case Opcode::catch_:
    case Opcode::catch_all: return "try " + operator_text + " end";
    case Opcode::delegate: return "try " + operator_text;
    default: return "nop " + operator_text;
  }
}

TEST(InstructionReader, every_row_reads_back_as_itself) {
  for (size_t i = 0; i < kOpcodeCount; ++i) {
    const auto op = static_cast<Opcode>(i);
    SCOPED_TRACE(fmt::format("{} ({:02x} {:02x})", info(op).text, info(op).prefix, info(op).code));
    const Sample sample = sample_of(op);
    Fixture fixture(in_its_block(op, std::string(info(op).text) + sample.text));
    const std::string hex = fixture.read();
    ASSERT_FALSE(fixture.out.empty()) << hex;
    const auto bytes = fixture.out.view();
    Reader reader(bytes, 0, bytes.size());
    const std::vector<TypeId> no_types;
    DeferredError deferred;
    TypeReader types(reader, no_types, all_features(), deferred);
    OperatorReader operators(reader, types, /*has_data_count=*/true);
    Operator decoded;
    ASSERT_TRUE(operators.next(decoded)) << hex;
    ASSERT_TRUE(operators.next(decoded)) << hex;
    ASSERT_EQ(decoded.op, op) << hex;
    EXPECT_EQ(describe(decoded, operators), sample.decoded) << hex;
    while (!reader.at_end()) {
      ASSERT_TRUE(operators.next(decoded)) << hex;
      EXPECT_EQ(decoded.op, Opcode::end) << hex;
    }
    const Immediate immediate = info(op).immediate;
    EXPECT_EQ(fixture.scope.needs_data_count, immediate == Immediate::kData || immediate == Immediate::kDataMemory ||
                                                  immediate == Immediate::kTypeData);
  }
}

// --- Flat and folded forms ---

TEST(InstructionReader, folded_forms_are_flat_ones_in_another_order) {
  EXPECT_EQ(read(""), "");
  EXPECT_EQ(read("(nop)"), "01");
  EXPECT_EQ(read("(i32.add (local.get $x) (i32.mul (local.get 1) (i32.const 2)))"),
            read("local.get 0 local.get $y i32.const 2 i32.mul i32.add"));
  EXPECT_EQ(read("(i32.add (local.get 0)) nop (drop)"), "20 00 6a 01 1a");
  EXPECT_EQ(read("(block $a (block (br $a) nop) block br $a end)"), "02 40 02 40 0c 01 01 0b 02 40 0c 01 0b 0b");
  EXPECT_EQ(read("(loop (result i32) (i32.const 1))"), "03 7f 41 01 0b");
  EXPECT_EQ(read("(call_indirect (type $n) (i32.const 1) (i32.const 2))"), "41 01 41 02 11 03 00");
  EXPECT_EQ(read("(select (result i32) (result) (result i64) (i32.const 1) (i32.const 2) (i32.const 3))"),
            "41 01 41 02 41 03 1c 02 7f 7e");
  EXPECT_EQ(read("(select (i32.const 1))"), "41 01 1b");
  EXPECT_EQ(read("(select (result))"), "1c 00");
}

TEST(InstructionReader, conditions_stand_before_a_folded_if_and_outside_its_label) {
  EXPECT_EQ(read("(if (then))"), "04 40 0b");
  EXPECT_EQ(read("(if (then) (else))"), "04 40 05 0b");
  EXPECT_EQ(read("(if (result i32) (i32.const 1) (i32.const 2) (then (i32.const 3)) (else (i32.const 4)))"),
            "41 01 41 02 04 7f 41 03 05 41 04 0b");
  EXPECT_EQ(read("(block $l (if $l (br_if $l (i32.const 1)) (then (br $l)) (else (br $l))))"),
            "02 40 41 01 0d 00 04 40 0c 00 05 0c 00 0b 0b");
  // The condition of the inner one is itself an `if`.
  EXPECT_EQ(read("(if (if (result i32) (i32.const 1) (then i32.const 2) (else i32.const 3)) (then nop))"),
            "41 01 04 7f 41 02 05 41 03 0b 04 40 01 0b");
  EXPECT_EQ(read("if $a nop else $a nop end $a"), "04 40 01 05 01 0b");
}

TEST(InstructionReader, one_folded_instruction_and_constant_expressions) {
  const auto with = [](std::string_view source, auto&& action) {
    Fixture fixture("");
    fixture.tokens = *lex(source);
    Cursor cursor(fixture.tokens);
    InstructionReader reader(cursor, fixture.scope);
    if (!action(reader, fixture.out)) return cursor.error().message();
    return fixture.hex() + " | " + (cursor.at(TokenKind::kEnd) ? "" : std::string(cursor.text()));
  };
  const auto folded = [](InstructionReader& reader, ByteWriter& out) { return reader.read_folded(out); };
  const auto offset = [](InstructionReader& reader, ByteWriter& out) { return reader.read_const_expr("offset", out); };
  EXPECT_EQ(with("(i32.add (i32.const 1) (i32.const 2)) next", folded), "41 01 41 02 6a | next");
  EXPECT_EQ(with("(nop) next", folded), "01 | next");
  EXPECT_EQ(with("(block nop) next", folded), "02 40 01 0b | next");
  EXPECT_EQ(with("(i32.const 1) next", offset), "41 01 0b | next");
  EXPECT_EQ(with("(offset i32.const 1 (i32.const 2) i32.add) next", offset), "41 01 41 02 6a 0b | next");
  EXPECT_EQ(with("(offset) next", offset), "0b | next");
  EXPECT_THAT(with("i32.const 1", folded), StartsWith("unexpected token"));
  EXPECT_THAT(with("", offset), StartsWith("unexpected token"));
  EXPECT_THAT(with("(offset i32.const 1 block)", offset), StartsWith("unexpected token"));
}

TEST(InstructionReader, marks_lead_from_operators_to_their_mnemonics) {
  Fixture fixture("(i32.add (i32.const 1) (nop)) if\nend (if (i32.const 7) (then) (else nop))");
  ASSERT_EQ(fixture.read(true), "41 01 01 6a 04 40 0b 41 07 04 40 05 01 0b");
  std::string marks;
  for (const PositionMark mark : fixture.out.marks()) {
    const std::string_view rest = std::string_view(fixture.source).substr(mark.text);
    marks += fmt::format("{}:{} ", mark.binary, rest.substr(0, rest.find_first_of(" \n)", 1)));
  }
  EXPECT_EQ(marks, "0:i32.const 2:nop 3:i32.add 4:if 6:end 7:i32.const 9:if 11:else 12:nop 13:) ");
}

// --- Labels ---

TEST(InstructionReader, labels_count_from_the_innermost_and_hide_outer_ones) {
  EXPECT_EQ(read("block $a loop $b block $a br $a br $b end br $a end br $a end"),
            "02 40 03 40 02 40 0c 00 0c 01 0b 0c 01 0b 0c 00 0b");
  EXPECT_EQ(read("block $a br_table $a 7 $a end"), "02 40 0e 02 00 07 00 0b");
  EXPECT_EQ(read("block $\"a b\" br $\"a b\" end $\"a b\""), "02 40 0c 00 0b");
  EXPECT_EQ(read("block $a end br $a"), "unknown label $a at offset 0x10");
  EXPECT_EQ(read("(block $a) (br $a)"), "unknown label $a at offset 0xf");
}

TEST(InstructionReader, catch_clauses_count_from_outside_their_block) {
  EXPECT_EQ(read("(block $l (try_table $l (catch $n $l) (catch_all $l) (br $l)))"),
            "02 40 1f 40 02 00 03 00 02 00 0c 00 0b 0b");
  EXPECT_EQ(read("block $l try_table (result i32) (catch_ref 0 $l) (catch_all_ref 3) (i32.const 1) end end"),
            "02 40 1f 7f 02 01 00 00 03 03 41 01 0b 0b");
  EXPECT_EQ(read("try_table $t (catch_all $t) end"), "unknown label $t at offset 0x18");
}

TEST(InstructionReader, legacy_exceptions) {
  EXPECT_EQ(read("(try (do) (catch $n))"), "06 40 07 03 0b");
  EXPECT_EQ(read("(try $t (result i32) (do (br $t) (i32.const 1)) (catch $n (rethrow $t)) (catch_all i32.const 2))"),
            "06 7f 0c 00 41 01 07 03 09 00 19 41 02 0b");
  EXPECT_EQ(read("try $t (result i32) br $t i32.const 1 catch $n rethrow $t catch_all i32.const 2 end $t"),
            "06 7f 0c 00 41 01 07 03 09 00 19 41 02 0b");
  EXPECT_EQ(read("(try $t (do (try $t (do nop) (delegate $t))) (catch_all))"), "06 40 06 40 01 18 00 19 0b");
  EXPECT_EQ(read("try $t try $t nop delegate $t end"), "06 40 06 40 01 18 00 0b");
  EXPECT_EQ(read("(try (do))"), "06 40 0b");
  for (const std::string_view wrong : {"(catch_all)",
                                       "(catch $n)",
                                       "catch $n",
                                       "catch_all",
                                       "delegate 0",
                                       "(delegate 0)",
                                       "(do)",
                                       "(try)",
                                       "(try (do) (catch_all) (catch_all))",
                                       "(try (do) (catch $n) (delegate 0))",
                                       "(try (do) (catch_all) (delegate 0))",
                                       "(try (do) (delegate) (delegate 0))",
                                       "(try (do) (catch_all) (catch $n))",
                                       "(try (catch_all))",
                                       "(try nop (do))",
                                       "try catch_all catch $n end",
                                       "try catch $n delegate 0",
                                       "block catch_all end",
                                       "try (catch_all) end",
                                       "(try (do) (do))"}) {
    EXPECT_THAT(read(wrong), StartsWith("unexpected token")) << wrong;
  }
}

TEST(InstructionReader, labels_behind_end_and_else_repeat_their_block) {
  for (const std::string_view wrong :
       {"block end $l", "block $a end $l", "loop $a end $l", "if $a else $l end", "if $a else $a end $l",
        "if else $l end", "try_table $a end $b", "block $a block $b end $a end $b", "try $a catch_all end $b"}) {
    EXPECT_THAT(read(wrong), StartsWith("mismatching label")) << wrong;
  }
}

TEST(InstructionReader, blocks_close_where_they_were_opened) {
  for (const std::string_view wrong : {"block",
                                       "loop nop",
                                       "if else",
                                       "end",
                                       "else",
                                       "block else end",
                                       "if else else end",
                                       "(block end)",
                                       "(block block)",
                                       "block (block end)",
                                       "(if end (then))",
                                       "(if (then end))",
                                       "(if (then) nop)",
                                       "(if)",
                                       "(if (nop))",
                                       "(if nop (then))",
                                       "(if (else))",
                                       "(if (then) (then))",
                                       "(if (then) (else) (else))",
                                       "(if (then) (nop))",
                                       "(then)",
                                       "(end)",
                                       "(else)",
                                       "(block (then))",
                                       "(i32.add nop)",
                                       "(i32.add (i32.const 1) nop)",
                                       "()",
                                       "(nop 1)",
                                       "(\"a\")",
                                       "($x)",
                                       "1",
                                       "$x",
                                       "\"a\"",
                                       "(block (nop) 1)",
                                       "if (then) end",
                                       "(if (then else))",
                                       "try_table (do) end"}) {
    EXPECT_THAT(read(wrong), StartsWith("unexpected token")) << wrong;
  }
}

TEST(InstructionReader, depth_costs_neither_stack_nor_time) {
  constexpr int kDepth = 200'000;
  // Folded operators, folded blocks, conditions of conditions.
  for (const auto& [open, close] :
       {std::pair("(i32.eqz ", ")"), std::pair("(block ", ")"), std::pair("(if ", "(then))")}) {
    std::string source;
    for (int i = 0; i < kDepth; ++i) source += open;
    for (int i = 0; i < kDepth; ++i) source += close;
    Fixture fixture(source);
    (void)fixture.read();
    EXPECT_EQ(fixture.out.size(), size_t{kDepth} * (std::string_view(open) == "(i32.eqz " ? 1 : 3));
  }
  // Every block names the outermost one: linear in the depth, were look-ups not constant this would never end.
  std::string source = "block $outermost ";
  for (int i = 0; i < kDepth; ++i) source += fmt::format("block $l{} br $outermost ", i % 1000);
  for (int i = 0; i <= kDepth; ++i) source += "end ";
  EXPECT_THAT(read(source), HasSubstr("02 40 02 40 0c 01 02 40 0c 02"));
}

// --- Immediates ---

TEST(InstructionReader, memory_operands) {
  EXPECT_EQ(read("i32.load"), "28 02 00");
  EXPECT_EQ(read("i64.load align=8 i64.load16_u align=16"), "29 03 00 33 04 00");
  EXPECT_EQ(read("i32.load $n i32.load 0 i32.load 5 offset=1"), "28 42 03 00 28 02 00 28 42 05 01");
  EXPECT_EQ(read("i32.load offset=0x80 align=1"), "28 00 80 01");
  EXPECT_EQ(read("v128.load8_lane 1 v128.load8_lane 1 0 v128.load8_lane $n 2"),
            "fd 54 00 00 01 fd 54 40 01 00 00 fd 54 40 03 00 02");
  EXPECT_EQ(read("v128.store64_lane 1 align=4 1"), "fd 5b 42 01 00 01");
  EXPECT_EQ(read("v128.store64_lane offset=7 1"), "fd 5b 03 07 01");
  EXPECT_EQ(read("i32.atomic.rmw8.cmpxchg_u offset=3"), "fe 4a 00 03");
  EXPECT_EQ(read("memory.size memory.grow 1 memory.fill $n"), "3f 00 40 01 fc 0b 03");
  EXPECT_EQ(read("memory.copy memory.copy 1 $n"), "fc 0a 00 00 fc 0a 01 03");
  EXPECT_EQ(read("memory.init 7 memory.init 1 7 table.init 7 table.init $n 7"),
            "fc 08 07 00 fc 08 07 01 fc 0c 07 00 fc 0c 07 03");
  EXPECT_EQ(read("table.copy table.copy 1 2 table.get table.set 4"), "fc 0e 00 00 fc 0e 01 02 25 00 26 04");

  for (const std::string_view wrong :
       {"i32.load align=0", "i32.load align=3", "i32.load align=0x6", "i64.load $n align=7"}) {
    EXPECT_THAT(read(wrong), StartsWith("alignment must be a power of two")) << wrong;
  }
  EXPECT_THAT(read("i32.load align=1 offset=1"), StartsWith("unexpected token"));
  EXPECT_THAT(read("i32.load offset=18446744073709551616"), StartsWith("constant out of range"));
  EXPECT_THAT(read("i32.load offset=-1"), StartsWith("unknown operator"));
  EXPECT_THAT(read("i32.load offset="), StartsWith("unknown operator"));
  EXPECT_THAT(read("i32.load align=0x"), StartsWith("unknown operator"));
  EXPECT_THAT(read("i32.load offset=1_"), StartsWith("unknown operator"));
  EXPECT_THAT(read("memory.copy 1"), StartsWith("unexpected token"));
  EXPECT_THAT(read("v128.load8_lane"), StartsWith("unexpected token"));
  EXPECT_THAT(read("v128.load8_lane $n"), StartsWith("unexpected token"));
}

TEST(InstructionReader, call_indirect_and_block_types) {
  EXPECT_EQ(read("call_indirect (param i32) (result i64)"), "11 03 00");
  EXPECT_EQ(read("call_indirect $n (type 9)"), "11 09 03");
  EXPECT_EQ(read("return_call_indirect 1"), "13 04 01");
  EXPECT_EQ(read("block (param i32) (result i64) end block (type $n) end"), "02 03 0b 02 03 0b");
  EXPECT_EQ(read("call_indirect (type $n) (result i64)"), "inline function type at offset 0xe");
  EXPECT_THAT(read("call_indirect (param $p i32)"), StartsWith("unexpected token"));
  EXPECT_THAT(read("block (param $p i32) end"), StartsWith("unexpected token"));
  EXPECT_THAT(read("(block (result i32) (param i32))"), StartsWith("unexpected token"));
  Fixture fixture("call_indirect (call_indirect (param f32)) block (result i32 i32) end");
  EXPECT_EQ(fixture.read(), "11 04 00 11 05 00 02 06 0b");
  EXPECT_THAT(fixture.scope.implicit_types(), testing::ElementsAre(4, 5, 6));
}

TEST(InstructionReader, references) {
  EXPECT_EQ(read("ref.null func ref.null $n ref.func $n"), "d0 70 d0 03 d2 03");
  EXPECT_EQ(read("ref.test i31ref ref.cast (ref $n) ref.cast (ref null 200)"), "fb 15 6c fb 16 03 fb 17 c8 01");
  EXPECT_EQ(read("block $l br_on_cast $l (ref null any) (ref $n) br_on_cast_fail 0 eqref i31ref end"),
            "02 40 fb 18 01 00 6e 03 fb 19 03 00 6d 6c 0b");
  EXPECT_EQ(read("struct.get $n $first struct.set 3 0 struct.get_s 0 7"), "fb 02 03 00 fb 05 03 00 fb 03 00 07");
  EXPECT_THAT(read("struct.get $n $third"), StartsWith("unknown field $third"));
  EXPECT_THAT(read("struct.get 0 $first"), StartsWith("unknown field $first"));
}

TEST(InstructionReader, constants) {
  EXPECT_EQ(read("i32.const 4294967295 i32.const -1 i64.const -9223372036854775808"),
            "41 7f 41 7f 42 80 80 80 80 80 80 80 80 80 7f");
  EXPECT_EQ(read("f32.const inf f32.const -nan f32.const nan:0x1 f64.const 1"),
            "43 00 00 80 7f 43 00 00 c0 ff 43 01 00 80 7f 44 00 00 00 00 00 00 f0 3f");
  EXPECT_EQ(read("v128.const i8x16 -128 255 2 3 4 5 6 7 8 9 10 11 12 13 14 15"),
            "fd 0c 80 ff 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f");
  EXPECT_EQ(read("v128.const i16x8 -32768 65535 2 3 4 5 6 7"), "fd 0c 00 80 ff ff 02 00 03 00 04 00 05 00 06 00 07 00");
  EXPECT_EQ(read("v128.const i64x2 -1 18446744073709551615"), "fd 0c ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff");
  EXPECT_EQ(read("v128.const f32x4 1 -inf nan 0x1p-1"), "fd 0c 00 00 80 3f 00 00 80 ff 00 00 c0 7f 00 00 00 3f");
  EXPECT_EQ(read("v128.const f64x2 -0 nan:0x1"), "fd 0c 00 00 00 00 00 00 00 80 01 00 00 00 00 00 f0 7f");

  for (const std::string_view wrong :
       {"i32.const 0x100000000", "i32.const -2147483649", "i64.const 18446744073709551616", "f32.const 1e39",
        "f64.const -1e309", "f32.const nan:0x0", "f32.const nan:0x80_0000", "f32.const -nan:0x800000",
        "f64.const nan:0x10_0000_0000_0000", "v128.const i8x16 256 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0",
        "v128.const i8x16 -129 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0", "v128.const i16x8 65536 0 0 0 0 0 0 0",
        "v128.const f32x4 1e39 0 0 0"}) {
    EXPECT_THAT(read(wrong), StartsWith("constant out of range")) << wrong;
  }
  for (const std::string_view wrong : {"i32.const",
                                       "(i32.const)",
                                       "i32.const 1.0",
                                       "i32.const inf",
                                       "i32.const nan:canonical",
                                       "i64.const nan:arithmetic",
                                       "f32.const",
                                       "f32.const nan:canonical",
                                       "f64.const nan:arithmetic",
                                       "f32.const \"1\"",
                                       "f32.const $x",
                                       "f32.const nop",
                                       "v128.const",
                                       "v128.const 0 0 0 0",
                                       "v128.const i32",
                                       "i8x16.extract_lane_s -1",
                                       "i8x16.extract_lane_s +1",
                                       "i8x16.extract_lane_s 1.0",
                                       "i8x16.extract_lane_s nan",
                                       "f32x4.replace_lane -inf",
                                       "i8x16.extract_lane_s",
                                       "v128.const i32x4 1.5 2 3 4"}) {
    EXPECT_THAT(read(wrong), StartsWith("unexpected token")) << wrong;
  }
  for (const std::string_view wrong :
       {"v128.const i8x16", "v128.const i32x4 1 2 3", "v128.const i32x4 1 2 3 4 5", "v128.const f64x2 1 2 nan",
        "v128.const f32x4", "v128.const i32x4 0x10000000000000000 0x10000000000000000", "(v128.const i64x2 1 (nop))"}) {
    EXPECT_THAT(read(wrong), StartsWith("wrong number of lane literals")) << wrong;
  }
  for (const std::string_view wrong :
       {"i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14", "i8x16.shuffle", "(i8x16.shuffle (nop))",
        "i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"}) {
    EXPECT_THAT(read(wrong), StartsWith("invalid lane length")) << wrong;
  }
  EXPECT_THAT(read("i8x16.extract_lane_s 256"), StartsWith("malformed lane index"));
  EXPECT_THAT(read("f32.const nan:1"), StartsWith("unknown operator"));
}

TEST(InstructionReader, indices_are_known_and_fit) {
  EXPECT_EQ(read("call $f"), "unknown function $f at offset 0x5");
  EXPECT_EQ(read("local.get $z"), "unknown local $z at offset 0xa");
  EXPECT_EQ(read("br $z"), "unknown label $z at offset 0x3");
  EXPECT_EQ(read("data.drop $z"), "unknown data segment $z at offset 0xa");
  EXPECT_EQ(read("local.get 4294967295 br 4294967295 call 4294967295"),
            "20 ff ff ff ff 0f 0c ff ff ff ff 0f 10 ff ff ff ff 0f");
  for (const std::string_view wrong :
       {"local.get 4294967296", "br 4294967296", "call 4294967296", "br_table 0 4294967296"}) {
    EXPECT_THAT(read(wrong), StartsWith("i32 constant")) << wrong;
  }
  for (const std::string_view wrong :
       {"local.get", "local.get -1", "br +0", "br", "br_table", "call", "call 1.0", "local.get 0.0"}) {
    EXPECT_THAT(read(wrong), StartsWith("unexpected token")) << wrong;
  }
}

// --- Operators that are none ---

TEST(InstructionReader, old_and_unknown_mnemonics) {
  for (const std::string_view wrong : {"get_local 0", "(get_local 0)", "anyfunc", "i32.wrap/i64", "i32.trunc_s:sat/f32",
                                       "f32x4.convert_s/i32x4", "current_memory", "grow_memory", "i32.addx", "i32.ad",
                                       "x", "nop2", "i32.atomic.rmw64.add_u", "", "select_t", "ref.test_null"}) {
    if (wrong.empty()) continue;
    EXPECT_THAT(read(wrong), StartsWith("unknown operator")) << wrong;
    EXPECT_THAT(read(wrong), HasSubstr(wrong.substr(wrong.front() == '(' ? 1 : 0, 5))) << wrong;
  }
  for (const std::string_view wrong : {"param", "(param i32)", "(result i32)", "(local i32)", "(type 0)", "i32",
                                       "funcref", "(then)", "inf", "offset=1", "align=2"}) {
    EXPECT_THAT(read(wrong), StartsWith("unexpected token")) << wrong;
  }
}

TEST(Mnemonics, table_finds_every_row_and_nothing_else) {
  for (size_t i = 0; i < kOpcodeCount; ++i) {
    const std::string text(kOpcodes[i].text);
    const auto expect_unknown = [](const std::string& wrong) {
      const std::string message = read(wrong);
      EXPECT_THAT(message, testing::AnyOf(StartsWith("unknown operator"), StartsWith("unexpected token"))) << wrong;
    };
    expect_unknown(text + "x.y");
    expect_unknown("x" + text);
  }
}

// --- Branch hints ---

TEST(InstructionReader, branch_hints_belong_to_the_operator_behind_them) {
  Fixture fixture(
      "nop (@metadata.code.branch_hint \"\\00\") if nop end"
      " (@metadata.code.branch_hint \"\\01\") br_if 0"
      " (@metadata.code.branch_hint \"\\01\") (if (i32.const 1) (then (@metadata.code.branch_hint \"\\00\") (br_if 0 (nop))))"
      " (@other) nop ((@metadata.code.branch_hint \"\\01\") br_if 0)");
  EXPECT_EQ(fixture.read(), "01 04 40 01 0b 0d 00 41 01 04 40 01 0d 00 0b 01 0d 00");
  EXPECT_THAT(fixture.hints, testing::ElementsAre(std::pair(1u, 0), std::pair(5u, 1), std::pair(9u, 1),
                                                  std::pair(12u, 0), std::pair(16u, 1)));
}

TEST(InstructionReader, branch_hints_elsewhere_are_errors) {
  const auto expect_error = [](std::string_view source, std::string_view what) {
    EXPECT_THAT(read(source), HasSubstr(what)) << source;
  };
  const std::string hint = "(@metadata.code.branch_hint \"\\01\") ";
  expect_error(hint + hint + "if end", "annotation: duplicate annotation");
  expect_error(hint + "nop", "annotation: invalid target");
  expect_error(hint + "(nop (nop))", "annotation: invalid target");
  expect_error(hint + "(block)", "annotation: invalid target");
  expect_error("br_if " + hint + "0 nop", "annotation: invalid target");
  expect_error("(if " + hint + "(then))", "annotation: invalid target");
  expect_error("(block " + hint + ")", "annotation: invalid target");
  expect_error("nop " + hint, "annotation: invalid target");
  expect_error("(@metadata.code.branch_hint) if end", "annotation: malformed hint");
  expect_error("(@metadata.code.branch_hint \"\") if end", "annotation: malformed hint");
  expect_error("(@metadata.code.branch_hint \"\\02\") if end", "annotation: malformed hint");
  expect_error("(@metadata.code.branch_hint \"\\00\" \"\") if end", "annotation: malformed hint");
  expect_error("(@metadata.code.branch_hint x) if end", "annotation: malformed hint");
}

}  // namespace
}  // namespace lunabeam::vm::text
