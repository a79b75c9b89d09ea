// The flags of Rust's test harness, as `cargo test` hands them through, and what they select.
#pragma once

#include <string>
#include <vector>

#include "tools/lunabeam/test_name.h"
#include "vm/base/ints.h"

namespace lunabeam::tools {

struct TestFlags {
  enum class Ignored : u8 { kSkip, kOnly, kInclude };
  enum class Format : u8 { kPretty, kTerse, kJson };
  enum class Color : u8 { kAuto, kAlways, kNever };

  std::vector<std::string> filters;  // A test is selected if its name contains one of them, or there are none.
  std::vector<std::string> skips;    // ... and none of these.
  bool exact = false;                // Filters and skips are whole names.
  Ignored ignored = Ignored::kSkip;
  bool exclude_should_panic = false;
  Format format = Format::kPretty;
  Color color = Color::kAuto;
  bool list = false;
  bool no_capture = false;
  bool show_output = false;
  bool report_time = false;
  bool shuffle = false;
  u64 shuffle_seed = 0;  // 0: one is drawn.
  u64 threads = 0;       // Tests at once; 0: the runner's choice.
  bool help = false;
  std::vector<std::string> directories;      // --dir, lunatic's addition.
  std::vector<std::string> guest_arguments;  // Behind `--`.

  // Filters and skips only; what is_ignored means is the runner's business.
  [[nodiscard]] bool selects(const TestCase& test) const;
};

struct ParsedTestFlags {
  TestFlags flags;
  std::string error;  // Not empty: one line that says what is wrong.
};

// `threads_variable`, `no_capture_variable`: RUST_TEST_THREADS and RUST_TEST_NOCAPTURE, or nullptr.
[[nodiscard]] ParsedTestFlags parse_test_flags(const std::vector<std::string>& arguments, const char* threads_variable,
                                               const char* no_capture_variable);

// The flags for a person.
[[nodiscard]] const char* test_flags_help();

}  // namespace lunabeam::tools
