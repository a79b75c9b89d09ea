// Handlers as compositions of parts.
#pragma once

#include <array>
#include <utility>

#include "vm/interp/part.h"

namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE {

// Runs parts one after the other, up to the first that wants a cold handler; ip is then that part's.
template <u16... Ids>
VM_ALWAYS_INLINE Handler run_parts([[maybe_unused]] Regs& r) {
  Handler slow = nullptr;
  (void)(((slow = Part<Ids>::exec(r)) == nullptr) && ...);
  return slow;
}

// The handler of the sequence Init..., Last.
template <u16 Last, u16... Init>
VM_HANDLER(op) {
  VM_BEGIN;
  if (const Handler slow = run_parts<Init...>(r)) [[unlikely]]
    VM_GOTO(slow);
  if constexpr (BranchPart<Last>) {
    if (Part<Last>::test(r)) {
      if (const Handler slow = Part<Last>::take(r)) [[unlikely]]
        VM_GOTO(slow);
      VM_NEXT;
    }
    r.ip += Part<Last>::kWords;
    VM_NEXT;
  } else {
    if (const Handler slow = Part<Last>::exec(r)) [[unlikely]]
      VM_GOTO(slow);
    VM_NEXT;
  }
}

// All base ids that Want says yes to.
template <auto Want>
consteval size_t count_ids() {
  size_t n = 0;
  for (const OpDesc& op : kOps) n += op.kind != OpKind::kInvalid && Want(op) ? 1 : 0;
  return n;
}
template <auto Want>
consteval auto ids() {
  std::array<u16, count_ids<Want>()> list{};
  size_t n = 0;
  for (u16 id = 0; id < kFusedBase; ++id) {
    if (kOps[id].kind != OpKind::kInvalid && Want(kOps[id])) list[n++] = id;
  }
  return list;
}
template <auto Want>
inline constexpr auto kIds = ids<Want>();

// Enters the handlers of the ids in List, a constant array.
template <const auto& List>
void put_handlers_of(HandlerEntry* entries) {
  [entries]<size_t... I>(std::index_sequence<I...>) {
    (put_handler(entries, List[I], &op<List[I]>), ...);
  }(std::make_index_sequence<List.size()>{});
}

// The groups, one source file each so that none compiles for long.
void put_int_handlers(HandlerEntry* entries);
void put_compare_handlers(HandlerEntry* entries);
void put_float_handlers(HandlerEntry* entries);
void put_memory_handlers(HandlerEntry* entries);
void put_special_handlers(HandlerEntry* entries);
void put_gc_handlers(HandlerEntry* entries);
// Vectors: for every processor, and for those that have SSE4.1.
namespace portable {
void put_vector_handlers(HandlerEntry* entries);
}
namespace sse41 {
void put_vector_handlers(HandlerEntry* entries);
}

// Fused operations exist in tail dispatch only; step runs their parts one by one.
inline constexpr u32 kFusedShares = 6;
template <u32 Share>
void put_fused_handlers(HandlerEntry* entries);

}  // namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE
