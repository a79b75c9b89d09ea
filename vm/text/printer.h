// Binary module to text. The text reads back to a module that prints the same text, whatever features the module uses.
#pragma once

#include <span>
#include <string>

#include "vm/base/error.h"

namespace lunabeam::vm::text {

struct PrintOptions {
  bool names = true;            // Identifiers from the custom section `name`, where they are unique; else indices.
  bool custom_sections = true;  // Other custom sections as (@custom ...) annotations.
};

// Works from the bytes alone: types keep the module's own indices, and nothing needs to validate. Time and memory linear in the bytes
// (and in the nesting depth, by indentation, which is capped). Errors: malformed modules.
[[nodiscard]] Result<std::string> print_module(std::span<const u8> bytes, PrintOptions options = {});

}  // namespace lunabeam::vm::text
