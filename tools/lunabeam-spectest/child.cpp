#include "tools/lunabeam-spectest/child.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "tools/lunabeam-spectest/features.h"
#include "tools/lunabeam-spectest/file_text.h"
#include "tools/lunabeam-spectest/script.h"
#include "tools/lunabeam-spectest/text.h"
#include "tools/lunabeam-spectest/tier.h"
#include "vm/text/source_text.h"

namespace lunabeam::spectest {
namespace {

using nlohmann::json;

constexpr size_t kMaxMessageBytes = 2000;

void write_record(const json& record) {
  const std::string line = record.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t written = ::write(kRecordDescriptor, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) std::_Exit(2);  // Nobody listens.
    rest.remove_prefix(static_cast<size_t>(written));
  }
}

// Findings by their text, and how often each was found.
using Occurrences = std::map<std::string, u32>;

// What the workers of a child say together: what several of them find is written once.
class Findings {
 public:
  // occurrence: how often the worker has found this, this time included.
  void add(const json& finding, const std::string& text, u32 occurrence) {
    const std::lock_guard lock(mutex_);
    u32& written = written_[text];
    if (occurrence <= written) return;
    written = occurrence;
    write_record(finding);
  }

 private:
  std::mutex mutex_;
  Occurrences written_;
};

// What one worker sees.
class Recorder final : public ExecutionObserver {
 public:
  // progress: nullptr for all but one.
  Recorder(Findings& findings, Progress* progress, u32 crash_line)
      : findings_(findings), progress_(progress), crash_line_(crash_line) {}

  void begins(const Command& command) override {
    ++executed_[static_cast<size_t>(command.kind)];
    if (progress_ != nullptr) {
      __atomic_store_n(&progress_->kind, static_cast<u32>(command.kind), __ATOMIC_RELAXED);
      __atomic_store_n(&progress_->line, command.line, __ATOMIC_RELAXED);
    }
    if (command.line == crash_line_) std::abort();
  }
  void passed(const Command& command) override { ++passed_[static_cast<size_t>(command.kind)]; }
  void failed(Failure failure) override {
    add({{"record", "failure"},
         {"line", failure.line},
         {"kind", name_of(failure.kind)},
         {"reason", one_line(failure.reason, kMaxMessageBytes)},
         {"expected", one_line(failure.expected, kMaxMessageBytes)},
         {"actual", one_line(failure.actual, kMaxMessageBytes)}});
  }
  void text_differs(TextDifference difference) override {
    add({{"record", "text"},
         {"line", difference.line},
         {"kind", name_of(difference.kind)},
         {"expected", one_line(difference.expected, kMaxMessageBytes)},
         {"actual", one_line(difference.actual, kMaxMessageBytes)}});
  }
  // A command has passed when it has for all workers.
  void join(const Recorder& other) {
    for (size_t i = 0; i < passed_.size(); ++i) {
      executed_[i] = std::min(executed_[i], other.executed_[i]);
      passed_[i] = std::min(passed_[i], other.passed_[i]);
    }
  }
  void finish() { write_record({{"record", "finished"}, {"executed", executed_}, {"passed", passed_}}); }

 private:
  void add(const json& finding) {
    const std::string text = finding.dump(-1, ' ', false, json::error_handler_t::replace);
    findings_.add(finding, text, ++found_[text]);
  }

  Findings& findings_;
  Occurrences found_;
  Progress* progress_;
  u32 crash_line_;
  CommandCounts executed_{};
  CommandCounts passed_{};
};

Progress* map_progress() {
  void* page = ::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED, kProgressDescriptor, 0);
  return page == MAP_FAILED ? nullptr : static_cast<Progress*>(page);
}

void malformed(u32 line, const std::string& reason, const std::string& actual) {
  write_record({{"record", "malformed"},
                {"line", line},
                {"reason", one_line(reason, kMaxMessageBytes)},
                {"actual", one_line(actual, kMaxMessageBytes)}});
}

std::optional<CommandCounts> counts_of(const json& list) {
  CommandCounts counts{};
  if (!list.is_array() || list.size() != counts.size()) return std::nullopt;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (!list[i].is_number_unsigned()) return std::nullopt;
    counts[i] = list[i].get<u32>();
  }
  return counts;
}

std::string text_of(const json& record, const char* key) {
  const auto found = record.find(key);
  return found != record.end() && found->is_string() ? found->get<std::string>() : std::string();
}
u32 number(const std::string& argument) { return static_cast<u32>(std::strtoul(argument.c_str(), nullptr, 10)); }
u32 line_of(const json& record) {
  const auto found = record.find("line");
  return found != record.end() && found->is_number_unsigned() ? found->get<u32>() : 0;
}

}  // namespace

std::vector<std::string> to_arguments(const ChildRequest& request) {
  return {kChildArgument,
          request.file,
          request.tier,
          request.features,
          request.only_validate ? "validate" : "run",
          std::to_string(request.workers),
          std::to_string(request.crash_line)};
}

int run_child(const std::vector<std::string>& arguments) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  if (arguments.size() != 6) return 2;
  const std::optional<Tier> tier = find_tier(arguments[1]);
  std::string unknown;
  const std::optional<vm::FeatureSet> features = parse_features(arguments[2], vm::FeatureSet(), unknown);
  if (!tier || !features) return 2;

  const std::optional<std::string> source = read_file(arguments[0]);
  if (!source) {
    malformed(0, "cannot be read", std::strerror(errno));
    return 0;
  }
  const vm::Result<Script> script = read_script(*source);
  if (!script) {
    vm::Error error = script.error();
    const std::string actual = vm::text::describe(error, *source);
    const u32 line = error.offset == vm::Error::kNoOffset ? 0 : vm::text::line_column(*source, error.offset).line;
    error.offset = vm::Error::kNoOffset;
    malformed(line, error.message(), actual.substr(0, actual.find('\n')));
    return 0;
  }
  const ExecuteOptions options{
      .dispatch = tier->dispatch, .features = *features, .only_validate = arguments[3] == "validate"};
  Findings findings;
  std::deque<Recorder> recorders;
  std::vector<vm::Result<void>> ends(number(arguments[4]));
  for (size_t i = 0; i < ends.size(); ++i) {
    recorders.emplace_back(findings, i == 0 ? map_progress() : nullptr, number(arguments[5]));
  }
  {
    std::vector<std::jthread> others;
    for (size_t i = 1; i < ends.size(); ++i) {
      others.emplace_back([&, i] { ends[i] = execute(*script, options, recorders[i]); });
    }
    ends[0] = execute(*script, options, recorders[0]);
  }
  for (const vm::Result<void>& end : ends) {
    if (end) continue;
    malformed(0, "spectest: " + end.error().message(), end.error().message());
    return 0;
  }
  for (const Recorder& recorder : recorders) recorders[0].join(recorder);
  recorders[0].finish();
  return 0;
}

void read_record(std::string_view line, FileRun& run) {
  const json record = json::parse(line, nullptr, false);
  if (!record.is_object()) return;
  const std::string what = text_of(record, "record");
  if (what == "failure") {
    run.failures.push_back({line_of(record), text_of(record, "kind"), text_of(record, "reason"),
                            text_of(record, "expected"), text_of(record, "actual"), false});
  } else if (what == "text") {
    run.texts.push_back(
        {line_of(record), text_of(record, "kind"), text_of(record, "expected"), text_of(record, "actual")});
  } else if (what == "malformed") {
    run.status = FileRun::Status::kMalformed;
    run.failures.push_back({line_of(record), std::string(kScriptKind), text_of(record, "reason"),
                            "a script that can be read", text_of(record, "actual"), false});
  } else if (what == "finished") {
    const auto executed = counts_of(record.value("executed", json()));
    const auto passed = counts_of(record.value("passed", json()));
    if (!executed || !passed) return;
    run.status = FileRun::Status::kFinished;
    run.executed = *executed;
    run.passed = *passed;
  }
}

}  // namespace lunabeam::spectest
