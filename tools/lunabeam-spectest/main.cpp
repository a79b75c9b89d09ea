// The conformance runner: executes the official test scripts. Also the child that executes one of them.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>
#include <vector>

#include "tools/lunabeam-spectest/child.h"
#include "tools/lunabeam-spectest/runner.h"

namespace {

constexpr int kExitUsage = 2;

// NaN is no number of seconds either.
const CLI::Validator kSeconds(
    [](const std::string& text) {
      double seconds = 0;
      const bool is_usable = CLI::detail::lexical_cast(text, seconds) && std::isfinite(seconds) && seconds > 0;
      return is_usable ? std::string() : "not a number of seconds: " + text;
    },
    "SECONDS");

}  // namespace

int main(int argc, char** argv) {
  namespace spectest = lunabeam::spectest;
  if (argc > 1 && std::string(argv[1]) == spectest::kChildArgument) {
    return spectest::run_child(std::vector<std::string>(argv + 2, argv + argc));
  }

  spectest::RunnerOptions options;
  std::vector<std::string> paths;
  CLI::App app("Runs WebAssembly test scripts (.wast). Exit status: 0 nothing unexpected, 1 something, 2 usage.",
               "lunabeam-spectest");
  app.add_option("paths", paths, "scripts, and folders that are searched for them")
      ->required()
      ->type_name("FILE|FOLDER");
  app.add_option("--tier", options.tiers,
                 "interp-tail or interp-step, forced; may be repeated. Default: all of this build")
      ->allow_extra_args(false);
  app.add_option("--jobs,-j", options.jobs, "files at a time. Default: one per core");
  app.add_option("--workers", options.workers,
                 "threads that run each file at the same time; a command passes when it does for all")
      ->capture_default_str()
      ->check(CLI::Range(1, 64));
  app.add_option("--filter", options.filter, "only files whose path matches this regular expression in some part");
  app.add_option("--expected-failures", options.expected_failures, "list of known failures; what it says must happen");
  app.add_option("--update-expected", options.update_expected, "write the list that makes this run good");
  app.add_option("--junit", options.junit, "write JUnit XML");
  app.add_option("--json", options.json, "write JSON (docs/spectest.md)");
  app.add_option("--timeout", options.timeout_s, "seconds that one file may take")
      ->capture_default_str()
      ->check(kSeconds);
  app.add_option("--launcher", options.launcher, "emulator that runs this program: starts the process of each file");
  app.add_option("--features", options.features,
                 "changes to the feature sets: `simd,-tail-call` enables one, disables another");
  app.add_flag("--only-validate", options.only_validate,
               "run nothing: modules must be valid or need a missing feature");
  app.add_flag("--texts", options.with_texts, "show rejections that say something else than the script");
  app.add_flag("--skip-missing", options.skip_missing, "exit with 77 when a path does not exist");
  app.add_option("--crash-at-line", options.crash_line, "abort before the command on this line")->group("");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  options.paths.assign(paths.begin(), paths.end());
  return spectest::run(options);
}
