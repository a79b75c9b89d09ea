// Handlers of the fused operations; included once per dispatch and share, in as many shares as compile in parallel.
#pragma once

#include "vm/interp/fusion_rules.h"
#include "vm/interp/handler.h"
#include "vm/interp/parts_call.h"
#include "vm/interp/parts_memory.h"
#include "vm/interp/parts_move.h"
#include "vm/interp/parts_numeric.h"

namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE {

template <u32 Index, size_t... Init>
consteval Handler fused_handler(std::index_sequence<Init...>) {
  constexpr Fused kSequence = kFused.list[Index];
  return &op<kSequence.ids[kSequence.parts - 1], kSequence.ids[Init]...>;
}

// Enters the handlers of the sequences [Begin, End).
template <u32 Begin, u32 End>
void put_fused_handlers_of(HandlerEntry* entries) {
  [entries]<size_t... I>(std::index_sequence<I...>) {
    (put_handler(entries, static_cast<u16>(kFusedBase + Begin + I),
                 fused_handler<Begin + I>(std::make_index_sequence<kFused.list[Begin + I].parts - 1>{})),
     ...);
  }(std::make_index_sequence<End - Begin>{});
}

template <u32 Share>
void put_fused_handlers(HandlerEntry* entries);

}  // namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE

// Defines share n of kFusedShares.
#define VM_FUSED_SHARE(n)                                                                                 \
  namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE {                                                 \
  template <>                                                                                             \
  void put_fused_handlers<n>(HandlerEntry * entries) {                                                    \
    put_fused_handlers_of<kFused.size*(n) / kFusedShares, kFused.size*((n) + 1) / kFusedShares>(entries); \
  }                                                                                                       \
  }
