// Names from modules and guests, made fit for a line of output: a hostile one must neither split the line, nor steer a terminal,
// nor fill a log.
#pragma once

#include <string>
#include <string_view>

namespace lunabeam::vm {

inline constexpr size_t kPrintableBytes = 256;

// `text` with control characters (C0, DEL, C1) as \xNN, cut at a character boundary with "..." when it is longer than `max_bytes`.
[[nodiscard]] std::string printable(std::string_view text, size_t max_bytes = kPrintableBytes);

}  // namespace lunabeam::vm
