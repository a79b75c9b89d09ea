#include "tools/lunabeam-spectest/tier.h"

#include <algorithm>
#include <array>

namespace lunabeam::spectest {
namespace {

constexpr std::array kTiers = {
    Tier{"interp-tail", vm::Dispatch::kTail},
    Tier{"interp-step", vm::Dispatch::kStep},
};

}  // namespace

std::vector<Tier> available_tiers() {
  std::vector<Tier> tiers;
  for (const Tier& tier : kTiers) {
    if (vm::has_dispatch(tier.dispatch)) tiers.push_back(tier);
  }
  const auto first = std::ranges::find(tiers, vm::kDefaultDispatch, &Tier::dispatch);
  if (first != tiers.end()) std::iter_swap(tiers.begin(), first);
  return tiers;
}

std::optional<Tier> find_tier(std::string_view name) {
  const auto found = std::ranges::find(kTiers, name, &Tier::name);
  if (found == kTiers.end()) return std::nullopt;
  return *found;
}

}  // namespace lunabeam::spectest
