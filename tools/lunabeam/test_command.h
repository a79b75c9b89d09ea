// lunabeam test, and what `lunabeam run` does when Cargo hands it a test module.
#pragma once

#include "tools/lunabeam/run_options.h"

namespace lunabeam::tools {

// Whether `run` is asked to run tests: Cargo has called (it sets CARGO_MANIFEST_DIR), not for a benchmark, and the module exports
// tests. That says more than the folder (ABI document 9.4 knows `target/wasm32-wasi/debug/deps`): names of targets and profiles
// change, target folders are anywhere, and a module of the ordinary test harness, which exports none, runs as a program.
[[nodiscard]] bool is_test_run(const vm::Module& module, const Arguments& guest_arguments, bool under_cargo);

// Runs the module's tests with the flags in options.guest_arguments. Exit status: 0, kExitTestsFailed, or that of an error.
[[nodiscard]] int run_tests(runtime::Vm& vm, std::shared_ptr<const vm::Module> module, const RunOptions& options);

}  // namespace lunabeam::tools
