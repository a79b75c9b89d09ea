// Execution tiers, by the names of the command line. A run forces one: nothing falls back to another.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "vm/interp/interp.h"

namespace lunabeam::spectest {

struct Tier {
  std::string_view name;
  vm::Dispatch dispatch;
};

// Those of this build, the default one first.
[[nodiscard]] std::vector<Tier> available_tiers();

// Also one that this build lacks. nullopt: there is no such tier.
[[nodiscard]] std::optional<Tier> find_tier(std::string_view name);

}  // namespace lunabeam::spectest
