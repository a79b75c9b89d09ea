// The translator against itself: random programs must behave the same, reductions included, with and without its peepholes, short
// branches and superinstructions, in both dispatches, and when they are interrupted all the time.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <ostream>

#include "tests/support/program_generator.h"
#include "vm/interp/translate_options.h"
#include "vm/store.h"

namespace lunabeam::vm::interp {
namespace {

using tests::GeneratorOptions;
using tests::ProgramGenerator;

struct Variant {
  const char* name;
  TranslateOptions options;
  Dispatch dispatch;
  bool interrupted = false;
};

// What one invocation leaves behind.
struct Effect {
  Outcome::Kind kind;
  TrapKind trap;
  u64 reductions;
  std::vector<u64> values;
  u64 memory_hash;
  std::vector<u64> globals;

  friend bool operator==(const Effect&, const Effect&) = default;
};

void PrintTo(const Effect& effect, std::ostream* out) {
  *out << "kind " << static_cast<int>(effect.kind) << ", trap '" << text_of(effect.trap) << "', " << effect.reductions
       << " reductions, memory " << effect.memory_hash << ", values";
  for (const u64 value : effect.values) *out << ' ' << value;
  *out << ", globals";
  for (const u64 value : effect.globals) *out << ' ' << value;
}

// Which NaN it is, and which function in which copy of the module, is left open.
u64 comparable(ValType type, u64 value) {
  if (type == ValType::kF32 && std::isnan(std::bit_cast<f32>(static_cast<u32>(value)))) return 0x7FC0'0000;
  if (type == ValType::kF64 && std::isnan(std::bit_cast<f64>(value))) return 0x7FF8'0000'0000'0000;
  if (type.is_ref()) return value != 0 ? 1 : 0;
  return value;
}

class TranslateRandom : public testing::Test {
 protected:
  static std::vector<Effect> effects(const tests::Bytes& bytes, const std::vector<tests::GeneratedFunction>& functions,
                                     u64 seed, const Variant& run) {
    HostRegistry hosts;
    hosts.add(Store::spectest_functions());
    Result<std::shared_ptr<Module>> module = Module::load(bytes, &hosts);
    EXPECT_TRUE(module.has_value()) << module.error().message();
    if (!module) return {};
    for (u32 i = (*module)->imported_funcs; i < (*module)->func_types.size(); ++i) {
      EXPECT_NE(translate_with((*module)->codes[i], run.options), nullptr);
    }
    StoreOptions options;
    options.shared = false;
    options.dispatch = run.dispatch;
    options.stack_cap_bytes = 16 << 20;
    if (run.interrupted) {
      options.chunk_reductions = 1;
      options.yield_at_every_tick = true;
    }
    Store store(options);
    Result<Ctx*> instance = store.instantiate(*module);
    EXPECT_TRUE(instance.has_value()) << instance.error().message();
    if (!instance) return {};
    std::vector<Effect> all;
    tests::Random random(seed);
    for (u32 i = 0; i < functions.size(); ++i) {
      std::vector<u64> args;
      for (const char letter : functions[i].params) args.push_back(argument(letter, random));
      const Outcome outcome = store.invoke(**instance, "f" + std::to_string(i), args);
      Effect effect{outcome.kind, outcome.trap.kind, outcome.reductions, {}, 0, {}};
      for (size_t k = 0; k < outcome.values.size(); ++k)
        effect.values.push_back(comparable(outcome.types[k], outcome.values[k]));
      for (u64 at = 0; at < (*instance)->mem0_limit; ++at)
        effect.memory_hash = effect.memory_hash * 31 + (*instance)->mem0[at];
      for (u32 global = 0; global < ProgramGenerator::kNumGlobals; ++global) {
        effect.globals.push_back(comparable((*module)->globals[global].type.type, (*instance)->globals[global]));
      }
      (*instance)->globals[0] = 300;  // Fuel for the next one.
      all.push_back(effect);
    }
    return all;
  }

  static u64 argument(char letter, tests::Random& random) {
    const u64 bits = random.next() >> random.below(64);
    switch (letter) {
      case 'i': return static_cast<u32>(bits);
      case 'f': return std::bit_cast<u32>(static_cast<f32>(static_cast<i32>(bits)) / 8);
      case 'F': return std::bit_cast<u64>(static_cast<f64>(static_cast<i64>(bits)) / 8);
      case 'r': return 0;
      default: return bits;
    }
  }

  static void compare(u64 seed, GeneratorOptions generator_options) {
    static constexpr TranslateOptions kPlain{.peepholes = false, .short_branches = false, .fusion = false};
    static constexpr TranslateOptions kUnfused{.peepholes = true, .short_branches = true, .fusion = false};
    static constexpr TranslateOptions kLong{.peepholes = true, .short_branches = false, .fusion = true};
    ProgramGenerator generator(seed, generator_options);
    const tests::Bytes bytes = generator.build();
    const std::vector<Effect> expected =
        effects(bytes, generator.functions(), seed, {"plain", kPlain, Dispatch::kStep});
    std::vector<Variant> runs = {
        {"unfused, step", kUnfused, Dispatch::kStep},    {"all, step", {}, Dispatch::kStep},
        {"all, interrupted", {}, Dispatch::kStep, true}, {"plain, interrupted", kPlain, Dispatch::kStep, true},
        {"long branches", kLong, kDefaultDispatch},
    };
    if (has_dispatch(Dispatch::kTail)) {
      runs.push_back({"unfused, tail", kUnfused, Dispatch::kTail});
      runs.push_back({"all, tail", {}, Dispatch::kTail});
    }
    for (const Variant& run : runs) {
      const std::vector<Effect> found = effects(bytes, generator.functions(), seed, run);
      ASSERT_EQ(expected.size(), found.size());
      for (size_t i = 0; i < found.size(); ++i)
        ASSERT_EQ(expected[i], found[i]) << "seed " << seed << ", f" << i << ", " << run.name;
    }
  }

  // More programs on demand: LUNABEAM_RANDOM_PROGRAMS in the environment.
  static u64 programs(u64 usual) {
    const char* text = std::getenv("LUNABEAM_RANDOM_PROGRAMS");
    return text != nullptr ? std::strtoull(text, nullptr, 10) : usual;
  }
};

TEST_F(TranslateRandom, short_programs) {
  for (u64 seed = 0; seed < programs(250) && !HasFatalFailure(); ++seed)
    compare(seed, {.num_functions = 4, .statements = 20});
}

TEST_F(TranslateRandom, long_programs) {
  for (u64 seed = 0; seed < programs(60) && !HasFatalFailure(); ++seed) {
    compare(1'000'000 + seed, {.num_functions = 6, .statements = 150});
  }
}

// Operands beyond 65,535 and loops above 256 operators.
TEST_F(TranslateRandom, wide_frames) {
  for (u64 seed = 0; seed < programs(4) && !HasFatalFailure(); ++seed) {
    compare(2'000'000 + seed, {.num_functions = 3, .statements = 80, .extra_locals = 49'900, .extra_operands = 17'000});
  }
}

}  // namespace
}  // namespace lunabeam::vm::interp
