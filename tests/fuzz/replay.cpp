// fuzz_replay: the fuzz targets without libFuzzer.
//   fuzz_replay script PATH...            every .wast file below the paths, whole
//   fuzz_replay binary PATH...            every .wasm file below the paths, and every module of the .wast files
//   fuzz_replay execute PATH...           the same modules, and every .choices file, executed
//   fuzz_replay write-seeds OUT SUITE...  fills OUT/script, OUT/binary, OUT/execute and OUT/script.dict
// A broken promise, failed check or sanitizer report ends the program; the input's name is the last line on standard error before it.
// Exit status: 0, 1 wrong usage, 77 no input at all.
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>

#include <unistd.h>

#include "tests/fuzz/entries.h"
#include "tests/fuzz/seeds.h"
#include "tests/support/random.h"

namespace {

namespace fs = std::filesystem;
using namespace lunabeam;  // NOLINT: a test's source file.

constexpr int kSkipped = 77;
constexpr size_t kPieceBytes = 4096;
constexpr size_t kMaxSeed = 65536;  // -max_len of tools/dev fuzz.
constexpr u32 kProgramSeeds = 300;

// Name of the input that is being run, for the handler.
char current[1024];

extern "C" void name_input(int signal) {
  (void)!write(STDERR_FILENO, "input: ", 7);
  (void)!write(STDERR_FILENO, current, std::strlen(current));
  (void)!write(STDERR_FILENO, "\n", 1);
  std::signal(signal, SIG_DFL);
  (void)std::raise(signal);
}

void remember(const std::string& name) {
  const size_t length = name.copy(current, sizeof current - 1);
  current[length] = '\0';
}

std::span<const u8> as_bytes(const std::string& text) {
  return {reinterpret_cast<const u8*>(text.data()), text.size()};
}

size_t replay_scripts(const std::vector<fs::path>& paths) {
  size_t count = 0;
  for (const fs::path& path : fuzz::files_below(paths, {".wast"})) {
    remember(path.string());
    fuzz::read_as_script(as_bytes(fuzz::read_file(path)));
    ++count;
  }
  return count;
}

// Distinct inputs, of `.wasm` and `.wast` files.
size_t for_each_binary(const std::vector<fs::path>& paths, const fuzz::SeedSink& sink) {
  std::set<std::string> seen;
  const auto once = [&](const std::string& name, std::span<const u8> input) {
    if (seen.emplace(reinterpret_cast<const char*>(input.data()), input.size()).second) sink(name, input);
  };
  for (const fs::path& path : fuzz::files_below(paths, {".wasm", ".wast"})) {
    const std::string content = fuzz::read_file(path);
    if (path.extension() == ".wasm") {
      once(path.string(), as_bytes(content));
    } else {
      fuzz::for_each_module(path.string(), content, once);
    }
  }
  return seen.size();
}

size_t replay_binaries(const std::vector<fs::path>& paths) {
  return for_each_binary(paths, [](const std::string& name, std::span<const u8> input) {
    remember(name);
    fuzz::read_as_binary(input);
  });
}

size_t replay_executions(const std::vector<fs::path>& paths) {
  size_t count = for_each_binary(paths, [](const std::string& name, std::span<const u8> input) {
    remember(name);
    fuzz::execute(input);
  });
  for (const fs::path& path : fuzz::files_below(paths, {".choices"})) {
    remember(path.string());
    fuzz::execute(as_bytes(fuzz::read_file(path)));
    ++count;
  }
  return count;
}

size_t write_seeds(const fs::path& out, const std::vector<fs::path>& suite) {
  fs::create_directories(out / "script");
  fs::create_directories(out / "binary");
  fs::create_directories(out / "execute");
  size_t count = 0;
  const auto keep = [&](const fs::path& folder, std::span<const u8> input, const char* extension) {
    if (input.size() > kMaxSeed) return;
    std::ofstream file(out / folder / fmt::format("{:05}{}", count++, extension), std::ios::binary);
    file.write(reinterpret_cast<const char*>(input.data()), static_cast<std::streamsize>(input.size()));
  };
  std::set<std::string> keywords;
  for (const fs::path& path : fuzz::files_below(suite, {".wast"})) {
    const std::string script = fuzz::read_file(path);
    fuzz::collect_keywords(script, keywords);
    fuzz::for_each_piece(path.string(), script, kPieceBytes,
                         [&](const std::string&, std::span<const u8> input) { keep("script", input, ".wast"); });
  }
  for_each_binary(suite, [&](const std::string&, std::span<const u8> input) {
    keep("binary", input, ".wasm");
    keep("execute", input, ".wasm");
  });
  tests::Random random(count);
  for (u32 i = 0; i < kProgramSeeds; ++i) {
    std::vector<u8> choices(64 + random.below(4096));
    for (u8& choice : choices) choice = static_cast<u8>(random.next());
    keep("execute", choices, ".choices");
  }
  std::ofstream dictionary(out / "script.dict");
  for (const std::string& keyword : keywords) dictionary << '"' << keyword << "\"\n";
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGABRT, name_input);
  const std::string_view verb = argc > 2 ? argv[1] : "";
  std::vector<fs::path> paths(argv + std::min(argc, 2), argv + argc);
  size_t count = 0;
  if (verb == "script") {
    count = replay_scripts(paths);
  } else if (verb == "binary") {
    count = replay_binaries(paths);
  } else if (verb == "execute") {
    count = replay_executions(paths);
  } else if (verb == "write-seeds" && paths.size() > 1) {
    const fs::path out = paths.front();
    paths.erase(paths.begin());
    count = write_seeds(out, paths);
  } else {
    fmt::print(stderr, "usage: fuzz_replay script|binary|execute PATH... | write-seeds OUT SUITE...\n");
    return 1;
  }
  fmt::print("{} inputs\n", count);
  if (count > 0) return 0;
  fmt::print("skipped: no input there\n");
  return kSkipped;
}
