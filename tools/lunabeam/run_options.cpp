// Options of the VM and its root processes.
#include "tools/lunabeam/run_options.h"

#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "tools/lunabeam/command_line.h"
#include "tools/lunabeam/files.h"
#include "tools/lunabeam/stats.h"

extern char** environ;

namespace lunabeam::tools {
namespace {

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

runtime::ConfigRef make_root_config(const RunOptions& options, const Arguments& arguments) {
  runtime::ConfigRef config = runtime::Vm::root_config();
  runtime::Config* writable = config.writable();
  if (writable == nullptr) return {};
  if (!options.no_default_dir) writable->preopens.push_back({.host_path = ".", .guest_path = "."});
  for (const std::string& directory : options.directories) writable->preopens.push_back(split_directory(directory));
  writable->arguments = arguments;
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

}  // namespace

void declare_run_options(CLI::App& app, RunOptions& options) {
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
      ->envname("LUNABEAM_WORKERS")
      ->check(CLI::Range(1U, runtime::balance::kMaxWorkers));
  app.add_option("--max-memory", options.max_memory_bytes,
                 "memory of the root process and of each of its heirs (default, and 0: 4 GiB)")
      ->transform(size_validator());
  app.add_option("--max-fuel", options.max_fuel,
                 "fuel of the root process, in units of 10,000 reductions (0: unlimited)")
      ->check(count_validator());
  app.add_option("--max-mailbox", options.max_mailbox, "unread messages a process may have (0: unlimited)")
      ->check(count_validator());
  app.add_option("--max-stack", options.max_stack_bytes, "largest stack of a process (default, and 0: 8m)")
      ->transform(size_validator());
  app.add_option("--memory-limit", options.memory_limit_bytes,
                 "memory of all processes together (default, and 0: unlimited)")
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
}

std::optional<int> parse_run_options(CLI::App& app, const Arguments& arguments, RunOptions& options) {
  SplitArguments split = split_arguments(arguments, [&app](std::string_view name) {
    const CLI::Option* option = app.get_option_no_throw(std::string(name));
    return option != nullptr && option->get_items_expected_min() > 0;
  });
  try {
    Arguments reversed(split.own.rbegin(), split.own.rend());
    app.parse(reversed);
    // LUNABEAM_WORKERS is for every run; who writes the option means this one.
    const bool names_workers = std::ranges::any_of(split.own, [](std::string_view argument) {
      return argument == "--workers" || argument.starts_with("--workers=");
    });
    if (options.deterministic && names_workers && options.workers > 1) {
      throw CLI::ValidationError("--workers", "--deterministic runs on one worker");
    }
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  options.guest_arguments = std::move(split.guest);
  return std::nullopt;
}

std::optional<runtime::VmOptions> make_vm_options(const RunOptions& options) {
  runtime::VmOptions made;
  made.hosts = &host_registry();
  made.workers = options.workers;
  if (options.max_stack_bytes != 0) made.max_stack_bytes = options.max_stack_bytes;
  if (options.memory_limit_bytes != 0) made.memory_limit_bytes = options.memory_limit_bytes;
  made.deterministic = options.deterministic;
  made.seed = options.seed;
  if (!options.dispatch.empty()) {
    made.dispatch = options.dispatch == "tail" ? vm::Dispatch::kTail : vm::Dispatch::kStep;
    if (!vm::has_dispatch(made.dispatch)) {
      print_error("--dispatch", "this build has no " + options.dispatch + " dispatch");
      return std::nullopt;
    }
  }
  return made;
}

runtime::ConfigRef make_opened_config(const RunOptions& options, const Arguments& arguments) {
  runtime::ConfigRef config = make_root_config(options, arguments);
  if (!config) print_error(options.file, "out of memory");
  if (config && !open_directories(*config)) config.reset();
  return config;
}

std::shared_ptr<const vm::Module> load_module(runtime::Vm& vm, const std::string& path) {
  std::optional<ModuleFile> file = read_module_file(path);
  if (!file) return nullptr;
  auto module = vm.load(std::move(file->bytes), std::filesystem::path(path).filename().string());
  if (module) return *std::move(module);
  print_load_error(*file, module.error());
  return nullptr;
}

void prepare_program() {
  (void)std::signal(SIGPIPE, SIG_IGN);
  block_stats_signal();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace lunabeam::tools
