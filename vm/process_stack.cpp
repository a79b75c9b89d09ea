// Process stacks as data: attach, move, size.
#include "vm/process_stack.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "vm/base/check.h"
#include "vm/instance.h"

namespace lunabeam::vm {
namespace {

constexpr u64 kTortureAlwaysBytes = 16 * 1024;
constexpr u32 kTortureEvery = 64;
constexpr u8 kPoison = 0xDB;

bool is_aligned(const void* p) { return reinterpret_cast<u64>(p) % 16 == 0; }

void set_ends(ExecContext& exec, u8* lo, u8* hi, u64 used_bytes) {
  VM_DCHECK(is_aligned(lo) && is_aligned(hi));
  exec.stack_lo = lo;
  exec.stack_hi = hi;
  exec.stack_limit = reinterpret_cast<u64*>(lo + kStackHeadroomBytes);
  exec.fp = reinterpret_cast<u64*>(hi - used_bytes);
  VM_CHECK(exec.fp >= exec.stack_limit);
  if (exec.ctx == nullptr) return;
  Ctx* ctx = exec.ctx;
  do {
    ctx->stack_limit = exec.stack_limit;
    ctx = ctx->next;
  } while (ctx != exec.ctx);
}

// Invariant 3. Torture builds only: stacks move constantly there, and blocks are filled before use, so that slots not yet
// written hold no address by chance.
[[maybe_unused]] void check_no_self_reference(const u8* lo, const u8* hi, u64 used_bytes) {
  for (const u8* p = hi - used_bytes; p < hi; p += sizeof(u64)) {
    u64 word;
    std::memcpy(&word, p, sizeof word);
    VM_CHECK(word < reinterpret_cast<u64>(lo) || word >= reinterpret_cast<u64>(hi));
  }
}

}  // namespace

void poison_stack(u8* lo, u8* hi) noexcept { std::memset(lo, kPoison, static_cast<size_t>(hi - lo)); }

void attach_stack(ExecContext& exec, u8* lo, u8* hi) noexcept {
  VM_CHECK(hi - lo > static_cast<ptrdiff_t>(kStackHeadroomBytes));
#if defined(LUNABEAM_TORTURE)
  poison_stack(lo, hi);
#endif
  set_ends(exec, lo, hi, 0);
}

void move_stack(ExecContext& exec, u8* lo, u8* hi) noexcept {
  const u64 used_bytes = used_stack_bytes(exec);
#if defined(LUNABEAM_TORTURE)
  check_no_self_reference(exec.stack_lo, exec.stack_hi, used_bytes);
  poison_stack(lo, hi);
#endif
  VM_CHECK(used_bytes + kStackHeadroomBytes <= static_cast<u64>(hi - lo));
  std::memcpy(hi - used_bytes, exec.stack_hi - used_bytes, used_bytes);
  set_ends(exec, lo, hi, used_bytes);
}

u64 grown_stack_bytes(u64 capacity_bytes, u64 used_bytes, u64 need_bytes, u64 cap_bytes) noexcept {
  // need_bytes comes from a validated function's frame and used_bytes from an existing stack: the sum cannot wrap.
  const u64 least = used_bytes + need_bytes + kStackHeadroomBytes;
  if (least > (cap_bytes & ~u64{15})) return 0;
  return std::min(std::bit_ceil(std::max(capacity_bytes * 2, least)), cap_bytes & ~u64{15});
}

bool torture_moves_stack(u64 used_bytes, u32& count) noexcept {
  return used_bytes <= kTortureAlwaysBytes || ++count % kTortureEvery == 0;
}

}  // namespace lunabeam::vm
