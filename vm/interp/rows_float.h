// Handlers of the group "float"; included once per dispatch.
#pragma once

#include "vm/interp/handler.h"
#include "vm/interp/parts_numeric.h"

namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE {

void put_float_handlers(HandlerEntry* entries) {
  put_handlers_of<kIds<[](const OpDesc& op) {
    return op.kind == OpKind::kFloatBinary || op.kind == OpKind::kFloatBranch || op.kind == OpKind::kUnary;
  }>>(entries);
}

}  // namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE
