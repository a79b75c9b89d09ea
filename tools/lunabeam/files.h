// Reading module files, and the messages about them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vm/base/ints.h"
#include "vm/host_function.h"

namespace lunabeam::tools {

// The file's bytes. nullopt: it could not be read; one line was printed to standard error.
[[nodiscard]] std::optional<std::vector<u8>> read_module_file(const std::string& path);

// Prints `error: <path>: <message>` to standard error.
void print_error(const std::string& path, const std::string& message);

// The import universe of guests: lunatic::* and wasi_snapshot_preview1. Lives as long as the program.
[[nodiscard]] const vm::HostRegistry& host_registry();

}  // namespace lunabeam::tools
