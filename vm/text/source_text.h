// Places in a source as people name them, and errors told with them.
#pragma once

#include <string>
#include <string_view>

#include "vm/base/error.h"

namespace lunabeam::vm::text {

// Both count from 1; a column counts code points.
struct LineColumn {
  u32 line;
  u32 column;
};

// Linear in the offset. An offset behind the end means the end.
[[nodiscard]] LineColumn line_column(std::string_view source, u64 offset);

// `<line>:<column>: <text>[ <detail>]`, then the offending line (cut to a window of 160 columns around the place, control characters
// replaced) and a line with a caret below the place. The error's offset is one into `source`, or kNoOffset: then only its message.
[[nodiscard]] std::string describe(const Error& error, std::string_view source);

}  // namespace lunabeam::vm::text
