// What each command must do: a script that is right passes whole, and each wrong expectation fails.
#include "tools/lunabeam-spectest/executor.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tools/lunabeam-spectest/script.h"
#include "tools/lunabeam-spectest/tier.h"

namespace lunabeam::spectest {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct Listener final : ExecutionObserver {
  void begins(const Command&) override { ++begun; }
  void passed(const Command&) override { ++passes; }
  void failed(Failure failure) override { failures.push_back(std::move(failure)); }
  void text_differs(TextDifference difference) override { texts.push_back(std::move(difference)); }

  size_t begun = 0;
  size_t passes = 0;
  std::vector<Failure> failures;
  std::vector<TextDifference> texts;
};

class Execution : public testing::TestWithParam<Tier> {
 protected:
  Listener run(const std::string& source, bool only_validate = false,
               vm::FeatureSet features = vm::FeatureSet::supported()) {
    Listener listener;
    const vm::Result<Script> script = read_script(source);
    EXPECT_TRUE(script) << script.error().message();
    if (!script) return listener;
    EXPECT_TRUE(execute(
        *script, {.dispatch = GetParam().dispatch, .features = features, .only_validate = only_validate}, listener));
    EXPECT_EQ(listener.begun, script->commands.size());
    EXPECT_EQ(listener.passes + listener.failures.size(), listener.begun);
    return listener;
  }
  // What the last command of a script failed with; "" when it passed.
  std::string failure_of(const std::string& command) {
    const Listener listener = run(std::string(kModule) + command);
    if (listener.failures.empty()) return "";
    EXPECT_THAT(listener.failures, SizeIs(1));
    return listener.failures[0].expected + " | " + listener.failures[0].actual;
  }

  static vm::FeatureSet without_exceptions() {
    vm::FeatureSet features = vm::FeatureSet::supported();
    features.disable(vm::Feature::kExceptions);
    return features;
  }

  static constexpr std::string_view kModule = R"wast((module $m
    (memory 1) (table 2 funcref) (type $v (func))
    (global (export "g") i32 (i32.const 42))
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "two") (result i32 f64) (i32.const 1) (f64.const 2))
    (func (export "nothing"))
    (func (export "same") (param externref) (result externref) (local.get 0))
    (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
    (func (export "call") (param i32) (call_indirect (type $v) (local.get 0)))
    (func $r (export "recurse") (call $r))))wast";
};

TEST_P(Execution, RightExpectationsPass) {
  const Listener listener = run(std::string(kModule) + R"wast(
    (assert_return (invoke "add" (i32.const 1) (i32.const 2)) (i32.const 3))
    (assert_return (invoke "two") (i32.const 1) (f64.const 2))
    (assert_return (invoke "nothing"))
    (assert_return (get "g") (i32.const 42))
    (assert_return (invoke "same" (ref.extern 3)) (ref.extern 3))
    (assert_return (invoke "same" (ref.null extern)) (ref.null))
    (assert_return (invoke $m "add" (i32.const 1) (i32.const 2)) (either (i32.const 0) (i32.const 3)))
    (invoke "nothing") (get "g")
    (assert_trap (invoke "load" (i32.const 65536)) "out of bounds memory access")
    (assert_trap (invoke "call" (i32.const 1)) "uninitialized element 1")
    (assert_trap (invoke "call" (i32.const 1)) "uninitialized element")
    (assert_trap (invoke "call" (i32.const 2)) "undefined element")
    (assert_exhaustion (invoke "recurse") "call stack exhausted")
    (assert_return (invoke "nothing"))
    (assert_trap (module (func $f (unreachable)) (start $f)) "unreachable")
    (assert_trap (module (memory 1) (data (i32.const 65536) "x")) "out of bounds memory access")
    (assert_invalid (module (func (result i32))) "type mismatch")
    (assert_malformed (module quote "(func (nonsense))") "unknown operator")
    (assert_malformed (module binary "\00as") "unexpected end")
    (assert_unlinkable (module (import "m" "x" (func))) "unknown import")
    (register "m" $m)
    (assert_unlinkable (module (import "m" "g" (func))) "incompatible import type")
    (assert_unlinkable (module (import "spectest" "unknown" (func))) "unknown import")
    (module (import "m" "g" (global i32)) (import "spectest" "print_i32" (func $p (param i32)))
      (import "spectest" "global_i32" (global $s i32)) (import "spectest" "table" (table 10 20 funcref))
      (import "spectest" "memory" (memory 1 2))
      (func (export "run") (result i32) (call $p (i32.const 1)) (global.get $s)))
    (assert_return (invoke "run") (i32.const 666))
    (assert_return (invoke $m "nothing")))wast");
  EXPECT_THAT(listener.failures, IsEmpty()) << listener.failures[0].expected << " | " << listener.failures[0].actual;
  EXPECT_EQ(listener.passes, 28u);
}

