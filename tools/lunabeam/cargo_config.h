// The part of a crate's Cargo configuration that makes `cargo run` and `cargo test` use this VM, put into a configuration that may
// exist already: nothing in it is changed or removed, but for lunatic's runner, which becomes ours.
#pragma once

#include <string>
#include <string_view>

namespace lunabeam::tools {

struct CargoConfig {
  std::string text;   // The new contents.
  std::string error;  // Not empty: a setting stands in the way, or the contents are not TOML; one line that says which.
};

// `existing`: the file's contents, empty when there is none. Text that has all settings comes back as it is.
// What is not TOML, or uncommon enough not to be understood, is an error.
[[nodiscard]] CargoConfig with_our_settings(std::string_view existing);

}  // namespace lunabeam::tools
