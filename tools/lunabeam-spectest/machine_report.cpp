#include "tools/lunabeam-spectest/machine_report.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "tools/lunabeam-spectest/report.h"
#include "tools/lunabeam-spectest/text.h"

namespace lunabeam::spectest {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFormat = "lunabeam-spectest/1";

std::string_view status_word(FileRun::Status status) {
  switch (status) {
    case FileRun::Status::kFinished: return "finished";
    case FileRun::Status::kMalformed: return "malformed";
    case FileRun::Status::kCrashed: return "crashed";
    case FileRun::Status::kTimedOut: return "timed-out";
  }
  return {};
}

Json failure_json(const FailureRecord& failure) {
  return {{"line", failure.line},     {"kind", failure.kind},         {"is_expected", failure.is_expected},
          {"reason", failure.reason}, {"expected", failure.expected}, {"actual", failure.actual}};
}

Json totals_json(const Totals& totals) {
  return {{"files", totals.files},
          {"bad_files", totals.bad_files},
          {"commands", totals.commands},
          {"assertions", totals.assertions()},
          {"assertions_passed", totals.assertions_passed},
          {"assertions_expected_to_fail", totals.assertions_expected},
          {"assertions_failed", totals.assertions_failed},
          {"other_commands_expected_to_fail", totals.others_expected},
          {"other_commands_failed", totals.others_failed},
          {"text_differences", totals.text_differences}};
}

Json run_json(const FileRun& run) {
  Json commands = Json::object();
  for (size_t i = 0; i < kCommandKindCount; ++i) {
    if (run.executed[i] == 0) continue;
    commands[std::string(name_of(static_cast<CommandKind>(i)))] = {{"executed", run.executed[i]},
                                                                   {"passed", run.passed[i]}};
  }
  Json failures = Json::array();
  for (const FailureRecord& failure : run.failures) failures.push_back(failure_json(failure));
  Json texts = Json::array();
  for (const TextRecord& text : run.texts) {
    texts.push_back({{"line", text.line}, {"kind", text.kind}, {"expected", text.expected}, {"actual", text.actual}});
  }
  Json json = {{"path", run.path},
               {"tier", run.tier},
               {"is_good", run.is_good()},
               {"status", status_word(run.status)},
               {"detail", run.detail},
               {"line", run.line},
               {"seconds", run.seconds},
               {"commands", std::move(commands)},
               {"failures", std::move(failures)},
               {"text_differences", std::move(texts)},
               {"problems", run.problems}};
  return json;
}

// XML 1.0 has no way to write most control characters; one_line() has replaced those of single lines.
std::string xml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&quot;"; break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\n') escaped += c;
    }
  }
  return escaped;
}

std::string case_xml(const FileRun& run) {
  std::string text =
      fmt::format(R"(    <testcase classname="{}" name="{}" time="{:.3f}")", xml(run.tier), xml(run.path), run.seconds);
  if (run.is_good()) return text + "/>\n";
  const bool is_error = run.status == FileRun::Status::kCrashed || run.status == FileRun::Status::kTimedOut;
  const char* const element = is_error ? "error" : "failure";
  return text + fmt::format(">\n      <{0} message=\"{1}\">{2}</{0}>\n    </testcase>\n", element,
                            xml(name_of(run.status)), xml(describe_problems(run, false)));
}

}  // namespace

std::string to_json(std::span<const FileRun> runs) {
  std::map<std::string, Totals> by_tier;
  Json files = Json::array();
  bool is_good = true;
  for (const FileRun& run : runs) {
    by_tier[run.tier].add(run);
    is_good = is_good && run.is_good();
    files.push_back(run_json(run));
  }
  Json totals = Json::object();
  for (const auto& [tier, sum] : by_tier) totals[tier] = totals_json(sum);
  const Json report = {{"format", kFormat}, {"is_good", is_good}, {"totals", totals}, {"files", files}};
  return report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string to_junit(std::span<const FileRun> runs) {
  std::map<std::pair<std::string, std::string>, std::vector<const FileRun*>> suites;
  for (const FileRun& run : runs) suites[{folder_of(run.path), run.tier}].push_back(&run);
  std::string text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n";
  for (const auto& [key, members] : suites) {
    size_t failures = 0, errors = 0;
    double seconds = 0;
    std::string cases;
    for (const FileRun* run : members) {
      const bool is_error = run->status == FileRun::Status::kCrashed || run->status == FileRun::Status::kTimedOut;
      if (!run->is_good()) ++(is_error ? errors : failures);
      seconds += run->seconds;
      cases += case_xml(*run);
    }
    text += fmt::format(
        "  <testsuite name=\"{} {}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"{:.3f}\">\n{}  </testsuite>\n",
        xml(key.first), xml(key.second), members.size(), failures, errors, seconds, cases);
  }
  return text + "</testsuites>\n";
}

}  // namespace lunabeam::spectest
