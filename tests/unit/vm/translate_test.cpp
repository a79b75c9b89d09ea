// What the translator makes of small functions, instruction by instruction; metering; and the way back from code to bytes.
#include "vm/interp/translate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>

#include "tests/support/module_builder.h"
#include "vm/host_function.h"
#include "vm/interp/listing.h"
#include "vm/interp/op_length.h"
#include "vm/interp/ops.h"
#include "vm/interp/translate_options.h"
#include "vm/reductions.h"
#include "vm/store.h"

namespace lunabeam::vm::interp {
namespace {

using namespace tests;

constexpr u8 kI32 = 0x7F;
constexpr u8 kVoid = 0x40;
const Bytes kEnd = {0x0B};
const Bytes kAdd = {0x6A};
const Bytes kDrop = {0x1A};

Bytes local_set(u32 index) { return op(0x21, index); }
Bytes local_tee(u32 index) { return op(0x22, index); }
Bytes br_if(u32 depth) { return op(0x0D, depth); }
Bytes block(u8 type = kVoid) { return {0x02, type}; }
Bytes loop(u8 type = kVoid) { return {0x03, type}; }
Bytes if_(u8 type = kVoid) { return {0x04, type}; }
Bytes repeat(u32 times, const Bytes& bytes) {
  Bytes out;
  for (u32 i = 0; i < times; ++i) append(out, bytes);
  return out;
}

std::shared_ptr<Module> load(const ModuleBuilder& builder) {
  Result<std::shared_ptr<Module>> module = Module::load(builder.build(), nullptr);
  EXPECT_TRUE(module.has_value()) << module.error().message();
  return module ? *module : nullptr;
}

// One function over a memory, a global and a helper "callee" (i i) -> i.
std::shared_ptr<Module> one_function(std::string_view params, std::string_view results, std::string_view locals,
                                     const Bytes& body) {
  ModuleBuilder builder;
  builder.memory(1);
  builder.global('i', true, i32_const(0));
  builder.func(builder.type("ii", "i"), seq({local_get(0), local_get(1), kAdd}));
  builder.export_item("f", ModuleBuilder::kFunc, builder.func(builder.type(params, results), body, locals));
  return load(builder);
}

// The base operations of the function, without positions and with single spaces; addresses in calls are left out.
std::string code_of(std::string_view params, std::string_view results, std::string_view locals, const Bytes& body,
                    TranslateOptions options = {.fusion = false}) {
  const std::shared_ptr<Module> module = one_function(params, results, locals, body);
  if (module == nullptr) return "not loaded";
  EXPECT_NE(translate_with(module->codes[1], options), nullptr);
  std::istringstream lines(listing(module->codes[1]));
  std::string out;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line.substr(0, line.find('|')));
    std::string word;
    std::string joined;
    words >> word;  // The position.
    while (words >> word) joined += (joined.empty() ? "" : " ") + word;
    if (!joined.empty()) out += joined + "\n";
  }
  return out;
}

TEST(Translate, a_result_stays_in_the_accumulator) {
  EXPECT_EQ(code_of("ii", "i", "", seq({local_get(0), local_get(1), kAdd, i32_const(3), {0x6C}})),
            "i32.add.SS>A 2 3 4\n"
            "i32.mul.AI>A 3 4 0\n"
            "ret_A 8 0 0\n");
}

TEST(Translate, a_producer_writes_the_local_that_is_set_from_it) {
  EXPECT_EQ(code_of("i", "i", "i",
                    seq({local_get(0), i32_const(-1), kAdd, local_set(1), local_get(1), local_get(1), {0x6C}})),
            "i32.add.SI>S 2 65535 3\n"
            "i32.mul.AS>A 3 4 0\n"
            "ret_A 8 0 0\n");
}

TEST(Translate, a_value_read_before_its_local_changes_is_saved_in_front_of_the_producer) {
  EXPECT_EQ(code_of("i", "i", "", seq({local_get(0), local_get(0), i32_const(1), kAdd, local_set(0)})),
            "mov 2 3 0\n"
            "i32.add.SI>S 2 1 2\n"
            "ret_S 3 8 0\n");
}

TEST(Translate, a_pending_value_is_stored_by_its_own_producer_when_the_accumulator_is_needed) {
  EXPECT_EQ(code_of("ii", "i", "", seq({local_get(0), i32_const(2), kAdd, local_get(1), i32_const(3), kAdd, {0x6C}})),
            "i32.add.SI>S 2 2 4\n"
            "i32.add.SI>A 3 3 5\n"
            "i32.mul.SA>A 4 4 0\n"
            "ret_A 8 0 0\n");
}

TEST(Translate, accumulators_of_integers_and_floats_are_independent) {
  EXPECT_EQ(
      code_of("iF", "F", "", seq({local_get(1), local_get(1), {0xA0}, local_get(0), i32_const(1), kAdd, {0xB7, 0xA2}})),
      "f64.add.SS>S 3 3 4\n"
      "i32.add.SI>A 2 1 5\n"
      "f64.convert_i32_s.A>A 5 0 0\n"
      "f64.mul.SA>A 4 4 0\n"
      "ret_F 8 0 0\n");
}

TEST(Translate, constants_become_immediates_with_swapped_operands_where_that_is_the_same) {
  EXPECT_EQ(code_of("i", "i", "", seq({i32_const(7), local_get(0), kAdd})), "i32.add.SI>A 2 7 3\nret_A 6 0 0\n");
  EXPECT_EQ(code_of("i", "i", "", seq({i32_const(7), local_get(0), {0x48}})), "i32.gt_s.SI>A 2 7 3\nret_A 6 0 0\n");
  EXPECT_EQ(code_of("i", "i", "", seq({i32_const(7), local_get(0), {0x6B}})),
            "const16 7 3 0\n"
            "i32.sub.SS>A 3 2 3\n"
            "ret_A 6 0 0\n");
}

TEST(Translate, comparisons_become_part_of_the_branch) {
  EXPECT_EQ(code_of("ii", "", "",
                    seq({block(), local_get(0), local_get(1), {0x48}, br_if(0), i32_const(1), op(0x24, 0), kEnd})),
            "i32.lt_s.SS?br 2 3 3\n"
            "const16 1 4 0\n"
            "global_set_S 4 0 0\n"
            "ret_0 8 0 0\n");
  EXPECT_EQ(code_of("ii", "", "", seq({local_get(0), local_get(1), {0x48}, if_(), i32_const(1), op(0x24, 0), kEnd})),
            "i32.ge_s.SS?br 2 3 3\n"
            "const16 1 4 0\n"
            "global_set_S 4 0 0\n"
            "ret_0 8 0 0\n");
}

TEST(Translate, a_test_for_zero_turns_the_condition_around) {
  const Bytes rest = seq({br_if(0), i32_const(1), op(0x24, 0), kEnd});
  EXPECT_EQ(code_of("i", "", "", seq({block(), local_get(0), {0x45}, rest})).substr(0, 16), "br_ifz_S 2 3 0\nc");
  EXPECT_EQ(code_of("ii", "", "", seq({block(), local_get(0), local_get(1), {0x49, 0x45}, rest})).substr(0, 22),
            "i32.ge_u.SS?br 2 3 3\nc");
  // A float comparison has no opposite one: it is branched on when false.
  EXPECT_EQ(code_of("FF", "", "", seq({block(), local_get(0), local_get(1), {0x63, 0x45}, rest})).substr(0, 23),
            "not f64.lt.SS?br 2 3 3\n");
  EXPECT_EQ(code_of("I", "", "", seq({block(), local_get(0), {0x50}, rest})).substr(0, 20), "i64.eq.SI?br 2 0 3\nc");
}

TEST(Translate, a_counting_loop_takes_two_instructions) {
  EXPECT_EQ(
      code_of("i", "", "i",
              seq({loop(), local_get(1), i32_const(1), kAdd, local_tee(1), local_get(0), {0x48}, br_if(0), kEnd})),
      "i32.add.SI>S 3 1 3\n"
      "i32.lt_s.AS?back 2 65535 0\n"
      "ret_0 8 0 0\n");
}

TEST(Translate, a_call_takes_its_operands_where_they_are_and_gives_its_result_to_a_local) {
  EXPECT_EQ(code_of("ii", "i", "", seq({local_get(1), i32_const(300), call(0), local_set(0), local_get(0)})),
            "const16 300 5 0\n"
            "call_2 3 5 0\n"
            "ret_A 8 0 0\n");
}

TEST(Translate, a_block_that_nothing_branches_to_costs_nothing) {
  EXPECT_EQ(code_of("ii", "i", "", seq({block(kI32), local_get(0), local_get(1), kAdd, kEnd, i32_const(1), kAdd})),
            "i32.add.SS>A 2 3 4\n"
            "i32.add.AI>A 1 4 0\n"
            "ret_A 8 0 0\n");
}

TEST(Translate, a_dropped_value_is_not_stored) {
  EXPECT_EQ(code_of("ii", "i", "", seq({local_get(0), local_get(1), kAdd, kDrop, i32_const(5)})),
            "i32.add.SS>A 2 3 4\n"
            "ret_I 5 8 0\n");
}

TEST(Translate, selecting_on_a_test_for_zero_swaps_the_sides) {
  EXPECT_EQ(code_of("iii", "i", "", seq({local_get(0), local_get(1), local_get(2), {0x45, 0x1B}})),
            "select_S_A 3 2 5\n"
            "ret_A 10 0 0\n");
}

TEST(Translate, operands_of_interruptible_operations_are_fresh_copies) {
  EXPECT_EQ(code_of("iii", "", "", seq({local_get(0), local_get(1), local_get(2), {0xFC, 0x0B, 0x00}})),
            "mov 4 7 0\n"
            "mov 3 6 0\n"
            "mov 2 5 0\n"
            "memory_fill 5 0 0\n"
            "ret_0 10 0 0\n");
}

TEST(Translate, without_peepholes_every_value_has_its_temporary) {
  EXPECT_EQ(code_of("ii", "i", "", seq({local_get(0), local_get(1), kAdd, i32_const(3), {0x6C}}),
                    {.peepholes = false, .short_branches = false, .fusion = false}),
            "mov 2 4 0\n"
            "mov 3 5 0\n"
            "i32.add.SS>S 4 5 4\n"
            "const16 3 5 0\n"
            "i32.mul.SS>S 4 5 4\n"
            "ret_S 4 8 0\n");
}

// --- Metering (rule R1) ---

u64 reductions_of(const std::shared_ptr<Module>& module, std::initializer_list<u64> args) {
  StoreOptions options;
  options.shared = false;
  Store store(options);
  Result<Ctx*> instance = store.instantiate(module);
  EXPECT_TRUE(instance.has_value());
  const Outcome outcome = store.invoke(**instance, "f", std::vector<u64>(args));
  EXPECT_TRUE(outcome.returned());
  return outcome.reductions;
}

TEST(TranslateMetering, entering_a_function_charges_for_its_operators_and_slots) {
  const Bytes step = seq({local_get(0), i32_const(1), kAdd, local_set(0)});
  const std::shared_ptr<Module> module = one_function("i", "", "", repeat(200, step));
  ASSERT_NE(translate(module->codes[1]), nullptr);
  EXPECT_EQ(module->codes[1].entry_cost, entry_cost(800, module->codes[1].num_slots));
  EXPECT_EQ(module->codes[1].entry_cost, 4u);
}

TEST(TranslateMetering, nop_and_the_marks_of_blocks_are_free) {
  const std::shared_ptr<Module> module = one_function("i", "", "", repeat(400, seq({block(), {0x01}, kEnd})));
  ASSERT_NE(translate(module->codes[1]), nullptr);
  EXPECT_EQ(module->codes[1].entry_cost, 1u);
}

TEST(TranslateMetering, a_back_edge_charges_for_its_own_loop_without_inner_ones) {
  // f(n): n rounds; each runs the inner loop's body once, which branches nowhere.
  const Bytes step = seq({local_get(1), i32_const(1), kAdd, local_set(1)});
  const Bytes round = seq({repeat(150, step), loop(), repeat(100, step), kEnd});
  const Bytes body = seq({loop(), round, local_get(0), i32_const(-1), kAdd, local_tee(0), br_if(0), kEnd});
  const std::shared_ptr<Module> module = one_function("i", "", "i", body);
  const u32 per_round = back_edge_cost(600 + 5);
  EXPECT_EQ(per_round, 3u);
  EXPECT_EQ(reductions_of(module, {11}) - reductions_of(module, {1}), 10 * per_round);
}

TEST(TranslateMetering, branches_of_a_table_to_a_loop_are_back_edges) {
  // loop: n -= 1; br_table on n == 0: leave, else again.
  const Bytes body =
      seq({block(), loop(), local_get(0), i32_const(-1), kAdd, local_tee(0), {0x45, 0x0E, 1, 0, 1}, kEnd, kEnd});
  const std::shared_ptr<Module> module = one_function("i", "", "", body);
  EXPECT_EQ(reductions_of(module, {5}) - reductions_of(module, {1}), 4u);
}

// --- From code to bytes ---

TEST(TranslateOffsets, a_trapping_operation_leads_to_its_operator_even_when_moved) {
  // The division is moved behind the copy that the local.set demands.
  const Bytes body = seq({local_get(0), local_get(0), local_get(1), {0x6E}, local_set(0)});
  const std::shared_ptr<Module> module = one_function("ii", "i", "", body);
  const FuncCode& code = module->codes[1];
  ASSERT_NE(translate_with(code, {.fusion = false}), nullptr);
  const FuncBody& bytes = module->bodies[1];
  const auto* division = std::find(module->bytes.data() + bytes.begin, module->bytes.data() + bytes.end, 0x6E);
  u32 word = 0;
  while (code.storage[word].op != op_id(Opcode::i32_div_u, Form::kSS, Dest::kS)) {
    word += op_words(&code.storage[word]);
    ASSERT_LT(word, code.storage_words);
  }
  EXPECT_GT(word, 0u);
  EXPECT_EQ(wasm_offset_of(code, code.storage + word), static_cast<u64>(division - module->bytes.data()));
}

TEST(TranslateOffsets, nothing_is_known_of_other_code) {
  const std::shared_ptr<Module> module = one_function("", "", "", {0x01});
  const FuncCode& code = module->codes[1];
  EXPECT_EQ(wasm_offset_of(code, lazy_entry()), Error::kNoOffset);
  ASSERT_NE(translate(code), nullptr);
  EXPECT_EQ(wasm_offset_of(code, lazy_entry()), Error::kNoOffset);
  EXPECT_EQ(wasm_offset_of(code, code.storage + code.storage_words), Error::kNoOffset);
  EXPECT_NE(wasm_offset_of(code, code.storage), Error::kNoOffset);
}

TEST(TranslateOnce, a_second_call_returns_the_same_code) {
  const std::shared_ptr<Module> module = one_function("", "", "", {0x01});
  const Insn* code = translate(module->codes[1]);
  EXPECT_NE(code, lazy_entry());
  EXPECT_EQ(translate(module->codes[1]), code);
  EXPECT_EQ(module->codes[1].code.load(), code);
}

// --- Sizes ---

Outcome run(const std::shared_ptr<Module>& module, std::vector<u64> args, Dispatch dispatch = kDefaultDispatch) {
  StoreOptions options;
  options.shared = false;
  options.stack_cap_bytes = u64{64} << 20;
  options.dispatch = dispatch;
  Store store(options);
  Result<Ctx*> instance = store.instantiate(module);
  EXPECT_TRUE(instance.has_value());
  return store.invoke(**instance, "f", args);
}

// Words of code per byte of body; what bounds the memory that a hostile body can make the translator use.
double words_per_byte(const Module& module, u32 func) {
  EXPECT_NE(translate(module.codes[func]), nullptr);
  const FuncBody& body = module.bodies[func - module.imported_funcs];
  return static_cast<double>(module.codes[func].storage_words) / (body.end - body.begin);
}

TEST(TranslateLimits, a_deep_operand_stack) {
  constexpr u32 kDepth = 200'000;
  const std::shared_ptr<Module> module =
      one_function("i", "i", "", seq({repeat(kDepth, local_get(0)), local_get(0), repeat(kDepth, kAdd)}));
  ASSERT_NE(module, nullptr);
  EXPECT_LT(words_per_byte(*module, 1), 4);
  const Outcome outcome = run(module, {3});
  ASSERT_TRUE(outcome.returned());
  EXPECT_EQ(outcome.values[0], 3 * (kDepth + 1));
}

TEST(TranslateLimits, deeply_nested_blocks) {
  constexpr u32 kDepth = 100'000;
  const std::shared_ptr<Module> module =
      one_function("i", "i", "",
                   seq({repeat(kDepth, block()), local_get(0), br_if(kDepth - 1), repeat(kDepth, kEnd), local_get(0)}));
  ASSERT_NE(module, nullptr);
  EXPECT_EQ(run(module, {9}).values, std::vector<u64>{9});
}

// Forwards and backwards beyond the 16 bits of a compare-branch.
TEST(TranslateLimits, long_distances) {
  const Bytes step =
      seq({local_get(1), i32_const(1), kAdd, local_set(1), local_get(1), i32_const(3), {0x6C}, local_set(1)});
  const Bytes inner = seq({block(), local_get(0), i32_const(2), {0x48}, br_if(0), repeat(40'000, step), kEnd});
  const Bytes body = seq({loop(),
                          inner,
                          local_get(0),
                          i32_const(1),
                          {0x6B},
                          local_tee(0),
                          i32_const(0),
                          {0x4A},
                          br_if(0),
                          kEnd,
                          local_get(1)});
  const std::shared_ptr<Module> module = one_function("i", "i", "i", body);
  ASSERT_NE(module, nullptr);
  u32 expected = 0;
  for (u32 i = 0; i < 2 * 40'000; ++i) expected = (expected + 1) * 3;
  ASSERT_TRUE(run(module, {1}).returned());  // The first call pays for the translation.
  const Outcome outcome = run(module, {3});
  ASSERT_TRUE(outcome.returned());
  EXPECT_EQ(outcome.values[0], expected);
  const u64 own_ops = 4 + 40'000 * 8 + 7;
  EXPECT_EQ(outcome.reductions - run(module, {1}).reductions, 2 * u64{back_edge_cost(own_ops)});
}

TEST(TranslateLimits, a_large_table_of_branches) {
  constexpr u32 kEntries = 70'000;
  Bytes body = seq({block(), block(), local_get(0), {0x0E}, leb(kEntries)});
  for (u32 i = 0; i < kEntries; ++i) body.push_back(i == 69'999 ? 1 : 0);
  append(body, seq({{0}, kEnd, i32_const(1), {0x0F}, kEnd, i32_const(2)}));
  const std::shared_ptr<Module> module = one_function("i", "i", "", body);
  ASSERT_NE(module, nullptr);
  EXPECT_EQ(run(module, {69'998}).values, std::vector<u64>{1});
  EXPECT_EQ(run(module, {69'999}).values, std::vector<u64>{2});
  EXPECT_EQ(run(module, {70'000}).values, std::vector<u64>{1});
}

// A thousand parameters and results: two bytes of body stand for a thousand values, the code must not.
TEST(TranslateLimits, calls_and_branches_with_a_thousand_values) {
  const std::string types(1000, 'i');
  ModuleBuilder builder;
  builder.table('r', 1, 1);
  const u32 type = builder.type(types, types);
  Bytes all;
  for (u32 i = 0; i < 1000; ++i) append(all, local_get(i));
  const u32 identity = builder.func(type, all);
  const Bytes indirect = seq({i32_const(0), op(0x11, type), {0}});
  Bytes again = op(0x03, type);
  append(again, seq({repeat(300, seq({local_get(1000), br_if(0)})), kEnd}));
  const Bytes block_of_type = op(0x02, type);
  const Bytes body = seq({all, repeat(300, call(identity)), repeat(300, indirect), again, block_of_type,
                          repeat(300, seq({i32_const(0), br_if(0)})), kEnd, op(0x12, identity)});
  const u32 f = builder.func(type, body, "i");
  const u32 tail = builder.func(type, seq({all, i32_const(0), op(0x13, type), {0}}));
  builder.elem_active(0, i32_const(0), {identity});
  builder.export_item("f", ModuleBuilder::kFunc, f);
  builder.export_item("tail", ModuleBuilder::kFunc, tail);
  const std::shared_ptr<Module> module = load(builder);
  ASSERT_NE(module, nullptr);
  EXPECT_LT(words_per_byte(*module, f), 4);
  std::vector<u64> args(1000);
  for (u32 i = 0; i < 1000; ++i) args[i] = i + 5;
  const Outcome outcome = run(module, args);
  ASSERT_TRUE(outcome.returned());
  EXPECT_EQ(outcome.values, args);
}

}  // namespace
}  // namespace lunabeam::vm::interp
