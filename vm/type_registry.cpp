#include "vm/type_registry.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "vm/base/check.h"
#include "vm/base/seeded_hash.h"
#include "vm/limits.h"

namespace lunabeam::vm {
namespace {

// Entries stand in chunks: none is moved. A chunk is raw memory, which the system gives page by page as entries are made: a small program
// touches little of its only one.
constexpr u32 kChunkBits = 12;
constexpr u32 kChunkTypes = 1u << kChunkBits;
constexpr u32 kChunkMask = kChunkTypes - 1;
constexpr u32 kMaxChunks = kMaxCanonicalTypes >> kChunkBits;
static_assert(kChunkTypes <= 0xFFFF, "Impl::used counts the ids of a chunk in 16 bits");

static_assert(kMaxCanonicalTypes <= TypeRegistry::kRecBase);
static_assert(u64{TypeRegistry::kRecBase} + kMaxRecGroupTypes + 16 < (1u << 27),
              "27 bits of a ValType hold its heap type");

// One canonical type. Invariant 1: written before the group can be found, by the thread that has its ids; constant until the last
// reference is gone.
struct Entry {
  SubType type;
  FuncShape shape;
  gc::Layout layout;
  bool has_default = true;
  ValType reference_types[2];  // (ref type) and (ref null type), for single().
  // Supertypes from the root down to the type itself; display[d] is the ancestor of depth d.
  std::vector<TypeId> display;
  // Of the group; meaningful in the entry of its first member.
  u32 group_size = 0;
  u64 references = 0;
  u64 hash = 0;
};

constexpr u64 kChunkBytes = kChunkTypes * sizeof(Entry);
static_assert(alignof(Entry) <= alignof(std::max_align_t));

template <class T>
[[nodiscard]] u64 capacity_bytes(const std::vector<T>& list) {
  return list.capacity() * sizeof(T);
}

// Ranges of ids that no group has, below next_. Invariant 2: no two of them touch, and none ends at next_. All costs are
// logarithmic in their number.
class FreeIds {
 public:
  // First id of `size` consecutive ones: of the smallest range that has room, or new ones. Nothing: they are exhausted.
  [[nodiscard]] std::optional<u32> take(u32 size) {
    if (const auto it = by_size_.lower_bound({size, 0}); it != by_size_.end()) {
      const auto [range_size, first] = *it;
      remove(first, range_size);
      if (range_size > size) add(first + size, range_size - size);
      return first;
    }
    if (size > kMaxCanonicalTypes - next_) return std::nullopt;
    return std::exchange(next_, next_ + size);
  }
  void give_back(u32 first, u32 size) {
    if (const auto above = by_first_.find(first + size); above != by_first_.end()) {
      const u32 more = above->second;
      remove(first + size, more);
      size += more;
    }
    if (auto below = by_first_.lower_bound(first); below != by_first_.begin()) {
      --below;
      const auto [below_first, below_size] = *below;
      if (below_first + below_size == first) {
        remove(below_first, below_size);
        first = below_first;
        size += below_size;
      }
    }
    if (first + size == next_) {
      next_ = first;
    } else {
      add(first, size);
    }
  }

 private:
  void add(u32 first, u32 size) {
    by_first_.emplace(first, size);
    by_size_.emplace(size, first);
  }
  void remove(u32 first, u32 size) {
    by_first_.erase(first);
    by_size_.erase({size, first});
  }

  std::map<u32, u32> by_first_;            // First id -> size.
  std::set<std::pair<u32, u32>> by_size_;  // The same as (size, first id).
  u32 next_ = 0;
};

// Applies `f` to every type reference of a member, in a fixed order.
template <class F>
void for_each_bits(const SubType& type, F&& f) {
  f((static_cast<u32>(type.kind) << 1) | static_cast<u32>(type.is_final));
  f(static_cast<u32>(type.super));
  f(static_cast<u32>(type.func.params.size()));
  for (const ValType t : type.func.params) f(t.bits());
  f(static_cast<u32>(type.func.results.size()));
  for (const ValType t : type.func.results) f(t.bits());
  f(static_cast<u32>(type.fields.size()));
  for (const FieldType& field : type.fields) {
    f(field.storage.bits());
    f(static_cast<u32>(field.is_mutable));
  }
}

[[nodiscard]] u64 mix(u64 hash, u64 value) {
  const auto product = static_cast<unsigned __int128>(hash ^ value) * 0x9E37'79B9'7F4A'7C15u;
  return static_cast<u64>(product) ^ static_cast<u64>(product >> 64);
}

// Rewrites ids in [from, from + size) to [to, to + size); every other id stays.
struct Renumber {
  u32 from;
  u32 size;
  u32 to;

  [[nodiscard]] TypeId operator()(TypeId id) const {
    const u32 position = static_cast<u32>(id) - from;
    return position < size ? TypeId{to + position} : id;
  }
  [[nodiscard]] ValType operator()(ValType type) const {
    if (!type.is_ref() || !type.heap().is_concrete()) return type;
    return ValType::ref(HeapType::concrete((*this)(type.heap().type_id())), type.is_nullable());
  }
};

[[nodiscard]] bool equal_types(const std::vector<ValType>& a, const std::vector<ValType>& b, const Renumber& to_b) {
  return std::ranges::equal(a, b, [&](ValType x, ValType y) { return to_b(x) == y; });
}

// Whether registered member `a` is `b`, a member written with kRecBase references.
[[nodiscard]] bool equal_members(const SubType& a, const SubType& b, const Renumber& to_b) {
  return a.kind == b.kind && a.is_final == b.is_final && to_b(a.super) == b.super &&
         equal_types(a.func.params, b.func.params, to_b) && equal_types(a.func.results, b.func.results, to_b) &&
         std::ranges::equal(a.fields, b.fields, [&](const FieldType& x, const FieldType& y) {
           return x.is_mutable == y.is_mutable && to_b(x.storage) == y.storage;
         });
}

void count_slots(const std::vector<ValType>& types, u32& slots, u32& refs) {
  for (const ValType type : types) {
    if (type.is_ref()) {
      ++refs;
    } else {
      slots += type.slots();
    }
  }
}

[[nodiscard]] bool abstract_matches(HeapType::Abstract sub, HeapType::Abstract super) {
  if (sub == super || sub == HeapType::kBottom) return true;
  switch (super) {
    case HeapType::kAny:
      return sub == HeapType::kEq || sub == HeapType::kI31 || sub == HeapType::kStruct || sub == HeapType::kArray ||
             sub == HeapType::kNone;
    case HeapType::kEq:
      return sub == HeapType::kI31 || sub == HeapType::kStruct || sub == HeapType::kArray || sub == HeapType::kNone;
    case HeapType::kI31:
    case HeapType::kStruct:
    case HeapType::kArray: return sub == HeapType::kNone;
    case HeapType::kFunc: return sub == HeapType::kNoFunc;
    case HeapType::kExtern: return sub == HeapType::kNoExtern;
    case HeapType::kExn: return sub == HeapType::kNoExn;
    default: return false;
  }
}

[[nodiscard]] HeapType::Abstract abstract_of(CompositeKind kind) {
  switch (kind) {
    case CompositeKind::kFunc: return HeapType::kFunc;
    case CompositeKind::kStruct: return HeapType::kStruct;
    case CompositeKind::kArray: return HeapType::kArray;
  }
  VM_UNREACHABLE("composite kind");
}

}  // namespace

struct TypeRegistry::Impl {
  // Invariant 3: a chunk is there while a group that has been made has ids in it, and nobody looks an id up that no group has.
  // Invariant 4: an entry is alive from make_group() to give_back(), otherwise its place is raw memory.
  std::array<std::atomic<Entry*>, kMaxChunks> chunks{};

  std::mutex lock;  // Guards everything below, and the parts of entries that are of the group. Never held for long.
  std::unordered_multimap<u64, u32> groups;  // Hash of the group -> first id.
  FreeIds free_ids;
  std::array<u16, kMaxChunks> used{};  // Ids of the chunk that a group has.
  // Modules are hostile: without it, colliding groups could be computed in advance. Constant.
  u64 seed = hash_seed();

  ~Impl() {
    for (const auto& [hash, first] : groups) destroy_entries(first, entry(first).group_size);
    for (auto& chunk : chunks) {
      if (Entry* const entries = chunk.load(std::memory_order_relaxed); entries != nullptr) std::free(entries);
    }
  }

  [[nodiscard]] Entry& entry(u32 id) noexcept {
    return chunks[id >> kChunkBits].load(std::memory_order_acquire)[id & kChunkMask];
  }

