// Spaces: when to collect, and how large the next one is.
#include "vm/gc/heap.h"

#include <algorithm>
#include <bit>
#include <new>

#include "vm/base/address_sanitizer.h"
#include "vm/base/check.h"
#include "vm/gc/collector.h"

namespace lunabeam::vm::gc {

namespace {

#if defined(LUNABEAM_TORTURE)
constexpr bool kTorture = true;
#else
constexpr bool kTorture = false;
#endif

constexpr u64 kSpaceOverhead = sizeof(SpaceHeader) + kSlackBytes;
constexpr u64 kSmallSpaceBytes = 64 * 1024;  // Up to here spaces are powers of two, above multiples of it.
constexpr u64 kMaxSpaceBytes = u64{1} << 46;
// Torture builds collect at every allocation while this much is used, and then so often that the cost stays bounded.
constexpr u64 kTortureBytes = 16 * 1024;

u64 space_bytes_for(u64 bytes) {
  if (bytes <= kFirstSpaceBytes) return kFirstSpaceBytes;
  if (bytes <= kSmallSpaceBytes) return std::bit_ceil(bytes);
  return (bytes + kSmallSpaceBytes - 1) & ~(kSmallSpaceBytes - 1);
}

u8* begin_of(SpaceHeader* space) { return reinterpret_cast<u8*>(space + 1); }
u64 used_bytes(const ExecContext& exec) {
  return exec.heap == nullptr ? 0 : static_cast<u64>(exec.heap_next - begin_of(exec.heap));
}
u64 free_bytes(const ExecContext& exec) { return static_cast<u64>(exec.heap_end - exec.heap_next); }

bool charge(ExecContext& exec, i64 space_bytes) { return exec.hooks->charge_bytes(exec, 2 * space_bytes); }

SpaceHeader* new_space(ExecContext& exec, u64 bytes) {
  u8* const block = exec.hooks->heap.allocate(exec, bytes);
  if (block == nullptr) return nullptr;
  VM_DCHECK(reinterpret_cast<u64>(block) % 8 == 0);
  return new (block) SpaceHeader{.bytes = bytes, .next_bytes = bytes};
}

void free_space(ExecContext& exec, SpaceHeader* space) {
  const u64 bytes = space->bytes;
  // A reference that the collector has missed must not find what it expects.
  if (kTorture) std::memset(static_cast<void*>(space), 0xDB, bytes);
  exec.hooks->heap.free(exec, reinterpret_cast<u8*>(space), bytes);
}

void use_space(ExecContext& exec, SpaceHeader* space, u8* next) {
  exec.heap = space;
  exec.heap_next = next;
  exec.heap_end = reinterpret_cast<u8*>(space) + space->bytes - kSlackBytes;
  VM_DCHECK(exec.heap_next <= exec.heap_end);
}

// A space of `bytes` that takes the place of one of `old_bytes`, which goes on existing until it is empty.
SpaceHeader* replace_space(ExecContext& exec, u64 old_bytes, u64 bytes) {
  if (bytes > kMaxSpaceBytes) return nullptr;
  const auto more = static_cast<i64>(bytes) - static_cast<i64>(old_bytes);
  if (more > 0 && !charge(exec, more)) return nullptr;
  SpaceHeader* const space = new_space(exec, bytes);
  if (space == nullptr ? more > 0 : more < 0) (void)charge(exec, space == nullptr ? -more : more);
  return space;
}

// Moves what is alive, which fits, to a space of `bytes`. False: the limit or memory is exhausted, nothing changed.
bool move_to(ExecContext& exec, u64 bytes) {
  SpaceHeader* const from = exec.heap;
  SpaceHeader* const to = replace_space(exec, from->bytes, bytes);
  if (to == nullptr) return false;
  const Collected collected = collect_into(exec, begin_of(from), used_bytes(exec), begin_of(to));
  to->collections = from->collections + 1;
  to->live_bytes = static_cast<u64>(collected.next - begin_of(to));
  const u64 root_bytes = collected.root_words * sizeof(u64);
  exec.reductions -= static_cast<i64>(1 + (to->live_bytes + root_bytes) / kBytesPerReduction);
  // A collection that finds many roots is made worth its while by a larger space: so much is allocated between two of them.
  to->floor_bytes = space_bytes_for(root_bytes);
  to->next_bytes =
      std::max(to->floor_bytes, to->live_bytes > to->bytes / 2 ? space_bytes_for(to->bytes * 2) : to->bytes);
  free_space(exec, from);
  use_space(exec, to, collected.next);
  return true;
}

// A collection must gain so great a part of what it copies: a heap at its limit would copy itself for every few objects.
constexpr u64 kGainPart = 16;

// Room for `need` bytes by collecting, and some more. False: there is none, though maybe more than before.
bool collect_for(ExecContext& exec, u64 need) {
  const u64 old_bytes = exec.heap->bytes;
  u64 wanted = std::max(exec.heap->next_bytes, old_bytes);
  // A large object gets its room now: dead objects alone would rarely make it.
  if (need > wanted / 4) wanted = std::max(wanted, space_bytes_for(kSpaceOverhead + used_bytes(exec) + need));
  // As much more as the limit allows: a space of the same size is always within it, and what is alive fits.
  while (!move_to(exec, wanted)) {
    if (wanted == old_bytes) return false;
    const u64 more = (wanted - old_bytes) / 2;
    const u64 less = space_bytes_for(old_bytes + more);
    wanted = less < wanted && more >= old_bytes / kGainPart ? less : old_bytes;
  }
  const u64 live = exec.heap->live_bytes;
  const u64 gain = need == 0 ? 0 : need + live / kGainPart;
  if (free_bytes(exec) < gain) {
    return move_to(exec, space_bytes_for(kSpaceOverhead + 2 * live + need)) ||
           move_to(exec, space_bytes_for(kSpaceOverhead + live + gain));
  }
  // Much too large by now: a second copy of the little that is alive.
  const SpaceHeader& space = *exec.heap;
  const u64 smaller = std::max(
      {space_bytes_for(kSpaceOverhead + 4 * (live + need)), space_bytes_for(space.bytes / 4), space.floor_bytes});
  if (live + need < space.bytes / 16 && smaller < space.bytes / 2) (void)move_to(exec, smaller);
  return true;
}

bool torture_collects(const ExecContext& exec) {
  const u64 used = used_bytes(exec);
  if (used <= kTortureBytes) return true;
  // By what has been allocated: the cost stays proportional to it.
  return (used / 8) % (used / 4096) == 0;
}

}  // namespace

u8* allocate(ExecContext& exec, u64 bytes) noexcept {
  VM_DCHECK(bytes % 8 == 0 && bytes >= kHeaderBytes);
  if (bytes > kMaxSpaceBytes) return nullptr;
  if (exec.heap == nullptr) {
    SpaceHeader* const space = replace_space(exec, 0, space_bytes_for(kSpaceOverhead + bytes));
    if (space == nullptr) return nullptr;
    use_space(exec, space, begin_of(space));
  } else if (bytes > free_bytes(exec)) {
    if (!collect_for(exec, bytes)) return nullptr;
  } else if (kTorture && torture_collects(exec)) {
    // There is room already: a collection that gains too little is no failure.
    if (!collect_for(exec, bytes) && bytes > free_bytes(exec)) return nullptr;
  }
  u8* const at = exec.heap_next;
  exec.heap_next = at + bytes;
  return at;
}

u64 allocate_array(ExecContext& exec, u64 array_header, u64 length) noexcept {
  if (length > 0xFFFF'FFFF) return 0;
  const u64 bytes = array_bytes(element_log2_of(array_header), length);
  u8* at = try_allocate(exec, bytes);
  if (at == nullptr && (at = allocate(exec, bytes)) == nullptr) return 0;
  const u64 header = array_header | length << 32;
  std::memcpy(at, &header, sizeof header);
  return reinterpret_cast<u64>(at);
}

u64 allocate_exception(ExecContext& exec, const TagInst* tag, TypeId func_type, u32 words) noexcept {
  const u64 header = make_header(Kind::kException, func_type, 0, words != 0, words);
  u8* const at = allocate(exec, object_bytes(header));
  if (at == nullptr) return 0;
  const auto tag_word = reinterpret_cast<u64>(tag);
  std::memcpy(at, &header, sizeof header);
  std::memcpy(at + kHeaderBytes, &tag_word, sizeof tag_word);
  std::memset(at + kHeaderBytes + sizeof tag_word, 0, u64{words} * sizeof(u64));
  return reinterpret_cast<u64>(at);
}

bool collect(ExecContext& exec) noexcept {
  if (exec.heap == nullptr) return true;
  return collect_for(exec, 0);
}

void destroy_heap(ExecContext& exec) noexcept {
  if (exec.heap == nullptr) return;
  (void)charge(exec, -static_cast<i64>(exec.heap->bytes));
  free_space(exec, exec.heap);
  exec.heap = nullptr;
  exec.heap_next = exec.heap_end = nullptr;
  exec.exception = 0;
}

HeapStats heap_stats(const ExecContext& exec) noexcept {
  if (exec.heap == nullptr) return {};
  return {.space_bytes = exec.heap->bytes, .used_bytes = used_bytes(exec), .collections = exec.heap->collections};
}

}  // namespace lunabeam::vm::gc
