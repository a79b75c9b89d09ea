// Modules that declare far more than they hold, or make a few bytes mean a lot of work. Sizes are such that anything but linear time
// or memory runs into the test's time limit or out of memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/vm/raw_module.h"

namespace lunabeam::vm {
namespace {

using testing::StartsWith;
using tests::append;
using tests::Bytes;
using tests::kEmptyFuncType;
using tests::leb;
using tests::load_outcome;
using tests::one_function;
using tests::raw_body;
using tests::raw_module;
using tests::raw_repeated;
using tests::raw_section;
using tests::raw_vector;
using tests::repeat;
using tests::seq;

constexpr size_t kMany = 1'000'000;
constexpr u8 kI32 = 0x7F;
constexpr u8 kFuncRefCode = 0x70;

Bytes func_type(size_t params, size_t results, u8 type = kI32) {
  return seq({{0x60}, raw_repeated({type}, params), raw_repeated({type}, results)});
}

// Functions of the given types (by index) and bodies.
Bytes functions(std::initializer_list<Bytes> types, const Bytes& type_indices, std::initializer_list<Bytes> bodies,
                const Bytes& between = {}) {
  return raw_module({raw_section(1, raw_vector(types)), raw_section(3, seq({leb(type_indices.size()), type_indices})),
                     between, raw_section(10, raw_vector(bodies))});
}

Bytes push_params(u32 count) {
  Bytes out;
  for (u32 i = 0; i < count; ++i) append(out, tests::local_get(i));
  return out;
}

TEST(HostileModule, DeepNesting) {
  EXPECT_EQ(load_outcome(one_function(seq({repeat({0x02, 0x40}, kMany), repeat({0x0B}, kMany)}))), "ok");
  EXPECT_THAT(load_outcome(one_function(repeat({0x02, 0x40}, kMany))), StartsWith("malformed: unexpected end"));
  // In a constant expression, and where the structure alone is walked.
  EXPECT_THAT(load_outcome(raw_module(
                  {raw_section(6, seq({{1, kI32, 0}, repeat({0x02, 0x40}, kMany), repeat({0x0B}, kMany + 1)}))})),
              StartsWith("invalid: constant expression required"));
  EXPECT_THAT(load_outcome(one_function(seq({{0x1A}, repeat({0x02, 0x40}, kMany), repeat({0x0B}, kMany)}))),
              StartsWith("invalid: type mismatch"));
}

TEST(HostileModule, ManyLocalsInManyFunctions) {
  const size_t count = 300'000;
  const Bytes code = raw_repeated(raw_body({0x20, 0xCF, 0x86, 0x03, 0x1A}, seq({{1}, leb(50'000), {kI32}})), count);
  const Bytes module = raw_module(
      {raw_section(1, raw_vector({kEmptyFuncType})), raw_section(3, raw_repeated({0}, count)), raw_section(10, code)});
  EXPECT_EQ(load_outcome(module), "ok");
}

TEST(HostileModule, ManyRunsOfLocals) {
  EXPECT_EQ(load_outcome(one_function({}, {}, raw_repeated({1, kI32}, 50'000))), "ok");
  EXPECT_THAT(load_outcome(one_function({}, {}, raw_repeated({1, kI32}, kMany))),
              StartsWith("limit: implementation limit exceeded"));
  EXPECT_EQ(load_outcome(one_function({}, {}, raw_repeated({0, kI32}, kMany))), "ok");
}

TEST(HostileModule, BodiesAndListsBeyondTheLimits) {
  EXPECT_THAT(load_outcome(one_function(repeat({0x01}, 7'654'321))),
              StartsWith("limit: implementation limit exceeded: function body"));
  EXPECT_THAT(load_outcome(raw_module({raw_section(1, raw_vector({func_type(1001, 0)}))})),
              StartsWith("limit: implementation limit exceeded"));
  EXPECT_THAT(load_outcome(raw_module({raw_section(1, raw_vector({func_type(0, kMany)}))})),
              StartsWith("limit: implementation limit exceeded"));
  EXPECT_EQ(load_outcome(raw_module({raw_section(1, raw_vector({func_type(1000, 1000)}))})), "ok");
}

TEST(HostileModule, BranchesThatCarryAThousandOperands) {
  const Bytes type = func_type(1000, 1000);
  const Bytes branches = seq({{0x02, 0}, repeat({0x20, 0, 0x0D, 0}, kMany), {0x0B}});
  EXPECT_EQ(load_outcome(functions({type}, {0}, {raw_body(seq({push_params(1000), branches}))})), "ok");
  EXPECT_EQ(load_outcome(functions({type}, {0}, {raw_body(seq({push_params(1000), repeat({0x10, 0}, kMany)}))})), "ok");
  EXPECT_EQ(load_outcome(
                functions({type}, {0}, {raw_body(seq({push_params(1000), repeat({0x41, 0, 0x04, 0, 0x0B}, kMany)}))})),
            "ok");
  EXPECT_EQ(load_outcome(functions({type}, {0}, {raw_body(seq({push_params(1000), repeat({0x02, 0, 0x0B}, kMany)}))})),
            "ok");
}

TEST(HostileModule, BranchesInDeadCode) {
  const Bytes type = func_type(0, 1000);
  const Bytes taker = func_type(1000, 0);
  for (const Bytes& op : {Bytes{0x0C, 0}, Bytes{0x0D, 0}, Bytes{0x0F}, Bytes{0x41, 0, 0x0E, 1, 0, 0},
                          Bytes{0x0D, 0, 0x1A}, Bytes{0x10, 1}}) {
    EXPECT_EQ(load_outcome(
                  functions({type, taker}, {0, 1}, {raw_body(seq({{0x00}, repeat(op, kMany), {0x00}})), raw_body({})})),
              "ok");
  }
}

TEST(HostileModule, ComparisonsOfTypesAreCharged) {
  // A thousand references to function 0, each a subtype of what the labels take; br_table names labels of two types in turn.
  const size_t labels = kMany;
  Bytes table;
  for (size_t i = 0; i < labels; ++i) table.push_back(static_cast<u8>(i % 2));
  const Bytes body = seq({{0x02, 0, 0x41, 0, 0x02, 1},
                          repeat({0xD2, 0}, 1000),
                          {0x41, 0, 0x0E},
                          leb(labels),
                          table,
                          {0, 0x0B, 0x00, 0x0B, 0x00}});
  const Bytes module =
      functions({func_type(0, 1000, kFuncRefCode), seq({{0x60, 1, kI32}, raw_repeated({kFuncRefCode}, 1000)})}, {0},
                {raw_body(body)}, raw_section(7, {1, 1, 'f', 0, 0}));
  EXPECT_THAT(load_outcome(module), StartsWith("limit: implementation limit exceeded: too many comparisons of types"));
  // One table of that kind is well within what its size allows.
  const Bytes once = seq({{0x02, 0}, repeat({0xD2, 0}, 1000), {0x41, 0, 0x0E, 1, 0, 0, 0x0B, 0x00}});
  EXPECT_EQ(load_outcome(functions({func_type(0, 1000, kFuncRefCode)}, {0}, {raw_body(once)},
                                   raw_section(7, {1, 1, 'f', 0, 0}))),
            "ok");
}

TEST(HostileModule, ComparisonsAreChargedOverAllBodies) {
  // Each `call 1; return` of three bytes compares a thousand references of types that differ.
  const auto module_of = [](size_t bodies) {
    const Bytes body = raw_body(seq({repeat({0x10, 0, 0x0F}, 60)}));
    const Bytes callee = raw_body({0x00});
    const Bytes section = seq({leb(bodies + 1), callee, repeat(body, bodies)});
    return raw_module(
        {raw_section(1, raw_vector({func_type(0, 1000, 0x73), func_type(0, 1000, kFuncRefCode)})),  // nofunc, func.
         raw_section(3, seq({leb(bodies + 1), {0}, repeat({1}, bodies)})), raw_section(10, section)});
  };
  EXPECT_EQ(load_outcome(module_of(1)), "ok");
  EXPECT_THAT(load_outcome(module_of(10)),
              StartsWith("limit: implementation limit exceeded: too many comparisons of types"));
}

TEST(HostileModule, NumberOfTypesIsLimited) {
  // Three groups of 400,000 empty structs.
  const Bytes group = seq({{0x4E}, raw_repeated({0x5F, 0}, 400'000)});
  EXPECT_EQ(load_outcome(raw_module({raw_section(1, raw_repeated(group, 2))})), "ok");
  EXPECT_THAT(load_outcome(raw_module({raw_section(1, raw_repeated(group, 3))})),
              StartsWith("limit: implementation limit exceeded: more than 1000000 types"));
}

TEST(HostileModule, OperandStackIsBoundedByTheBody) {
  const Bytes type = func_type(0, 1000);
  EXPECT_THAT(load_outcome(functions({type}, {0}, {raw_body(repeat({0x10, 0}, kMany))})),
              StartsWith("limit: implementation limit exceeded: operand stack is too deep"));
  EXPECT_THAT(load_outcome(functions(
                  {type}, {0}, {raw_body(seq({repeat({0x00, 0x0D, 0, 0x02, 0}, 100'000), repeat({0x0B}, 100'000)}))})),
              StartsWith("limit: implementation limit exceeded: operand stack is too deep"));
  // What plain operators push is fine.
  EXPECT_EQ(load_outcome(one_function(seq({repeat({0x41, 0}, kMany), {0x0F}}))), "ok");
}

TEST(HostileModule, BrTableBomb) {
  EXPECT_EQ(load_outcome(one_function(seq({{0x41, 0, 0x0E}, leb(4 * kMany), repeat({0}, 4 * kMany + 1)}))), "ok");
  EXPECT_THAT(load_outcome(one_function({0x41, 0, 0x0E, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0})),
              StartsWith("malformed: unexpected end"));
  // Small tables, many of them.
  EXPECT_EQ(load_outcome(one_function(repeat({0x41, 0, 0x0E, 1, 0, 0}, kMany))), "ok");
}

TEST(HostileModule, ManyOfEverything) {
  EXPECT_EQ(load_outcome(raw_module({raw_section(2, raw_repeated({1, 'a', 1, 'b', 1, 0x70, 0, 0}, 300'000))})), "ok");
  EXPECT_EQ(load_outcome(raw_module({raw_section(1, raw_repeated(kEmptyFuncType, kMany))})), "ok");
  EXPECT_EQ(load_outcome(raw_module({raw_section(4, {1, 0x70, 0, 1}), raw_section(9, raw_repeated({1, 0, 0}, kMany))})),
            "ok");
  EXPECT_EQ(load_outcome(raw_module({raw_section(6, raw_repeated({kI32, 0, 0x41, 0, 0x0B}, kMany))})), "ok");
  EXPECT_EQ(load_outcome(raw_module(
                {raw_section(5, {1, 0, 1}), raw_section(11, raw_repeated({0, 0x41, 0, 0x0B, 1, 'x'}, kMany))})),
            "ok");
  EXPECT_EQ(load_outcome(raw_module(
                {raw_section(6, seq({{1, kI32, 0}, repeat({0x41, 1}, kMany), repeat({0x6A}, kMany - 1), {0x0B}}))})),
            "ok");
  Bytes exports = leb(200'000);
  for (u32 i = 0; i < 200'000; ++i) {
    append(exports, {5});
    for (u32 shift = 0; shift < 20; shift += 4) exports.push_back(static_cast<u8>('a' + (i >> shift & 15)));
    append(exports, {2, 0});
  }
  EXPECT_EQ(load_outcome(raw_module({raw_section(5, {1, 0, 1}), raw_section(7, exports)})), "ok");
}

TEST(HostileModule, ManyDistinctTypes) {
  Bytes types = leb(200'000);
  for (u32 i = 0; i < 200'000; ++i) {
    append(types, {0x60, 18});
    for (u32 bit = 0; bit < 18; ++bit) types.push_back((i >> bit & 1) != 0 ? 0x7F : 0x7E);
    types.push_back(0);
  }
  EXPECT_EQ(load_outcome(raw_module({raw_section(1, types)})), "ok");
}

TEST(HostileModule, DeclaredSizesDriveNothing) {
  // The largest memory and table there are: declared, not allocated.
  tests::ModuleBuilder builder;
  builder.memory(65'536, 65'536);
  builder.table('r', 0xFFFF'FFFF, 0xFFFF'FFFF);
  EXPECT_EQ(load_outcome(builder.build()), "ok");
}

// Names that the library's unseeded hash cannot tell apart.
std::vector<std::string> colliding_names(size_t count) {
  std::vector<std::string> names;
#if defined(__GLIBCXX__) && __SIZEOF_SIZE_T__ == 8
  // MurmurHash64A over two words: for any first word there is a second one that leads to the same state.
  constexpr u64 kMul = 0xC6A4'A793'5BD1'E995;
  u64 inverse = 1;
  for (int i = 0; i < 6; ++i) inverse *= 2 - kMul * inverse;
  const auto shift_mix = [](u64 v) { return v ^ (v >> 47); };
  const u64 start = 0xC70F'6907 ^ (16 * kMul);
  constexpr u64 kState = 0x1234'5678'9ABC'DEF0;
  for (u64 i = 0; names.size() < count; ++i) {
    u64 words[2] = {0x4040'4040'4040'4040, 0};
    for (int nibble = 0; nibble < 8; ++nibble) words[0] |= (i >> (4 * nibble) & 15) << (8 * nibble);
    const u64 first = (start ^ (shift_mix(words[0] * kMul) * kMul)) * kMul;
    words[1] = shift_mix((first ^ kState) * inverse) * inverse;
    if ((words[1] & 0x8080'8080'8080'8080) != 0) continue;  // Only ASCII is surely UTF-8.
    names.emplace_back(reinterpret_cast<const char*>(words), sizeof words);
  }
  EXPECT_EQ(std::hash<std::string_view>()(names[0]), std::hash<std::string_view>()(names[count - 1]));
#else
  for (size_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
#endif
  return names;
}

TEST(HostileModule, ExportNamesWithTheSameHash) {
  constexpr size_t kNames = 200'000;
  const std::vector<std::string> names = colliding_names(kNames);
  Bytes exports = leb(kNames);
  for (const std::string& name : names)
    append(exports, seq({leb(name.size()), Bytes(name.begin(), name.end()), {0}, leb(0)}));
  auto loaded = Module::load(raw_module({raw_section(1, raw_vector({kEmptyFuncType})), raw_section(3, {1, 0}),
                                         raw_section(7, exports), raw_section(10, raw_vector({raw_body({})}))}),
                             nullptr);
  ASSERT_TRUE(loaded) << loaded.error().message();
  for (const std::string& name : names) ASSERT_NE((*loaded)->find_export(name, ExternKind::kFunc), nullptr);
  EXPECT_EQ((*loaded)->function_name(0), names[0]);
}

TEST(HostileModule, NamesOfManyFunctionsWithManyExports) {
  constexpr size_t kFuncs = 200'000;
  Bytes exports = leb(kFuncs);
  for (size_t i = 0; i < kFuncs; ++i) {
    const std::string name = std::to_string(i);
    append(exports, seq({leb(name.size()), Bytes(name.begin(), name.end()), {0}, leb(kFuncs - 1)}));
  }
  auto loaded =
      Module::load(raw_module({raw_section(1, raw_vector({kEmptyFuncType})), raw_section(3, raw_repeated({0}, kFuncs)),
                               raw_section(7, exports), raw_section(10, raw_repeated(raw_body({}), kFuncs))}),
                   nullptr);
  ASSERT_TRUE(loaded) << loaded.error().message();
  for (u32 i = 0; i + 1 < kFuncs; ++i) ASSERT_EQ((*loaded)->function_name(i), "func[" + std::to_string(i) + "]");
  EXPECT_EQ((*loaded)->function_name(kFuncs - 1), "0");
}

}  // namespace
}  // namespace lunabeam::vm
