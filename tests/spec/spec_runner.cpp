// spec_runner: runs the official core scripts that wabt's wast2json can convert, and prints totals.
//   spec_runner [--dispatch tail|step] [--wast2json PATH] [--texts] [SCRIPT...]
// Exit status: 0 everything applicable passed, 1 not, 77 nothing to run.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "tests/spec/json_script.h"
#include "tests/spec/wast_script.h"
#include "tests/support/paths.h"

namespace {

namespace fs = std::filesystem;
using namespace lunabeam;  // NOLINT: a test's source file.

constexpr int kSkipped = 77;

std::vector<fs::path> core_scripts() {
  std::vector<fs::path> scripts;
  for (const char* folder : {"core", "core/bulk-memory"}) {
    const fs::path path = tests::shared_dir() / "spec-testsuite" / folder;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(path, ignored)) {
      if (entry.path().extension() == ".wast") scripts.push_back(entry.path());
    }
  }
  std::ranges::sort(scripts);
  return scripts;
}

struct Totals {
  size_t scripts = 0, passed = 0, failed = 0, not_applicable = 0, left_out = 0, text_only = 0, other_texts = 0;
};

void report(const std::string& name, const tests::ConvertedScript& script, const tests::ScriptResult& result,
            bool show_texts, Totals& totals) {
  size_t not_applicable = 0;
  std::string reasons;
  for (const auto& [reason, count] : result.not_applicable) {
    not_applicable += count;
    reasons += fmt::format("  {} x {}", count, reason);
  }
  fmt::print("{:28} {:6} passed {:4} failed {:5} not applicable {:4} left out{}\n", name, result.passed,
             result.failures.size(), not_applicable, script.left_out_commands, reasons);
  for (const std::string& failure : result.failures) fmt::print("    FAILED {}\n", failure);
  if (show_texts) {
    for (const std::string& text : result.texts) fmt::print("    text   {}\n", text);
    for (const std::string& line : script.left_out) fmt::print("    left out: wast2json: {}\n", line);
  }
  ++totals.scripts;
  totals.passed += result.passed;
  totals.failed += result.failures.size();
  totals.not_applicable += not_applicable;
  totals.left_out += script.left_out_commands;
  totals.text_only += result.text_only;
  totals.other_texts += result.texts.size();
}

int skip(const char* why) {
  fmt::print("skipped: {}\n", why);
  return kSkipped;
}

}  // namespace

int main(int argc, char** argv) {
  vm::Dispatch dispatch = vm::kDefaultDispatch;
  std::string wast2json = "wast2json";
  bool show_texts = false;
  std::vector<fs::path> scripts;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    if (arg == "--dispatch" && i + 1 < argc) {
      dispatch = std::string_view(argv[++i]) == "tail" ? vm::Dispatch::kTail : vm::Dispatch::kStep;
    } else if (arg == "--wast2json" && i + 1 < argc) {
      wast2json = argv[++i];
    } else if (arg == "--texts") {
      show_texts = true;
    } else {
      scripts.emplace_back(arg);
    }
  }
  if (!vm::has_dispatch(dispatch)) return skip("this build has no such dispatch");
  if (std::system(fmt::format("'{}' --version > /dev/null 2>&1", wast2json).c_str()) != 0)
    return skip("wast2json (wabt) is not installed");
  if (scripts.empty()) scripts = core_scripts();
  if (scripts.empty()) return skip("the official scripts are not there");

  const char* dispatch_name = dispatch == vm::Dispatch::kTail ? "tail" : "step";
  const fs::path folder = tests::binary_dir() / "spec" / dispatch_name;
  Totals totals;
  size_t not_converted = 0;
  for (const fs::path& script : scripts) {
    const std::string name = script.parent_path().filename().string() + "/" + script.stem().string();
    const tests::ConvertedScript converted = tests::convert_script(wast2json, script, folder);
    if (!converted.converted) {
      ++not_converted;
      fmt::print("{:28} not converted: {}\n", name, converted.reason);
      continue;
    }
    report(name, converted, tests::run_json_script(converted.json, converted.left_out_names, dispatch), show_texts,
           totals);
    std::fflush(stdout);
  }
  fmt::print(
      "\n{} dispatch: {} scripts run, {} not converted; {} commands passed, {} failed, {} not applicable, {} left out by wast2json, "
      "{} about the text format; {} rejections with another text\n",
      dispatch_name, totals.scripts, not_converted, totals.passed, totals.failed, totals.not_applicable,
      totals.left_out, totals.text_only, totals.other_texts);
  return totals.failed == 0 && totals.passed > 0 ? 0 : 1;
}
