// Small things about text that several files need.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lunabeam::spectest {

// The pieces between separators; one more than there are separators.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

[[nodiscard]] std::string_view trimmed(std::string_view text);

// Printable on one line: control characters and bytes that are not UTF-8 as \xx, cut at `max_bytes` with "...".
[[nodiscard]] std::string one_line(std::string_view text, size_t max_bytes = 400);

// `*` stands for any characters within one folder, `**` for any characters; all others for themselves.
[[nodiscard]] bool glob_matches(std::string_view pattern, std::string_view path);

}  // namespace lunabeam::spectest
