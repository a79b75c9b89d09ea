// lunabeam_differential: what modules do, in every tier, to compare with other engines (run.py).
//   lunabeam_differential run [--provider FILE] FILE...
//       For every module: `module FILE`, the lines of its observation (observation.h) in the first tier, what each other way of running
//       it does differently, and `end REDUCTIONS COLLECTIONS STACK-MOVES`.
//           differs WAY: LINE | LINE     the first line that differs, here and there, with reductions
//   lunabeam_differential validate FILE...
//       For every module `valid` or `rejected PHASE: MESSAGE` between the same two lines. Without the legacy exceptions, which no other
//       engine takes together with the others.
//   lunabeam_differential generate PROFILE SEED COUNT FOLDER
//       Writes FOLDER/PROFILE-SEED.wasm for COUNT seeds from SEED on. Profiles: tests/support/generator_profiles.h.
// FILEs end in .wasm (binary) or .wat (text). Exit status: 0 also when something differs; 1: wrong usage or a file cannot be read.
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/differential/checksum.h"
#include "tests/differential/observation.h"
#include "tests/support/generator_profiles.h"
#include "vm/module.h"
#include "vm/text/source_text.h"
#include "vm/text/text.h"

namespace {

namespace fs = std::filesystem;
using namespace lunabeam;  // NOLINT: a test's source file.
using differential::Observation;
using differential::ObserveOptions;

using Bytes = std::vector<u8>;

std::optional<Bytes> read_module(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  Bytes bytes{std::istreambuf_iterator<char>(file), {}};
  if (path.extension() != ".wat") return bytes;
  const std::string_view source(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  vm::Result<vm::text::BinaryModule> read = vm::text::read_module(source);
  if (!read) {
    fmt::print(stderr, "{}: {}\n", path.string(), vm::text::describe(read.error(), source));
    return std::nullopt;
  }
  return std::move(read->bytes);
}

void run_module(const std::string& name, const Bytes& bytes, ObserveOptions options) {
  fmt::print("module {}\n", name);
  std::fflush(stdout);  // Names the module that ends the program.
  options.seed = differential::crc32(bytes);
  std::optional<Observation> first;
  for (const differential::Way& way : differential::ways()) {
    options.dispatch = way.dispatch;
    options.interrupted = way.interrupted;
    Observation found = differential::observe(bytes, options);
    if (!first) {
      for (const std::string& line : found.lines) fmt::print("{}\n", line);
      first = std::move(found);
    } else if (!found.same_as(*first)) {
      fmt::print("differs {}: {}\n", way.name, first->difference(found));
    }
  }
  u64 reductions = 0;
  for (const u64 charged : first->reductions) reductions += charged;
  fmt::print("end {} {} {}\n", reductions, first->collections, first->stack_moves);
}

int validate(const std::vector<std::string>& arguments) {
  vm::FeatureSet features = vm::FeatureSet::supported();
  features.disable(vm::Feature::kLegacyExceptions);
  for (const std::string& name : arguments) {
    std::optional<Bytes> bytes = read_module(name);
    if (!bytes) return 1;
    fmt::print("module {}\n", name);
    std::fflush(stdout);
    const vm::Result<std::shared_ptr<vm::Module>> module = vm::Module::load(*std::move(bytes), nullptr, features);
    fmt::print("{}\nend 0 0 0\n", module ? "valid" : differential::describe_rejection(module.error()));
  }
  return 0;
}

int run(std::vector<std::string> arguments) {
  Bytes provider;
  if (arguments.size() > 1 && arguments[0] == "--provider") {
    std::optional<Bytes> bytes = read_module(arguments[1]);
    if (!bytes) return 1;
    provider = *std::move(bytes);
    arguments.erase(arguments.begin(), arguments.begin() + 2);
  }
  ObserveOptions options;
  options.provider = provider;
  for (const std::string& name : arguments) {
    const std::optional<Bytes> bytes = read_module(name);
    if (!bytes) {
      fmt::print(stderr, "cannot read {}\n", name);
      return 1;
    }
    run_module(name, *bytes, options);
  }
  return 0;
}

int generate(std::string_view profile, u64 first, u64 count, const fs::path& folder) {
  for (u64 seed = first; seed < first + count; ++seed) {
    const std::optional<tests::GeneratorOptions> options = tests::profile_options(profile, seed);
    if (!options) {
      fmt::print(stderr, "unknown profile: {}\n", profile);
      return 1;
    }
    const Bytes bytes = tests::ProgramGenerator(seed, *options).build();
    std::ofstream file(folder / fmt::format("{}-{}.wasm", profile, seed), std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!file) {
      fmt::print(stderr, "cannot write to {}\n", folder.string());
      return 1;
    }
  }
  return 0;
}

std::optional<u64> parse_number(std::string_view text) {
  u64 value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view verb = argc > 1 ? argv[1] : "";
  const std::vector<std::string> arguments(argv + std::min(argc, 2), argv + argc);
  if (verb == "run" && !arguments.empty()) return run(arguments);
  if (verb == "validate" && !arguments.empty()) return validate(arguments);
  if (verb == "generate" && arguments.size() == 4) {
    const std::optional<u64> first = parse_number(arguments[1]), count = parse_number(arguments[2]);
    if (first && count) return generate(arguments[0], *first, *count, arguments[3]);
  }
  fmt::print(stderr,
             "usage: lunabeam_differential run [--provider FILE] FILE...\n"
             "       lunabeam_differential validate FILE...\n"
             "       lunabeam_differential generate PROFILE SEED COUNT FOLDER\n");
  return 1;
}
