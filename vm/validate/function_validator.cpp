#include "vm/validate/function_validator.h"

#include <mutex>
#include <unordered_map>

namespace lunabeam::vm::detail {

std::string mismatch_text(ValType expected, ValType found) {
  if (found.is_bottom()) return fmt::format("expected {}, found nothing", to_string(expected));
  return fmt::format("expected {}, found {}", to_string(expected), to_string(found));
}

std::span<const ValType> interned_reference(ValType type) {
  static constexpr std::array<ValType, 2> kCommon = {kFuncRef, kExternRef};
  for (const ValType& known : kCommon) {
    if (known == type) return std::span(&known, 1);
  }
  static std::mutex lock;
  static std::unordered_map<u32, ValType> others;  // Nodes stay where they are.
  const std::lock_guard guard(lock);
  return std::span(&others.try_emplace(type.bits(), type).first->second, 1);
}

}  // namespace lunabeam::vm::detail
