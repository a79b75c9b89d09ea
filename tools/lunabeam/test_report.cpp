// The formats pretty, terse and json.
#include "tools/lunabeam/test_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace lunabeam::tools {
namespace {

// --- For people ---

class TextReport : public TestReport {
 public:
  TextReport(const TestFlags& flags, bool colored, Print print)
      : TestReport(std::move(print)), flags_(flags), colored_(colored) {}

  void begin(u64 tests, u64 shuffle_seed) override {
    const std::string seed = shuffle_seed == 0 ? std::string() : fmt::format(" (shuffle seed: {})", shuffle_seed);
    print(fmt::format("\nrunning {} test{}{}\n", tests, tests == 1 ? "" : "s", seed));
    tests_ = tests;
  }

  void ended(const TestCase& test, const TestResult& result) override {
    if (result.verdict == Verdict::kFailed) failures_.push_back({test.name, result.output});
    if (result.verdict == Verdict::kOk && flags_.show_output) successes_.push_back({test.name, result.output});
    print_result(test, result);
  }

  void end(const TestCounts& counts, double seconds) override {
    if (flags_.show_output) print_block("successes", successes_);
    if (!failures_.empty()) print_block("failures", failures_);
    const bool is_ok = counts.failed == 0;
    print(fmt::format(
        "\ntest result: {}. {} passed; {} failed; {} ignored; 0 measured; {} filtered out; finished in {:.2f}s\n\n",
        is_ok ? in_color(kGreen, "ok") : in_color(kRed, "FAILED"), counts.passed, counts.failed, counts.ignored,
        counts.filtered_out, seconds));
  }

  void list(const std::vector<TestCase>& tests) override {
    for (const TestCase& test : tests) print(fmt::format("{}: test\n", test.name));
    if (flags_.format == TestFlags::Format::kTerse) return;
    print(fmt::format("{}{} test{}, 0 benchmarks\n", tests.empty() ? "" : "\n", tests.size(),
                      tests.size() == 1 ? "" : "s"));
  }

 protected:
  static constexpr int kGreen = 32;
  static constexpr int kRed = 31;
  static constexpr int kYellow = 33;

  virtual void print_result(const TestCase& test, const TestResult& result) = 0;

  [[nodiscard]] std::string in_color(int color, std::string_view text) const {
    return colored_ ? fmt::format("\x1b[{}m{}\x1b[0m", color, text) : std::string(text);
  }
  [[nodiscard]] std::string word_of(Verdict verdict) const {
    switch (verdict) {
      case Verdict::kOk: return in_color(kGreen, "ok");
      case Verdict::kFailed: return in_color(kRed, "FAILED");
      case Verdict::kIgnored: return in_color(kYellow, "ignored");
    }
    return {};
  }
  [[nodiscard]] const TestFlags& flags() const { return flags_; }
  [[nodiscard]] u64 tests() const { return tests_; }

 private:
  struct Shown {
    std::string name;
    std::string output;
  };

  void print_block(std::string_view title, std::vector<Shown>& tests) {
    std::ranges::sort(tests, {}, &Shown::name);
    print(fmt::format("\n{}:\n", title));
    for (const Shown& test : tests) {
      if (test.output.empty()) continue;
      print(
          fmt::format("\n---- {} stdout ----\n{}{}", test.name, test.output, test.output.ends_with('\n') ? "" : "\n"));
    }
    print(fmt::format("\n{}:\n", title));
    for (const Shown& test : tests) print(fmt::format("    {}\n", test.name));
  }

  const TestFlags flags_;
  const bool colored_;
  u64 tests_ = 0;
  std::vector<Shown> failures_;
  std::vector<Shown> successes_;
};

class PrettyReport final : public TextReport {
 public:
  using TextReport::TextReport;

  void runs_long(const TestCase& test, u64 seconds) override {
    print(fmt::format("test {} has been running for over {} seconds\n", test.title(), seconds));
  }

 protected:
  void print_result(const TestCase& test, const TestResult& result) override {
    const bool timed = flags().report_time && result.verdict != Verdict::kIgnored;
    print(fmt::format("test {} ... {}{}\n", test.title(), word_of(result.verdict),
                      timed ? fmt::format(" <{:.3f}s>", result.seconds) : std::string()));
  }
};

// A character for each test.
class TerseReport final : public TextReport {
 public:
  using TextReport::TextReport;