  [[nodiscard]] u64 hash_group(std::span<const SubType> group) const {
    u64 hash = mix(seed, group.size());
    for (const SubType& type : group) for_each_bits(type, [&hash](u32 bits) { hash = mix(hash, bits); });
    return hash;
  }

  // f(chunk, ids of the range in it), for every chunk that the range touches.
  template <class F>
  static void for_each_chunk(u32 first, u32 size, F&& f) {
    for (u32 id = first; id < first + size;) {
      const u32 end = std::min(first + size, (id | kChunkMask) + 1);
      f(id >> kChunkBits, end - id);
      id = end;
    }
  }

  // REQUIRES: the lock is held. Adds a reference to a group of that hash and size which is not among `seen`.
  [[nodiscard]] std::optional<u32> hold(u64 hash, u32 size, const std::vector<u32>& seen) {
    for (auto [it, last] = groups.equal_range(hash); it != last; ++it) {
      Entry& head = entry(it->second);
      if (head.group_size != size || std::ranges::find(seen, it->second) != seen.end()) continue;
      ++head.references;
      return it->second;
    }
    return std::nullopt;
  }

  // Whether the registered group is `group`, whose members refer to one another as kRecBase.
  [[nodiscard]] bool is_group(u32 first, std::span<const SubType> group) noexcept {
    const auto size = static_cast<u32>(group.size());
    const Renumber to_rec{first, size, kRecBase};
    for (u32 i = 0; i < size; ++i) {
      if (!equal_members(entry(first + i).type, group[i], to_rec)) return false;
    }
    return true;
  }

  // REQUIRES: the lock is held. Ids for a group, for make_chunks() and make_group(), or give_back().
  [[nodiscard]] std::optional<u32> reserve(u32 size) {
    const std::optional<u32> first = free_ids.take(size);
    if (first) for_each_chunk(*first, size, [this](u32 chunk, u32 ids) { used[chunk] += static_cast<u16>(ids); });
    return first;
  }

  void destroy_entries(u32 first, u32 size) noexcept {
    for (u32 i = 0; i < size; ++i) entry(first + i).~Entry();
  }

  // The way back of ids without entries. REQUIRES: the lock is not held.
  void give_back(u32 first, u32 size) noexcept {
    std::vector<Entry*> unused;
    {
      const std::lock_guard guard(lock);
      free_ids.give_back(first, size);
      for_each_chunk(first, size, [&](u32 chunk, u32 ids) {
        used[chunk] -= static_cast<u16>(ids);
        if (used[chunk] == 0) unused.push_back(chunks[chunk].exchange(nullptr, std::memory_order_relaxed));
      });
    }
    for (Entry* const chunk : unused) std::free(chunk);
  }

  // Whether no member's chain of supertypes is too long. Displays are copied: a chain of n types would take n * n words.
  [[nodiscard]] bool is_shallow(std::span<const SubType> group) {
    const auto size = static_cast<u32>(group.size());
    std::vector<u32> depths(size, 1);
    for (u32 i = 0; i < size; ++i) {
      if (group[i].super == kNoType) continue;
      const u32 super = static_cast<u32>(group[i].super);
      if (super - kRecBase < size) {
        VM_CHECK(super - kRecBase < i);
        depths[i] = depths[super - kRecBase] + 1;
      } else {
        depths[i] = static_cast<u32>(entry(super).display.size()) + 1;
      }
      if (depths[i] > kMaxSubtypeDepth) return false;
    }
    return true;
  }

  // Makes the chunks that `size` reserved ids lie in, where they are missing. False: out of memory. REQUIRES: the lock is not held.
  [[nodiscard]] bool make_chunks(u32 first, u32 size) {
    bool made = true;
    for_each_chunk(first, size, [&](u32 chunk, u32) {
      if (!made || chunks[chunk].load(std::memory_order_acquire) != nullptr) return;
      auto* const fresh = static_cast<Entry*>(std::malloc(kChunkBytes));
      Entry* expected = nullptr;
      made = fresh != nullptr;
      if (made && chunks[chunk].compare_exchange_strong(expected, fresh, std::memory_order_acq_rel)) return;
      std::free(fresh);  // Another thread was faster.
    });
    return made;
  }

