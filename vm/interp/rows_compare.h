// Handlers of the group "compare"; included once per dispatch.
#pragma once

#include "vm/interp/handler.h"
#include "vm/interp/parts_numeric.h"

namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE {

std::span<const HandlerRow> compare_rows() {
  return rows_of<[](const OpDesc& op) {
    return op.kind == OpKind::kBranch ||
           (op.kind == OpKind::kBinary && family_of(op.opcode()) == OpFamily::kIntCompare);
  }>();
}

}  // namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE
