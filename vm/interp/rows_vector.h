// Handlers of the vector rows; included once per dispatch and instruction set.
#pragma once

#include "vm/interp/handler.h"
#include "vm/interp/parts_vector.h"

namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE::VM_VECTOR_NAMESPACE {

std::span<const HandlerRow> vector_rows() {
  static constexpr auto& kList = kIds<[](const OpDesc& op) { return op.kind == OpKind::kVector; }>;
  static constexpr auto kRows = []<size_t... I>(std::index_sequence<I...>) {
    return std::array<HandlerRow, sizeof...(I)>{HandlerRow{kList[I], &vector_op<kList[I]>}...};
  }(std::make_index_sequence<kList.size()>{});
  return kRows;
}

}  // namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE::VM_VECTOR_NAMESPACE
