// How fast text becomes a module and a module becomes text, in bytes of text per second. The module is a real one where the
// environment names it: LUNABEAM_TEXT_MODULE=<path to a .wasm file> (benchmarks/run fetches one); else a mix of operators as compilers
// emit it.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "vm/text/printer.h"
#include "vm/text/text.h"

namespace lunabeam {
namespace {

std::string typical_source() {
  std::string source = "(module $typical (memory 17) (global $sp (mut i32) (i32.const 1048576))\n";
  for (int i = 0; i < 20'000; ++i) {
    const std::string n = std::to_string(i);
    source +=
        "(func $f" + n + " (param i32) (result i32) (local i32 i64) global.get $sp i32.const 16 i32.sub local.tee 1";
    source += " block local.get 0 i32.load offset=" + n +
              " br_if 0 i64.const -0x1234567 local.set 2 f64.const 1.5e-07 drop end";
    source += " local.get 1 i32.const " + n + " i32.store8 align=1 local.get 0 call $f" + n + ")\n";
  }
  return source + ")";
}

std::vector<u8> read_file(const char* path) {
  std::vector<u8> bytes;
  std::FILE* const file = std::fopen(path, "rb");
  if (file == nullptr) return bytes;
  bytes.resize(std::filesystem::file_size(path));
  bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file));
  std::fclose(file);
  return bytes;
}

const std::vector<u8>& module_bytes() {
  static const std::vector<u8> bytes = [] {
    const char* const path = std::getenv("LUNABEAM_TEXT_MODULE");
    if (path != nullptr) return read_file(path);
    auto module = vm::text::read_module(typical_source());
    return module ? std::move(module->bytes) : std::vector<u8>();
  }();
  return bytes;
}

const std::string& module_text() {
  static const std::string text = vm::text::print_module(module_bytes()).value_or("");
  return text;
}

void BM_ReadText(benchmark::State& state) {
  const std::string& text = module_text();
  if (text.empty()) return state.SkipWithError("the module cannot be printed");
  for (auto step : state) {
    auto module = vm::text::read_module(text);
    if (!module) return state.SkipWithError(module.error().message().c_str());
    benchmark::DoNotOptimize(module->bytes.data());
  }
  state.SetBytesProcessed(static_cast<i64>(state.iterations() * text.size()));
  state.counters["binary_bytes"] = static_cast<double>(module_bytes().size());
  state.counters["text_bytes"] = static_cast<double>(text.size());
}
BENCHMARK(BM_ReadText)->Unit(benchmark::kMillisecond);

void BM_PrintText(benchmark::State& state) {
  if (module_text().empty()) return state.SkipWithError("the module cannot be printed");
  for (auto step : state) {
    auto text = vm::text::print_module(module_bytes());
    benchmark::DoNotOptimize(text->data());
  }
  state.SetBytesProcessed(static_cast<i64>(state.iterations() * module_text().size()));
}
BENCHMARK(BM_PrintText)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lunabeam
