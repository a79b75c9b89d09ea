// Results for programs: JSON in the form that docs/spectest.md promises, and JUnit's XML.
#pragma once

#include <span>
#include <string>

#include "tools/lunabeam-spectest/file_run.h"

namespace lunabeam::spectest {

[[nodiscard]] std::string to_json(std::span<const FileRun> runs);

// One suite per folder and tier, one case per file.
[[nodiscard]] std::string to_junit(std::span<const FileRun> runs);

}  // namespace lunabeam::spectest
