// What makes modules invalid, with the texts of the official scripts; and what the validator tells a listener.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/vm/raw_module.h"
#include "vm/validate/function_validator.h"

namespace lunabeam::vm {
namespace {

using testing::ElementsAre;
using testing::StartsWith;
using tests::Bytes;
using tests::load_outcome;
using tests::ModuleBuilder;
using tests::one_function;
using tests::seq;

constexpr u8 kI32 = 0x7F;
constexpr u8 kI64 = 0x7E;

TEST(Validator, Operands) {
  EXPECT_EQ(load_outcome(one_function({0x41, 1, 0x41, 2, 0x6A}, {kI32})), "ok");
  EXPECT_EQ(load_outcome(one_function({0x41, 1, 0x6A}, {kI32})),
            "invalid: type mismatch: expected i32, found nothing at offset 0x1a");
  EXPECT_EQ(load_outcome(one_function({0x41, 1, 0x42, 1, 0x6A}, {kI32})),
            "invalid: type mismatch: expected i32, found i64 at offset 0x1c");
  EXPECT_THAT(load_outcome(one_function({0x1A})), StartsWith("invalid: type mismatch"));
  EXPECT_THAT(load_outcome(one_function({0x41, 1})), StartsWith("invalid: type mismatch"));
  EXPECT_THAT(load_outcome(one_function({}, {kI32})), StartsWith("invalid: type mismatch"));
}

TEST(Validator, IndexSpaces) {
  EXPECT_THAT(load_outcome(one_function({0x20, 0, 0x1A})), StartsWith("invalid: unknown local 0"));
  EXPECT_THAT(load_outcome(one_function({0x23, 3, 0x1A})), StartsWith("invalid: unknown global 3"));
  EXPECT_THAT(load_outcome(one_function({0x10, 7})), StartsWith("invalid: unknown function 7"));
  EXPECT_THAT(load_outcome(one_function({0x0C, 0})), "ok");  // The function's own label.
  EXPECT_THAT(load_outcome(one_function({0x0C, 1})), StartsWith("invalid: unknown label 1"));
  EXPECT_THAT(load_outcome(one_function({0x41, 0, 0x28, 2, 0, 0x1A})), StartsWith("invalid: unknown memory 0"));
  EXPECT_THAT(load_outcome(one_function({0x41, 0, 0x25, 0, 0x1A})), StartsWith("invalid: unknown table 0"));
  EXPECT_THAT(load_outcome(one_function({0x02, 5, 0x0B})), StartsWith("invalid: unknown type 5"));
  EXPECT_THAT(load_outcome(one_function({0xFC, 13, 4})), StartsWith("invalid: unknown elem segment 4"));
  EXPECT_THAT(load_outcome(one_function({0x41, 0, 0x11, 9, 0})), StartsWith("invalid: unknown table 0"));
}

TEST(Validator, MemoryAccess) {
  const auto access = [](const Bytes& code) {
    ModuleBuilder builder;
    builder.memory(1);
    builder.func(builder.type("", ""), code);
    return load_outcome(builder.build());
  };
  EXPECT_EQ(access({0x41, 0, 0x28, 2, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0x1A}), "ok");
  EXPECT_THAT(access({0x41, 0, 0x28, 3, 0, 0x1A}), StartsWith("invalid: alignment must not be larger than natural"));
  EXPECT_THAT(access({0x41, 0, 0x28, 63, 0, 0x1A}), StartsWith("invalid: alignment must not be larger than natural"));
  EXPECT_THAT(access({0x41, 0, 0x28, 2, 0x80, 0x80, 0x80, 0x80, 0x10, 0x1A}),
              StartsWith("invalid: offset out of range"));
  EXPECT_THAT(access({0x41, 0, 0x28, 0x42, 1, 0, 0x1A}), StartsWith("invalid: unknown memory 1"));
}

TEST(Validator, Blocks) {
  // if without else must keep the stack's types; else must leave the results.
  EXPECT_THAT(load_outcome(one_function({0x41, 0, 0x04, kI32, 0x41, 0, 0x0B, 0x1A})),
              StartsWith("invalid: type mismatch"));
  EXPECT_EQ(load_outcome(one_function({0x41, 0, 0x04, kI32, 0x41, 0, 0x05, 0x41, 1, 0x0B, 0x1A})), "ok");
  EXPECT_THAT(load_outcome(one_function({0x41, 0, 0x04, kI32, 0x41, 0, 0x05, 0x42, 1, 0x0B, 0x1A})),
              StartsWith("invalid: type mismatch"));
  // A block does not see the operands below it.
  EXPECT_THAT(load_outcome(one_function({0x41, 0, 0x02, 0x40, 0x1A, 0x0B})), StartsWith("invalid: type mismatch"));
  // br to a loop carries its parameters, not its results.
  EXPECT_EQ(load_outcome(one_function({0x03, kI32, 0x0C, 0, 0x0B, 0x1A})), "ok");
  EXPECT_THAT(load_outcome(one_function({0x02, kI32, 0x0C, 0, 0x0B, 0x1A})), StartsWith("invalid: type mismatch"));
  // What stays below a br_if has the label's types.
  EXPECT_EQ(load_outcome(one_function({0x02, kI32, 0x41, 1, 0x41, 2, 0x0D, 0, 0x0B, 0x1A})), "ok");
}

TEST(Validator, UnreachableCode) {
  EXPECT_EQ(load_outcome(one_function({0x00, 0x6A}, {kI32})), "ok");
  EXPECT_EQ(load_outcome(one_function({0x00, 0x41, 1, 0x6A}, {kI32})), "ok");
  EXPECT_THAT(load_outcome(one_function({0x00, 0x42, 1, 0x6A}, {kI32})), StartsWith("invalid: type mismatch"));
  EXPECT_EQ(load_outcome(one_function({0x00, 0x1B, 0x1A})), "ok");
  EXPECT_THAT(load_outcome(one_function({0x00, 0x41, 0, 0x41, 0})), StartsWith("invalid: type mismatch"));
  // Untyped select of unknown operands is unknown itself.
  EXPECT_EQ(load_outcome(one_function({0x00, 0x1B}, {kI64})), "ok");
  EXPECT_EQ(load_outcome(one_function({0x00, 0xD1, 0x1A})), "ok");
  EXPECT_THAT(load_outcome(one_function({0x00, 0x41, 0, 0xD1, 0x1A})), StartsWith("invalid: type mismatch"));
}

TEST(Validator, BrTable) {
  const Bytes two_depths = {0x02, 0x40, 0x02, 0x40, 0x41, 0, 0x0E, 1, 0, 1, 0x0B, 0x0B};
  EXPECT_EQ(load_outcome(one_function(two_depths)), "ok");
  EXPECT_THAT(load_outcome(one_function({0x02, 0x40, 0x02, kI32, 0x41, 0, 0x41, 0, 0x0E, 1, 0, 1, 0x0B, 0x1A, 0x0B})),
              StartsWith("invalid: type mismatch"));
  EXPECT_THAT(load_outcome(one_function({0x41, 0, 0x0E, 1, 9, 0})), StartsWith("invalid: unknown label 9"));
}

TEST(Validator, Select) {
  EXPECT_THAT(load_outcome(one_function({0xD0, 0x70, 0xD0, 0x70, 0x41, 0, 0x1B, 0x1A})),
              StartsWith("invalid: type mismatch"));
  EXPECT_EQ(load_outcome(one_function({0xD0, 0x70, 0xD0, 0x70, 0x41, 0, 0x1C, 1, 0x70, 0x1A})), "ok");
  EXPECT_THAT(load_outcome(one_function({0x41, 0, 0x41, 0, 0x41, 0, 0x1C, 0, 0x1A})),
              StartsWith("invalid: invalid result arity"));
  EXPECT_THAT(load_outcome(one_function({0x41, 0, 0x42, 0, 0x41, 0, 0x1B, 0x1A})),
              StartsWith("invalid: type mismatch"));
}

TEST(Validator, Globals) {
  const auto outcome = [](bool is_mutable, const Bytes& init, const Bytes& code) {
    ModuleBuilder builder;
    builder.import_global("m", "g", 'i', false);
    builder.global('i', is_mutable, init);
    builder.func(builder.type("", ""), code);
    return load_outcome(builder.build());
  };
  EXPECT_EQ(outcome(true, tests::i32_const(1), {0x41, 0, 0x24, 1}), "ok");
  EXPECT_THAT(outcome(false, tests::i32_const(1), {0x41, 0, 0x24, 1}), StartsWith("invalid: immutable global"));
  EXPECT_EQ(outcome(false, {0x23, 0}, {}), "ok");
  EXPECT_EQ(outcome(false, {0x23, 0, 0x41, 1, 0x6A}, {}), "ok");                        // Extended constant expression.
  EXPECT_THAT(outcome(false, {0x23, 1}, {}), StartsWith("invalid: unknown global 1"));  // Itself.
  EXPECT_THAT(outcome(false, {0x41, 1, 0x01}, {}), StartsWith("invalid: constant expression required"));
  EXPECT_THAT(outcome(false, {0x41, 1, 0x41, 1, 0x6D}, {}), StartsWith("invalid: constant expression required"));
  EXPECT_THAT(outcome(false, {0x42, 1}, {}), StartsWith("invalid: type mismatch"));
  EXPECT_THAT(outcome(false, {}, {}), StartsWith("invalid: type mismatch"));
  EXPECT_THAT(outcome(false, {0x41, 1, 0x41, 1}, {}), StartsWith("invalid: type mismatch"));
}

TEST(Validator, EarlierGlobalsMayBeNamed) {
  ModuleBuilder builder;
  builder.global('i', false, tests::i32_const(1));
  builder.global('i', false, {0x23, 0});
  EXPECT_EQ(load_outcome(builder.build()), "ok");
  ModuleBuilder with_mutable;
  with_mutable.global('i', true, tests::i32_const(1));
  with_mutable.global('i', false, {0x23, 0});
  EXPECT_THAT(load_outcome(with_mutable.build()), StartsWith("invalid: constant expression required"));
}

TEST(Validator, FunctionReferencesAreDeclaredOutsideBodies) {
  const auto outcome = [](auto&& declare) {
    ModuleBuilder builder;
    builder.func(builder.type("", ""), {0xD2, 0, 0x1A});
    declare(builder);
    return load_outcome(builder.build());
  };
  EXPECT_THAT(outcome([](ModuleBuilder&) {}), StartsWith("invalid: undeclared function reference"));
  EXPECT_THAT(outcome([](ModuleBuilder& b) { b.start(0); }), StartsWith("invalid: undeclared function reference"));
  EXPECT_EQ(outcome([](ModuleBuilder& b) { b.export_item("f", ModuleBuilder::kFunc, 0); }), "ok");
  EXPECT_EQ(outcome([](ModuleBuilder& b) { b.elem_declarative({0}); }), "ok");
  EXPECT_EQ(outcome([](ModuleBuilder& b) { b.global('r', false, {0xD2, 0}); }), "ok");
}

TEST(Validator, ModuleParts) {
  const auto outcome = [](auto&& build) {
    ModuleBuilder builder;
    build(builder);
    return load_outcome(builder.build());
  };
  EXPECT_THAT(outcome([](ModuleBuilder& b) { b.memory(65'537); }),
              StartsWith("invalid: memory size must be at most 65536 pages (4GiB)"));
  EXPECT_THAT(outcome([](ModuleBuilder& b) { b.memory(0, u64{1} << 40); }), StartsWith("invalid: memory size"));
  EXPECT_EQ(outcome([](ModuleBuilder& b) { b.memory(65'536, 65'536); }), "ok");
  EXPECT_THAT(outcome([](ModuleBuilder& b) { b.memory(2, 1); }),
              StartsWith("invalid: size minimum must not be greater than maximum"));
  EXPECT_EQ(outcome([](ModuleBuilder& b) { b.table('r', 0xFFFF'FFFF); }), "ok");
  EXPECT_THAT(outcome([](ModuleBuilder& b) { b.table('r', u64{1} << 32); }), StartsWith("invalid: table size"));
  EXPECT_THAT(outcome([](ModuleBuilder& b) {
                b.memory(1);
                b.export_item("m", ModuleBuilder::kMemory, 0).export_item("m", ModuleBuilder::kMemory, 0);
              }),
              StartsWith("invalid: duplicate export name"));
  EXPECT_THAT(outcome([](ModuleBuilder& b) { b.start(b.func(b.type("i", ""), {})); }),
              StartsWith("invalid: start function"));
  EXPECT_THAT(outcome([](ModuleBuilder& b) { b.start(3); }), StartsWith("invalid: unknown function 3"));
  EXPECT_THAT(outcome([](ModuleBuilder& b) { b.data_active(tests::i32_const(0), "x"); }),
              StartsWith("invalid: unknown memory 0"));
  EXPECT_THAT(outcome([](ModuleBuilder& b) {
                b.memory(1);
                b.data_active(tests::i64_const(0), "x");
              }),
              StartsWith("invalid: type mismatch"));
  EXPECT_THAT(outcome([](ModuleBuilder& b) { b.elem_active(0, tests::i32_const(0), {}); }),
              StartsWith("invalid: unknown table 0"));
  EXPECT_THAT(outcome([](ModuleBuilder& b) { b.elem_passive({5}); }), StartsWith("invalid: unknown function 5"));
  EXPECT_THAT(outcome([](ModuleBuilder& b) {
                b.table('e', 1);
                b.elem_active(0, tests::i32_const(0), {});
              }),
              StartsWith("invalid: type mismatch"));
}

TEST(Validator, TailCallsNeedTheCallersResults) {
  const auto outcome = [](std::string_view caller_results) {
    ModuleBuilder builder;
    const u32 callee = builder.func(builder.type("", "i"), tests::i32_const(1));
    builder.func(builder.type("", caller_results), {0x12, static_cast<u8>(callee)});
    return load_outcome(builder.build());
  };
  EXPECT_EQ(outcome("i"), "ok");
  EXPECT_THAT(outcome("I"), StartsWith("invalid: type mismatch"));
  EXPECT_THAT(outcome("ii"), StartsWith("invalid: type mismatch"));
}

// Non-nullable locals must be set before they are read, and are unset again behind the block that set them (fact sheet 7.2).
TEST(Validator, LocalsWithoutDefault) {
  FeatureSet features = FeatureSet::supported();
  features.enable(Feature::kTypedFunctionReferences);
  const auto outcome = [&features](const Bytes& code) {
    // Locals: 300 i32, then two (ref func), behind the part of the locals that the validator lists.
    const Bytes body = tests::raw_body(code, seq({{2}, tests::leb(300), {0x7F}, {2, 0x64, 0x70}}));
    return load_outcome(tests::raw_module({tests::raw_section(1, tests::raw_vector({tests::kEmptyFuncType})),
                                           tests::raw_section(3, {1, 0}), tests::raw_section(7, {1, 1, 'f', 0, 0}),
                                           tests::raw_section(10, tests::raw_vector({body}))}),
                        features);
  };
  const Bytes set_first = {0xD2, 0, 0x21, 0xAC, 0x02};
  const Bytes get_first = {0x20, 0xAC, 0x02, 0x1A};
  const Bytes get_second = {0x20, 0xAD, 0x02, 0x1A};
  EXPECT_EQ(outcome(seq({{0x20, 0xAB, 0x02, 0x1A}})), "ok");
  EXPECT_THAT(outcome(get_first), StartsWith("invalid: uninitialized local 300"));
  EXPECT_EQ(outcome(seq({set_first, get_first})), "ok");
  EXPECT_THAT(outcome(seq({set_first, get_second})), StartsWith("invalid: uninitialized local 301"));
  EXPECT_EQ(outcome(seq({set_first, {0x02, 0x40}, get_first, {0x0B}})), "ok");
  EXPECT_THAT(outcome(seq({{0x02, 0x40}, set_first, {0x0B}, get_first})),
              StartsWith("invalid: uninitialized local 300"));
  EXPECT_THAT(outcome(seq({{0x41, 0, 0x04, 0x40}, set_first, {0x05}, get_first, {0x0B}})),
              StartsWith("invalid: uninitialized local 300"));
  EXPECT_THAT(outcome(seq({{0x00}, get_first})), StartsWith("invalid: uninitialized local 300"));
}

// --- What a listener hears (sink.h, "Protocol") ---

// Listeners are template arguments: what one has replaces what NullSink has, the rest it inherits (sink.h).
// NOLINTBEGIN(bugprone-derived-method-shadowing-base-method)
struct RecordingSink : NullSink {
  std::vector<std::string> events;
  size_t locals = 0;

  void begin_function(std::span<const ValType> all, u32 num_params, std::span<const ValType> results) {
    locals = all.size();
    events.push_back(fmt::format("begin {}/{} -> {}", num_params, all.size(), results.size()));
  }
  void end_function(u64) { events.emplace_back("end_function"); }
  void block(u64, BlockKind kind, const BlockSignature& type) {
    events.push_back(fmt::format("block {} {}:{}", static_cast<int>(kind), type.params.size(), type.results.size()));
  }
  void else_(u64, bool falls_in) { events.push_back(fmt::format("else {}", falls_in)); }
  void end(u64, bool falls_in) { events.push_back(fmt::format("end {}", falls_in)); }
  void br(u64, u32 depth) { events.push_back(fmt::format("br {}", depth)); }
  void br_if(u64, u32 depth) { events.push_back(fmt::format("br_if {}", depth)); }
  void br_table(u64, std::span<const u32> depths) {
    events.push_back(fmt::format("br_table {}", fmt::join(depths, ",")));
  }
  void return_(u64) { events.emplace_back("return"); }
  void unreachable(u64) { events.emplace_back("unreachable"); }
  void drop(u64, ValType type) { events.push_back("drop " + to_string(type)); }
  void select(u64, ValType type) { events.push_back("select " + to_string(type)); }
  void local_get(u64, u32 local, ValType type) {
    events.push_back(fmt::format("local_get {} {}", local, to_string(type)));
  }
  void constant(u64, ValType type, u64 value) { events.push_back(fmt::format("{} {:#x}", to_string(type), value)); }
  void load(u64, Opcode op, const MemArg& arg) {
    events.push_back(fmt::format("{} {}+{}", info(op).text, arg.memory, arg.offset));
  }
  void numeric(u64 pc, Opcode op) { events.push_back(fmt::format("{} @{}", info(op).text, pc)); }
};
// NOLINTEND(bugprone-derived-method-shadowing-base-method)

std::vector<std::string> hear(Bytes bytes) {
  const auto module = Module::load(std::move(bytes), nullptr);
  EXPECT_TRUE(module) << module.error().message();
  if (!module) return {};
  RecordingSink sink;
  EXPECT_TRUE(validate_body(**module, 0, sink));
  return sink.events;
}

TEST(Sink, HearsOperatorsInOrder) {
  // The body's operators begin at offset 0x18.
  EXPECT_THAT(hear(one_function({0x41, 0x7F, 0x41, 2, 0x6A, 0x42, 0x7F, 0x1A}, {kI32})),
              ElementsAre("begin 0/0 -> 1", "i32 0xffffffff", "i32 0x2", "i32.add @28", "i64 0xffffffffffffffff",
                          "drop i64", "end true", "end_function"));
}

TEST(Sink, DeadCodeIsSilent) {
  EXPECT_THAT(hear(one_function({0x02, 0x40, 0x0C, 0, 0x41, 1, 0x1A, 0x02, 0x40, 0x0B, 0x0B, 0x0F, 0x41, 3, 0x1A})),
              ElementsAre("begin 0/0 -> 0", "block 0 0:0", "br 0", "end false", "return", "end false", "end_function"));
}

TEST(Sink, ElseAndEndSayWhetherControlFallsIn) {
  EXPECT_THAT(hear(one_function({0x41, 0, 0x04, 0x40, 0x00, 0x41, 1, 0x1A, 0x05, 0x41, 2, 0x1A, 0x0B})),
              ElementsAre("begin 0/0 -> 0", "i32 0x0", "block 2 0:0", "unreachable", "else false", "i32 0x2",
                          "drop i32", "end true", "end true", "end_function"));
  // An if in dead code: neither its arms nor its ends.
  EXPECT_THAT(hear(one_function({0x00, 0x41, 0, 0x04, 0x40, 0x41, 5, 0x1A, 0x05, 0x41, 6, 0x1A, 0x0B, 0x41, 7, 0x1A})),
              ElementsAre("begin 0/0 -> 0", "unreachable", "end false", "end_function"));
}

TEST(Sink, BranchesAndTables) {
  EXPECT_THAT(hear(one_function({0x03, 0x40, 0x02, 0x40, 0x41, 0, 0x0D, 1, 0x41, 1, 0x0E, 2, 0, 1, 2, 0x0B, 0x0B})),
              ElementsAre("begin 0/0 -> 0", "block 1 0:0", "block 0 0:0", "i32 0x0", "br_if 1", "i32 0x1",
                          "br_table 0,1,2", "end false", "end true", "end true", "end_function"));
}

TEST(Sink, AllLocalsAreListed) {
  ModuleBuilder builder;
  builder.func(builder.type("iI", ""), {0x20, 1, 0x1A, 0x20, 4, 0x1A}, "fFr");
  EXPECT_THAT(hear(builder.build()),
              ElementsAre("begin 2/5 -> 0", "local_get 1 i64", "drop i64", "local_get 4 (ref null func)",
                          "drop (ref null func)", "end true", "end_function"));
  EXPECT_EQ(hear(one_function({}, {}, seq({{1}, tests::leb(50'000), {0x7C}}))).front(), "begin 0/50000 -> 0");
}

TEST(Validator, StackDepthsOfBothKinds) {
  const auto depths = [](const Bytes& code, const Bytes& results = {}) {
    const auto module = *Module::load(one_function(code, results), nullptr);
    return std::pair(module->bodies[0].max_num_slots, module->bodies[0].max_ref_slots);
  };
  EXPECT_EQ(depths({}), std::pair(0u, 0u));
  EXPECT_EQ(depths({0x41, 1, 0x41, 2, 0x6A, 0x1A}), std::pair(2u, 0u));
  EXPECT_EQ(depths({0xD0, 0x70, 0x41, 1, 0xD0, 0x6F, 0x1A, 0x1A, 0x1A}), std::pair(1u, 2u));
  EXPECT_EQ(depths({0x00}, {kI32, 0x70, kI64}), std::pair(2u, 1u));               // The function's results.
  EXPECT_EQ(depths({0x00, 0x41, 1, 0x41, 1, 0x41, 1, 0x00}), std::pair(3u, 0u));  // Unreachable code counts.
  EXPECT_EQ(depths({0x41, 1, 0x02, 0x40, 0x41, 1, 0x41, 1, 0x0C, 0, 0x0B, 0x1A}), std::pair(3u, 0u));
}

}  // namespace
}  // namespace lunabeam::vm
