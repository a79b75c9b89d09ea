// Values of guests and patterns of scripts: passing constants as arguments, matching results (fact sheet 3.2), naming both.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tools/lunabeam-spectest/commands.h"
#include "vm/types.h"

namespace lunabeam::spectest {

// Appends a constant's slots when it is a value of `type`; false when it is not. REQUIRES: value.is_constant().
[[nodiscard]] bool append_argument(const Pattern& value, vm::ValType type, std::vector<u64>& slots);

// slots: those of one value of `type`.
[[nodiscard]] bool matches(const Pattern& pattern, vm::ValType type, std::span<const u64> slots);

// A whole result list: as many values as patterns, each matching.
[[nodiscard]] bool matches(std::span<const Pattern> patterns, std::span<const vm::ValType> types,
                           std::span<const u64> slots);

// As the script writes them: "(i32.const 7)", "(f32.const nan:canonical)", "(v128.const i32x4 0x1 0x2 0x3 0x4)"; an empty list is
// "nothing".
[[nodiscard]] std::string describe(const Pattern& pattern);
[[nodiscard]] std::string describe(std::span<const Pattern> patterns);
[[nodiscard]] std::string describe(std::span<const vm::ValType> types, std::span<const u64> slots);

}  // namespace lunabeam::spectest
