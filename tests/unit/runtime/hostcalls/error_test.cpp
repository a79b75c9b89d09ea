// lunatic::error (ABI document 2.1).
#include "tests/unit/runtime/hostcalls/guest.h"

namespace lunabeam::tests {
namespace {

// An error with id 0: a module that is no module.
constexpr std::string_view kMakeError = R"(
  (call $test.report32 (call $process.compile_module (i32.const 0) (i32.const 4) (i32.const 64)))
  (call $test.report (i64.load (i32.const 64)))
)";

std::string with_error(std::string_view rest) { return std::string(kMakeError) + std::string(rest); }

TEST(ErrorFunctions, TextHasTheSizeThatWasTold) {
  const GuestRun run = run_body(with_error(R"(
    (call $test.report32 (call $error.string_size (i64.const 0)))
    (call $error.to_string (i64.const 0) (i32.const 100))
    (call $test.report32 (i32.load8_u (i32.const 100)))
    (call $test.report32 (i32.load8_u (i32.add (i32.const 100) (call $error.string_size (i64.const 0)))))
    (call $error.drop (i64.const 0))
  )"));
  EXPECT_EQ(run.trap(), "");
  ASSERT_EQ(run.reports.size(), 5u);
  EXPECT_EQ(run.reports[0], 1);  // Result of compile_module.
  EXPECT_EQ(run.reports[1], 0);  // First error id.
  EXPECT_GT(run.reports[2], 10);
  EXPECT_NE(run.reports[3], 0);  // Text begins.
  EXPECT_EQ(run.reports[4], 0);  // Nothing behind it.
}

TEST(ErrorFunctions, TextAtTheVeryEndOfMemory) {
  const GuestRun run = run_body(with_error(R"(
    (call $error.to_string (i64.const 0) (i32.sub (i32.const 65536) (call $error.string_size (i64.const 0))))
    (call $test.report32 (i32.load8_u (i32.const 65535)))
  )"));
  EXPECT_EQ(run.trap(), "");
  EXPECT_NE(run.reports.at(2), 0);
  const GuestRun beyond = run_body(with_error(R"(
    (call $error.to_string (i64.const 0) (i32.sub (i32.const 65537) (call $error.string_size (i64.const 0))))
  )"));
  EXPECT_EQ(beyond.trap(), "lunatic::error::to_string: out of bounds guest memory access");
}

TEST(ErrorFunctions, UnknownIdsTrap) {
  EXPECT_EQ(run_body("(drop (call $error.string_size (i64.const 0)))").trap(),
            "lunatic::error::string_size: unknown error id");
  EXPECT_EQ(run_body("(call $error.to_string (i64.const 0) (i32.const 0))").trap(),
            "lunatic::error::to_string: unknown error id");
  EXPECT_EQ(run_body("(call $error.drop (i64.const -1))").trap(), "lunatic::error::drop: unknown error id");
}

TEST(ErrorFunctions, DroppingTwiceTraps) {
  EXPECT_EQ(run_body(with_error("(call $error.drop (i64.const 0)) (call $error.drop (i64.const 0))")).trap(),
            "lunatic::error::drop: unknown error id");
}

TEST(ErrorFunctions, IdsAreNotReused) {
  const GuestRun run = run_body(with_error("(call $error.drop (i64.const 0))") + std::string(kMakeError));
  EXPECT_EQ(run.reports, (std::vector<i64>{1, 0, 1, 1}));
}

}  // namespace
}  // namespace lunabeam::tests
