// Values of guests as text, and arguments for them: observation.h says how they are written.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tests/support/random.h"
#include "vm/types.h"

namespace lunabeam::differential {

// The value in `slots` (one, two for v128). References into the heap are followed: no collection may have happened since they were read.
[[nodiscard]] std::string describe(vm::ValType type, const u64* slots);
// One after the other, separated by blanks.
[[nodiscard]] std::string describe(std::span<const vm::ValType> types, std::span<const u64> slots);

struct Argument {
  std::vector<u64> slots;
  std::string text;
};

// A value for a parameter; nullopt: there is none, the type is a non-nullable reference to something that only guests make.
[[nodiscard]] std::optional<Argument> make_argument(vm::ValType type, tests::Random& random);

}  // namespace lunabeam::differential
