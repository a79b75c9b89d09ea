// Handlers of the fused operations.
#pragma once

#include "vm/interp/handler.h"

namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE {

std::span<const HandlerRow> fused_rows() { return {}; }

}  // namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE
