// How fast functions are translated, validation and fusion included, in bytes of their bodies per second. The module is a guest named
// in the environment (LUNABEAM_LOAD_MODULE=<path to a .wasm file>), else a generated one.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "tests/support/program_generator.h"
#include "vm/host_function.h"
#include "vm/interp/translate_options.h"
#include "vm/module.h"

namespace lunabeam {
namespace {

const tests::Bytes& module_bytes() {
  static const tests::Bytes bytes = [] {
    if (const char* path = std::getenv("LUNABEAM_LOAD_MODULE")) {
      std::ifstream file(path, std::ios::binary);
      return tests::Bytes(std::istreambuf_iterator<char>(file), {});
    }
    return tests::ProgramGenerator(1, {.num_functions = 500, .statements = 400}).build();
  }();
  return bytes;
}

void translate(benchmark::State& state, vm::interp::TranslateOptions options) {
  u64 body_bytes = 0;
  u64 code_bytes = 0;
  for (auto step : state) {
    state.PauseTiming();
    auto loaded = vm::Module::load(module_bytes(), nullptr);
    if (!loaded) {
      state.SkipWithError(loaded.error().message().c_str());
      return;
    }
    const vm::Module& module = **loaded;
    state.ResumeTiming();
    for (u32 i = module.imported_funcs; i < module.func_types.size(); ++i) {
      benchmark::DoNotOptimize(vm::interp::translate_with(module.codes[i], options));
    }
    state.PauseTiming();
    body_bytes = code_bytes = 0;
    for (u32 i = module.imported_funcs; i < module.func_types.size(); ++i) {
      const vm::FuncBody& body = module.bodies[i - module.imported_funcs];
      body_bytes += body.end - body.begin;
      code_bytes += module.codes[i].storage_words * sizeof(vm::Insn);
    }
    loaded->reset();
    state.ResumeTiming();
  }
  state.SetBytesProcessed(static_cast<i64>(state.iterations() * body_bytes));
  state.counters["code_per_wasm"] = static_cast<double>(code_bytes) / static_cast<double>(body_bytes);
}

BENCHMARK_CAPTURE(translate, all, vm::interp::TranslateOptions{})->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(translate, without_fusion, vm::interp::TranslateOptions{.fusion = false})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lunabeam
