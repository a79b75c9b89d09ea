// The part of a crate's Cargo configuration that makes `cargo run` and `cargo test` use this VM, put into a configuration that may
// exist already: nothing in it is changed or removed, but for lunatic's runner, which becomes ours.
#pragma once

#include <string>
#include <string_view>

namespace lunabeam::tools {

struct CargoConfig {
  std::string text;   // The new contents.
  std::string error;  // Not empty: a setting stands in the way; one line that says which.
};

// `existing`: the file's contents, empty when there is none. Text that has all settings comes back as it is.
// Reads TOML line by line: keys before `=`, headers of tables, values that span lines; not its inline tables.
[[nodiscard]] CargoConfig with_our_settings(std::string_view existing);

}  // namespace lunabeam::tools
