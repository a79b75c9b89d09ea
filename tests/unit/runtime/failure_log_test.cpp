// What a report about a failed process may cost: the functions in its backtrace are translated again for their offsets.
#include "runtime/failure_log.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/runtime/scripted_vm.h"

namespace lunabeam::runtime {
namespace {

using namespace tests;  // NOLINT: the builder's words.
using testing::HasSubstr;
using testing::Not;

class FailureLogTest : public ScriptedVm {
 protected:
  void SetUp() override {
    ScriptedVm::SetUp();
    set_log_level(LogLevel::kWarn);
  }
  void TearDown() override { set_log_level(LogLevel::kOff); }

  // Functions f0, f1, ... that trap at the end of bodies of about so many bytes each.
  std::shared_ptr<const vm::Module> trapping(std::initializer_list<u32> body_bytes) {
    ModuleBuilder builder;
    const u32 type = builder.type("", "");
    u32 index = 0;
    for (const u32 bytes : body_bytes) {
      Bytes body;
      for (u32 i = 0; i < bytes / 3; ++i) append(body, {0x41, 0, 0x1A});
      append(body, {0x00});
      builder.export_item(fmt::format("f{}", index++), ModuleBuilder::kFunc, builder.func(type, body));
    }
    return load(builder.build());
  }
  // What the log says of children that run these functions; *body_bytes: what the reports took.
  std::string reports(const std::shared_ptr<const vm::Module>& module, int functions, u64* body_bytes, u64* allowed) {
    testing::internal::CaptureStderr();
    run_script([&](const Guest& g) {
      if (g.step > 0) {
        *body_bytes = g.process.scheduler->failure_log().body_bytes();
        *allowed =
            FailureLog::kFreeBodyBytes + g.process.scheduler->stats().reductions / FailureLog::kReductionsPerBodyByte;
        return g.stop();
      }
      for (int i = 0; i < functions; ++i) {
        SpawnResult result;
        const std::string name = fmt::format("f{}", i);
        EXPECT_EQ(spawn(g.process, {.config = g.process.config, .module = module, .function = name}, result),
                  SpawnStatus::kSpawned);
      }
      return g.sleep(1'000'000);
    });
    return testing::internal::GetCapturedStderr();
  }
};
INSTANTIATE_SCRIPTED_TESTS(FailureLogTest);

TEST_P(FailureLogTest, OffsetsInLongFunctionsAreLeftOut) {
  start();
  u64 body_bytes = 0, allowed = 0;
  const std::string small = reports(trapping({300}), 1, &body_bytes, &allowed);
  EXPECT_THAT(small, HasSubstr("[scripted.wasm+0x"));
  EXPECT_GE(body_bytes, 300u);
  EXPECT_LE(body_bytes, 310u);
  start();
  const std::string large = reports(trapping({200'000}), 1, &body_bytes, &allowed);
  EXPECT_THAT(large, HasSubstr("trap: unreachable"));
  EXPECT_THAT(large, HasSubstr("#0 "));
  EXPECT_THAT(large, HasSubstr("[scripted.wasm]"));
  EXPECT_EQ(body_bytes, 0u);
}

// Every place has reports of its own: together they must not translate without an end.
TEST_P(FailureLogTest, ManyPlacesShareAnAllowance) {
  start();
  const auto module = trapping({50'000, 50'000, 50'000, 50'000, 50'000, 50'000, 50'000, 50'000, 50'000, 50'000,
                                50'000, 50'000, 50'000, 50'000, 50'000, 50'000, 50'000, 50'000, 50'000, 50'000,
                                50'000, 50'000, 50'000, 50'000, 50'000, 50'000, 50'000, 50'000, 50'000, 50'000});
  u64 body_bytes = 0, allowed = 0;
  const std::string all = reports(module, 30, &body_bytes, &allowed);
  EXPECT_GT(body_bytes, FailureLog::kFreeBodyBytes / 2);
  EXPECT_LE(body_bytes, allowed);
  EXPECT_LT(allowed, 30 * 50'000u);
  EXPECT_THAT(all, HasSubstr("[scripted.wasm+0x"));
  EXPECT_THAT(all, HasSubstr("[scripted.wasm]"));
}

}  // namespace
}  // namespace lunabeam::runtime
