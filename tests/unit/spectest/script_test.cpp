// Scripts to commands.
#include "tools/lunabeam-spectest/script.h"

#include <gmock/gmock.h>

#include <string>

namespace lunabeam::spectest {
namespace {

using testing::ElementsAre;

// Empty when the script is malformed.
Script read(std::string_view source) {
  vm::Result<Script> script = read_script(source);
  EXPECT_TRUE(script) << script.error().message();
  return script ? *std::move(script) : Script();
}

std::vector<std::string_view> kinds_of(const Script& script) {
  std::vector<std::string_view> kinds;
  for (const Command& command : script.commands) kinds.push_back(name_of(command.kind));
  return kinds;
}

// The error's code; kIo when there is none.
vm::ErrorCode code_of(std::string_view source) {
  const vm::Result<Script> script = read_script(source);
  return script ? vm::ErrorCode::kIo : script.error().code;
}

std::vector<Pattern> results_of(const std::string& patterns) {
  Script script = read("(assert_return (invoke \"f\") " + patterns + ")");
  return script.commands.empty() ? std::vector<Pattern>() : std::move(script.commands[0].results);
}

TEST(Script, KnowsEveryFormOfModule) {
  const Script script = read(
      "(module) (module $a (func)) (module binary \"\\00asm\") (module $q quote \"(func\" \")\")\n"
      "(module definition $d) (module definition binary \"x\") (module definition quote)\n"
      "(module instance) (module instance $d) (module instance $i $d)");
  EXPECT_THAT(kinds_of(script),
              ElementsAre("module", "module", "module binary", "module quote", "module definition", "module definition",
                          "module definition", "module instance", "module instance", "module instance"));
  ASSERT_EQ(script.commands.size(), 10u);
  EXPECT_EQ(script.commands[1].module->name, "a");
  EXPECT_EQ(script.commands[1].module->form, ModuleSource::Form::kText);
  EXPECT_THAT(script.commands[2].module->bytes, ElementsAre(0, 'a', 's', 'm'));
  EXPECT_THAT(script.commands[3].module->bytes, ElementsAre('(', 'f', 'u', 'n', 'c', ')'));
  EXPECT_EQ(script.commands[5].module->form, ModuleSource::Form::kBinary);
  EXPECT_EQ(script.commands[7].definition, "");
  EXPECT_EQ(script.commands[8].definition, "d");
  EXPECT_EQ(script.commands[8].instance, "");
  EXPECT_EQ(script.commands[9].definition, "d");
  EXPECT_EQ(script.commands[9].instance, "i");
  EXPECT_EQ(script.commands[9].line, 3u);
}

TEST(Script, ReadsTextModulesIntoBinaries) {
  const Script script = read("(module)");
  ASSERT_EQ(script.commands.size(), 1u);
  EXPECT_THAT(script.commands[0].module->bytes, ElementsAre(0, 'a', 's', 'm', 1, 0, 0, 0));
}

TEST(Script, TakesABareListOfFieldsAsOneModule) {
  EXPECT_THAT(kinds_of(read(" (func) (memory 0) (func (export \"f\"))")), ElementsAre("module"));
  EXPECT_THAT(kinds_of(read("(; nothing ;)")), ElementsAre());
  EXPECT_EQ(code_of("(func) (module)"), vm::ErrorCode::kUnexpectedToken);
}

TEST(Script, KnowsEveryAssertion) {
  const Script script = read(R"wast(
    (invoke "f") (get $i "g") (register "n") (register "n" $i)
    (assert_return (invoke $i "f" (i32.const 1) (ref.extern 7)) (i64.const -1))
    (assert_return (get "g"))
    (assert_trap (invoke "f") "unreachable")
    (assert_trap (module) "unreachable")
    (assert_exhaustion (invoke "f") "call stack exhausted")
    (assert_exception (invoke "f"))
    (assert_invalid (module) "type mismatch")
    (assert_malformed (module quote "(") "unexpected")
    (assert_unlinkable (module) "unknown import")
    (assert_unlinkable (module instance $d) "unknown import")
    (assert_invalid_custom (module) "x")
    (assert_malformed_custom (module quote "") "x"))wast");
  EXPECT_THAT(
      kinds_of(script),
      ElementsAre("invoke", "get", "register", "register", "assert_return", "assert_return", "assert_trap",
                  "assert_trap(module)", "assert_exhaustion", "assert_exception", "assert_invalid", "assert_malformed",
                  "assert_unlinkable", "assert_unlinkable", "assert_invalid_custom", "assert_malformed_custom"));
  ASSERT_EQ(script.commands.size(), 16u);
  EXPECT_EQ(script.commands[1].action.instance, "i");
  EXPECT_EQ(script.commands[3].instance, "i");
  EXPECT_EQ(script.commands[4].action.arguments.size(), 2u);
  EXPECT_EQ(script.commands[4].results.size(), 1u);
  EXPECT_EQ(script.commands[4].line, 3u);
  EXPECT_EQ(script.commands[6].text, "unreachable");
  EXPECT_TRUE(script.commands[13].instantiates);
}

TEST(Script, MetaCommandsAreFlattenedOrNamed) {
  const Script script =
      read("(script $s (module) (script (invoke \"f\"))) (input \"x\") (output $s) (thread $t (x)) (wait $t)");
  EXPECT_THAT(kinds_of(script),
              ElementsAre("module", "invoke", "unsupported", "unsupported", "unsupported", "unsupported"));
  ASSERT_EQ(script.commands.size(), 6u);
  EXPECT_EQ(script.commands[2].text, "input");
  EXPECT_EQ(script.commands[5].text, "wait");
}

TEST(Script, ReadsNumbers) {
  const std::vector<Pattern> results = results_of(
      "(i32.const -1) (i64.const 0x8000000000000000) (f32.const -0x1p-1) (f64.const nan:0x123) (f32.const inf)");
  ASSERT_EQ(results.size(), 5u);
  EXPECT_EQ(results[0].bits[0], 0xFFFF'FFFFu);
  EXPECT_EQ(results[1].bits[0], 0x8000'0000'0000'0000u);
  EXPECT_EQ(results[2].bits[0], 0xBF00'0000u);
  EXPECT_EQ(results[3].bits[0], 0x7FF0'0000'0000'0123u);
  EXPECT_EQ(results[4].bits[0], 0x7F80'0000u);
  EXPECT_EQ(code_of("(assert_return (invoke \"f\") (i32.const 0x1_0000_0000))"), vm::ErrorCode::kConstantOutOfRange);
  EXPECT_EQ(code_of("(assert_return (invoke \"f\") (f32.const 1e99))"), vm::ErrorCode::kConstantOutOfRange);
  EXPECT_EQ(code_of("(assert_return (invoke \"f\") (f32.const offset))"), vm::ErrorCode::kUnexpectedToken);
}

TEST(Script, ReadsVectorsOfEveryShape) {
  const std::vector<Pattern> results = results_of(
      "(v128.const i8x16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 -1) (v128.const i16x8 0 1 2 3 4 5 6 -1)"
      "(v128.const i32x4 0 1 2 -1) (v128.const i64x2 1 -1) (v128.const f32x4 1 nan:canonical nan:arithmetic -nan)"
      "(v128.const f64x2 nan:canonical -0)");
  ASSERT_EQ(results.size(), 6u);
  EXPECT_EQ(results[0].bits[0], 0x0706'0504'0302'0100u);
  EXPECT_EQ(results[0].bits[1], 0xFF0E'0D0C'0B0A'0908u);
  EXPECT_EQ(results[1].bits[1], 0xFFFF'0006'0005'0004u);
  EXPECT_EQ(results[2].bits[0], 0x1'0000'0000u);
  EXPECT_EQ(results[3].bits[1], ~u64{0});
  EXPECT_EQ(results[4].bits[0], 0x3F80'0000u);
  EXPECT_EQ(results[4].bits[1], 0xFFC0'0000'0000'0000u);
  EXPECT_EQ(results[4].nan[1], NanPattern::kCanonical);
  EXPECT_EQ(results[4].nan[2], NanPattern::kArithmetic);
  EXPECT_EQ(results[5].nan[0], NanPattern::kCanonical);
  EXPECT_EQ(results[5].bits[1], u64{1} << 63);
  EXPECT_EQ(code_of("(assert_return (invoke \"f\") (v128.const i64x2 1))"), vm::ErrorCode::kWrongLaneCount);
  EXPECT_EQ(code_of("(assert_return (invoke \"f\") (v128.const i64x2 1 2 3))"), vm::ErrorCode::kWrongLaneCount);
  EXPECT_EQ(code_of("(assert_return (invoke \"f\") (v128.const i9x9 1 2 3))"), vm::ErrorCode::kUnexpectedToken);
}

TEST(Script, ReadsReferencePatterns) {
  using Kind = Pattern::Kind;
  const std::vector<Pattern> results = results_of(
      "(ref.null) (ref.null func) (ref.extern 5) (ref.host 6) (ref) (ref.eq) (ref.i31) (ref.struct) (ref.array) (ref.func)"
      "(ref.exn) (ref.extern)");
  std::vector<Kind> kinds;
  for (const Pattern& pattern : results) kinds.push_back(pattern.kind);
  EXPECT_THAT(kinds, ElementsAre(Kind::kRefNull, Kind::kRefNull, Kind::kRefExtern, Kind::kRefHost, Kind::kAnyRef,
                                 Kind::kAnyEq, Kind::kAnyI31, Kind::kAnyStruct, Kind::kAnyArray, Kind::kAnyFunc,
                                 Kind::kAnyExn, Kind::kAnyExtern));
  EXPECT_EQ(results[2].bits[0], 5u);
  EXPECT_EQ(code_of("(assert_return (invoke \"f\") (ref.extern 0x4000000000000000))"),
            vm::ErrorCode::kConstantOutOfRange);
}

TEST(Script, FlattensEither) {
  const std::vector<Pattern> results =
      results_of("(either (i32.const 1) (either (i32.const 2)) (i32.const 3)) (i32.const 4)");
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].kind, Pattern::Kind::kEither);
  EXPECT_EQ(results[0].alternatives.size(), 3u);
  EXPECT_EQ(results[1].bits[0], 4u);
  EXPECT_EQ(code_of("(assert_return (invoke \"f\") (either))"), vm::ErrorCode::kUnexpectedToken);
}

TEST(Script, ArgumentsAreConstants) {
  EXPECT_EQ(code_of("(invoke \"f\" (ref.func))"), vm::ErrorCode::kUnexpectedToken);
  EXPECT_EQ(code_of("(invoke \"f\" (f32.const nan:canonical))"), vm::ErrorCode::kUnexpectedToken);
  EXPECT_EQ(code_of("(invoke \"f\" (either (i32.const 1)))"), vm::ErrorCode::kUnexpectedToken);
}

TEST(Script, ErrorsOfTextModulesAreErrorsOfTheScript) {
  const std::string_view source = "(module)\n(assert_invalid (module (func (i32.nonsense))) \"x\")";
  const vm::Result<Script> script = read_script(source);
  ASSERT_FALSE(script);
  EXPECT_EQ(script.error().code, vm::ErrorCode::kUnknownOperator);
  EXPECT_EQ(script.error().offset, source.find("i32.nonsense"));
}

TEST(Script, MalformedFormsAreRejectedWhereTheyStand) {
  for (const std::string_view source :
       {"module", "(modul)", "()", "(invoke)", "(invoke \"f\" 1)", "(assert_return)", "(assert_return (invoke \"f\")",
        "(assert_trap (invoke \"f\"))", "(assert_malformed (module))", "(register)", "(script", "(module instance 1)",
        "(module binary 1)", ")", "(assert_unlinkable (invoke \"f\") \"x\")"}) {
    const vm::Result<Script> script = read_script(source);
    ASSERT_FALSE(script) << source;
    EXPECT_EQ(phase_of(script.error().code), vm::ErrorPhase::kMalformed) << source;
    EXPECT_LE(script.error().offset, source.size()) << source;
  }
}

TEST(Script, NestingCostsNoStack) {
  constexpr size_t kDepth = 200'000;
  std::string eithers = "(assert_return (invoke \"f\") ";
  std::string scripts;
  for (size_t i = 0; i < kDepth; ++i) {
    eithers += "(either ";
    scripts += "(script ";
  }
  eithers += "(i32.const 1)" + std::string(kDepth + 1, ')');
  scripts += "(invoke \"f\")" + std::string(kDepth, ')');
  EXPECT_THAT(kinds_of(read(eithers)), ElementsAre("assert_return"));
  EXPECT_THAT(kinds_of(read(scripts)), ElementsAre("invoke"));
}

}  // namespace
}  // namespace lunabeam::spectest
