// Handlers of the group "gc"; included once per dispatch.
#pragma once

#include "vm/interp/handler.h"
#include "vm/interp/parts_gc.h"

namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE {

template <u16 Id>
concept HasGcPart = BranchPart<Id> || requires(Regs& r) { Part<Id>::exec(r); };

// The group's operations stand together in special_ops.def; those without a part have cold handlers (slow_handlers.h).
consteval auto gc_ids_with_parts() {
  constexpr u16 kFirst = op_id(Special::struct_new);
  constexpr u16 kCount = op_id(Special::br_castz_back) + 1 - kFirst;
  return []<u16... I>(std::integer_sequence<u16, I...>) {
    std::array<u16, (size_t{HasGcPart<kFirst + I>} + ...)> list{};
    size_t n = 0;
    (void)((HasGcPart<kFirst + I> ? (list[n++] = kFirst + I, 0) : 0), ...);
    return list;
  }(std::make_integer_sequence<u16, kCount>{});
}
inline constexpr auto kGcIds = gc_ids_with_parts();

void put_gc_handlers(HandlerEntry* entries) { put_handlers_of<kGcIds>(entries); }

}  // namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE
