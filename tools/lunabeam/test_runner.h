// Runs tests as root processes beside one another, each in an environment of its own, and reports how they end.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/vm.h"
#include "tools/lunabeam/test_flags.h"
#include "tools/lunabeam/test_report.h"

namespace lunabeam::tools {

class TestRunner final : public runtime::RootSource {
 public:
  static constexpr u64 kDefaultAtOnce = 64;
  static constexpr u64 kLongSeconds = 60;

  // `tests`: those to run, in this order. All references outlive the runner.
  TestRunner(std::shared_ptr<const vm::Module> module, runtime::ConfigRef config, std::vector<TestCase> tests,
             const TestFlags& flags, TestReport& report);
  ~TestRunner();
  TestRunner(const TestRunner&) = delete;
  TestRunner& operator=(const TestRunner&) = delete;

  // Runs them all. Afterwards counts() says how it went.
  void run(runtime::Vm& vm);
  [[nodiscard]] const TestCounts& counts() const { return counts_; }

  // --- RootSource, on the VM's workers. ---
  bool next(runtime::RootOptions& options) noexcept override;
  void ended(u64 token, runtime::RunResult&& run) noexcept override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Running {
    std::unique_ptr<runtime::OutputCapture> capture;
    Clock::time_point since = {};
    bool is_running = false;
    bool is_long = false;  // Reported.
  };

  void watch();

  const std::shared_ptr<const vm::Module> module_;
  const runtime::ConfigRef config_;
  const std::vector<TestCase> tests_;
  const TestFlags& flags_;

  std::mutex lock_;
  // Under lock_.
  TestReport& report_;
  std::vector<Running> running_;  // By test.
  size_t next_ = 0;
  TestCounts counts_;
  bool ends_ = false;
  std::condition_variable wake_watcher_;
};

}  // namespace lunabeam::tools
