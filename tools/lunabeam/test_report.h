// What a test run prints: the formats of Rust's test harness.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tools/lunabeam/test_flags.h"
#include "tools/lunabeam/test_name.h"
#include "vm/base/ints.h"

namespace lunabeam::tools {

enum class Verdict : u8 { kOk, kFailed, kIgnored };

struct TestResult {
  Verdict verdict = Verdict::kOk;
  std::string output;  // What the test has written, and notes why it failed.
  double seconds = 0;
};

struct TestCounts {
  u64 passed = 0;
  u64 failed = 0;
  u64 ignored = 0;
  u64 filtered_out = 0;
};

class TestReport {
 public:
  using Print = std::function<void(std::string_view)>;

  explicit TestReport(Print print) : print_(std::move(print)) {}
  virtual ~TestReport() = default;
  TestReport(const TestReport&) = delete;
  TestReport& operator=(const TestReport&) = delete;

  // shuffle_seed: 0 unless the order was drawn.
  virtual void begin(u64 tests, u64 shuffle_seed) = 0;
  virtual void started(const TestCase& /*test*/) {}
  virtual void ended(const TestCase& test, const TestResult& result) = 0;
  // A test has been running for so long that a person wonders.
  virtual void runs_long(const TestCase& test, u64 seconds) = 0;
  // REQUIRES: every test has ended.
  virtual void end(const TestCounts& counts, double seconds) = 0;
  virtual void list(const std::vector<TestCase>& tests) = 0;

 protected:
  void print(std::string_view text) const { print_(text); }

 private:
  Print print_;
};

// `colored` is for pretty and terse.
[[nodiscard]] std::unique_ptr<TestReport> make_test_report(const TestFlags& flags, bool colored,
                                                           TestReport::Print print);

}  // namespace lunabeam::tools
