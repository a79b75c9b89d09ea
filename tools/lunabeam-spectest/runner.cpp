#include "tools/lunabeam-spectest/runner.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <thread>

#include "tools/lunabeam-spectest/counts.h"
#include "tools/lunabeam-spectest/expected_failures.h"
#include "tools/lunabeam-spectest/features.h"
#include "tools/lunabeam-spectest/file_text.h"
#include "tools/lunabeam-spectest/machine_report.h"
#include "tools/lunabeam-spectest/report.h"
#include "tools/lunabeam-spectest/supervisor.h"
#include "tools/lunabeam-spectest/text.h"
#include "tools/lunabeam-spectest/tier.h"

namespace lunabeam::spectest {
namespace {

namespace fs = std::filesystem;

// The tier's name in reports of a run that executes nothing.
constexpr std::string_view kNoTier = "validate";

struct ScriptFile {
  fs::path file;
  std::string path;  // As reported.
  const CommandCounts* counts = nullptr;
};

int usage_error(const std::string& message) {
  fmt::print(stderr, "error: {}\n", message);
  return kExitUsage;
}

// The one line that tells where a long run is; nothing unless standard error is a terminal.
class ProgressLine {
 public:
  explicit ProgressLine(size_t total) : total_(total), is_shown_(::isatty(STDERR_FILENO) == 1) {}
  void step(const FileRun& run) {
    ++done_;
    if (!run.is_good()) ++bad_;
    if (!is_shown_) return;
    fmt::print(stderr, "\r\x1b[K[{}/{}] {} bad  {} {}", done_, total_, bad_, run.tier, run.path);
    std::fflush(stderr);
  }
  void clear() const {
    if (!is_shown_) return;
    fmt::print(stderr, "\r\x1b[K");
    std::fflush(stderr);
  }

 private:
  size_t total_;
  bool is_shown_;
  size_t done_ = 0;
  size_t bad_ = 0;
};

class Runner {
 public:
  explicit Runner(const RunnerOptions& options) : options_(options) {}

  int run() {
    if (const int status = prepare(); status != kExitGood) return status;
    ProgressLine progress(jobs_.size());
    std::vector<FileRun> runs = run_jobs(jobs_, supervisor_, [&](FileRun& run) {
      judge(run);
      progress.step(run);
    });
    progress.clear();
    return report(runs);
  }

 private:
  // --- Before ---

  int prepare() {
    if (const int status = find_files(); status != kExitGood) return status;
    if (const int status = read_expected(); status != kExitGood) return status;
    if (const int status = make_jobs(); status != kExitGood) return status;
    supervisor_.max_children = options_.jobs != 0 ? options_.jobs : std::max(std::thread::hardware_concurrency(), 1u);
    supervisor_.timeout_s = options_.timeout_s;
    supervisor_.program = options_.program;
    supervisor_.launcher = options_.launcher;
    return find_program();
  }

  // By its own name: as /proc/self/exe a launcher would find itself.
  int find_program() {
    if (supervisor_.launcher.empty()) return kExitGood;
    std::error_code error;
    supervisor_.program = fs::canonical(supervisor_.program, error).string();
    return error ? usage_error(fmt::format("{}: {}", options_.program, error.message())) : kExitGood;
  }

  int find_files() {
    std::optional<std::regex> filter;
    if (!options_.filter.empty()) {
      try {
        filter.emplace(options_.filter);
      } catch (const std::regex_error& error) {
        return usage_error(fmt::format("--filter: {}", error.what()));
      }
    }
    std::set<fs::path> found;
    size_t missing = 0;
    for (const fs::path& path : options_.paths) {
      std::error_code error;
      const fs::file_status status = fs::status(path, error);
      if (!fs::exists(status)) {
        if (!options_.skip_missing) return usage_error(fmt::format("{}: no such file or folder", path.string()));
        ++missing;
      } else if (fs::is_directory(status)) {
        for (fs::recursive_directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
          if (it->path().extension() == ".wast") found.insert(it->path());
        }
        if (error) return usage_error(fmt::format("{}: {}", path.string(), error.message()));
      } else {
        found.insert(path);
      }
    }
    if (missing != 0) {
      fmt::print("skipped: {} of {} paths are missing\n", missing, options_.paths.size());
      return kExitSkipped;
    }
    for (const fs::path& file : found) {
      ScriptFile script{file, file.generic_string()};
      const fs::path root = find_suite_root(file.parent_path());
      if (!root.empty()) {
        std::error_code ignored;
        script.path = fs::absolute(file, ignored).lexically_normal().lexically_relative(root).generic_string();
        const ExpectedCounts* counts = counts_of(root);
        if (counts == nullptr) return kExitUsage;
        // A file that the table does not know has no commands that it could prove.
        static const CommandCounts kNone{};
        const auto row = counts->by_path.find(script.path);
        script.counts = row != counts->by_path.end() ? &row->second : &kNone;
      }
      if (!filter || std::regex_search(script.path, *filter)) files_.push_back(std::move(script));
    }
    if (files_.empty()) return usage_error("no scripts");
    return kExitGood;
  }

  // nullptr: the table is no good; the error has been printed.
  const ExpectedCounts* counts_of(const fs::path& root) {
    const auto known = counts_.find(root);
    if (known != counts_.end()) return &known->second;
    const fs::path file = root / "COUNTS.tsv";
    const std::optional<std::string> text = read_file(file);
    std::string problem = text ? "" : std::strerror(errno);
    std::optional<ExpectedCounts> counts;
    if (text) counts = parse_counts(*text, problem);
    if (!counts) {
      (void)usage_error(fmt::format("{}: {}", file.string(), problem));
      return nullptr;
    }
    return &counts_.emplace(root, *std::move(counts)).first->second;
  }

  int read_expected() {
    if (options_.expected_failures.empty()) return kExitGood;
    const std::optional<std::string> text = read_file(options_.expected_failures);
    const bool may_be_new = options_.expected_failures == options_.update_expected && errno == ENOENT;
    if (!text && may_be_new) return kExitGood;
    std::string problem = text ? "" : std::strerror(errno);
    std::optional<ExpectedFailures> expected;
    if (text) expected = ExpectedFailures::parse(*text, problem);
    if (!expected) return usage_error(fmt::format("{}: {}", options_.expected_failures.string(), problem));
    expected_ = *std::move(expected);
    return kExitGood;
  }

  int make_jobs() {
    std::vector<std::string> tiers = options_.tiers;
    if (tiers.empty()) {
      for (const Tier& tier : available_tiers()) tiers.emplace_back(tier.name);
    }
    if (options_.only_validate) tiers.resize(1);
    for (const std::string& name : tiers) {
      const std::optional<Tier> tier = find_tier(name);
      if (!tier) return usage_error(fmt::format("--tier: there is no tier `{}`", name));
      if (!vm::has_dispatch(tier->dispatch)) return usage_error(fmt::format("--tier: this build lacks `{}`", name));
      for (const ScriptFile& script : files_) {
        std::string unknown;
        const std::optional<vm::FeatureSet> features =
            parse_features(options_.features, features_of(script.path), unknown);
        if (!features) return usage_error(fmt::format("--features: there is no feature `{}`", unknown));
        jobs_.push_back({script.path,
                         {.file = script.file.string(),
                          .tier = name,
                          .features = to_string(*features),
                          .only_validate = options_.only_validate,
                          .workers = options_.workers,
                          .crash_line = options_.crash_line}});
        counts_by_path_[script.path] = script.counts;
      }
    }
    return kExitGood;
  }

  // --- After ---

  void judge(FileRun& run) const {
    if (options_.only_validate) run.tier = kNoTier;
    expected_.judge(run);
    const CommandCounts* counts = counts_by_path_.at(run.path);
    if (run.status != FileRun::Status::kFinished || counts == nullptr) return;
    if (const std::string text = difference(run.executed, *counts); !text.empty()) {
      run.problems.push_back("not the commands that COUNTS.tsv lists: " + text);
    }
  }

  int report(const std::vector<FileRun>& runs) const {
    const bool with_colour = ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
    Totals totals;
    for (const FileRun& run : runs) {
      totals.add(run);
      fmt::print("{}", describe_problems(run, with_colour));
      if (options_.with_texts) fmt::print("{}", describe_texts(run));
    }
    fmt::print("{}", summary_table(runs));
    if (totals.text_differences > 0) {
      fmt::print("{} rejections say something else than the scripts{}\n", totals.text_differences,
                 options_.with_texts ? "" : " (--texts shows them)");
    }
    bool wrote = true;
    if (!options_.json.empty()) wrote = write(options_.json, to_json(runs)) && wrote;
    if (!options_.junit.empty()) wrote = write(options_.junit, to_junit(runs)) && wrote;
    if (!options_.update_expected.empty()) wrote = write(options_.update_expected, expected_.updated(runs)) && wrote;
    if (!wrote) return kExitUsage;
    if (totals.bad_files == 0) return kExitGood;
    fmt::print("{} of {} runs of a file had something unexpected\n", totals.bad_files, runs.size());
    return kExitUnexpected;
  }

  static bool write(const fs::path& path, const std::string& text) {
    if (write_file(path, text)) return true;
    (void)usage_error(fmt::format("{}: {}", path.string(), std::strerror(errno)));
    return false;
  }

  const RunnerOptions& options_;
  std::vector<ScriptFile> files_;
  std::map<fs::path, ExpectedCounts> counts_;  // By root.
  std::map<std::string, const CommandCounts*> counts_by_path_;
  ExpectedFailures expected_;
  std::vector<Job> jobs_;
  SupervisorOptions supervisor_;
};

}  // namespace

int run(const RunnerOptions& options) { return Runner(options).run(); }

}  // namespace lunabeam::spectest
