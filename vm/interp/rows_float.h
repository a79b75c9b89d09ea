// Handlers of the group "float"; included once per dispatch.
#pragma once

#include "vm/interp/handler.h"
#include "vm/interp/parts_numeric.h"

namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE {

std::span<const HandlerRow> float_rows() {
  return rows_of<[](const OpDesc& op) {
    return op.kind == OpKind::kFloatBinary || op.kind == OpKind::kFloatBranch || op.kind == OpKind::kUnary;
  }>();
}

}  // namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE
