// Backtraces as text, within a bound: for whoever has other work to do.
#pragma once

#include <string>
#include <vector>

#include "vm/backtrace.h"

namespace lunabeam::vm {

// As symbolise(backtrace), but only as long as body_bytes, which the bodies of the functions are taken from, lasts: frames of other
// functions get a line without an offset. Cost: linear in what is taken.
[[nodiscard]] std::vector<std::string> symbolise(const Backtrace& backtrace, u64& body_bytes);

}  // namespace lunabeam::vm
