// Panic reports in what a Rust guest has written.
#pragma once

#include <string_view>
#include <vector>

namespace lunabeam::tools {

// The messages of all panics reported in the output, in order, as parts of it. Knows the form of compilers before 1.73,
//   thread 'NAME' panicked at 'MESSAGE', FILE:LINE:COLUMN
// and the one since, where the number is that of compilers since 1.91,
//   thread 'NAME' (NUMBER) panicked at FILE:LINE:COLUMN:
//   MESSAGE
// whose message ends where the runtime's notes begin. Cost: linear.
[[nodiscard]] std::vector<std::string_view> panic_messages(std::string_view output);

}  // namespace lunabeam::tools
