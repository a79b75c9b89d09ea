// Atomic operations on memory (threads proposal). A memory, shared or not, belongs to one process, and a process runs on one thread at
// a time; what hands it to another thread orders memory. So every access is atomic and sequentially consistent as it is, a fence
// is nothing, nobody ever waits where notify looks, and a wait that would block answers 2, "timed out", at once: there is nobody
// who could wake the process. A guest that waits in a loop pays for it (kAtomicWaitReductions).
//
// Checks in their order: alignment of the effective address, bounds, for waits that the memory is shared.
#pragma once

#include "vm/interp/parts_memory.h"
#include "vm/reductions.h"

namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE {

enum class AtomicKind : u8 { kLoad, kStore, kAdd, kSub, kAnd, kOr, kXor, kExchange, kCompareExchange, kWait, kNotify };

// What a row does, from its mnemonic: "i64.atomic.rmw16.add_u" adds to a u16 and answers what was there, extended to an i64.
constexpr AtomicKind atomic_kind(std::string_view text) {
  const auto has = [text](std::string_view part) { return text.find(part) != std::string_view::npos; };
  if (has(".load")) return AtomicKind::kLoad;
  if (has(".store")) return AtomicKind::kStore;
  if (has(".add")) return AtomicKind::kAdd;
  if (has(".sub")) return AtomicKind::kSub;
  if (has(".and")) return AtomicKind::kAnd;
  if (has(".or")) return AtomicKind::kOr;
  if (has(".xor")) return AtomicKind::kXor;
  if (has(".xchg")) return AtomicKind::kExchange;
  if (has(".cmpxchg")) return AtomicKind::kCompareExchange;
  return has(".wait") ? AtomicKind::kWait : AtomicKind::kNotify;
}

template <AtomicKind Kind, class Cell>
VM_ALWAYS_INLINE Cell combined(Cell old, Cell operand) {
  switch (Kind) {
    case AtomicKind::kAdd: return static_cast<Cell>(old + operand);
    case AtomicKind::kSub: return static_cast<Cell>(old - operand);
    case AtomicKind::kAnd: return static_cast<Cell>(old & operand);
    case AtomicKind::kOr: return static_cast<Cell>(old | operand);
    case AtomicKind::kXor: return static_cast<Cell>(old ^ operand);
    default: return operand;
  }
}

template <u16 Id>
  requires(kOps[Id].kind == OpKind::kAtomic)
struct Part<Id> {
  static constexpr u32 kWords = kOps[Id].words;
  static constexpr OpcodeInfo kRow = info(kOps[Id].opcode());
  static constexpr AtomicKind kKind = atomic_kind(kRow.text);
  static constexpr u32 kBytes = 1u << kRow.width_log2;
  using Cell = std::conditional_t<kBytes == 1, u8,
                                  std::conditional_t<kBytes == 2, u16, std::conditional_t<kBytes == 4, u32, u64>>>;

  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const Insn* const ip = r.ip;
    const u64 address = r.fp[ip->f[0]];
    const u64 offset = whole_u64(ip[1]);
    const u16* const last = packed(ip + 2);  // Memory, ., ., d.
    // Also of a sum that wraps: it loses a multiple of the size.
    if ((address + offset) % kBytes != 0) [[unlikely]]
      return trap(r, TrapKind::kUnalignedAtomic);
    u8* at;
    if (!in_bounds<kBytes>(r, last[0], address, offset, at)) [[unlikely]]
      return trap(r, TrapKind::kOutOfBoundsMemoryAccess);
    u64 result = 0;
    bool ticks = false;
    if constexpr (kKind == AtomicKind::kWait) {
      if (!r.ctx->memories[last[0]]->shared) return trap(r, TrapKind::kExpectedSharedMemory);
      constexpr u64 kNotEqual = 1;
      constexpr u64 kTimedOut = 2;
      Cell cell;
      std::memcpy(&cell, at, sizeof cell);
      const bool would_block = cell == read_slot<Cell>(r.fp, ip->f[1]);
      result = would_block ? kTimedOut : kNotEqual;
      ticks = charge(r, would_block ? kAtomicWaitReductions : 0);
    } else if constexpr (kKind == AtomicKind::kStore) {
      const Cell cell = read_slot<Cell>(r.fp, ip->f[1]);
      std::memcpy(at, &cell, sizeof cell);
    } else if constexpr (kKind != AtomicKind::kNotify) {
      Cell cell;
      std::memcpy(&cell, at, sizeof cell);
      result = cell;
      if constexpr (kKind == AtomicKind::kCompareExchange) {
        // The expected value is wrapped to the cell's width (threads proposal, "Compare Exchange").
        if (read_slot<Cell>(r.fp, ip->f[1]) == cell) {
          cell = read_slot<Cell>(r.fp, ip->f[2]);
          std::memcpy(at, &cell, sizeof cell);
        }
      } else if constexpr (kKind != AtomicKind::kLoad) {
        cell = combined<kKind>(cell, read_slot<Cell>(r.fp, ip->f[1]));
        std::memcpy(at, &cell, sizeof cell);
      }
    }
    if constexpr (kKind != AtomicKind::kStore) r.fp[last[3]] = r.acc = result;
    r.ip += kWords;
    if (ticks) [[unlikely]]
      return &slow_tick_result;
    return nullptr;
  }
};

}  // namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE
