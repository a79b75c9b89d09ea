// Reading module files, and the messages about them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vm/base/error.h"
#include "vm/base/ints.h"
#include "vm/host_function.h"

namespace lunabeam::tools {

// A module in the binary format, and the text it came from.
struct ModuleFile {
  std::string path;
  std::vector<u8> bytes;  // Given away to the loader.
  std::string source;     // Empty: the file holds the binary format.
};

// Reads a file of either format: text when its name ends in .wat or when it begins as text does. nullopt: it could not be read, or
// the text is malformed; the cause was printed to standard error.
[[nodiscard]] std::optional<ModuleFile> read_module_file(const std::string& path);

// Prints why the file's module was not loaded: with line, column and the line itself where it is text.
void print_load_error(const ModuleFile& file, const vm::Error& error);

// Prints `error: <path>: <message>` to standard error.
void print_error(const std::string& path, const std::string& message);

// The import universe of guests: lunatic::* and wasi_snapshot_preview1. Lives as long as the program.
[[nodiscard]] const vm::HostRegistry& host_registry();

}  // namespace lunabeam::tools
