// lunatic::process::compile_module and drop_module of modules that the pool loads and drops. ~Vm checks that nothing of them is left.
#include <fmt/format.h>

#include "tests/support/module_builder.h"
#include "tests/unit/runtime/hostcalls/guest.h"

namespace lunabeam::tests {
namespace {

constexpr u32 kAt = 1000;
constexpr u32 kRounds = 20;

// More than 64 KiB: many functions.
std::string large_module() {
  ModuleBuilder m;
  const u32 type = m.type("i", "i");
  for (int i = 0; i < 12'000; ++i) m.func(type, local_get(0));
  const Bytes bytes = m.build();
  return {bytes.begin(), bytes.end()};
}

GuestRun run_compiling(std::string_view body, u64 memory_limit_bytes = runtime::MemoryBudget::kUnlimited) {
  const std::string module = large_module();
  EXPECT_GT(module.size(), 64u * 1024);
  return run_guest(fmt::format(R"({} {}
    (func $compile (result i64)
      (if (call $process.compile_module (i32.const {}) (i32.const {}) (i32.const 64)) (then (return (i64.const -1))))
      (i64.load (i32.const 64)))
    (func (export "_start") (local $i i32) (local $id i64) {}))",
                               kHelpers, data(kAt, module), kAt, module.size(), body),
                   {.pages = 4, .memory_limit_bytes = memory_limit_bytes, .deterministic = false});
}

std::string rounds(std::string_view body) {
  return fmt::format(
      "(loop $more {} (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const {}))))",
      body, kRounds);
}

TEST(LargeModules, ComeAndGo) {
  const GuestRun run = run_compiling(rounds("(call $process.drop_module (call $compile))"));
  EXPECT_EQ(run.trap(), "");
}

TEST(LargeModules, AreDroppedWithTheirProcess) {
  const GuestRun run = run_compiling(rounds("(call $test.report (call $compile))"));
  EXPECT_EQ(run.trap(), "");
  EXPECT_EQ(run.reports.size(), kRounds);
  EXPECT_EQ(run.reports.back(), kRounds - 1);
}

// What is dropped counts until the pool has dropped it, then no longer.
TEST(LargeModules, AreGivenBackToTheLimit) {
  const GuestRun run = run_compiling(rounds(R"((loop $again
      (local.set $id (call $compile))
      (if (i64.lt_s (local.get $id) (i64.const 0)) (then (call $process.sleep_ms (i64.const 1)) (br $again))))
      (call $process.drop_module (local.get $id)))"),
                                     u64{16} << 20);
  EXPECT_EQ(run.trap(), "");
}

}  // namespace
}  // namespace lunabeam::tests