  void runs_long(const TestCase& /*test*/, u64 /*seconds*/) override {}
  void end(const TestCounts& counts, double seconds) override {
    if (shown_ % kPerLine != 0) print("\n");
    TextReport::end(counts, seconds);
  }

 protected:
  void print_result(const TestCase& /*test*/, const TestResult& result) override {
    switch (result.verdict) {
      case Verdict::kOk: print(in_color(kGreen, ".")); break;
      case Verdict::kFailed: print(in_color(kRed, "F")); break;
      case Verdict::kIgnored: print(in_color(kYellow, "i")); break;
    }
    if (++shown_ % kPerLine == 0) print(fmt::format(" {}/{}\n", shown_, tests()));
  }

 private:
  static constexpr u64 kPerLine = 88;
  u64 shown_ = 0;
};

// --- For programs ---

// One object a line.
class JsonReport final : public TestReport {
 public:
  JsonReport(const TestFlags& flags, Print print) : TestReport(std::move(print)), flags_(flags) {}

  void begin(u64 tests, u64 shuffle_seed) override {
    Json event = {{"type", "suite"}, {"event", "started"}, {"test_count", tests}};
    if (shuffle_seed != 0) event["shuffle_seed"] = shuffle_seed;
    print_line(event);
  }
  void started(const TestCase& test) override {
    print_line({{"type", "test"}, {"event", "started"}, {"name", test.name}});
  }
  void ended(const TestCase& test, const TestResult& result) override {
    Json event = {{"type", "test"}, {"name", test.name}, {"event", word_of(result.verdict)}};
    if (flags_.report_time && result.verdict != Verdict::kIgnored) event["exec_time"] = result.seconds;
    const bool is_shown = result.verdict == Verdict::kFailed || flags_.show_output;
    if (is_shown && !result.output.empty()) event["stdout"] = result.output;
    print_line(event);
  }
  void runs_long(const TestCase& test, u64 /*seconds*/) override {
    print_line({{"type", "test"}, {"event", "timeout"}, {"name", test.name}});
  }
  void end(const TestCounts& counts, double seconds) override {
    print_line({{"type", "suite"},
                {"event", counts.failed == 0 ? "ok" : "failed"},
                {"passed", counts.passed},
                {"failed", counts.failed},
                {"ignored", counts.ignored},
                {"measured", 0},
                {"filtered_out", counts.filtered_out},
                {"exec_time", seconds}});
  }
  void list(const std::vector<TestCase>& tests) override {
    print_line({{"type", "suite"}, {"event", "discovery"}});
    u64 ignored = 0;
    for (const TestCase& test : tests) {
      ignored += test.is_ignored ? 1 : 0;
      print_line({{"type", "test"}, {"event", "discovered"}, {"name", test.name}, {"ignore", test.is_ignored}});
    }
    print_line({{"type", "suite"},
                {"event", "completed"},
                {"tests", tests.size()},
                {"benchmarks", 0},
                {"total", tests.size()},
                {"ignored", ignored}});
  }

 private:
  using Json = nlohmann::ordered_json;

  static const char* word_of(Verdict verdict) {
    switch (verdict) {
      case Verdict::kOk: return "ok";
      case Verdict::kFailed: return "failed";
      case Verdict::kIgnored: return "ignored";
    }
    return "";
  }
  // A guest's bytes need not be text: what is not becomes a replacement character.
  void print_line(const Json& event) const { print(event.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n'); }

  const TestFlags flags_;
};

}  // namespace

std::unique_ptr<TestReport> make_test_report(const TestFlags& flags, bool colored, TestReport::Print print) {
  switch (flags.format) {
    case TestFlags::Format::kPretty: return std::make_unique<PrettyReport>(flags, colored, std::move(print));
    case TestFlags::Format::kTerse: return std::make_unique<TerseReport>(flags, colored, std::move(print));
    case TestFlags::Format::kJson: return std::make_unique<JsonReport>(flags, std::move(print));
  }
  return nullptr;
}

}  // namespace lunabeam::tools
