// What random programs are made of, by name, for runs with many seeds.
#pragma once

#include <optional>
#include <string_view>

#include "tests/support/program_generator.h"

namespace lunabeam::tests {

// The options of a program of a profile; nullopt: there is no such profile.
//   mixed    a little of everything; which features a program has depends on the seed
//   deep     recursion with references in every frame while the collector runs, exceptions through tail calls, growing stacks
//   numbers  numbers, vectors and memories only: longest in plain code
[[nodiscard]] inline std::optional<GeneratorOptions> profile_options(std::string_view profile, Random& random) {
  GeneratorOptions options;
  options.exports_all = true;
  // Small ones mostly: they are many, and what they show is easy to see.
  options.num_functions = 1 + random.below(random.chance(10) ? 9 : 3);
  options.statements = 8 + random.below(random.chance(5) ? 200 : 24);
  if (profile == "mixed") {
    options.vectors = random.chance(70);
    options.objects = random.chance(60);
    options.exceptions = random.chance(60);
    options.wide_memory = random.chance(50);
    options.calls = random.chance(50) ? 1 + random.below(200) : 0;
  } else if (profile == "deep") {
    options.vectors = random.chance(50);
    options.objects = true;
    options.exceptions = random.chance(70);
    options.calls = 100 + random.below(1500);
    options.extra_locals = random.chance(10) ? random.below(3000) : 0;
  } else if (profile == "numbers") {
    options.vectors = true;
    options.wide_memory = random.chance(50);
    options.statements *= 2;
  } else {
    return std::nullopt;
  }
  return options;
}
[[nodiscard]] inline std::optional<GeneratorOptions> profile_options(std::string_view profile, u64 seed) {
  Random random(seed ^ 0x5EED);
  return profile_options(profile, random);
}

}  // namespace lunabeam::tests