TEST_P(Execution, WrongExpectationsFail) {
  EXPECT_EQ(failure_of("(assert_return (invoke \"add\" (i32.const 1) (i32.const 2)) (i32.const 4))"),
            "returned (i32.const 4) | returned (i32.const 3)");
  EXPECT_EQ(failure_of("(assert_return (invoke \"two\") (i32.const 1))"),
            "returned (i32.const 1) | returned (i32.const 1) (f64.const 2)");
  EXPECT_EQ(failure_of("(assert_return (invoke \"load\" (i32.const -1)) (i32.const 0))"),
            "returned (i32.const 0) | trapped: out of bounds memory access");
  EXPECT_EQ(failure_of("(assert_return (invoke \"missing\"))"), "returned nothing | no such export");
  EXPECT_EQ(failure_of("(invoke \"call\" (i32.const 1))"), "to return | trapped: uninitialized element 1");
  EXPECT_EQ(failure_of("(get \"add\")"), "to return | no such export");
  EXPECT_EQ(failure_of("(assert_trap (invoke \"nothing\") \"unreachable\")"),
            "trapped: unreachable | returned nothing");
  EXPECT_EQ(failure_of("(assert_trap (invoke \"call\" (i32.const 1)) \"unreachable\")"),
            "trapped: unreachable | trapped: uninitialized element 1");
  EXPECT_EQ(failure_of("(assert_trap (invoke \"call\" (i32.const 1)) \"uninitialized element 2\")"),
            "trapped: uninitialized element 2 | trapped: uninitialized element 1");
  EXPECT_EQ(failure_of("(assert_trap (invoke \"recurse\") \"call stack exhausted\")"),
            "trapped: call stack exhausted | trapped: call stack exhausted");
  EXPECT_EQ(failure_of("(assert_exhaustion (invoke \"call\" (i32.const 1)) \"uninitialized element\")"),
            "trapped: uninitialized element | trapped: uninitialized element 1");
  EXPECT_EQ(failure_of("(assert_exception (invoke \"nothing\"))"), "an exception | returned nothing");
  EXPECT_EQ(failure_of("(assert_exception (invoke \"recurse\"))"), "an exception | trapped: call stack exhausted");
  EXPECT_EQ(failure_of("(assert_trap (module) \"unreachable\")"), "trapped: unreachable | an instance");
  EXPECT_EQ(failure_of("(assert_unlinkable (module) \"unknown import\")"), "unlinkable: unknown import | an instance");
  EXPECT_EQ(failure_of("(assert_invalid (module) \"type mismatch\")"), "invalid: type mismatch | a valid module");
  EXPECT_THAT(failure_of("(assert_invalid (module quote \"(func (nonsense))\") \"type mismatch\")"),
              HasSubstr("invalid: type mismatch | malformed: unknown operator"));
  EXPECT_THAT(failure_of("(assert_malformed (module quote \"(func (result i32))\") \"type mismatch\")"),
              HasSubstr("malformed: type mismatch | invalid: type mismatch"));
  EXPECT_THAT(failure_of("(assert_unlinkable (module (func (result i32))) \"unknown import\")"),
              HasSubstr("unlinkable: unknown import | invalid: type mismatch"));
  EXPECT_THAT(failure_of("(assert_trap (module (import \"x\" \"y\" (func))) \"unreachable\")"),
              HasSubstr("trapped: unreachable | unlinkable: unknown import"));
  EXPECT_EQ(failure_of("(invoke \"add\" (i32.const 1))"),
            "arguments that fit (func (param i32 i32) (result i32)) | got (i32.const 1)");
  EXPECT_EQ(failure_of("(invoke \"same\" (i32.const 1))"),
            "arguments that fit (func (param (ref null extern)) (result (ref null extern))) | got (i32.const 1)");
  EXPECT_EQ(failure_of("(input \"file\")"), "to run | the runner has no such command");
}

