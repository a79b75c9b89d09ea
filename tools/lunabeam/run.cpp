// lunabeam run: a module's _start as the root process of a VM.
#include <fmt/format.h>

#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "runtime/vm.h"
#include "tools/lunabeam/command_line.h"
#include "tools/lunabeam/commands.h"
#include "tools/lunabeam/files.h"
#include "tools/lunabeam/stats.h"
#include "vm/reductions.h"

extern char** environ;

namespace lunabeam::tools {
namespace {

struct RunOptions {
  std::string file;
  std::vector<std::string> directories;
  std::vector<std::string> environment;
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
  bool bench = false;
  std::string dispatch;
};

// CLI11 reads -1 and numbers past 64 bits as large unsigned ones.
const CLI::Validator& count_validator() {
  static const CLI::Validator validator(
      [](std::string& text) {
        u64 value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error == std::errc{} && end == text.data() + text.size()) return std::string();
        return "'" + text + "' is not a number from 0 to 2^64 - 1";
      },
      "COUNT");
  return validator;
}

const CLI::Validator& variable_validator() {
  static const CLI::Validator validator(
      [](std::string& text) {
        const size_t split = text.find('=');
        return split == 0 || split == std::string::npos ? "'" + text + "' is not KEY=VALUE" : std::string();
      },
      "KEY=VALUE");
  return validator;
}

// HOST and GUEST of a --dir; without `::` they are the same.
runtime::Preopen split_directory(std::string_view text) {
  const size_t split = text.find("::");
  const std::string host(text.substr(0, split));
  return {.host_path = host,
          .guest_path = split == std::string_view::npos ? host : std::string(text.substr(split + 2))};
}

const CLI::Validator& directory_validator() {
  static const CLI::Validator validator(
      [](std::string& text) {
        const runtime::Preopen preopen = split_directory(text);
        const bool is_whole = !preopen.host_path.empty() && !preopen.guest_path.empty();
        return is_whole ? std::string() : "'" + text + "' is not HOST or HOST::GUEST";
      },
      "HOST[::GUEST]");
  return validator;
}

const CLI::Validator& size_validator() {
  static const CLI::Validator validator(
      [](std::string& text) {
        unsigned long long bytes = 0;
        if (!parse_size(text, bytes)) return "'" + text + "' is not a size: write 4096, 64k, 8m or 1g";
        text = std::to_string(bytes);
        return std::string();
      },
      "SIZE");
  return validator;
}

void declare(CLI::App& app, RunOptions& options) {
  app.add_option("file", options.file,
                 "WebAssembly module (.wasm, or .wat as text); everything behind it belongs to the guest")
      ->required();
  app.add_option("--dir", options.directories, "HOST[::GUEST]: directory to preopen, besides `.`")
      ->allow_extra_args(false)
      ->check(directory_validator());
  app.add_flag("--no-default-dir", options.no_default_dir, "do not preopen `.`");
  app.add_option("--env", options.environment, "set a variable of the guest's environment")
      ->allow_extra_args(false)
      ->check(variable_validator());
  app.add_option("--workers", options.workers, "scheduler threads (default: one for each processor)")
      ->check(CLI::Range(1U, runtime::balance::kMaxWorkers));
  app.add_option("--max-memory", options.max_memory_bytes, "largest linear memory of the root process and its heirs")
      ->transform(size_validator());
  app.add_option("--max-fuel", options.max_fuel,
                 "fuel of the root process, in units of 10,000 reductions (0: unlimited)")
      ->check(count_validator());
  app.add_option("--max-mailbox", options.max_mailbox, "unread messages a process may have (0: unlimited)")
      ->check(count_validator());
  app.add_option("--max-stack", options.max_stack_bytes, "largest stack of a process (default 8m)")
      ->transform(size_validator());
  app.add_option("--memory-limit", options.memory_limit_bytes, "memory of all processes together")
      ->transform(size_validator());
  app.add_option("--dispatch", options.dispatch, "tail or step: how the interpreter goes from handler to handler")
      ->check(CLI::IsMember({"tail", "step"}));
  CLI::Option* deterministic =
      app.add_flag("--deterministic", options.deterministic, "one worker, virtual time, seeded scheduling");
  app.add_option("--seed", options.seed, "seed of --deterministic (default 1)")
      ->check(count_validator())
      ->needs(deterministic);
  app.add_flag("--stats", options.stats,
               "print figures about the run to standard error at its end; SIGUSR1 prints them at once");
  app.add_flag("--bench", options.bench, "append --bench to the guest's arguments");
}

runtime::ConfigRef make_config(const RunOptions& options, const Arguments& guest_arguments) {
  runtime::ConfigRef config = runtime::Vm::root_config();
  runtime::Config* writable = config.writable();
  if (writable == nullptr) return {};
  if (!options.no_default_dir) writable->preopens.push_back({.host_path = ".", .guest_path = "."});
  for (const std::string& directory : options.directories) writable->preopens.push_back(split_directory(directory));
  writable->arguments.push_back(std::filesystem::path(options.file).filename().string());
  writable->arguments.insert(writable->arguments.end(), guest_arguments.begin(), guest_arguments.end());
  if (options.bench) writable->arguments.emplace_back("--bench");
  const auto set_variable = [&](std::string_view pair) {
    const size_t split = pair.find('=');
    const std::string key(pair.substr(0, split));
    const std::string value(split == std::string_view::npos ? std::string_view() : pair.substr(split + 1));
    auto& variables = writable->environment;
    const auto known = std::ranges::find(variables, key, &std::pair<std::string, std::string>::first);
    if (known != variables.end()) {
      known->second = value;
    } else {
      variables.emplace_back(key, value);
    }
  };
  for (char** variable = environ; *variable != nullptr; ++variable) set_variable(*variable);
  for (const std::string& pair : options.environment) set_variable(pair);
  if (options.max_memory_bytes != 0) writable->max_memory_bytes = options.max_memory_bytes;
  writable->max_fuel = options.max_fuel;
  writable->max_mailbox = options.max_mailbox;
  return config;
}

// Opens the root's directories now: what cannot be opened is the caller's mistake, not the guest's. False: an error was printed.
bool open_directories(const runtime::Config& config) {
  for (const runtime::Preopen& preopen : config.preopens) {
    const int fd = preopen.directory->descriptor();
    if (fd >= 0) continue;
    print_error(preopen.host_path, std::strerror(-fd));
    return false;
  }
  return true;
}

// Guests may have many files open together: as many as the system lets us.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int command_run(const Arguments& arguments) {
  RunOptions options;
  CLI::App app("Runs a WebAssembly module's _start as the root process of a VM.", "lunabeam run");
  declare(app, options);
  const SplitArguments split = split_arguments(arguments, [&app](std::string_view name) {
    const CLI::Option* option = app.get_option_no_throw(std::string(name));
    return option != nullptr && option->get_items_expected_min() > 0;
  });
  try {
    Arguments reversed(split.own.rbegin(), split.own.rend());
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }

