// lunabeam test: the module's exports `#lunatic_test_...` as processes.
#include "tools/lunabeam/test_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "runtime/log.h"
#include "tools/lunabeam/files.h"
#include "tools/lunabeam/stats.h"
#include "tools/lunabeam/test_runner.h"

namespace lunabeam::tools {
namespace {

// Processes that fail are what tests are about: the log tells of them only when asked to.
void quieten_log() {
  if (std::getenv("LUNABEAM_LOG") == nullptr && std::getenv("RUST_LOG") == nullptr) {
    runtime::set_log_level(runtime::LogLevel::kError);
  }
}

void print_now(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

// Selected tests stay, in the order they are started in.
u64 select(std::vector<TestCase>& tests, const TestFlags& flags) {
  const size_t all = tests.size();
  std::erase_if(tests, [&](const TestCase& test) {
    return !flags.selects(test) || (flags.ignored == TestFlags::Ignored::kOnly && !test.is_ignored);
  });
  return all - tests.size();
}

u64 shuffle(std::vector<TestCase>& tests, const TestFlags& flags) {
  if (!flags.shuffle) return 0;
  const u64 seed = flags.shuffle_seed != 0 ? flags.shuffle_seed : std::random_device()() | u64{1};
  std::mt19937_64 random(seed);
  std::ranges::shuffle(tests, random);
  return seed;
}

}  // namespace

bool is_test_run(const vm::Module& module, const Arguments& guest_arguments, bool under_cargo) {
  if (!under_cargo || std::ranges::find(guest_arguments, "--bench") != guest_arguments.end()) return false;
  return std::ranges::any_of(module.exports, [](const vm::Export& exported) {
    return exported.kind == vm::ExternKind::kFunc && decode_test_name(exported.name).has_value();
  });
}

int run_tests(runtime::Vm& vm, std::shared_ptr<const vm::Module> module, const RunOptions& options) {
  const ParsedTestFlags parsed =
      parse_test_flags(options.guest_arguments, std::getenv("RUST_TEST_THREADS"), std::getenv("RUST_TEST_NOCAPTURE"));
  if (!parsed.error.empty()) {
    std::fputs(fmt::format("error: {}\n\n{}", parsed.error, test_flags_help()).c_str(), stderr);
    return kExitUsage;
  }
  const TestFlags& flags = parsed.flags;
  if (flags.help) {
    std::fputs(test_flags_help(), stdout);
    return kExitOk;
  }
  const bool colored = flags.color == TestFlags::Color::kAlways ||
                       (flags.color == TestFlags::Color::kAuto && isatty(STDOUT_FILENO) == 1);
  const std::unique_ptr<TestReport> report = make_test_report(flags, colored, &print_now);
  std::vector<TestCase> tests = tests_of(*module);
  TestCounts counts;
  counts.filtered_out = select(tests, flags);
  if (flags.list) {
    report->list(tests);
    return kExitOk;
  }

  quieten_log();
  RunOptions with_directories = options;
  with_directories.directories.insert(with_directories.directories.end(), flags.directories.begin(),
                                      flags.directories.end());
  runtime::ConfigRef config = make_opened_config(with_directories, flags.guest_arguments);
  if (!config) return kExitError;
  const u64 seed = shuffle(tests, flags);
  report->begin(tests.size(), seed);
  const auto begin = std::chrono::steady_clock::now();
  TestRunner runner(std::move(module), std::move(config), std::move(tests), flags, *report);
  runner.run(vm);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  counts.passed = runner.counts().passed;
  counts.failed = runner.counts().failed;
  counts.ignored = runner.counts().ignored;
  report->end(counts, taken.count());
  if (options.stats) print_stats(vm);
  return counts.failed == 0 ? kExitOk : kExitTestsFailed;
}

int command_test(const Arguments& arguments) {
  RunOptions options;
  CLI::App app("Runs a module's tests (exports `#lunatic_test_...`), each as a process of its own.", "lunabeam test");
  app.footer(test_flags_help());
  declare_run_options(app, options);
  if (const std::optional<int> status = parse_run_options(app, arguments, options)) return *status;
  prepare_program();
  const std::optional<runtime::VmOptions> vm_options = make_vm_options(options);
  if (!vm_options) return kExitUsage;
  runtime::Vm vm(*vm_options);
  std::shared_ptr<const vm::Module> module = load_module(vm, options.file);
  if (module == nullptr) return kExitError;
  return run_tests(vm, std::move(module), options);
}

}  // namespace lunabeam::tools
