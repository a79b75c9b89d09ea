// lunatic::registry (ABI document 2.6, 4.6).
#include <fmt/format.h>

#include "tests/unit/runtime/hostcalls/guest.h"

namespace lunabeam::tests {
namespace {

GuestRun run_names(std::string_view body) {
  return run_guest(fmt::format("{} (func (export \"_start\") {})", data(0, "name\xC3\xA9"), body));
}

TEST(NameFunctions, FindWhatWasPut) {
  const GuestRun run = run_names(R"(
    (call $registry.put (i32.const 0) (i32.const 6) (i64.const -1) (i64.const 77))
    (memory.fill (i32.const 64) (i32.const 0xFF) (i32.const 64))
    (call $test.report32 (call $registry.get (i32.const 0) (i32.const 6) (i32.const 64) (i32.const 80)))
    (call $test.report (i64.load (i32.const 64))) (call $test.report (i64.load (i32.const 72)))
    (call $test.report (i64.load (i32.const 80))) (call $test.report (i64.load (i32.const 88)))
    ;; Overwritten; and a prefix is another name, the empty one too.
    (call $registry.put (i32.const 0) (i32.const 6) (i64.const 0) (i64.const 78))
    (call $registry.put (i32.const 0) (i32.const 0) (i64.const 0) (i64.const 79))
    (drop (call $registry.get (i32.const 0) (i32.const 6) (i32.const 64) (i32.const 80)))
    (call $test.report (i64.load (i32.const 80)))
    (drop (call $registry.get (i32.const 9) (i32.const 0) (i32.const 64) (i32.const 80)))
    (call $test.report (i64.load (i32.const 80)))
    (call $test.report32 (call $registry.get (i32.const 0) (i32.const 4) (i32.const 64) (i32.const 80))))");
  EXPECT_EQ(run.trap(), "");
  EXPECT_EQ(run.reports, (std::vector<i64>{0, -1, -1, 77, -1, 78, 79, 1}));
}

TEST(NameFunctions, NothingIsWrittenForAnUnknownName) {
  const GuestRun run = run_names(R"(
    (i64.store (i32.const 64) (i64.const 5))
    (call $test.report32 (call $registry.get (i32.const 0) (i32.const 4) (i32.const 64) (i32.const 64)))
    (call $test.report (i64.load (i32.const 64)))
    (call $test.report32 (call $registry.get (i32.const 0) (i32.const 4) (i32.const -1) (i32.const -1))))");
  EXPECT_EQ(run.trap(), "");
  EXPECT_EQ(run.reports, (std::vector<i64>{1, 5, 1}));
}

TEST(NameFunctions, RemoveIsNoErrorForAnUnknownName) {
  const GuestRun run = run_names(R"(
    (call $registry.put (i32.const 0) (i32.const 4) (i64.const 0) (i64.const 1))
    (call $registry.remove (i32.const 0) (i32.const 4))
    (call $registry.remove (i32.const 0) (i32.const 4))
    (call $test.report32 (call $registry.get (i32.const 0) (i32.const 4) (i32.const 64) (i32.const 64))))");
  EXPECT_EQ(run.reports, (std::vector<i64>{1}));
}

TEST(NameFunctions, TextsAndOutParametersAreChecked) {
  struct Case {
    std::string_view call;
    std::string_view trap;
  };
  constexpr Case kCases[] = {
      {"(call $registry.put (i32.const 0) (i32.const 5) (i64.const 0) (i64.const 0))",
       "put: the text is not valid UTF-8"},
      {"(call $registry.put (i32.const 65535) (i32.const 2) (i64.const 0) (i64.const 0))",
       "put: out of bounds guest memory access"},
      {"(drop (call $registry.get (i32.const 0) (i32.const 5) (i32.const 0) (i32.const 0)))",
       "get: the text is not valid UTF-8"},
      {"(drop (call $registry.get (i32.const 65537) (i32.const 0) (i32.const 0) (i32.const 0)))",
       "get: out of bounds guest memory access"},
      {"(call $registry.remove (i32.const 5) (i32.const 1))", "remove: the text is not valid UTF-8"},
      {"(call $registry.remove (i32.const -1) (i32.const -1))", "remove: out of bounds guest memory access"},
  };
  for (const Case& c : kCases) EXPECT_EQ(run_names(c.call).trap(), fmt::format("lunatic::registry::{}", c.trap));
  for (const std::string_view outs : {"(i32.const 65529) (i32.const 64)", "(i32.const 64) (i32.const 65529)"}) {
    EXPECT_EQ(run_names(fmt::format("(call $registry.put (i32.const 0) (i32.const 4) (i64.const 0) (i64.const 1)) "
                                    "(drop (call $registry.get (i32.const 0) (i32.const 4) {}))",
                                    outs))
                  .trap(),
              "lunatic::registry::get: out of bounds guest memory access");
  }
}

TEST(NameFunctions, NamesHaveABoundedLength) {
  EXPECT_EQ(run_body(R"((call $registry.put (i32.const 0) (i32.const 4096) (i64.const 0) (i64.const 1))
                        (call $registry.put (i32.const 0) (i32.const 4097) (i64.const 0) (i64.const 1)))")
                .trap(),
            "lunatic::registry::put: the name is longer than 4,096 bytes");
}

}  // namespace
}  // namespace lunabeam::tests
