// Handlers of the special operations; included once per dispatch.
#pragma once

#include "vm/interp/handler.h"
#include "vm/interp/parts_call.h"
#include "vm/interp/parts_move.h"

namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE {

// The others have cold handlers of their own (slow_handlers.h).
template <u16 Id>
concept HasPart = BranchPart<Id> || requires(Regs& r) { Part<Id>::exec(r); };

consteval auto special_ids_with_parts() {
  constexpr auto kAll = std::make_integer_sequence<u16, static_cast<u16>(Special::kCount)>{};
  return []<u16... I>(std::integer_sequence<u16, I...>) {
    std::array<u16, (size_t{HasPart<kSpecialBase + I>} + ...)> list{};
    size_t n = 0;
    (void)((HasPart<kSpecialBase + I> ? (list[n++] = kSpecialBase + I, 0) : 0), ...);
    return list;
  }(kAll);
}
inline constexpr auto kSpecialIds = special_ids_with_parts();

void put_special_handlers(HandlerEntry* entries) { put_handlers_of<kSpecialIds>(entries); }

}  // namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE
