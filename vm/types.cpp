#include "vm/types.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace lunabeam::vm {
namespace {

[[nodiscard]] std::string heap_text(HeapType heap) {
  static constexpr std::array<std::string_view, 13> kNames = {
      "func", "nofunc", "extern", "noextern", "any", "eq", "i31", "struct", "array", "none", "exn", "noexn", "bot"};
  if (heap.is_concrete()) return fmt::format("type#{}", static_cast<u32>(heap.type_id()));
  return std::string(kNames[heap.abstract()]);
}

}  // namespace

std::string to_string(ValType type) {
  switch (type.kind()) {
    case ValType::kI32: return "i32";
    case ValType::kI64: return "i64";
    case ValType::kF32: return "f32";
    case ValType::kF64: return "f64";
    case ValType::kV128: return "v128";
    case ValType::kI8: return "i8";
    case ValType::kI16: return "i16";
    case ValType::kBottom: return "bot";
    case ValType::kRef: break;
  }
  return fmt::format("(ref {}{})", type.is_nullable() ? "null " : "", heap_text(type.heap()));
}

std::string to_string(const FuncType& type) {
  std::string text = "(func";
  const auto append = [&text](std::string_view keyword, const std::vector<ValType>& list) {
    if (list.empty()) return;
    text += fmt::format(" ({}", keyword);
    for (const ValType item : list) text += " " + to_string(item);
    text += ")";
  };
  append("param", type.params);
  append("result", type.results);
  return text + ")";
}

}  // namespace lunabeam::vm