TEST_P(Execution, DefinitionsAreInstantiatedOnTheirOwn) {
  const Listener listener = run(R"wast(
    (module definition $d (global $g (mut i32) (i32.const 0))
      (func (export "inc") (result i32) (global.set $g (i32.add (global.get $g) (i32.const 1))) (global.get $g)))
    (module instance $a $d) (module instance $b $d) (module instance)
    (assert_return (invoke $a "inc") (i32.const 1))
    (assert_return (invoke $a "inc") (i32.const 2))
    (assert_return (invoke $b "inc") (i32.const 1))
    (assert_return (invoke "inc") (i32.const 1))
    (module definition (memory 65536)))wast");
  EXPECT_THAT(listener.failures, IsEmpty());
}

TEST_P(Execution, SideEffectsOfATrappedInstantiationStay) {
  const Listener listener = run(R"wast(
    (module $m (memory (export "mem") 1) (func (export "load") (result i32) (i32.load8_u (i32.const 0))))
    (register "m" $m)
    (assert_trap (module (import "m" "mem" (memory 1)) (data (i32.const 0) "a") (data (i32.const 65536) "b"))
      "out of bounds memory access")
    (assert_return (invoke "load") (i32.const 97)))wast");
  EXPECT_THAT(listener.failures, IsEmpty());
}

TEST_P(Execution, WhatDependsOnAFailedModuleFailsForItsReason) {
  const Listener listener = run(R"wast(
    (module $ok (func (export "f")))
    (register "n")
    (module $m (tag) (func (export "f")))
    (invoke "f")
    (invoke $m "f")
    (register "n" $m)
    (module (import "n" "f" (func)))
    (assert_unlinkable (module (import "n" "f" (global i32))) "incompatible import type")
    (invoke $nobody "f")
    (invoke $ok "f"))wast",
                                false, without_exceptions());
  ASSERT_THAT(listener.failures, SizeIs(7));
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(listener.failures[i].reason, "needs exceptions") << i;
  EXPECT_EQ(listener.failures[6].reason, "there is none");
  EXPECT_EQ(listener.failures[3].line, 7u);
  EXPECT_EQ(listener.failures[3].kind, CommandKind::kRegister);
}

TEST_P(Execution, ExceptionsAndTrapsAreNeverTakenForEachOther) {
  const Listener listener = run(R"wast(
    (module (tag $e (param i32))
      (func (export "throw") (throw $e (i32.const 5)))
      (func (export "trap") (unreachable)))
    (assert_exception (invoke "throw"))
    (assert_trap (invoke "throw") "uncaught exception")
    (assert_exception (invoke "trap"))
    (assert_return (invoke "throw"))
    (assert_trap (module (tag $e) (func $f (throw $e)) (start $f)) "uncaught exception"))wast");
  ASSERT_THAT(listener.failures, SizeIs(3));
  EXPECT_THAT(listener.failures[0].actual, HasSubstr("threw tag 0"));
  EXPECT_EQ(listener.failures[1].actual, "trapped: unreachable");
}

TEST_P(Execution, AMissingFeatureIsNoRejection) {
  const Listener listener =
      run("(assert_invalid (module (tag) (func (result i32))) \"type mismatch\")", false, without_exceptions());
  ASSERT_THAT(listener.failures, SizeIs(1));
  EXPECT_EQ(listener.failures[0].reason, "needs exceptions");
}

TEST_P(Execution, OtherSentencesOfTheRightClassAreNoted) {
  const Listener listener = run("(assert_invalid (module (func (result i32))) \"something else\")");
  EXPECT_THAT(listener.failures, IsEmpty());
  ASSERT_THAT(listener.texts, SizeIs(1));
  EXPECT_EQ(listener.texts[0].expected, "something else");
}

TEST_P(Execution, ValidationOnlyRunsNothing) {
  const Listener listener = run(R"wast(
    (module (func $f (unreachable)) (start $f)) (module (tag)) (invoke "nothing") (assert_return (invoke "x") (i32.const 1))
    (module quote "(func (result i32))")
    (assert_invalid (module (func (result i32))) "type mismatch")
    (assert_malformed (module) "unexpected end"))wast",
                                true);
  ASSERT_THAT(listener.failures, SizeIs(2));
  EXPECT_EQ(listener.failures[0].kind, CommandKind::kModuleQuote);
  EXPECT_EQ(listener.failures[1].kind, CommandKind::kAssertMalformed);
}

INSTANTIATE_TEST_SUITE_P(Tiers, Execution, testing::ValuesIn(available_tiers()), [](const auto& instance) {
  std::string name(instance.param.name);
  name.erase(name.find('-'), 1);
  return name;
});

}  // namespace
}  // namespace lunabeam::spectest
