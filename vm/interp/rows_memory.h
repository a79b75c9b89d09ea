// Handlers of the group "memory"; included once per dispatch.
#pragma once

#include "vm/interp/handler.h"
#include "vm/interp/parts_atomic.h"
#include "vm/interp/parts_memory.h"

namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE {

void put_memory_handlers(HandlerEntry* entries) {
  put_handlers_of<kIds<[](const OpDesc& op) {
    return op.kind == OpKind::kLoad || op.kind == OpKind::kStore || op.kind == OpKind::kAtomic;
  }>>(entries);
}

}  // namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE
