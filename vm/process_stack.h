// Moving a process stack (engine.md 1 and 2.2): what every embedder needs to implement ExecHooks::grow_stack. Where the blocks come
// from is the embedder's business: vm::Store takes malloc, the runtime its block pool.
//
// Invariant 1: an empty stack has fp == stack_hi.
// Invariant 2: both ends of a block are 16-byte aligned; the used bytes keep their distance to the high end when they move.
// Invariant 3: no word of the used part is an address inside it (invariant 1 of engine.md 11): moving is a copy.
#pragma once

#include "vm/base/ints.h"
#include "vm/exec_context.h"

namespace lunabeam::vm {

inline constexpr u64 kMinStackBytes = 512;
inline constexpr u64 kDefaultStackCapBytes = u64{8} << 20;

// Overwrites a block that has been left, or is about to be used in a torture build, with bytes that are no address and no index.
void poison_stack(u8* lo, u8* hi) noexcept;

// Points `exec` at the empty block [lo, hi). REQUIRES: both 16-byte aligned, hi - lo > kStackHeadroomBytes.
void attach_stack(ExecContext& exec, u8* lo, u8* hi) noexcept;

// Copies the used part to the high end of [lo, hi) and updates stack_lo/hi/limit, fp and the stack_limit of every instance of the
// process. The old block is not freed. Torture builds check
// invariant 3 first. REQUIRES: exec.fp is current and the used part fits above lo + kStackHeadroomBytes.
void move_stack(ExecContext& exec, u8* lo, u8* hi) noexcept;

[[nodiscard]] inline u64 used_stack_bytes(const ExecContext& exec) noexcept {
  return static_cast<u64>(exec.stack_hi - reinterpret_cast<const u8*>(exec.fp));
}
[[nodiscard]] inline u64 stack_capacity_bytes(const ExecContext& exec) noexcept {
  return static_cast<u64>(exec.stack_hi - exec.stack_lo);
}
// Whether need_bytes fit below fp already.
[[nodiscard]] inline bool stack_has_room(const ExecContext& exec, u64 need_bytes) noexcept {
  const auto free_bytes = reinterpret_cast<const u8*>(exec.fp) - reinterpret_cast<const u8*>(exec.stack_limit);
  return free_bytes >= 0 && static_cast<u64>(free_bytes) >= need_bytes;
}

// Size of the block that holds used + need bytes and the headroom: a power of two, at least twice the current
// capacity, or cap_bytes where that is less.
// 0: it does not fit under the cap.
[[nodiscard]] u64 grown_stack_bytes(u64 capacity_bytes, u64 used_bytes, u64 need_bytes, u64 cap_bytes) noexcept;

// Torture builds ask grow_stack at every call; whether this one moves the stack: always up to 16 KiB used, else one in 64.
// `count` is the process's (or store's) own counter.
[[nodiscard]] bool torture_moves_stack(u64 used_bytes, u32& count) noexcept;

}  // namespace lunabeam::vm
