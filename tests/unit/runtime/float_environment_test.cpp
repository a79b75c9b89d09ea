// Guests compute as the specification says, whatever the threads of the embedder were set to.
#include <cfenv>
#include <limits>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "tests/unit/runtime/scripted_vm.h"

namespace lunabeam::runtime {
namespace {

// Rounds upwards and, where this machine can, takes denormals for zero: as code that was compiled for speed leaves its thread.
class OddEnvironment {
 public:
  OddEnvironment() {
    std::fegetenv(&before_);
    std::fesetround(FE_UPWARD);
#if defined(__x86_64__)
    _mm_setcsr(_mm_getcsr() | kFlushDenormals);
#endif
  }
  ~OddEnvironment() { std::fesetenv(&before_); }
  OddEnvironment(const OddEnvironment&) = delete;
  OddEnvironment& operator=(const OddEnvironment&) = delete;

  [[nodiscard]] static bool is_set() {
#if defined(__x86_64__)
    if ((_mm_getcsr() & kFlushDenormals) != kFlushDenormals) return false;
#endif
    return std::fegetround() == FE_UPWARD;
  }

 private:
  static constexpr unsigned kFlushDenormals = 0x8040;
  std::fenv_t before_;
};

bool computes_as_specified() {
  const volatile double smallest_normal = std::numeric_limits<double>::min();
  const volatile double denormal = smallest_normal / 2;  // Not flushed when it is made ...
  const volatile double again = denormal * 2;            // ... and not taken for zero when it is used.
  const volatile float one = 1;
  const volatile float more = one + std::numeric_limits<float>::denorm_min();
  return again == smallest_normal && more == one;
}

class FloatEnvironment : public ScriptedVm {};
INSTANTIATE_SCRIPTED_TESTS(FloatEnvironment);

TEST_P(FloatEnvironment, IsTheDefaultOnEveryWorker) {
  start({.workers = 4});
  constexpr u32 kChildren = 64;
  std::atomic<u32> right{0};
  std::atomic<u32> wrong{0};
  const int child = script([&](const Guest& g) {
    ++(computes_as_specified() ? right : wrong);
    return g.step == 10 ? g.stop() : g.yield();
  });
  const OddEnvironment odd;
  const RunResult result = run_script([&](const Guest& g) {
    ++(computes_as_specified() ? right : wrong);
    if (g.step == 0) {
      for (u32 i = 0; i < kChildren; ++i) g.spawn(child);
    }
    return right + wrong < 11 * kChildren ? g.yield() : g.stop();
  });
  EXPECT_EQ(result.exit_status(), 0);
  EXPECT_GE(right, 11 * kChildren);
  EXPECT_EQ(wrong, 0u);
  EXPECT_TRUE(OddEnvironment::is_set());  // The thread is left as it was.
}

}  // namespace
}  // namespace lunabeam::runtime
