#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include "tests/differential/checksum.h"
#include "tests/differential/observation.h"
#include "tests/fuzz/entries.h"
#include "tests/support/generator_profiles.h"

namespace lunabeam::fuzz {
namespace {

constexpr std::array<u8, 4> kMagic{0, 'a', 's', 'm'};

// The fewer, the more inputs; programs of the generator are not stopped by them usually.
constexpr u64 kReductionsPerCall = 50'000;
constexpr u32 kCalls = 24;
constexpr u64 kMemoryBytes = u64{8} << 20;
constexpr u64 kStackBytes = u64{256} << 10;

// The first nine bytes say what kind of program it is.
tests::Bytes generate(std::span<const u8> choices) {
  static constexpr std::string_view kProfiles[] = {"mixed", "deep", "numbers"};
  tests::Random random(choices);
  const std::string_view profile = kProfiles[random.below(std::size(kProfiles))];
  tests::Random dials(random.next());
  const tests::GeneratorOptions options = *tests::profile_options(profile, dials);
  return tests::ProgramGenerator(random, options).build();
}

[[noreturn, gnu::cold]] void broken(std::string_view promise, std::string_view detail) {
  fmt::print(stderr, "broken promise: {}: {}\n", promise, detail);
  std::fflush(stderr);
  std::abort();
}

}  // namespace

void execute(std::span<const u8> input) {
  const bool is_module = input.size() >= kMagic.size() && std::ranges::equal(input.first(kMagic.size()), kMagic);
  const tests::Bytes generated = is_module ? tests::Bytes() : generate(input);
  const std::span<const u8> module = is_module ? input : std::span<const u8>(generated);

  differential::ObserveOptions options;
  options.seed = differential::crc32(module);
  options.reduction_limit = kReductionsPerCall;
  options.max_calls = kCalls;
  options.memory_limit_bytes = kMemoryBytes;
  options.stack_cap_bytes = kStackBytes;
  std::optional<differential::Observation> first;
  for (const differential::Way& way : differential::ways()) {
    options.dispatch = way.dispatch;
    options.interrupted = way.interrupted;
    differential::Observation found = differential::observe(module, options);
    if (!first) {
      first = std::move(found);
      const std::string& line = first->lines[0];
      if (!line.starts_with("rejected ")) continue;
      if (!is_module && !line.starts_with("rejected limit")) broken("generated programs are valid", line);
      return;
    }
    if (!first->same_as(found))
      broken("all ways of running do the same", fmt::format("{}: {}", way.name, first->difference(found)));
  }
}

}  // namespace lunabeam::fuzz
