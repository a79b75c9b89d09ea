// Making, growing and unmapping mappings.
#include "runtime/mapping.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "runtime/memory_pool.h"
#include "runtime/residency.h"

namespace lunabeam::runtime {

namespace mapping {

namespace {

u64 read_max_map_count() {
  u64 count = 65530;  // Linux's default.
  if (FILE* file = std::fopen("/proc/sys/vm/max_map_count", "re")) {
    unsigned long long value = 0;
    if (std::fscanf(file, "%llu", &value) == 1) count = value;
    std::fclose(file);
  }
  return count;
}

// In the whole program: map counts are per program, not per worker.
std::atomic<u64> taken{0};

}  // namespace

bool take() noexcept {
  static const u64 limit = read_max_map_count() / 2;
  if (taken.fetch_add(1, std::memory_order_relaxed) < limit) return true;
  put_back();
  return false;
}

void put_back() noexcept { taken.fetch_sub(1, std::memory_order_relaxed); }

u8* map(u64 bytes) noexcept {
  if (!take()) return nullptr;
  void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base != MAP_FAILED) return static_cast<u8*>(base);
  put_back();
  return nullptr;
}

u8* resize(u8* base, u64 old_bytes, u64 new_bytes) noexcept {
  void* moved = mremap(base, old_bytes, new_bytes, MREMAP_MAYMOVE);
  return moved == MAP_FAILED ? nullptr : static_cast<u8*>(moved);
}

void unmap(u8* base, u64 bytes) noexcept {
  munmap(base, bytes);
  put_back();
}

}  // namespace mapping

namespace {

constexpr u64 kStepBytes = u64{4} << 20;
// What may wait. Where more does, those who free do so many steps at once.
constexpr u64 kMostBytes = u64{64} << 20;
constexpr u32 kCatchUpSteps = 4;  // A step may take a millisecond.
constexpr u64 kFreeAtOnceBytes = u64{8} << 20;

}  // namespace

// In the first bytes of the mapping, which go last.
struct DyingMappings::Head {
  Head* next;
  u64 bytes;
  u64 charged_bytes;  // Not refunded yet.
  bool is_block;      // malloc's.
};

DyingMappings::~DyingMappings() {
  while (step()) {
  }
}

void DyingMappings::append(Head* head) noexcept {
  (first_ == nullptr ? first_ : last_->next) = head;
  last_ = head;
  bytes_ += head->bytes;
}

void DyingMappings::add(u8* base, u64 bytes, u64 charged_bytes) noexcept {
  append(new (base) Head{.next = nullptr, .bytes = bytes, .charged_bytes = charged_bytes, .is_block = false});
  if (bytes <= kStepBytes) (void)step();
  // An eighth of the limit: what one worker holds back, others cannot have.
  const u64 most_bytes = std::min(kMostBytes, budget_.limit_bytes() / 8);
  for (u32 i = 0; i < kCatchUpSteps && bytes_ > most_bytes; ++i) (void)step();
}

void DyingMappings::add_block(void* block, u64 bytes) noexcept {
  if (bytes <= kFreeAtOnceBytes) {
    std::free(block);
    return;
  }
  while (bytes_ > kMostBytes) (void)step();
  append(new (block) Head{.next = nullptr, .bytes = bytes, .charged_bytes = 0, .is_block = true});
}

bool DyingMappings::step() noexcept {
  Head* head = first_;
  if (head == nullptr) return false;
  const u64 step_bytes = std::min(head->bytes, kStepBytes);
  const u64 left_bytes = head->bytes - step_bytes;
  u8* const base = reinterpret_cast<u8*>(head);
  bytes_ -= step_bytes;
  if (head->charged_bytes > left_bytes) {
    budget_.refund(head->charged_bytes - left_bytes);
    head->charged_bytes = left_bytes;
  }
  if (left_bytes == 0) {
    const bool is_block = head->is_block;
    first_ = head->next;
    if (is_block) {
      std::free(base);
    } else {
      mapping::unmap(base, step_bytes);
    }
    return true;
  }
  head->bytes = left_bytes;
  if (head->is_block) {
    // The block remains the allocator's until the end, with the pages that it shares with others.
    const u64 first = (reinterpret_cast<u64>(base + left_bytes) + kPageBytes - 1) & ~(kPageBytes - 1);
    const u64 end = reinterpret_cast<u64>(base + left_bytes + step_bytes) & ~(kPageBytes - 1);
    if (first < end) (void)madvise(reinterpret_cast<void*>(first), end - first, MADV_DONTNEED);
  } else {
    munmap(base + left_bytes, step_bytes);
  }
  return true;
}

}  // namespace lunabeam::runtime
