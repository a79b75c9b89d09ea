// Options that `run` and `test` have in common, and what they make of them: a VM, the root's config.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "runtime/vm.h"
#include "tools/lunabeam/commands.h"
#include "vm/interp/interp.h"

namespace lunabeam::tools {

// What the command line says about the VM and the root processes in it.
struct RunOptions {
  std::string file;
  std::vector<std::string> directories;
  std::vector<std::string> environment;
  std::vector<std::string> guest_arguments;  // Behind the file.
  u32 workers = 0;
  u64 max_memory_bytes = 0;
  u64 max_fuel = 0;
  u64 max_mailbox = 0;
  u64 max_stack_bytes = 0;
  u64 memory_limit_bytes = 0;
  u64 seed = 1;
  bool no_default_dir = false;
  bool deterministic = false;
  bool stats = false;
  std::string dispatch;
};

// Adds the options and the module file to the application.
void declare_run_options(CLI::App& app, RunOptions& options);

// Parses a command's arguments; what is behind the module file goes to options.guest_arguments. An exit status: the program is to
// end with it, help or an error was printed.
[[nodiscard]] std::optional<int> parse_run_options(CLI::App& app, const Arguments& arguments, RunOptions& options);

// nullopt: the options ask for what this build lacks; the cause was printed.
[[nodiscard]] std::optional<runtime::VmOptions> make_vm_options(const RunOptions& options);

// The root's config, with these arguments (the first one is argv[0]) and the host's environment. Its directories are opened: what
// cannot be opened is the caller's mistake, not the guest's. Empty: an error was printed.
[[nodiscard]] runtime::ConfigRef make_opened_config(const RunOptions& options, const Arguments& arguments);

// Reads and loads the module of the options. nullptr: an error was printed.
[[nodiscard]] std::shared_ptr<const vm::Module> load_module(runtime::Vm& vm, const std::string& path);

// Of the program, once: a closed reader is an error of the guest's write, not the end of every process; guests may have as many
// files open together as the system lets us.
void prepare_program();

}  // namespace lunabeam::tools
