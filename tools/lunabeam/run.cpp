// lunabeam run: a module's _start as the root process of a VM.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "tools/lunabeam/commands.h"
#include "tools/lunabeam/run_options.h"
#include "tools/lunabeam/stats.h"
#include "tools/lunabeam/test_command.h"

namespace lunabeam::tools {

int command_run(const Arguments& arguments) {
  RunOptions options;
  bool is_bench = false;
  CLI::App app("Runs a WebAssembly module's _start as the root process of a VM.", "lunabeam run");
  declare_run_options(app, options);
  app.add_flag("--bench", is_bench, "append --bench to the guest's arguments");
  if (const std::optional<int> status = parse_run_options(app, arguments, options)) return *status;
  if (is_bench) options.guest_arguments.emplace_back("--bench");
  prepare_program();

  const std::optional<runtime::VmOptions> vm_options = make_vm_options(options);
  if (!vm_options) return kExitUsage;
  runtime::Vm vm(*vm_options);
  runtime::RootOptions root;
  root.module = load_module(vm, options.file);
  if (root.module == nullptr) return kExitError;
  if (is_test_run(*root.module, options.guest_arguments, std::getenv("CARGO_MANIFEST_DIR") != nullptr)) {
    return run_tests(vm, root.module, options);
  }
  Arguments guest_arguments = {std::filesystem::path(options.file).filename().string()};
  guest_arguments.insert(guest_arguments.end(), options.guest_arguments.begin(), options.guest_arguments.end());
  root.config = make_opened_config(options, guest_arguments);
  if (!root.config) return kExitError;
  const runtime::RunResult result = [&] {
    const StatsOnSignal stats_on_signal(vm);
    return vm.run_root(root);
  }();
  const bool has_entry = result.reason.kind != vm::ExitReason::Kind::kNoEntry;
  const std::string message =
      has_entry ? result.message() : "the module exports no function `_start` without parameters and results";
  if (!message.empty())
    std::fputs(fmt::format("error: {}: {}{}\n", options.file, message, result.limit).c_str(), stderr);
  if (!result.backtrace.empty()) std::fputs((result.backtrace + '\n').c_str(), stderr);
  if (options.stats) print_stats(vm);
  return result.exit_status();
}

}  // namespace lunabeam::tools
