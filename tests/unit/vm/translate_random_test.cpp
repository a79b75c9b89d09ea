// The translator against itself: random programs must behave the same, reductions included, with and without its peepholes, short
// branches and superinstructions, in both dispatches, and when they are interrupted all the time.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <ostream>
#include <utility>

#include "tests/differential/checksum.h"
#include "tests/differential/values.h"
#include "tests/support/generator_profiles.h"
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
  std::string values;
  u32 memory_hash;
  std::vector<std::string> globals;

  friend bool operator==(const Effect&, const Effect&) = default;
};

void PrintTo(const Effect& effect, std::ostream* out) {
  *out << "kind " << static_cast<int>(effect.kind) << ", trap '" << text_of(effect.trap) << "', " << effect.reductions
       << " reductions, memory " << effect.memory_hash << ", values " << effect.values << ", globals";
  for (const std::string& value : effect.globals) *out << ' ' << value;
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
      EXPECT_TRUE(store.invoke(**instance, "r" + std::to_string(i)).returned());  // Fuel.
      std::vector<u64> args;
      for (const char letter : functions[i].params) {
        args.push_back(argument(letter, random));
        if (letter == 'v') args.push_back(random.next());
      }
      const Outcome outcome = store.invoke(**instance, "f" + std::to_string(i), args);
      Effect effect{outcome.kind, outcome.trap.kind, outcome.reductions, {}, 0, {}};
      effect.values = differential::describe(outcome.types, outcome.values);
      effect.memory_hash = differential::crc32({(*instance)->mem0, (*instance)->mem0_limit});
      for (size_t global = 0; global < (*module)->globals.size(); ++global) {
        const u64* const value = (*instance)->globals + (*module)->global_offsets[global];
        effect.globals.push_back(differential::describe((*module)->globals[global].type.type, value));
      }
      all.push_back(std::move(effect));
    }
    return all;
  }

  static u64 argument(char letter, tests::Random& random) {
    const u64 bits = random.next() >> random.below(64);
    switch (letter) {
      case 'i': return static_cast<u32>(bits);
      case 'I':
      case 'v': return bits;
      case 'f': return std::bit_cast<u32>(static_cast<f32>(static_cast<i32>(bits)) / 8);
      case 'F': return std::bit_cast<u64>(static_cast<f64>(static_cast<i64>(bits)) / 8);
      default: return 0;
    }
  }

  static void compare(u64 seed, GeneratorOptions generator_options) {
    static constexpr TranslateOptions kPlain{.peepholes = false, .short_branches = false, .fusion = false};
    static constexpr TranslateOptions kUnfused{.peepholes = true, .short_branches = true, .fusion = false};
    static constexpr TranslateOptions kLong{.peepholes = true, .short_branches = false, .fusion = true};
    generator_options.exports_all = true;
    ProgramGenerator generator(seed, generator_options);
    const tests::Bytes bytes = generator.build();
    std::vector<Variant> runs = {
        {"plain, step", kPlain, Dispatch::kStep},
        {"unfused, step", kUnfused, Dispatch::kStep},
        {"all, step", {}, Dispatch::kStep},
        {"all, interrupted", {}, Dispatch::kStep, true},
        {"plain, interrupted", kPlain, Dispatch::kStep, true},
        {"long branches", kLong, kDefaultDispatch},
    };
    if (has_dispatch(Dispatch::kTail)) {
      runs.push_back({"unfused, tail", kUnfused, Dispatch::kTail});
      runs.push_back({"all, tail", {}, Dispatch::kTail});
    }
    // What the collector charges depends on what it finds in slots whose operand is dead: on the code, but not on how it is run.
    const bool same_charges = !generator_options.objects && !generator_options.exceptions;
    std::vector<Effect> expected;
    std::vector<std::pair<TranslateOptions, std::vector<Effect>>> by_code;
    for (const Variant& run : runs) {
      const std::vector<Effect> found = effects(bytes, generator.functions(), seed, run);
      const auto same_code = std::ranges::find(by_code, run.options, &decltype(by_code)::value_type::first);
      if (same_code != by_code.end()) {
        expect_same(same_code->second, found, true, seed, run.name);
      } else {
        if (expected.empty()) expected = found;
        expect_same(expected, found, same_charges, seed, run.name);
        by_code.emplace_back(run.options, found);
      }
      if (HasFatalFailure()) return;
    }
  }

  static void expect_same(const std::vector<Effect>& expected, const std::vector<Effect>& found, bool with_reductions,
                          u64 seed, const char* name) {
    ASSERT_EQ(expected.size(), found.size());
    for (size_t i = 0; i < found.size(); ++i) {
      Effect effect = found[i];
      if (!with_reductions) effect.reductions = expected[i].reductions;
      ASSERT_EQ(expected[i], effect) << "seed " << seed << ", f" << i << ", " << name;
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

// Everything at once: vectors, objects that move, exceptions through tail calls, growing stacks.
TEST_F(TranslateRandom, mixed_programs) {
  for (u64 seed = 0; seed < programs(300) && !HasFatalFailure(); ++seed)
    compare(seed, *tests::profile_options("mixed", seed));
}

TEST_F(TranslateRandom, deep_programs) {
  for (u64 seed = 0; seed < programs(100) && !HasFatalFailure(); ++seed)
    compare(seed, *tests::profile_options("deep", seed));
}

TEST_F(TranslateRandom, vector_programs) {
  for (u64 seed = 0; seed < programs(100) && !HasFatalFailure(); ++seed)
    compare(seed, *tests::profile_options("numbers", seed));
}

// Operands beyond 65,535 and loops above 256 operators.
TEST_F(TranslateRandom, wide_frames) {
  for (u64 seed = 0; seed < programs(2) && !HasFatalFailure(); ++seed) {
    compare(2'000'000 + seed, {.num_functions = 3, .statements = 80, .extra_locals = 49'900, .extra_operands = 17'000});
    compare(3'000'000 + seed, {.num_functions = 3,
                               .statements = 80,
                               .extra_locals = 49'900,
                               .extra_operands = 17'000,
                               .vectors = true,
                               .objects = true,
                               .exceptions = true});
  }
}

}  // namespace
}  // namespace lunabeam::vm::interp
