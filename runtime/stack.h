// Process stacks of the runtime (rule P6): the first one is the tail of the process block; grown ones come from the worker's block
// pool up to 32 KiB, then from malloc. Torture builds move the stack as engine.md 0.1 says, always to a fresh malloc block,
// and poison the old one.
//
// Threading: a stack is used by the worker that runs its process; `pool` and `account` are that worker's. The account is charged for
// grown blocks (rule P13: a deep recursion exhausts the stack of the guest that recurses, not the VM); nullptr: nobody is.
#pragma once

#include <array>

#include "runtime/block_pool.h"
#include "runtime/memory_account.h"
#include "vm/process_stack.h"

namespace lunabeam::runtime {

// A process's stack storage. Member of the process block; the stack's ends and fp are in ExecContext.
// Invariant 1: first_lo_ .. first_hi_ is the block that attach() was given; it is never freed here.
class ProcessStack {
 public:
  // Starts with the empty block [lo, hi), 16-byte aligned, at least vm::kMinStackBytes.
  void attach(vm::ExecContext& exec, u8* lo, u8* hi) noexcept;

  // Body of ExecHooks::grow_stack: room for need_bytes below exec.fp. False: cap_bytes or the VM's limit would be exceeded or memory is exhausted;
  // nothing has changed. In torture builds this is called at every call and may move a stack that has room.
  [[nodiscard]] bool grow(vm::ExecContext& exec, BlockPool& pool, u64 need_bytes, u64 cap_bytes,
                          MemoryAccount* account = nullptr) noexcept;

  // At a park: moves to a smaller block (the first one when it fits) if less than a quarter is used, the capacity is above 2 KiB,
  // and at most 4 KiB are to be copied. REQUIRES: exec.fp is current.
  void shrink(vm::ExecContext& exec, BlockPool& pool, MemoryAccount* account = nullptr) noexcept;

  // Frees a grown block; the first one goes with the process block.
  void release(vm::ExecContext& exec, BlockPool& pool, MemoryAccount* account = nullptr) noexcept;

  // Bytes that are not part of the process block, for accounting.
  [[nodiscard]] u64 grown_bytes(const vm::ExecContext& exec) const noexcept;

 private:
  [[nodiscard]] bool is_first(const vm::ExecContext& exec) const noexcept { return exec.stack_lo == first_lo_; }
  [[nodiscard]] bool move_to_new_block(vm::ExecContext& exec, BlockPool& pool, u64 size_bytes,
                                       MemoryAccount* account) noexcept;

  u8* first_lo_ = nullptr;
  u8* first_hi_ = nullptr;
  u32 torture_count_ = 0;
};

// Initial stack sizes per (module, entry function): the most that a process of that kind had in use when it first parked or
// finished (rule P6). One per worker; a small cache that forgets, never a promise.
class StackSizeHints {
 public:
  // Key of a module's entry function.
  [[nodiscard]] static constexpr u64 key(u64 module_id, u32 func_index) { return module_id << 24 ^ func_index; }

  // Bytes for the first stack: a multiple of 16, from vm::kMinStackBytes to kMaxInitialBytes.
  [[nodiscard]] u64 initial_bytes(u64 key) const noexcept;
  // used_bytes: in use at the first park; at the end for a process that never parked.
  void note(u64 key, u64 used_bytes) noexcept;

  static constexpr u64 kMaxInitialBytes = 16 * 1024;

 private:
  struct Entry {
    u64 key = ~u64{0};
    u64 bytes = 0;
  };
  static constexpr u32 kEntries = 256;
  [[nodiscard]] static u32 slot_of(u64 key) noexcept;
  std::array<Entry, kEntries> entries_{};
};

}  // namespace lunabeam::runtime
