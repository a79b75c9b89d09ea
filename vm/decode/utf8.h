// UTF-8 as the binary format demands it of names: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <string_view>

namespace lunabeam::vm {

[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

}  // namespace lunabeam::vm
