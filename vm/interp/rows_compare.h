// Handlers of the group "compare"; included once per dispatch.
#pragma once

#include "vm/interp/handler.h"
#include "vm/interp/parts_numeric.h"

namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE {

void put_compare_handlers(HandlerEntry* entries) {
  put_handlers_of<kIds<[](const OpDesc& op) {
    return op.kind == OpKind::kBranch ||
           (op.kind == OpKind::kBinary && family_of(op.opcode()) == OpFamily::kIntCompare);
  }>>(entries);
}

}  // namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE
