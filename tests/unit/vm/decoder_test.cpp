// What makes bytes malformed, where the error is said to be, and that it takes precedence over whatever is invalid.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/vm/raw_module.h"
#include "vm/decode/utf8.h"

namespace lunabeam::vm {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using tests::Bytes;
using tests::kEmptyFuncType;
using tests::leb;
using tests::load_outcome;
using tests::one_function;
using tests::raw_body;
using tests::raw_module;
using tests::raw_section;
using tests::raw_vector;
using tests::seq;

TEST(Decoder, HeaderIsAModule) { EXPECT_EQ(load_outcome(raw_module({})), "ok"); }

TEST(Decoder, EveryPrefixOfAModuleFailsInOneLine) {
  tests::ModuleBuilder builder;
  const u32 type = builder.type("iI", "i");
  builder.import_func("m", "f", builder.type("", ""));
  builder.memory(1, 2);
  builder.table('r', 1);
  builder.global('i', true, tests::i32_const(-7));
  const u32 func =
      builder.func(type, seq({tests::local_get(0), {0x04, 0x40}, tests::call(0), {0x0B}, tests::local_get(0)}));
  builder.export_item("go", tests::ModuleBuilder::kFunc, func);
  builder.elem_active(0, tests::i32_const(0), {func});
  builder.data_active(tests::i32_const(8), "hello");
  const Bytes whole = builder.build();
  ASSERT_EQ(load_outcome(whole), "ok");
  size_t failures = 0;
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::string outcome = load_outcome(Bytes(whole.begin(), whole.begin() + static_cast<i64>(size)));
    EXPECT_EQ(outcome.find('\n'), std::string::npos);
    if (outcome == "ok") continue;  // A cut between two sections that need nothing of each other.
    ++failures;
    EXPECT_THAT(outcome, StartsWith("malformed: ")) << size;
    EXPECT_THAT(outcome, HasSubstr(" at offset 0x"));
  }
  EXPECT_GT(failures, whole.size() / 2);
}

// No byte may crash the decoder, whatever it is changed to.
TEST(Decoder, EveryChangedByteIsAnswered) {
  tests::ModuleBuilder builder;
  const u32 type = builder.type("i", "i");
  builder.memory(1);
  builder.table('r', 4);
  const u32 func = builder.func(
      type, seq({{0x02, 0x40}, tests::local_get(0), {0x0E, 1, 0, 0, 0x0B}, tests::i32_const(4), {0x28, 2, 0}}), "iF");
  builder.elem_active(0, tests::i32_const(0), {func});
  builder.data_passive("xyz");
  const Bytes whole = builder.build();
  ASSERT_EQ(load_outcome(whole), "ok");
  size_t rejected = 0;
  for (size_t i = 0; i < whole.size(); ++i) {
    for (u32 value = 0; value < 256; ++value) {
      Bytes changed = whole;
      changed[i] = static_cast<u8>(value);
      rejected += load_outcome(changed) != "ok" ? 1 : 0;
    }
  }
  EXPECT_GT(rejected, whole.size() * 128);
}

TEST(Decoder, Header) {
  EXPECT_EQ(load_outcome({}), "malformed: unexpected end of section or function at offset 0x0");
  EXPECT_EQ(load_outcome({0, 'a', 's'}), "malformed: unexpected end of section or function at offset 0x3");
  EXPECT_EQ(load_outcome({0, 'A', 's', 'm', 1, 0, 0, 0}), "malformed: magic header not detected at offset 0x0");
  EXPECT_EQ(load_outcome({0, 'a', 's', 'm', 2, 0, 0, 0}), "malformed: unknown binary version at offset 0x4");
}

TEST(Decoder, Sections) {
  EXPECT_EQ(load_outcome(raw_module({raw_section(14, {})})), "malformed: malformed section id at offset 0x8");
  // Once each, in order; the tag section (13) and the data count (12) have their places between others.
  EXPECT_EQ(load_outcome(raw_module({raw_section(1, {0}), raw_section(1, {0})})),
            "malformed: unexpected content after last section at offset 0xb");
  EXPECT_EQ(load_outcome(raw_module({raw_section(6, {0}), raw_section(13, {0})})),
            "malformed: unexpected content after last section at offset 0xb");
  EXPECT_EQ(load_outcome(raw_module({raw_section(5, {0}), raw_section(13, {0}), raw_section(6, {0}),
                                     raw_section(12, {0}), raw_section(10, {0})})),
            "ok");
  EXPECT_EQ(load_outcome(raw_module({raw_section(1, {0, 0})})), "malformed: section size mismatch at offset 0xa");
  EXPECT_EQ(load_outcome(raw_module({{1, 5, 0}})), "malformed: length out of bounds at offset 0x9");
}

TEST(Decoder, CustomSectionsStandAnywhereAndNeedAName) {
  const Bytes custom = raw_section(0, {1, 'x', 9, 9});
  EXPECT_EQ(load_outcome(raw_module({custom, raw_section(1, {0}), custom, custom, raw_section(3, {0}), custom})), "ok");
  EXPECT_THAT(load_outcome(raw_module({raw_section(0, {1, 0xFF})})), StartsWith("malformed: malformed UTF-8 encoding"));
  EXPECT_THAT(load_outcome(raw_module({raw_section(0, {2, 'x'}), raw_section(1, {0})})),
              StartsWith("malformed: unexpected end"));
}

TEST(Decoder, CountsAreCheckedAgainstTheBytesLeft) {
  const Bytes huge = {0xFF, 0xFF, 0xFF, 0xFF, 0x0F};
  for (const u8 id : {1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 13}) {
    EXPECT_THAT(load_outcome(raw_module({raw_section(id, huge)})), StartsWith("malformed: ")) << static_cast<int>(id);
  }
}

TEST(Decoder, FunctionAndCodeCountsAgree) {
  const Bytes type = raw_section(1, raw_vector({kEmptyFuncType}));
  EXPECT_THAT(load_outcome(raw_module({type, raw_section(3, {1, 0})})),
              StartsWith("malformed: function and code section have inconsistent lengths"));
  EXPECT_THAT(load_outcome(raw_module({type, raw_section(10, raw_vector({raw_body({})}))})),
              StartsWith("malformed: function and code section have inconsistent lengths"));
}

TEST(Decoder, DataCount) {
  const Bytes passive = raw_section(11, {1, 1, 0});
  EXPECT_EQ(load_outcome(raw_module({raw_section(12, {1}), passive})), "ok");
  EXPECT_THAT(load_outcome(raw_module({raw_section(12, {2}), passive})),
              StartsWith("malformed: data count and data section"));
  const Bytes drop = raw_section(10, raw_vector({raw_body({0xFC, 9, 0})}));
  const Bytes head = seq({raw_section(1, raw_vector({kEmptyFuncType})), raw_section(3, {1, 0})});
  EXPECT_THAT(load_outcome(raw_module({head, drop, passive})), StartsWith("malformed: data count section required"));
  EXPECT_EQ(load_outcome(raw_module({head, raw_section(12, {1}), drop, passive})), "ok");
}

// Also in code that nothing else is wrong with: the arms of a legacy try come in their order, and only in one.
TEST(Decoder, ArmsOfALegacyTryAreStructured) {
  const auto body = [](const Bytes& code) {
    return raw_module({raw_section(1, raw_vector({kEmptyFuncType})), raw_section(3, {1, 0}), raw_section(13, {1, 0, 0}),
                       raw_section(10, raw_vector({raw_body(code)}))});
  };
  for (const Bytes& code : {Bytes{0x06, 0x40, 0x0B}, Bytes{0x06, 0x40, 0x07, 0, 0x07, 0, 0x19, 0x0B},
                            Bytes{0x06, 0x40, 0x18, 0}, Bytes{0x06, 0x40, 0x19, 0x09, 0, 0x0B}}) {
    EXPECT_EQ(load_outcome(body(code)), "ok");
  }
  for (const Bytes& code :
       {Bytes{0x07, 0}, Bytes{0x19}, Bytes{0x18, 0}, Bytes{0x02, 0x40, 0x19, 0x0B}, Bytes{0x06, 0x40, 0x19, 0x19, 0x0B},
        Bytes{0x06, 0x40, 0x19, 0x07, 0, 0x0B}, Bytes{0x06, 0x40, 0x07, 0, 0x18, 0}, Bytes{0x06, 0x40, 0x05, 0x0B}}) {
    EXPECT_THAT(load_outcome(body(code)), StartsWith("malformed: END opcode expected"));
    // Behind something invalid as well: what is malformed comes first.
    EXPECT_THAT(load_outcome(body(seq({{0x1A}, code}))), StartsWith("malformed: END opcode expected"));
  }
}

FeatureSet without(std::initializer_list<Feature> off) {
  FeatureSet features = FeatureSet::supported();
  for (const Feature feature : off) features.disable(feature);
  return features;
}

TEST(Decoder, BodiesAreStructured) {
  FeatureSet without_legacy = FeatureSet::supported();
  without_legacy.disable(Feature::kLegacyExceptions);
  EXPECT_EQ(load_outcome(one_function({0x06}), without_legacy),
            "malformed: illegal opcode 06: try needs the feature legacy-exceptions at offset 0x17");
  EXPECT_EQ(load_outcome(one_function({0x27})), "malformed: illegal opcode 27 at offset 0x17");
  EXPECT_THAT(load_outcome(one_function({0xFC, 0x13}), without({Feature::kWideArithmetic})),
              StartsWith("malformed: illegal opcode fc 13: i64.add128 needs the feature wide-arithmetic"));
  EXPECT_THAT(load_outcome(one_function({0xFE, 0x03, 0x00}), without({Feature::kThreads})),
              StartsWith("malformed: illegal opcode fe 03: atomic.fence needs the feature threads"));
  EXPECT_THAT(load_outcome(one_function({0xFE, 0x4F})), StartsWith("malformed: illegal opcode fe 4f at"));
  EXPECT_THAT(load_outcome(one_function({0xFC, 0x12})), StartsWith("malformed: illegal opcode fc 12"));
  EXPECT_THAT(load_outcome(one_function({0xFC, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00})),
              StartsWith("malformed: integer representation too long"));
  EXPECT_THAT(load_outcome(one_function({0x05})), StartsWith("malformed: END opcode expected"));
  EXPECT_THAT(load_outcome(one_function({0x41, 0, 0x04, 0x40, 0x05, 0x05, 0x0B})),
              StartsWith("malformed: END opcode expected"));
  EXPECT_THAT(load_outcome(one_function({0x02, 0x40})), StartsWith("malformed: unexpected end"));
  EXPECT_THAT(load_outcome(one_function({0x0B})), StartsWith("malformed: section size mismatch"));
  EXPECT_THAT(load_outcome(one_function({0x00, 0x28, 0x80, 0x01, 0})), StartsWith("malformed: malformed memop flags"));
}

TEST(Decoder, PrefixedOpcodesMayBePadded) {
  EXPECT_EQ(load_outcome(one_function({0x43, 0, 0, 0, 0, 0xFC, 0x80, 0x00, 0x1A})), "ok");
}

TEST(Decoder, Locals) {
  EXPECT_THAT(load_outcome(one_function({}, {}, seq({{2}, leb(0xFFFF'FFFF), {0x7F}, leb(1), {0x7F}}))),
              StartsWith("malformed: too many locals"));
  EXPECT_THAT(load_outcome(one_function({}, {}, seq({{1}, leb(50'001), {0x7F}}))),
              StartsWith("limit: implementation limit exceeded: 50001 locals"));
  EXPECT_EQ(load_outcome(one_function({}, {}, seq({{1}, leb(50'000), {0x7F}}))), "ok");
  EXPECT_THAT(load_outcome(one_function({}, {}, {1, 1, 0x40})), StartsWith("malformed: malformed value type"));
}

TEST(Decoder, MalformedAnywhereBeatsInvalid) {
  // Function 0 leaves a value behind, function 1 holds no operator; an export names a function that is not there.
  const Bytes types = raw_section(1, raw_vector({kEmptyFuncType}));
  const Bytes functions = raw_section(3, {2, 0, 0});
  const Bytes exports = raw_section(7, {1, 1, 'f', 0, 9});
  const auto code = [](const Bytes& second) {
    return raw_section(10, raw_vector({raw_body({0x41, 0}), raw_body(second)}));
  };
  EXPECT_THAT(load_outcome(raw_module({types, functions, code({})})), StartsWith("invalid: type mismatch"));
  EXPECT_THAT(load_outcome(raw_module({types, functions, code({0xFF})})), StartsWith("malformed: illegal opcode ff"));
  EXPECT_THAT(load_outcome(raw_module({types, functions, exports, code({})})),
              StartsWith("invalid: unknown function 9"));
  EXPECT_THAT(load_outcome(raw_module({types, functions, exports, code({0xFF})})),
              StartsWith("malformed: illegal opcode ff"));
  EXPECT_THAT(load_outcome(raw_module({types, functions, code({}), raw_section(11, {1, 3})})),
              StartsWith("malformed: malformed data segment kind"));
  // Of two malformed places the first is reported.
  EXPECT_THAT(load_outcome(raw_module({types, functions, code({0xFF}), raw_section(11, {1, 3})})),
              StartsWith("malformed: illegal opcode ff"));
}

TEST(Decoder, DisabledFeaturesAreInvalidByName) {
  const auto outcome_without = [](Feature feature, Bytes bytes) {
    FeatureSet features = FeatureSet::supported();
    features.disable(feature);
    return load_outcome(std::move(bytes), features);
  };
  const auto unsupported = [](std::string_view name) {
    return StartsWith("invalid: unsupported feature: " + std::string(name));
  };
  EXPECT_THAT(outcome_without(Feature::kGc, raw_module({raw_section(1, {1, 0x5F, 0})})), unsupported("gc"));
  EXPECT_THAT(outcome_without(Feature::kGc, raw_module({raw_section(1, {1, 0x4E, 1, 0x60, 0, 0})})), unsupported("gc"));
  EXPECT_THAT(outcome_without(Feature::kSimd, raw_module({raw_section(1, {1, 0x60, 1, 0x7B, 0})})),
              unsupported("simd"));
  EXPECT_THAT(
      outcome_without(Feature::kTypedFunctionReferences, raw_module({raw_section(1, {1, 0x60, 1, 0x64, 0x70, 0})})),
      unsupported("function-references"));
  EXPECT_THAT(outcome_without(Feature::kMultiMemory, raw_module({raw_section(5, {2, 0, 0, 0, 0})})),
              unsupported("multi-memory"));
  EXPECT_THAT(outcome_without(Feature::kMemory64, raw_module({raw_section(5, {1, 4, 0})})), unsupported("memory64"));
  const FeatureSet standard = without({Feature::kThreads, Feature::kCustomPageSizes});
  EXPECT_THAT(load_outcome(raw_module({raw_section(5, {1, 3, 0, 1})}), standard),
              StartsWith("malformed: malformed limits flags 03: shared needs the feature threads"));
  EXPECT_THAT(load_outcome(raw_module({raw_section(5, {1, 8, 0, 0})}), standard),
              StartsWith("malformed: malformed limits flags 08: a page size needs the feature custom-page-sizes"));
  // Tables have neither.
  for (const u8 flags : {u8{3}, u8{8}}) {
    EXPECT_THAT(load_outcome(raw_module({raw_section(4, {1, 0x70, flags, 0, 1})})),
                StartsWith("malformed: malformed limits flags"));
  }
  EXPECT_THAT(
      outcome_without(Feature::kExceptions, raw_module({raw_section(1, {1, 0x60, 0, 0}), raw_section(13, {1, 0, 0})})),
      unsupported("exceptions"));
  EXPECT_THAT(
      outcome_without(Feature::kSimd, one_function({0xFD, 0x0C, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x1A})),
      unsupported("simd"));
  EXPECT_THAT(outcome_without(Feature::kGc, one_function({0x41, 0, 0xFB, 0x1C, 0x1A})), unsupported("gc"));
  // The operators behind it are decoded all the same.
  EXPECT_THAT(outcome_without(Feature::kGc, one_function({0x41, 0, 0xFB, 0x1C, 0x1A, 0xFF})),
              StartsWith("malformed: illegal opcode ff"));
}

TEST(Decoder, FeaturesCanBeSwitched) {
  FeatureSet features = FeatureSet::supported();
  const Bytes tail_call = one_function({0x12, 0});
  EXPECT_EQ(load_outcome(tail_call, features), "ok");
  features.disable(Feature::kTailCall);
  EXPECT_THAT(load_outcome(tail_call, features), StartsWith("invalid: unsupported feature: tail-call"));
  features.enable(Feature::kGc);
  features.enable(Feature::kTypedFunctionReferences);
  // (rec (func) (struct)), then a function type that names both.
  EXPECT_EQ(load_outcome(raw_module({raw_section(1, {2, 0x4E, 2, 0x60, 0, 0, 0x5F, 0, 0x60, 2, 0x63, 0, 0x64, 1, 0})}),
                         features),
            "ok");
  EXPECT_THAT(load_outcome(raw_module({raw_section(1, {1, 0x60, 1, 0x63, 1, 0})}), features),
              StartsWith("invalid: unknown type 1"));
  // A subtype of a final type; of a later type; and one whose field is narrower than its supertype's.
  EXPECT_THAT(load_outcome(raw_module({raw_section(1, {2, 0x60, 0, 0, 0x50, 1, 0, 0x60, 0, 0})}), features),
              StartsWith("invalid: sub type 1 does not match super type"));
  EXPECT_THAT(load_outcome(raw_module({raw_section(1, {1, 0x50, 1, 0, 0x60, 0, 0})}), features),
              StartsWith("invalid: unknown type 0"));
  EXPECT_THAT(load_outcome(raw_module({raw_section(1, {2, 0x50, 0, 0x5F, 1, 0x7F, 1, 0x50, 1, 0, 0x5F, 1, 0x7F, 0})}),
                           features),
              StartsWith("invalid: sub type 1 does not match super type"));
  EXPECT_EQ(
      load_outcome(raw_module({raw_section(1, {2, 0x50, 0, 0x5F, 1, 0x7F, 1, 0x4F, 1, 0, 0x5F, 2, 0x7F, 1, 0x7E, 0})}),
                   features),
      "ok");
}

TEST(Decoder, NamesAreNeverAnError) {
  const Bytes head = raw_module({raw_section(1, raw_vector({kEmptyFuncType})), raw_section(3, {2, 0, 0}),
                                 raw_section(10, raw_vector({raw_body({}), raw_body({})}))});
  const auto with_names = [&head](const Bytes& contents) {
    return seq({head, raw_section(0, seq({{4, 'n', 'a', 'm', 'e'}, contents}))});
  };
  const auto load = [&](const Bytes& contents) { return *Module::load(with_names(contents), nullptr); };
  // Module `m`; functions 0 `zero`, and 7, which is not there.
  const auto named = load({0, 2, 1, 'm', 1, 10, 2, 0, 4, 'z', 'e', 'r', 'o', 7, 1, 'x'});
  EXPECT_EQ(named->names.module, "m");
  EXPECT_EQ(named->names.functions.size(), 1u);
  EXPECT_EQ(named->function_name(0), "zero");
  EXPECT_EQ(named->function_name(1), "func[1]");
  // Cut short, not UTF-8, too long: what came before stays.
  EXPECT_EQ(load({1, 200, 2})->names.functions.size(), 0u);
  EXPECT_EQ(load({1, 6, 2, 0, 1, 'a', 1, 9})->function_name(0), "a");
  EXPECT_EQ(load({1, 7, 2, 0, 1, 'a', 1, 1, 0xFF})->function_name(0), "a");
  EXPECT_EQ(load({1, 5, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F})->names.functions.size(), 0u);
}

TEST(Utf8, FollowsTheStandard) {
  for (const std::string_view good :
       {"", "plain ascii, longer than a word", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
        "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "12345678\xC3\xA9"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (const std::string_view bad :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xC2", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xE2\x82", "\xE2\x28\xA1", "1234567\xFF"}) {
    EXPECT_FALSE(is_utf8(bad));
  }
}

}  // namespace
}  // namespace lunabeam::vm
