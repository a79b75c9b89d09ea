// The subcommands of `lunabeam`. Each takes the arguments behind its name and returns the program's exit status.
#pragma once

#include <string>
#include <vector>

namespace lunabeam::tools {

using Arguments = std::vector<std::string>;

[[nodiscard]] int command_run(const Arguments& arguments);
[[nodiscard]] int command_test(const Arguments& arguments);
[[nodiscard]] int command_init(const Arguments& arguments);
[[nodiscard]] int command_validate(const Arguments& arguments);
[[nodiscard]] int command_inspect(const Arguments& arguments);

// The VM's version; the host ABI's is lunatic's (lunatic::version).
inline constexpr const char* kVersion = "0.1.0";

// Statuses of the program itself; a guest's own status is passed through.
inline constexpr int kExitOk = 0;
inline constexpr int kExitError = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitTestsFailed = 101;  // As Rust's test harness.

}  // namespace lunabeam::tools
