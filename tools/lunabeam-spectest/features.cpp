#include "tools/lunabeam-spectest/features.h"

#include <array>

#include "tools/lunabeam-spectest/text.h"

namespace lunabeam::spectest {
namespace {

using vm::Feature;
using vm::FeatureSet;

constexpr std::array kFeatures = {
#define VM_FEATURE(id, text, enabled) Feature::id,
#include "vm/features.def"
};

struct Proposal {
  std::string_view feature;
  std::string_view folder;
};
constexpr std::array kProposals = {
    Proposal{"legacy-exceptions", "legacy/exceptions/"},
    Proposal{"threads", "proposals/threads/"},
    Proposal{"custom-page-sizes", "proposals/custom-page-sizes/"},
    Proposal{"wide-arithmetic", "proposals/wide-arithmetic/"},
    Proposal{"custom-descriptors", "proposals/custom-descriptors/"},
};

std::optional<Feature> find(std::string_view name) {
  for (const Feature feature : kFeatures) {
    if (vm::name_of(feature) == name) return feature;
  }
  return std::nullopt;
}

}  // namespace

std::optional<FeatureSet> parse_features(std::string_view list, FeatureSet base, std::string& unknown) {
  for (const std::string_view item : split(list, ',')) {
    const bool disables = item.starts_with('-');
    const std::string_view name = disables ? item.substr(1) : item;
    const std::optional<Feature> feature = find(name);
    if (!feature) {
      if (item.empty()) continue;
      unknown = name;
      return std::nullopt;
    }
    disables ? base.disable(*feature) : base.enable(*feature);
  }
  return base;
}

std::string to_string(FeatureSet features) {
  std::string text;
  for (const Feature feature : kFeatures) {
    if (!features.has(feature)) continue;
    if (!text.empty()) text += ',';
    text += vm::name_of(feature);
  }
  return text;
}

FeatureSet features_of(std::string_view path) {
  FeatureSet features = FeatureSet::supported();
  for (const Proposal& proposal : kProposals) {
    const std::optional<Feature> feature = find(proposal.feature);
    if (feature && !path.starts_with(proposal.folder)) features.disable(*feature);
  }
  return features;
}

}  // namespace lunabeam::spectest
