// Language features, one switch each. A module that uses a disabled one is rejected with its name.
#pragma once

#include <string_view>

#include "vm/base/ints.h"

namespace lunabeam::vm {

enum class Feature : u8 {
#define VM_FEATURE(id, text, enabled) id,
#include "vm/features.def"
};

[[nodiscard]] std::string_view name_of(Feature feature) noexcept;

// Part of WebAssembly 3.0. The encodings of all others are malformed unless the feature is on.
[[nodiscard]] constexpr bool is_standard(Feature feature) { return feature <= Feature::kRelaxedSimd; }

// A set of features. Value type; a module remembers the set it was validated with.
class FeatureSet {
 public:
  // The features that this build implements.
  [[nodiscard]] static constexpr FeatureSet supported() {
    FeatureSet set;
#define VM_FEATURE(id, text, enabled) \
  if (enabled) set.enable(Feature::id);
#include "vm/features.def"
    return set;
  }
  // Everything that can be decoded and printed.
  [[nodiscard]] static constexpr FeatureSet all() {
    FeatureSet set;
#define VM_FEATURE(id, text, enabled) set.enable(Feature::id);
#include "vm/features.def"
    return set;
  }
  constexpr void enable(Feature f) { bits_ |= bit(f); }
  constexpr void disable(Feature f) { bits_ &= ~bit(f); }
  [[nodiscard]] constexpr bool has(Feature f) const { return (bits_ & bit(f)) != 0; }

 private:
  [[nodiscard]] static constexpr u64 bit(Feature f) { return u64{1} << static_cast<u8>(f); }
  u64 bits_ = 0;
};

}  // namespace lunabeam::vm
