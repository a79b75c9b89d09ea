#include "vm/validate/function_validator.h"

namespace lunabeam::vm::detail {

std::string mismatch_text(ValType expected, ValType found) {
  if (found.is_bottom()) return fmt::format("expected {}, found nothing", to_string(expected));
  return fmt::format("expected {}, found {}", to_string(expected), to_string(found));
}

ValType top_reference(HeapType heap) {
  for (const HeapType::Abstract top : {HeapType::kFunc, HeapType::kExtern, HeapType::kExn}) {
    if (TypeRegistry::global().matches(heap, top)) return ValType::ref(top, true);
  }
  return ValType::ref(HeapType::kAny, true);
}

}  // namespace lunabeam::vm::detail
