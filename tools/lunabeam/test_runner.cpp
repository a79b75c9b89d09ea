// Tests as root processes.
#include "tools/lunabeam/test_runner.h"

#include "tools/lunabeam/stats.h"
#include "tools/lunabeam/test_verdict.h"

namespace lunabeam::tools {

TestRunner::TestRunner(std::shared_ptr<const vm::Module> module, runtime::ConfigRef config, std::vector<TestCase> tests,
                       const TestFlags& flags, TestReport& report)
    : module_(std::move(module)),
      config_(std::move(config)),
      tests_(std::move(tests)),
      flags_(flags),
      report_(report),
      running_(tests_.size()) {}

TestRunner::~TestRunner() = default;

void TestRunner::run(runtime::Vm& vm) {
  // First: the watcher must not be the one whom the signal finds.
  const StatsOnSignal stats_on_signal(vm);
  std::thread watcher([this] { watch(); });
  vm.run_roots(*this, flags_.threads != 0 ? flags_.threads : kDefaultAtOnce);
  {
    const std::lock_guard guard(lock_);
    ends_ = true;
  }
  wake_watcher_.notify_one();
  watcher.join();
}

bool TestRunner::next(runtime::RootOptions& options) noexcept {
  const std::lock_guard guard(lock_);
  for (; next_ < tests_.size(); ++next_) {
    const TestCase& test = tests_[next_];
    if (!test.is_ignored || flags_.ignored != TestFlags::Ignored::kSkip) break;
    ++counts_.ignored;
    report_.ended(test, {.verdict = Verdict::kIgnored, .output = {}, .seconds = 0});
  }
  if (next_ == tests_.size()) return false;
  const TestCase& test = tests_[next_];
  Running& running = running_[next_];
  running = {.capture = std::make_unique<runtime::OutputCapture>(flags_.no_capture),
             .since = Clock::now(),
             .is_running = true};
  report_.started(test);
  options.module = module_;
  options.config = config_;
  options.function = test.export_name;
  options.environment_id = 0;
  options.output = running.capture.get();
  options.token = next_++;
  wake_watcher_.notify_one();
  return true;
}

void TestRunner::ended(u64 token, runtime::RunResult&& run) noexcept {
  const std::lock_guard guard(lock_);
  Running& running = running_[token];
  running.is_running = false;
  const std::chrono::duration<double> taken = Clock::now() - running.since;
  const TestCase& test = tests_[token];
  TestResult result = judge(test, run, running.capture->streams(), running.capture->lost_bytes());
  result.seconds = taken.count();
  ++(result.verdict == Verdict::kOk ? counts_.passed : counts_.failed);
  report_.ended(test, result);
}

// Tells of tests that take long.
void TestRunner::watch() {
  constexpr auto kLong = std::chrono::seconds(kLongSeconds);
  std::unique_lock guard(lock_);
  while (!ends_) {
    const auto now = Clock::now();
    auto wake = Clock::time_point::max();
    for (size_t i = 0; i < running_.size(); ++i) {
      Running& running = running_[i];
      if (!running.is_running || running.is_long) continue;
      if (now - running.since >= kLong) {
        running.is_long = true;
        report_.runs_long(tests_[i], kLongSeconds);
      } else {
        wake = std::min(wake, running.since + kLong);
      }
    }
    if (wake == Clock::time_point::max()) {
      wake_watcher_.wait(guard);
    } else {
      wake_watcher_.wait_until(guard, wake);
    }
  }
}

}  // namespace lunabeam::tools
