// Runs of plain operators (validate/function_validator_plain.h) accept and reject what the general rules do, with the same words and
// places: the same bytes are loaded with runs and, by taking a feature away that the module does not use, without.
#include <gtest/gtest.h>

#include <string>

#include "tests/support/program_generator.h"
#include "tests/support/random.h"
#include "vm/module.h"

namespace lunabeam::vm {
namespace {

using tests::Bytes;
using tests::ProgramGenerator;
using tests::Random;

FeatureSet without_runs() {
  FeatureSet features = FeatureSet::supported();
  features.disable(Feature::kSignExtension);
  return features;
}

// "" for a module that is accepted, and the frames of its functions.
std::string load(const Bytes& bytes, FeatureSet features) {
  const auto module = Module::load(bytes, nullptr, features);
  if (!module) return module.error().message();
  std::string frames;
  for (const FuncBody& body : (*module)->bodies) {
    frames += std::to_string(body.max_num_slots) + "/" + std::to_string(body.max_ref_slots) + " ";
  }
  return frames;
}

// One byte, or one that begins a longer integer, or one more or less.
void mutate(Bytes& bytes, Random& random) {
  const u32 at = random.below(static_cast<u32>(bytes.size()));
  switch (random.below(5)) {
    case 0: bytes[at] = static_cast<u8>(random.next()); break;
    case 1: bytes[at] ^= static_cast<u8>(1u << random.below(8)); break;
    case 2: bytes[at] |= 0x80; break;
    case 3: bytes.insert(bytes.begin() + at, static_cast<u8>(random.below(0xC0))); break;
    default: bytes.resize(at + 1);
  }
}

TEST(PlainRuns, DecideLikeTheGeneralRules) {
  u32 accepted = 0;
  u32 rejected = 0;
  for (u64 seed = 1; seed <= 150; ++seed) {
    Random random(seed);
    const Bytes program = ProgramGenerator(seed, {.num_functions = 3,
                                                  .statements = 12,
                                                  .extra_locals = seed % 5 == 0 ? 300u : 0u,
                                                  .vectors = seed % 2 == 0,
                                                  .objects = seed % 3 == 0,
                                                  .exceptions = seed % 7 == 0,
                                                  .wide_memory = seed % 4 == 0})
                              .build();
    for (int variant = 0; variant < 40; ++variant) {
      Bytes bytes = program;
      for (int changes = variant; changes > 0; changes /= 4) mutate(bytes, random);
      const std::string plain = load(bytes, FeatureSet::supported());
      const std::string general = load(bytes, without_runs());
      if (general.find("sign-extension") != std::string::npos) continue;
      ASSERT_EQ(plain, general) << "seed " << seed << ", variant " << variant;
      ++(plain.find('/') != std::string::npos ? accepted : rejected);
    }
  }
  EXPECT_GT(accepted, 150u);
  EXPECT_GT(rejected, 1000u);
}

}  // namespace
}  // namespace lunabeam::vm
