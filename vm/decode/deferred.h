// Errors of validation that show while decoding (an unknown type index, a disabled feature). Bytes that are no module at all
// take precedence over them wherever they are (fact sheet 7.4), so they are kept until the whole module is decoded.
#pragma once

#include <optional>
#include <string>

#include "vm/base/error.h"
#include "vm/feature.h"

namespace lunabeam::vm {

class DeferredError {
 public:
  // Only the first one is kept.
  [[gnu::cold, gnu::noinline]] void add(ErrorCode code, u64 offset, std::string detail) {
    if (!error_) error_ = Error{code, offset, std::move(detail)};
  }
  // `what` names the construct, e.g. "reference type".
  [[gnu::cold, gnu::noinline]] void add_unsupported(Feature feature, u64 offset, std::string_view what);

  [[nodiscard]] bool has_value() const { return error_.has_value(); }
  [[nodiscard]] const Error& error() const { return *error_; }  // REQUIRES has_value().

 private:
  std::optional<Error> error_;
};

}  // namespace lunabeam::vm
