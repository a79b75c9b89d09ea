// How fast sources are cut into tokens, in bytes per second. The source is folded and indented like a printed module. A real one can
// be named in the environment: LUNABEAM_LEX_SOURCE=<path to a .wat file>.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "vm/text/lexer.h"

namespace lunabeam {
namespace {

std::string typical_source() {
  std::string source = "(module\n";
  for (int i = 0; i < 20'000; ++i) {
    const std::string n = std::to_string(i);
    source += "  (func $_ZN4core3fmt9Formatter" + n + " (;" + n + ";) (type 7) (param $p0 i32) (result i32)\n";
    source += "    (local i32 i64)\n    global.get $__stack_pointer\n    i32.const 16\n    i32.sub\n    local.tee 1\n";
    source += "    block ;; label = @1\n      local.get 0\n      i32.load offset=" + n + "\n      br_if 0 (;@1;)\n";
    source += "      i64.const -0x1234567\n      local.set 2\n      f64.const 1.5e-07\n      drop\n    end\n";
    source += "    local.get 1\n    i32.const " + n + "\n    call $memcpy)\n";
  }
  source += "  (data (i32.const 1048576) \"";
  for (int i = 0; i < 20'000; ++i) source += "panicked at \\00\\01\\ff\\22";
  return source + "\"))\n";
}

void lex(benchmark::State& state, const std::string& source) {
  for (auto step : state) {
    auto buffer = vm::text::lex(source);
    if (!buffer) {
      state.SkipWithError(buffer.error().message().c_str());
      return;
    }
    benchmark::DoNotOptimize(buffer->tokens.data());
  }
  state.SetBytesProcessed(static_cast<i64>(state.iterations() * source.size()));
}

void BM_LexTypicalSource(benchmark::State& state) {
  static const std::string source = typical_source();
  lex(state, source);
}
BENCHMARK(BM_LexTypicalSource)->Unit(benchmark::kMillisecond);

void BM_LexNamedSource(benchmark::State& state) {
  const char* const path = std::getenv("LUNABEAM_LEX_SOURCE");
  std::FILE* const file = path != nullptr ? std::fopen(path, "rb") : nullptr;
  if (file == nullptr) {
    state.SkipWithError("LUNABEAM_LEX_SOURCE names no file");
    return;
  }
  std::string source(std::filesystem::file_size(path), '\0');
  source.resize(std::fread(source.data(), 1, source.size(), file));
  std::fclose(file);
  lex(state, source);
}
BENCHMARK(BM_LexNamedSource)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lunabeam