  // Makes the entries of a group that has its ids and chunks and cannot be found yet. REQUIRES: the lock is not held.
  void make_group(u32 first, std::span<const SubType> group) {
    const auto size = static_cast<u32>(group.size());
    const Renumber to_canonical{kRecBase, size, first};
    for (u32 i = 0; i < size; ++i) {
      Entry& made = *new (&entry(first + i)) Entry;
      made.type = group[i];
      SubType& type = made.type;
      type.super = to_canonical(type.super);
      for (ValType& t : type.func.params) t = to_canonical(t);
      for (ValType& t : type.func.results) t = to_canonical(t);
      for (FieldType& field : type.fields) field.storage = to_canonical(field.storage);
      count_slots(type.func.params, made.shape.param_slots, made.shape.param_refs);
      count_slots(type.func.results, made.shape.result_slots, made.shape.result_refs);
      made.has_default =
          std::ranges::all_of(type.fields, [](const FieldType& field) { return field.storage.is_defaultable(); });
      for (const bool is_nullable : {false, true}) {
        made.reference_types[is_nullable] = ValType::ref(HeapType::concrete(TypeId{first + i}), is_nullable);
      }
      if (type.super != kNoType) {
        const std::vector<TypeId>& above = entry(static_cast<u32>(type.super)).display;
        made.display.reserve(above.size() + 1);
        made.display = above;
      }
      made.display.push_back(TypeId{first + i});
    }
    // Behind all members: fields may refer to later ones.
    for (u32 i = 0; i < size; ++i) {
      Entry& made = entry(first + i);
      made.layout = gc::make_layout(TypeId{first + i}, made.type, [&](TypeId id) {
        return entry(static_cast<u32>(id)).type.kind == CompositeKind::kFunc;
      });
    }
  }

