// How fast modules are decoded and validated, in bytes per second. The operators are a mix as compilers emit it; the module's size
// is that of a large program. A prebuilt guest can be named in the environment: LUNABEAM_LOAD_MODULE=<path to a .wasm file>.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>

#include "tests/support/module_builder.h"
#include "vm/decode/module_decoder.h"
#include "vm/module.h"

namespace lunabeam {
namespace {

using tests::Bytes;
using tests::seq;

// One function of about 1.6 KB: loads, stores, arithmetic, constants, blocks, branches and calls.
Bytes typical_body() {
  const Bytes step = seq({
      {0x20, 0, 0x41, 0x10, 0x6A, 0x22, 2},                             // local.get, i32.const, i32.add, local.tee
      {0x28, 2, 8, 0x20, 1, 0x6B, 0x21, 3},                             // i32.load, local.get, i32.sub, local.set
      {0x02, 0x40, 0x20, 3, 0x45, 0x0D, 0},                             // block, i32.eqz, br_if
      {0x20, 2, 0x20, 3, 0x41, 0xFF, 0x01, 0x71, 0x36, 2, 0x0C, 0x0B},  // i32.and, i32.store, end
      {0x20, 0, 0x41, 0x80, 0x80, 0xC0, 0x00, 0x48, 0x04, 0x40},        // i32.lt_s, if
      {0x20, 2, 0x29, 3, 0x18, 0x42, 1, 0x7C, 0x21, 4, 0x0B},           // i64.load, i64.add, end
      {0x20, 2, 0x20, 1, 0x10, 0, 0x1A},                                // call, drop
  });
  Bytes body;
  for (int i = 0; i < 24; ++i) tests::append(body, step);
  tests::append(body, {0x20, 3});
  return body;
}

const Bytes& typical_module() {
  static const Bytes module = [] {
    tests::ModuleBuilder builder;
    builder.memory(1);
    const u32 type = builder.type("ii", "i");
    const Bytes body = typical_body();
    for (int i = 0; i < 1500; ++i) builder.func(type, body, "iiI");
    return builder.build();
  }();
  return module;
}

void load(benchmark::State& state, const Bytes& module) {
  for (auto step : state) {
    state.PauseTiming();
    Bytes copy = module;
    state.ResumeTiming();
    auto loaded = vm::Module::load(std::move(copy), nullptr);
    if (!loaded) {
      state.SkipWithError(loaded.error().message().c_str());
      return;
    }
    state.PauseTiming();
    loaded->reset();
    state.ResumeTiming();
  }
  state.SetBytesProcessed(static_cast<i64>(state.iterations() * module.size()));
}

void BM_LoadTypicalModule(benchmark::State& state) { load(state, typical_module()); }
BENCHMARK(BM_LoadTypicalModule)->Unit(benchmark::kMillisecond);

// Empty: none is named.
const Bytes& named_module() {
  static const Bytes bytes = [] {
    const char* const path = std::getenv("LUNABEAM_LOAD_MODULE");
    if (path == nullptr) return Bytes();
    std::ifstream file(path, std::ios::binary);
    return Bytes(std::istreambuf_iterator<char>(file), {});
  }();
  return bytes;
}

void BM_LoadNamedModule(benchmark::State& state) {
  if (named_module().empty()) {
    state.SkipWithError("LUNABEAM_LOAD_MODULE names no file");
    return;
  }
  load(state, named_module());
}
BENCHMARK(BM_LoadNamedModule)->Unit(benchmark::kMillisecond);

// Sections to tables; bodies stay bytes.
void BM_DecodeNamedModule(benchmark::State& state) {
  if (named_module().empty()) {
    state.SkipWithError("LUNABEAM_LOAD_MODULE names no file");
    return;
  }
  for (auto step : state) {
    state.PauseTiming();
    auto module = std::make_unique<vm::Module>();
    module->bytes = named_module();
    vm::SourceMap map;
    state.ResumeTiming();
    if (const auto decoded = vm::decode_module(*module, map); !decoded) {
      state.SkipWithError(decoded.error().message().c_str());
      return;
    }
    state.PauseTiming();
    module.reset();
    state.ResumeTiming();
  }
  state.SetBytesProcessed(static_cast<i64>(state.iterations() * named_module().size()));
}
BENCHMARK(BM_DecodeNamedModule)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lunabeam
