// Growing, shrinking and releasing process stacks; initial sizes.
#include "runtime/stack.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "vm/base/check.h"

namespace lunabeam::runtime {
namespace {

#if defined(LUNABEAM_TORTURE)
constexpr bool kTorture = true;
#else
constexpr bool kTorture = false;
#endif

constexpr u64 kShrinkAboveBytes = 2 * 1024;
constexpr u64 kShrinkCopyBytes = 4 * 1024;

// Torture builds take every block from malloc: the address is new as long as the old block lives, and the address sanitizer
// watches what has been left behind.
bool is_pooled(u64 size_bytes) { return !kTorture && size_bytes <= BlockPool::kMaxBlockBytes; }

u8* allocate_stack(BlockPool& pool, u64 size_bytes) {
  if (is_pooled(size_bytes)) return static_cast<u8*>(pool.allocate(size_bytes));
  return static_cast<u8*>(std::aligned_alloc(16, size_bytes));
}

void free_stack(BlockPool& pool, u8* lo, u64 size_bytes) {
  if constexpr (kTorture) vm::poison_stack(lo, lo + size_bytes);
  if (is_pooled(size_bytes)) {
    pool.free(lo, size_bytes);
  } else {
    std::free(lo);
  }
}

}  // namespace

void ProcessStack::attach(vm::ExecContext& exec, u8* lo, u8* hi) noexcept {
  VM_DCHECK(hi - lo >= static_cast<ptrdiff_t>(vm::kMinStackBytes));
  first_lo_ = lo;
  first_hi_ = hi;
  vm::attach_stack(exec, lo, hi);
}

bool ProcessStack::move_to_new_block(vm::ExecContext& exec, BlockPool& pool, u64 size_bytes,
                                     MemoryAccount* account) noexcept {
  if (account != nullptr && !account->charge(size_bytes)) return false;
  u8* lo = allocate_stack(pool, size_bytes);
  if (lo == nullptr) {
    if (account != nullptr) account->release(size_bytes);
    return false;
  }
  u8* const old_lo = exec.stack_lo;
  const u64 old_bytes = vm::stack_capacity_bytes(exec);
  const bool was_first = is_first(exec);
  vm::move_stack(exec, lo, lo + size_bytes);
  if (!was_first) {
    free_stack(pool, old_lo, old_bytes);
    if (account != nullptr) account->release(old_bytes);
  } else if (kTorture) {
    vm::poison_stack(old_lo, old_lo + old_bytes);
  }
  return true;
}

bool ProcessStack::grow(vm::ExecContext& exec, BlockPool& pool, u64 need_bytes, u64 cap_bytes,
                        MemoryAccount* account) noexcept {
  const u64 used_bytes = vm::used_stack_bytes(exec);
  if (kTorture && vm::stack_has_room(exec, need_bytes)) {
    // A torture move that finds no memory is no failure: the stack has room where it is.
    if (vm::torture_moves_stack(used_bytes, torture_count_)) {
      (void)move_to_new_block(exec, pool, vm::stack_capacity_bytes(exec), account);
    }
    return true;
  }
  const u64 size_bytes = vm::grown_stack_bytes(vm::stack_capacity_bytes(exec), used_bytes, need_bytes, cap_bytes);
  return size_bytes != 0 && move_to_new_block(exec, pool, size_bytes, account);
}

void ProcessStack::shrink(vm::ExecContext& exec, BlockPool& pool, MemoryAccount* account) noexcept {
  const u64 capacity = vm::stack_capacity_bytes(exec);
  const u64 used = vm::used_stack_bytes(exec);
  if (is_first(exec) || capacity <= kShrinkAboveBytes || used >= capacity / 4 || used > kShrinkCopyBytes) return;
  const u64 least = used + vm::kStackHeadroomBytes;
  if (least <= static_cast<u64>(first_hi_ - first_lo_)) {
    u8* const old_lo = exec.stack_lo;
    vm::move_stack(exec, first_lo_, first_hi_);
    free_stack(pool, old_lo, capacity);
    if (account != nullptr) account->release(capacity);
    return;
  }
  const u64 size_bytes = std::max(vm::kMinStackBytes, std::bit_ceil(least * 2));
  if (size_bytes <= capacity / 2) (void)move_to_new_block(exec, pool, size_bytes, account);
}

void ProcessStack::release(vm::ExecContext& exec, BlockPool& pool, MemoryAccount* account) noexcept {
  if (!is_first(exec)) {
    const u64 capacity = vm::stack_capacity_bytes(exec);
    free_stack(pool, exec.stack_lo, capacity);
    if (account != nullptr) account->release(capacity);
  }
  vm::attach_stack(exec, first_lo_, first_hi_);
}

u64 ProcessStack::grown_bytes(const vm::ExecContext& exec) const noexcept {
  return is_first(exec) ? 0 : vm::stack_capacity_bytes(exec);
}

u32 StackSizeHints::slot_of(u64 key) noexcept {
  return static_cast<u32>((key * 0x9E37'79B9'7F4A'7C15) >> 56) % kEntries;
}

u64 StackSizeHints::initial_bytes(u64 key) const noexcept {
  const Entry& entry = entries_[slot_of(key)];
  return entry.key == key ? entry.bytes : vm::kMinStackBytes;
}

void StackSizeHints::note(u64 key, u64 used_bytes) noexcept {
  Entry& entry = entries_[slot_of(key)];
  if (entry.key != key) entry = Entry{key, vm::kMinStackBytes};
  const u64 wanted = ((used_bytes + 15) & ~u64{15}) + vm::kStackHeadroomBytes;
  entry.bytes = std::clamp(wanted, entry.bytes, std::max(entry.bytes, kMaxInitialBytes));
}

}  // namespace lunabeam::runtime