  // REQUIRES: the lock is held. From here on the group can be found; it has one reference.
  void publish(u32 first, u32 size, u64 hash) {
    Entry& head = entry(first);
    head.group_size = size;
    head.references = 1;
    head.hash = hash;
    groups.emplace(hash, first);
  }
};

TypeRegistry& TypeRegistry::global() {
  static TypeRegistry registry;
  return registry;
}

TypeRegistry::TypeRegistry() : impl_(std::make_unique<Impl>()) {}
TypeRegistry::~TypeRegistry() = default;

// A group may have half a million members: all that takes long is done outside of the lock, on groups that this thread holds.
Result<TypeId> TypeRegistry::intern(std::span<const SubType> group) {
  VM_CHECK(!group.empty() && group.size() <= kMaxRecGroupTypes);
  const auto size = static_cast<u32>(group.size());
  const u64 hash = impl_->hash_group(group);
  std::vector<u32> others;  // Not equal but of the same hash; held, so that their ids are not given to another group.
  std::optional<u32> made;
  std::optional<u32> found;
  Result<TypeId> answer = TypeId{};
  while (!found) {
    std::unique_lock guard(impl_->lock);
    if (const std::optional<u32> candidate = impl_->hold(hash, size, others)) {
      guard.unlock();
      if (impl_->is_group(*candidate, group)) {
        found = candidate;
        if (made) {  // Another thread was faster.
          impl_->destroy_entries(*made, size);
          impl_->give_back(*made, size);
        }
      } else {
        others.push_back(*candidate);
      }
    } else if (made) {
      impl_->publish(*made, size, hash);
      found = made;
    } else {
      made = impl_->reserve(size);
      guard.unlock();
      const bool has_room = made && impl_->make_chunks(*made, size);
      if (!has_room || !impl_->is_shallow(group)) {
        answer = fail(ErrorCode::kImplementationLimit, Error::kNoOffset,
                      has_room ? "chain of supertypes is too long" : "too many types in this VM");
        if (made) impl_->give_back(*made, size);
        break;
      }
      impl_->make_group(*made, group);
    }
  }
  for (const u32 other : others) release(TypeId{other});
  if (found) answer = TypeId{*found};
  return answer;
}

Result<TypeId> TypeRegistry::intern(const FuncType& type) {
  SubType sub;
  sub.func = type;
  return intern(std::span(&sub, 1));
}

void TypeRegistry::release(TypeId first_id) noexcept {
  const u32 first = static_cast<u32>(first_id);
  u32 size = 0;
  {
    const std::lock_guard guard(impl_->lock);
    Entry& head = impl_->entry(first);
    VM_CHECK(head.references > 0);
    if (--head.references != 0) return;
    size = head.group_size;
    for (auto [it, last] = impl_->groups.equal_range(head.hash); it != last; ++it) {
      if (it->second != first) continue;
      impl_->groups.erase(it);
      break;
    }
  }
  impl_->destroy_entries(first, size);
  impl_->give_back(first, size);
}

u64 TypeRegistry::entry_bytes() const {
  const std::lock_guard guard(impl_->lock);
  return kChunkBytes * static_cast<u64>(std::ranges::count_if(impl_->used, [](u16 ids) { return ids != 0; }));
}

const u64 TypeRegistry::kEntryBytes = sizeof(Entry);

u64 TypeRegistry::list_bytes(TypeId id) const noexcept {
  const Entry& entry = impl_->entry(static_cast<u32>(id));
  return capacity_bytes(entry.type.func.params) + capacity_bytes(entry.type.func.results) +
         capacity_bytes(entry.type.fields) + capacity_bytes(entry.layout.fields) +
         capacity_bytes(entry.layout.references) + capacity_bytes(entry.display);
}

const SubType& TypeRegistry::get(TypeId id) const noexcept { return impl_->entry(static_cast<u32>(id)).type; }
const FuncShape& TypeRegistry::func_shape(TypeId id) const noexcept { return impl_->entry(static_cast<u32>(id)).shape; }
const gc::Layout& TypeRegistry::layout(TypeId id) const noexcept { return impl_->entry(static_cast<u32>(id)).layout; }
bool TypeRegistry::has_default(TypeId id) const noexcept { return impl_->entry(static_cast<u32>(id)).has_default; }

std::span<const ValType> TypeRegistry::single(ValType reference) const noexcept {
  static constexpr auto kAbstract = [] {
    std::array<std::array<ValType, 2>, HeapType::kBottom + 1> all{};
    for (u32 heap = 0; heap < all.size(); ++heap) {
      for (const bool is_nullable : {false, true})
        all[heap][is_nullable] = ValType::ref(static_cast<HeapType::Abstract>(heap), is_nullable);
    }
    return all;
  }();
  const HeapType heap = reference.heap();
  const ValType* const pair = heap.is_concrete() ? impl_->entry(static_cast<u32>(heap.type_id())).reference_types
                                                 : kAbstract[heap.abstract()].data();
  return {pair + (reference.is_nullable() ? 1 : 0), 1};
}

bool TypeRegistry::is_subtype(TypeId sub, TypeId super) const noexcept {
  if (sub == super) return true;
  const auto& chain = impl_->entry(static_cast<u32>(sub)).display;
  const size_t depth = impl_->entry(static_cast<u32>(super)).display.size();
  return depth <= chain.size() && chain[depth - 1] == super;
}

HeapType::Abstract TypeRegistry::top_of(HeapType heap) const noexcept {
  if (heap.is_concrete()) {
    return get(heap.type_id()).kind == CompositeKind::kFunc ? HeapType::kFunc : HeapType::kAny;
  }
  switch (heap.abstract()) {
    case HeapType::kFunc:
    case HeapType::kNoFunc: return HeapType::kFunc;
    case HeapType::kExtern:
    case HeapType::kNoExtern: return HeapType::kExtern;
    case HeapType::kExn:
    case HeapType::kNoExn: return HeapType::kExn;
    default: return HeapType::kAny;
  }
}

bool TypeRegistry::matches(HeapType sub, HeapType super) const noexcept {
  if (sub == super) return true;
  if (!sub.is_concrete()) {
    if (!super.is_concrete()) return abstract_matches(sub.abstract(), super.abstract());
    switch (sub.abstract()) {
      case HeapType::kBottom: return true;
      case HeapType::kNone: return get(super.type_id()).kind != CompositeKind::kFunc;
      case HeapType::kNoFunc: return get(super.type_id()).kind == CompositeKind::kFunc;
      default: return false;
    }
  }
  if (super.is_concrete()) return is_subtype(sub.type_id(), super.type_id());
  return abstract_matches(abstract_of(get(sub.type_id()).kind), super.abstract());
}

bool TypeRegistry::matches(ValType sub, ValType super) const noexcept {
  if (sub == super || sub.is_bottom()) return true;
  if (!sub.is_ref() || !super.is_ref()) return false;
  if (sub.is_nullable() && !super.is_nullable()) return false;
  return matches(sub.heap(), super.heap());
}

}  // namespace lunabeam::vm
