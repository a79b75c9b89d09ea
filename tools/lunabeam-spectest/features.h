// Feature sets of a run: by name, and by folder of the suite.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "vm/feature.h"

namespace lunabeam::spectest {

// Applies a list such as "simd,-gc" to `base`: a name enables, a name behind a minus disables. nullopt: `unknown` is no feature.
[[nodiscard]] std::optional<vm::FeatureSet> parse_features(std::string_view list, vm::FeatureSet base,
                                                           std::string& unknown);

// All features of the set, separated by commas.
[[nodiscard]] std::string to_string(vm::FeatureSet features);

// What this build implements, less the proposals that are not part of 3.0 and whose folder the script (path relative to the suite's
// root) is not in.
[[nodiscard]] vm::FeatureSet features_of(std::string_view path);

}  // namespace lunabeam::spectest
