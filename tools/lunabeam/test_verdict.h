// How a test's end is judged (ABI document 9.4).
#pragma once

#include <vector>

#include "runtime/output_capture.h"
#include "runtime/vm.h"
#include "tools/lunabeam/test_name.h"
#include "tools/lunabeam/test_report.h"

namespace lunabeam::tools {

// `streams`: what the test's processes have written, by pid; the root's id is 1. The result's output is what of it a person is
// shown, and notes about the failure; its time is left to the caller.
[[nodiscard]] TestResult judge(const TestCase& test, const runtime::RunResult& run,
                               const std::vector<runtime::OutputCapture::Stream>& streams, u64 lost_bytes);

}  // namespace lunabeam::tools