  // A reader that has gone away is an error of the guest's write, not the end of every process.
  (void)std::signal(SIGPIPE, SIG_IGN);

  std::optional<ModuleFile> file = read_module_file(options.file);
  if (!file) return kExitError;
  runtime::VmOptions vm_options;
  vm_options.hosts = &host_registry();
  vm_options.workers = options.workers;
  if (options.max_stack_bytes != 0) vm_options.max_stack_bytes = options.max_stack_bytes;
  if (options.memory_limit_bytes != 0) vm_options.memory_limit_bytes = options.memory_limit_bytes;
  vm_options.deterministic = options.deterministic;
  vm_options.seed = options.seed;
  if (!options.dispatch.empty()) {
    vm_options.dispatch = options.dispatch == "tail" ? vm::Dispatch::kTail : vm::Dispatch::kStep;
    if (!vm::has_dispatch(vm_options.dispatch)) {
      print_error("--dispatch", "this build has no " + options.dispatch + " dispatch");
      return kExitUsage;
    }
  }
  runtime::Vm vm(vm_options);
  auto module = vm.load(std::move(file->bytes), std::filesystem::path(options.file).filename().string());
  if (!module) {
    print_load_error(*file, module.error());
    return kExitError;
  }
  runtime::RootOptions root;
  root.module = *module;
  root.config = make_config(options, split.guest);
  if (root.config && !open_directories(*root.config)) return kExitError;
  raise_descriptor_limit();
  const runtime::RunResult result = [&] {
    const StatsOnSignal stats_on_signal(vm);
    return vm.run_root(root);
  }();
  const bool has_entry = result.reason.kind != vm::ExitReason::Kind::kNoEntry;
  const std::string message =
      has_entry ? result.message() : "the module exports no function `_start` without parameters and results";
  if (!message.empty()) std::fputs(fmt::format("error: {}: {}\n", options.file, message).c_str(), stderr);
  if (!result.backtrace.empty()) std::fputs((result.backtrace + '\n').c_str(), stderr);
  if (options.stats) print_stats(vm);
  return result.exit_status();
}

}  // namespace lunabeam::tools
