#include "vm/validate/function_validator.h"

namespace lunabeam::vm::detail {

std::string mismatch_text(ValType expected, ValType found) {
  if (found.is_bottom()) return fmt::format("expected {}, found nothing", to_string(expected));
  return fmt::format("expected {}, found {}", to_string(expected), to_string(found));
}

}  // namespace lunabeam::vm::detail
