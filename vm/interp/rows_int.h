// Handlers of the group "int"; included once per dispatch.
#pragma once

#include "vm/interp/handler.h"
#include "vm/interp/parts_numeric.h"

namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE {

std::span<const HandlerRow> int_rows() {
  return rows_of<[](const OpDesc& op) {
    return op.kind == OpKind::kBinary && family_of(op.opcode()) == OpFamily::kIntBinary;
  }>();
}

}  // namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE
