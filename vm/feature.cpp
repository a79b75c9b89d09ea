#include "vm/feature.h"

#include <array>

namespace lunabeam::vm {

std::string_view name_of(Feature feature) noexcept {
  static constexpr std::array<std::string_view, 16> kNames = {
#define VM_FEATURE(id, text, enabled) text,
#include "vm/features.def"
  };
  return kNames[static_cast<size_t>(feature)];
}

}  // namespace lunabeam::vm
