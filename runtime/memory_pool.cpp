// Allocation, growth, recycling and release of linear memories.
//
// Life of a slot: cold -> live -> unread -> hot -> live ...; a slot with too many pages, or beyond the resident limit, goes
// unread/hot -> evicting -> cold. Unread and evicting slots wait in batches of kBatch so that one system call serves several.
#include "runtime/memory_pool.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

#include "runtime/mapping.h"
#include "runtime/memory_arena.h"
#include "runtime/memory_keys.h"
#include "runtime/residency.h"
#include "vm/base/address_sanitizer.h"
#include "vm/base/check.h"

namespace lunabeam::runtime {
namespace {

constexpr u32 kBatch = 16;
// Address space in one batch: bounds the page-table entries that a read looks at, and the pages that wait uncounted.
constexpr u64 kBatchBytes = u64{16} << 20;
// Slots with more pages are given back: clearing them all would delay the next process more than faulting in the few it needs.
constexpr u32 kMaxHotPages = 64;
// Reading over a gap of so many pages is cheaper than a second call (a call: 0.7 us, a page: 5 ns).
constexpr u64 kGapPages = 128;

// The part of a slot that the guest may touch, for the address sanitizer.
void set_accessible(u8* base, u64 accessible_bytes, u64 capacity_bytes) {
#if defined(LUNABEAM_ASAN)
  __asan_unpoison_memory_region(base, accessible_bytes);
  __asan_poison_memory_region(base + accessible_bytes, capacity_bytes - accessible_bytes);
#else
  (void)base, (void)accessible_bytes, (void)capacity_bytes;
#endif
}

// A memory in its own mapping. provider_data holds its address with bit 0 set; that of a slot is even.
struct Mapping {
  u64 key;
  u64 bytes;
};

constexpr u64 kIsMapping = 1;
// provider_data of a memory that has no bytes yet. Slots and mappings have addresses beyond.
constexpr u64 kReserved = 2;

Mapping* mapping_of(const vm::MemoryInst& memory) {
  return (memory.provider_data & kIsMapping) != 0 ? reinterpret_cast<Mapping*>(memory.provider_data & ~kIsMapping)
                                                  : nullptr;
}
MemorySlot* slot_of(const vm::MemoryInst& memory) { return reinterpret_cast<MemorySlot*>(memory.provider_data); }

void copy_image(u8* base, const vm::MemoryImage* image) {
  if (image == nullptr) return;
  for (u32 i = 0; i < image->num_runs; ++i)
    std::memcpy(base + image->runs[i].offset, image->runs[i].bytes, image->runs[i].size);
}

// Clears what of page [begin, end) the image does not cover. `run` is the first run that ends behind `begin`, and is moved on.
void clear_around_image(u8* base, u64 begin, u64 end, const vm::MemoryImage* image, u32& run) {
  u64 at = begin;
  if (image != nullptr) {
    while (run < image->num_runs && image->runs[run].offset + image->runs[run].size <= begin) ++run;
    for (u32 i = run; i < image->num_runs && image->runs[i].offset < end; ++i) {
      if (image->runs[i].offset > at) std::memset(base + at, 0, image->runs[i].offset - at);
      at = image->runs[i].offset + image->runs[i].size;
    }
  }
  if (at < end) std::memset(base + at, 0, end - at);
}

template <class Visit>
void for_each_bit(const u64* words, u64 word_count, Visit&& visit) {
  for (u64 i = 0; i < word_count; ++i) {
    for (u64 bits = words[i]; bits != 0; bits &= bits - 1) visit(i * 64 + static_cast<u64>(std::countr_zero(bits)));
  }
}

u64 whole_pages(u64 bytes) { return (bytes + kPageBytes - 1) & ~(kPageBytes - 1); }

// The kernel's pages may be larger than ours, up to this on AArch64: it gives back, moves and unmaps whole ones, and rounds lengths
// up. So mappings are multiples of it. All slots are but the smallest, which share a page there.
constexpr u64 kLargestHostPageBytes = u64{64} << 10;
u64 mapping_bytes(u64 bytes) { return (bytes + kLargestHostPageBytes - 1) & ~(kLargestHostPageBytes - 1); }
static_assert(std::ranges::all_of(slot_class::kBytes, [](u64 bytes) {
  return bytes == slot_class::kBytes.front() || bytes % kLargestHostPageBytes == 0;
}));

u64 host_page_bytes(const MemoryPool::Options& options) {
  return options.host_page_bytes != 0 ? options.host_page_bytes : static_cast<u64>(sysconf(_SC_PAGESIZE));
}

u64 pages_of(const MemorySlot& slot) { return slot.bytes() / kPageBytes; }
u64 words_of(const MemorySlot& slot) { return (pages_of(slot) + 63) / 64; }

}  // namespace

bool MemoryBudget::charge(u64 bytes) noexcept {
  // What will be refused is never added, not even for a moment: others, who fit, would be refused too.
  u64 used = used_bytes_.load(std::memory_order_relaxed);
  do {
    if (used > limit_bytes_ || bytes > limit_bytes_ - used) return false;
  } while (!used_bytes_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
  return true;
}

void MemoryBudget::refund(u64 bytes) noexcept {
  const u64 before = used_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  VM_DCHECK(before >= bytes);
}

struct MemoryPool::Impl {
  Impl(MemoryBudget& budget, Options options)
      : budget(budget),
        options(options),
        host_page_mask(host_page_bytes(options) - 1),
        residency(options.use_pagemap && host_page_mask == kPageBytes - 1) {}

  MemoryBudget& budget;
  const Options options;
  const u64 host_page_mask;
  ResidencyReader residency;
  MemoryArenas arenas;
  MemoryKeys keys;
  std::array<MemorySlot*, slot_class::kBytes.size()> cold{};
  MemorySlot* newest = nullptr;  // Age list of hot slots.
  MemorySlot* oldest = nullptr;
  std::array<MemorySlot*, kBatch> unread{};
  u32 unread_count = 0;
  u64 unread_bytes = 0;
  std::array<MemorySlot*, kBatch> evicting{};
  u32 evicting_count = 0;
  u64 slots_out = 0;                         // Slots of this pool that have been taken and not come back.
  DyingMappings dying{budget};               // Freed mappings that are not unmapped yet.
  Stats counts;                              // `arenas` and `unread_slots` are filled in by stats().
  MemorySlot* came_back = nullptr;           // Taken from the remote list, not yet looked at.
  std::atomic<u64> remote_bytes{0};          // Ever freed by other workers. Relaxed.
  std::atomic<MemorySlot*> remote{nullptr};  // Slots freed by other workers; pushed with release, drained with acquire.

  // --- Getting a slot ---

  MemorySlot* take_slot(u64 wanted_bytes, u64 key) {
    // What other workers have freed comes before fresh pages, or a worker whose processes die elsewhere would carve without end.
    if (key_entry(key).hot == nullptr) (void)drain_remote(kBatch);
    MemoryKey& of_key = key_entry(key);
    if (MemorySlot* slot = of_key.hot; slot != nullptr && slot->bytes() >= wanted_bytes) {
      remove_hot(of_key, slot);
      ++counts.reused_slots;
      ++slots_out;
      return slot;
    }
    const u32 size_class = slot_class::of(wanted_bytes);
    if (cold[size_class] == nullptr) refill(size_class);
    MemorySlot* slot = cold[size_class];
    if (slot == nullptr) return nullptr;
    cold[size_class] = slot->next;
    ++counts.fresh_slots;
    ++slots_out;
    return slot;
  }

  void refill(u32 size_class) {
    (void)drain_remote(kBatch);
    if (cold[size_class] == nullptr) cold[size_class] = arenas.carve(size_class, this);
    if (cold[size_class] == nullptr) {
      // Address space is exhausted: what waits or is kept hot may be of this class.
      (void)drain_remote(~u64{0});
      read_unread();
      while (oldest != nullptr) evict_hot(oldest);
      flush_evicting();
    }
  }

  // Makes the slot's bytes equal to the image, zeros elsewhere (rule M2).
  void prepare(MemorySlot& slot, const vm::MemoryImage* image, u64 size_bytes) {
    set_accessible(slot.base, slot.bytes(), slot.bytes());
    if (slot.state == MemorySlot::State::kHot) {
      u32 run = 0;
      for_each_bit(slot.resident, words_of(slot), [&](u64 page) {
        clear_around_image(slot.base, page * kPageBytes, (page + 1) * kPageBytes, image, run);
      });
    }
    copy_image(slot.base, image);
#if !defined(NDEBUG) || defined(LUNABEAM_TORTURE)
    verify(slot, image);
#endif
    slot.state = MemorySlot::State::kLive;
    set_accessible(slot.base, size_bytes, slot.bytes());
  }

  // The security invariant, from what the kernel says of the pages instead of our own bookkeeping.
  [[maybe_unused]] void verify(const MemorySlot& slot, const vm::MemoryImage* image) {
    if (!residency.available()) return;
    for (u64 first = 0; first < pages_of(slot); first += ResidencyReader::kMaxPages) {
      const u64 pages = std::min(ResidencyReader::kMaxPages, pages_of(slot) - first);
      if (!residency.read(slot.base + first * kPageBytes, pages)) return;
      u32 run = 0;
      for (u64 i = 0; i < pages; ++i) {
        if (residency.is_resident(i)) verify_page(slot.base, (first + i) * kPageBytes, image, run);
      }
    }
  }
  static void verify_page(const u8* base, u64 begin, const vm::MemoryImage* image, u32& run) {
    const u64 end = begin + kPageBytes;
    u64 at = begin;
    const auto expect_zero = [&](u64 to) {
      for (; at < to; ++at) VM_CHECK(base[at] == 0);
    };
    if (image != nullptr) {
      while (run < image->num_runs && image->runs[run].offset + image->runs[run].size <= begin) ++run;
      for (u32 i = run; i < image->num_runs && image->runs[i].offset < end; ++i) {
        const auto& [offset, bytes, size] = image->runs[i];
        expect_zero(std::max(begin, offset));
        const u64 to = std::min(end, offset + size);
        VM_CHECK(std::memcmp(base + at, bytes + (at - offset), to - at) == 0);
        at = to;
      }
    }
    expect_zero(end);
  }

  // --- Giving a slot back ---

  // Called by the worker that frees; the slot may be another pool's.
  void give_back(MemorySlot* slot, u64 size_bytes) {
    slot->size_bytes = size_bytes;
    slot->state = MemorySlot::State::kUnread;
    auto* owner = static_cast<Impl*>(slot->owner);
    if (owner == this) {
      add_unread(slot);
      return;
    }
    const u64 bytes = slot->bytes();
    slot->next = owner->remote.load(std::memory_order_relaxed);
    while (
        !owner->remote.compare_exchange_weak(slot->next, slot, std::memory_order_release, std::memory_order_relaxed)) {
    }
    const u64 before = owner->remote_bytes.fetch_add(bytes, std::memory_order_relaxed);
    if (before / kRemoteBytesPerWake != (before + bytes) / kRemoteBytesPerWake && owner->options.wake_owner != nullptr)
      owner->options.wake_owner(owner->options.wake_context);
  }

  // Takes back up to `most` slots that other workers have freed. False: there are none left.
  bool drain_remote(u64 most) {
    for (; most > 0; --most) {
      if (came_back == nullptr) {
        if (remote.load(std::memory_order_relaxed) == nullptr) return false;
        came_back = remote.exchange(nullptr, std::memory_order_acquire);
      }
      MemorySlot* slot = came_back;
      came_back = slot->next;
      key_entry(slot->key).learn(slot->size_bytes);
      add_unread(slot);
    }
    return came_back != nullptr || remote.load(std::memory_order_relaxed) != nullptr;
  }

  void add_unread(MemorySlot* slot) {
    --slots_out;
    if (!residency.available()) {
      evict(slot);
      return;
    }
    if (unread_count == kBatch || unread_bytes + slot->bytes() > kBatchBytes) read_unread();
    unread[unread_count++] = slot;
    unread_bytes += slot->bytes();
  }

  // Reads the residency of the whole batch; every slot of it becomes hot or is evicted.
  void read_unread() {
    std::sort(unread.begin(), unread.begin() + unread_count,
              [](const MemorySlot* a, const MemorySlot* b) { return a->base < b->base; });
    const u32 count = unread_count;
    unread_count = 0;
    unread_bytes = 0;
    for (u32 first = 0; first < count;) {
      u8* const begin = unread[first]->base;
      u64 pages = pages_of(*unread[first]);
      u32 last = first + 1;
      for (; last < count; ++last) {
        const u8* const next = unread[last]->base;
        const u64 to_next = static_cast<u64>(next - begin) / kPageBytes;
        if (to_next - pages > kGapPages || to_next + pages_of(*unread[last]) > ResidencyReader::kMaxPages) break;
        pages = to_next + pages_of(*unread[last]);
      }
      const bool known = pages <= ResidencyReader::kMaxPages && residency.read(begin, pages);
      for (; first < last; ++first) {
        MemorySlot* slot = unread[first];
        if (!known) {
          evict(slot);
          continue;
        }
        note_residency(*slot, static_cast<u64>(slot->base - begin) / kPageBytes);
        keep_or_evict(slot);
      }
    }
  }

  // Takes the slot's bits out of the last read, where its pages begin at `first`.
  void note_residency(MemorySlot& slot, u64 first) {
    std::fill_n(slot.resident, words_of(slot), 0);
    slot.resident_pages = 0;
    for (u64 i = 0; i < pages_of(slot); ++i) {
      if (!residency.is_resident(first + i)) continue;
      slot.resident[i / 64] |= u64{1} << (i % 64);
      ++slot.resident_pages;
    }
  }

  void keep_or_evict(MemorySlot* slot) {
    const u64 bytes = slot->resident_pages * kPageBytes;
    if (bytes == 0) {
      make_cold(slot);
      return;
    }
    if (slot->resident_pages > kMaxHotPages || bytes > options.resident_limit_bytes) {
      evict(slot);
      return;
    }
    while (counts.resident_bytes + bytes > options.resident_limit_bytes) evict_hot(oldest);
    slot->state = MemorySlot::State::kHot;
    key_entry(slot->key).push(slot);
    slot->newer = nullptr;
    slot->older = newest;
    (newest != nullptr ? newest->newer : oldest) = slot;
    newest = slot;
    counts.resident_bytes += bytes;
    ++counts.hot_slots;
  }

  void remove_hot(MemoryKey& of_key, MemorySlot* slot) {
    of_key.remove(slot);
    (slot->newer != nullptr ? slot->newer->older : newest) = slot->older;
    (slot->older != nullptr ? slot->older->newer : oldest) = slot->newer;
    counts.resident_bytes -= slot->resident_pages * kPageBytes;
    --counts.hot_slots;
  }

  void evict_hot(MemorySlot* slot) {
    MemoryKey* of_key = keys.find(slot->key);
    VM_CHECK(of_key != nullptr);
    remove_hot(*of_key, slot);
    evict(slot);
  }

  MemoryKey& key_entry(u64 key) {
    return keys.get(key, [this](MemorySlot* slot) { evict_hot(slot); });
  }

  void evict(MemorySlot* slot) {
    slot->state = MemorySlot::State::kEvicting;
    if (evicting_count == kBatch) flush_evicting();
    evicting[evicting_count++] = slot;
  }

  void flush_evicting() {
    std::sort(evicting.begin(), evicting.begin() + evicting_count,
              [](const MemorySlot* a, const MemorySlot* b) { return a->base < b->base; });
    const u32 count = evicting_count;
    evicting_count = 0;
    for (u32 first = 0; first < count;) {
      u8* const begin = evicting[first]->base;
      u8* end = begin + evicting[first]->bytes();
      u32 last = first + 1;
      while (last < count && evicting[last]->base == end) end += evicting[last++]->bytes();
      const auto bytes = static_cast<size_t>(end - begin);
      set_accessible(begin, bytes, bytes);
      // Part of a page, whose other slots live. The kernel refuses for locked pages only; both are cleared the long way.
      const bool are_whole = ((reinterpret_cast<u64>(begin) | bytes) & host_page_mask) == 0;
      if (!are_whole || madvise(begin, bytes, MADV_DONTNEED) != 0) std::memset(begin, 0, bytes);
      for (; first < last; ++first) make_cold(evicting[first]);
    }
  }

  void make_cold(MemorySlot* slot) {
    set_accessible(slot->base, 0, slot->bytes());
    slot->state = MemorySlot::State::kCold;
    slot->next = cold[slot->size_class];
    cold[slot->size_class] = slot;
  }

  // --- Memories ---

  // What has been freed is charged until it is unmapped: before a charge fails, it is.
  bool charge(u64 bytes) {
    do {
      if (budget.charge(bytes)) return true;
    } while (dying.step());
    return false;
  }

  void put_in_slot(vm::MemoryInst& memory, MemorySlot* slot, u64 size_bytes, u64 key) {
    slot->key = key;
    memory.base = slot->base;
    memory.size_bytes = size_bytes;
    memory.capacity_bytes = slot->bytes();
    memory.provider_data = reinterpret_cast<u64>(slot);
    ++counts.live_slots;
  }

  // False: no mapping left, or no memory.
  bool map_memory(vm::MemoryInst& memory, u64 size_bytes, u64 capacity_bytes, u64 key) {
    auto* mapping = new (std::nothrow) Mapping{key, mapping_bytes(capacity_bytes)};
    memory.base = mapping == nullptr ? nullptr : mapping::map(mapping->bytes);
    if (memory.base == nullptr) {
      delete mapping;
      return false;
    }
    memory.size_bytes = size_bytes;
    memory.capacity_bytes = mapping->bytes;
    memory.provider_data = reinterpret_cast<u64>(mapping) | kIsMapping;
    ++counts.own_mappings;
    return true;
  }

  void unmap_memory(const vm::MemoryInst& memory) {
    Mapping* mapping = mapping_of(memory);
    dying.add(memory.base, mapping->bytes, whole_pages(memory.size_bytes));
    delete mapping;
    --counts.own_mappings;
  }

  // Storage for a memory of size_bytes, not prepared; capacity for wanted_bytes where that costs nothing.
  bool place(vm::MemoryInst& memory, u64 size_bytes, u64 wanted_bytes, u64 key) {
    if (wanted_bytes > slot_class::kLargestRegular && map_memory(memory, size_bytes, wanted_bytes, key)) return true;
    const u64 slot_bytes = wanted_bytes <= slot_class::kLargestRegular ? wanted_bytes : size_bytes;
    if (slot_bytes > slot_class::kLargest) return false;
    MemorySlot* slot = take_slot(slot_bytes, key);
    if (slot == nullptr) return false;
    put_in_slot(memory, slot, size_bytes, key);
    return true;
  }

  // Copies [0, size) of a slot's memory; the target reads 0. Untouched pages are neither read nor written.
  void copy_touched(const MemorySlot& from, u64 size_bytes, u8* to) {
    for (u64 first = 0; first * kPageBytes < size_bytes; first += ResidencyReader::kMaxPages) {
      const u64 pages =
          std::min(ResidencyReader::kMaxPages, size_bytes / kPageBytes - first + (size_bytes % kPageBytes != 0));
      const bool known = residency.available() && residency.read(from.base + first * kPageBytes, pages);
      for (u64 i = 0; i < pages; ++i) {
        const u64 at = (first + i) * kPageBytes;
        if (!known || residency.is_resident(i))
          std::memcpy(to + at, from.base + at, std::min(kPageBytes, size_bytes - at));
      }
    }
  }

  // Moves the pages of a slot themselves into a new mapping: no copy, no fault. The slot keeps its address range and reads 0.
  // False: nothing has changed; the kernel can't, or there is no mapping left.
  bool move_pages(vm::MemoryInst& memory, u64 capacity_bytes) {
#if defined(MREMAP_DONTUNMAP)
    MemorySlot* old = slot_of(memory);
    if (static_cast<Impl*>(old->owner) != this || old->bytes() < kLargestHostPageBytes || !mapping::take())
      return false;
    auto* mapping = new (std::nothrow) Mapping{old->key, mapping_bytes(capacity_bytes)};
    const u64 slot_bytes = old->bytes();
    void* pages = MAP_FAILED;
    if (mapping != nullptr) pages = mremap(old->base, slot_bytes, slot_bytes, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
    void* base = MAP_FAILED;
    if (pages != MAP_FAILED) {
      base = mremap(pages, slot_bytes, mapping->bytes, MREMAP_MAYMOVE);
      if (base == MAP_FAILED) {
        std::memcpy(old->base, pages, memory.size_bytes);
        munmap(pages, slot_bytes);
      }
    }
    if (base == MAP_FAILED) {
      delete mapping;
      mapping::put_back();
      return false;
    }
    memory.base = static_cast<u8*>(base);
    memory.capacity_bytes = mapping->bytes;
    memory.provider_data = reinterpret_cast<u64>(mapping) | kIsMapping;
    set_accessible(memory.base, mapping->bytes, mapping->bytes);
    ++counts.own_mappings;
    --counts.live_slots;
    ++counts.moves;
    --slots_out;
    make_cold(old);
    return true;
#else
    (void)memory, (void)capacity_bytes;
    return false;
#endif
  }

  bool move_to_larger(vm::MemoryInst& memory, u64 new_size_bytes) {
    MemorySlot* old = slot_of(memory);
    const u64 old_size_bytes = memory.size_bytes;
    // Guests grow in steps: a quarter ahead, or what the module has needed before.
    const u64 headroom = key_entry(old->key).headroom_bytes;
    const u64 ahead = std::min(std::max(new_size_bytes + new_size_bytes / 4, headroom), memory.max_bytes);
    if (ahead > slot_class::kLargestRegular && move_pages(memory, ahead)) return true;
    vm::MemoryInst moved = memory;
    if (!place(moved, new_size_bytes, ahead, old->key)) return false;
    if (mapping_of(moved) == nullptr) prepare(*slot_of(moved), nullptr, new_size_bytes);
    copy_touched(*old, old_size_bytes, moved.base);
    --counts.live_slots;
    ++counts.moves;
    give_back(old, old_size_bytes);
    memory = moved;
    return true;
  }

  bool grow_mapping(vm::MemoryInst& memory, u64 new_size_bytes) {
    Mapping* mapping = mapping_of(memory);
    const u64 wanted = std::min(memory.max_bytes, new_size_bytes + new_size_bytes / 4);
    for (const u64 bytes : {mapping_bytes(wanted), mapping_bytes(new_size_bytes)}) {
      u8* const base = mapping::resize(memory.base, mapping->bytes, bytes);
      if (base == nullptr) continue;
      if (base != memory.base) ++counts.moves;
      mapping->bytes = bytes;
      memory.base = base;
      memory.capacity_bytes = bytes;
      set_accessible(memory.base, bytes, bytes);
      return true;
    }
    return false;
  }
};

MemoryPool::MemoryPool(MemoryBudget& budget, Options options) noexcept
    : impl_(std::make_unique<Impl>(budget, options)) {}

MemoryPool::~MemoryPool() {
  (void)impl_->drain_remote(~u64{0});
  VM_CHECK(impl_->slots_out == 0);
#if defined(LUNABEAM_ASAN)
  trim();
  for (MemorySlot* slot : impl_->cold) {
    for (; slot != nullptr; slot = slot->next) set_accessible(slot->base, slot->bytes(), slot->bytes());
  }
#endif
}

bool MemoryPool::allocate(vm::MemoryInst& memory, u64 size_bytes, const vm::MemoryImage* image, u64 key) noexcept {
  if (!reserve(memory, size_bytes)) return false;
  if (fill(memory, image, key)) return true;
  free(memory, key);
  return false;
}

bool MemoryPool::reserve(vm::MemoryInst& memory, u64 size_bytes) noexcept {
  VM_DCHECK(size_bytes <= memory.max_bytes && memory.provider_data == 0);
  if (!impl_->charge(whole_pages(size_bytes))) return false;
  memory.base = nullptr;
  memory.size_bytes = size_bytes;
  memory.capacity_bytes = 0;
  memory.provider_data = kReserved;
  ++impl_->counts.live_memories;
  return true;
}

bool MemoryPool::is_reserved(const vm::MemoryInst& memory) noexcept { return memory.provider_data == kReserved; }

bool MemoryPool::fill(vm::MemoryInst& memory, const vm::MemoryImage* image, u64 key) noexcept {
  Impl& impl = *impl_;
  const u64 size_bytes = memory.size_bytes;
  VM_DCHECK(is_reserved(memory) && (image == nullptr || image->end_bytes <= size_bytes));
  const u64 headroom = std::min(impl.key_entry(key).headroom_bytes, memory.max_bytes);
  const u64 wanted = std::max({size_bytes, headroom, u64{1}});
  if (!impl.place(memory, size_bytes, wanted, key)) return false;
  if (mapping_of(memory) != nullptr) {
    copy_image(memory.base, image);
  } else {
    impl.prepare(*slot_of(memory), image, size_bytes);
  }
  return true;
}

bool MemoryPool::grow(vm::MemoryInst& memory, u64 new_size_bytes) noexcept {
  Impl& impl = *impl_;
  VM_DCHECK(new_size_bytes > memory.size_bytes && new_size_bytes <= memory.max_bytes);
  const u64 added_bytes = whole_pages(new_size_bytes) - whole_pages(memory.size_bytes);
  if (!impl.charge(added_bytes)) return false;
  if (new_size_bytes <= memory.capacity_bytes) {
    if (mapping_of(memory) == nullptr) set_accessible(memory.base, new_size_bytes, memory.capacity_bytes);
  } else if (!(mapping_of(memory) != nullptr ? impl.grow_mapping(memory, new_size_bytes)
                                             : impl.move_to_larger(memory, new_size_bytes))) {
    impl.budget.refund(added_bytes);
    return false;
  }
  memory.size_bytes = new_size_bytes;
  return true;
}

void MemoryPool::free(vm::MemoryInst& memory, u64 key) noexcept {
  Impl& impl = *impl_;
  VM_DCHECK(memory.provider_data != 0);
  --impl.counts.live_memories;
  if (is_reserved(memory)) {
    impl.budget.refund(whole_pages(memory.size_bytes));
    memory.size_bytes = memory.provider_data = 0;
    return;
  }
  impl.key_entry(key).learn(memory.size_bytes);
  if (mapping_of(memory) != nullptr) {
    impl.unmap_memory(memory);
  } else {
    impl.budget.refund(whole_pages(memory.size_bytes));
    --impl.counts.live_slots;
    impl.give_back(slot_of(memory), memory.size_bytes);
  }
  memory.base = nullptr;
  memory.size_bytes = memory.capacity_bytes = memory.provider_data = 0;
}

bool MemoryPool::drain_remote(u64 most) noexcept { return impl_->drain_remote(most); }

void MemoryPool::settle() noexcept {
  (void)impl_->drain_remote(~u64{0});
  impl_->read_unread();
  impl_->flush_evicting();
}

void MemoryPool::unmap_later(u8* base, u64 bytes, u64 charged_bytes) noexcept {
  impl_->dying.add(base, bytes, charged_bytes);
}

void MemoryPool::free_in_steps(void* block, u64 bytes) noexcept { impl_->dying.add_block(block, bytes); }

bool MemoryPool::release_step() noexcept { return impl_->dying.step(); }

void MemoryPool::trim() noexcept {
  settle();
  while (release_step()) {
  }
  while (impl_->oldest != nullptr) impl_->evict_hot(impl_->oldest);
  impl_->flush_evicting();
}

MemoryPool::Stats MemoryPool::stats() const noexcept {
  Stats stats = impl_->counts;
  stats.dying_bytes = impl_->dying.bytes();
  stats.unread_slots = impl_->unread_count;
  stats.arenas = impl_->arenas.count();
  return stats;
}

}  // namespace lunabeam::runtime
