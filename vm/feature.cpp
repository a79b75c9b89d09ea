#include "vm/feature.h"

#include <array>

namespace lunabeam::vm {

std::string_view name_of(Feature feature) noexcept {
  static constexpr std::array kNames = {
#define VM_FEATURE(id, text, enabled) std::string_view(text),
#include "vm/features.def"
  };
  return kNames[static_cast<size_t>(feature)];
}

}  // namespace lunabeam::vm
