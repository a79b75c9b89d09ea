// Handlers of the vector rows; included once per dispatch and instruction set.
#pragma once

#include "vm/interp/handler.h"
#include "vm/interp/parts_vector.h"

namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE::VM_VECTOR_NAMESPACE {

void put_vector_handlers(HandlerEntry* entries) {
  static constexpr auto& kList = kIds<[](const OpDesc& op) { return op.kind == OpKind::kVector; }>;
  [entries]<size_t... I>(std::index_sequence<I...>) {
    (put_handler(entries, kList[I], &vector_op<kList[I]>), ...);
  }(std::make_index_sequence<kList.size()>{});
}

}  // namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE::VM_VECTOR_NAMESPACE
