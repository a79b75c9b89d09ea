#include "vm/decode/deferred.h"

#include <fmt/format.h>

namespace lunabeam::vm {

void DeferredError::add_unsupported(Feature feature, u64 offset, std::string_view what) {
  add(ErrorCode::kUnsupportedFeature, offset, fmt::format("{} ({})", name_of(feature), what));
}

}  // namespace lunabeam::vm
