// Hash of strings that hostile input cannot aim at: the seed is drawn once per run of the program.
#pragma once

#include <string_view>

#include "vm/base/ints.h"

namespace lunabeam::vm {

// Drawn from the operating system at first use. Any thread.
[[nodiscard]] u64 hash_seed() noexcept;

[[nodiscard]] u64 seeded_hash(std::string_view text) noexcept;

struct SeededHash {
  using is_transparent = void;
  [[nodiscard]] size_t operator()(std::string_view text) const noexcept { return seeded_hash(text); }
};

}  // namespace lunabeam::vm
