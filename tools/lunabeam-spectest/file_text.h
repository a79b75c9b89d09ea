// Whole files in and out.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace lunabeam::spectest {

// The bytes. nullopt: errno says why.
[[nodiscard]] std::optional<std::string> read_file(const std::filesystem::path& path);

// Creates or replaces. False: errno says why.
[[nodiscard]] bool write_file(const std::filesystem::path& path, std::string_view text);

}  // namespace lunabeam::spectest
