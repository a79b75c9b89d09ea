#include "vm/type_registry.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <new>
#include <optional>
#include <unordered_map>

#include "vm/base/check.h"
#include "vm/base/seeded_hash.h"
#include "vm/limits.h"

namespace lunabeam::vm {
namespace {

// Entries stand in chunks, each twice as large as the one before: a small program touches little memory, and none is moved.
constexpr u32 kFirstChunkBits = 6;
constexpr u32 kFirstChunkTypes = 1u << kFirstChunkBits;
constexpr u32 kChunks = std::bit_width(kMaxCanonicalTypes + kFirstChunkTypes - 1) - kFirstChunkBits;

struct Place {
  u32 chunk;
  u32 position;
};
constexpr Place place_of(u32 id) {
  const u32 shifted = id + kFirstChunkTypes;
  const auto bits = static_cast<u32>(std::bit_width(shifted)) - 1;
  return {.chunk = bits - kFirstChunkBits, .position = shifted - (1u << bits)};
}
static_assert(place_of(0).chunk == 0 && place_of(kFirstChunkTypes).chunk == 1 &&
              place_of(kFirstChunkTypes).position == 0);
static_assert(place_of(kMaxCanonicalTypes - 1).chunk == kChunks - 1);

static_assert(kMaxCanonicalTypes <= TypeRegistry::kRecBase);
static_assert(u64{TypeRegistry::kRecBase} + kMaxRecGroupTypes + 16 < (1u << 27),
              "27 bits of a ValType hold its heap type");

// One canonical type. Invariant 1: written under the lock before its id is handed out; constant until its group is released.
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
  // Invariant 2: a chunk, once published (release), is never moved nor freed before the registry.
  // Invariant 3: the entries of all ids below next_id are alive, the others raw memory.
  std::array<std::atomic<Entry*>, kChunks> chunks{};

  std::mutex lock;                                        // Guards everything below, and writes to entries.
  std::unordered_multimap<u64, u32> groups;               // Hash of the group -> first id.
  std::unordered_map<u32, std::vector<u32>> free_ranges;  // Group size -> first ids of released groups.
  u32 next_id = 0;
  // Modules are hostile: without it, colliding groups could be computed in advance.
  u64 seed = hash_seed();

  ~Impl() {
    for (u32 id = 0; id < next_id; ++id) entry(id).~Entry();
    for (auto& chunk : chunks) std::free(chunk.load(std::memory_order_relaxed));
  }

  [[nodiscard]] Entry& entry(u32 id) noexcept {
    const Place place = place_of(id);
    return chunks[place.chunk].load(std::memory_order_acquire)[place.position];
  }

  [[nodiscard]] u64 hash_group(std::span<const SubType> group) const {
    u64 hash = mix(seed, group.size());
    for (const SubType& type : group) for_each_bits(type, [&hash](u32 bits) { hash = mix(hash, bits); });
    return hash;
  }

  // First id of `size` consecutive unused entries, or nothing when ids or memory are exhausted.
  [[nodiscard]] std::optional<u32> allocate(u32 size) {
    if (auto it = free_ranges.find(size); it != free_ranges.end() && !it->second.empty()) {
      const u32 first = it->second.back();
      it->second.pop_back();
      return first;
    }
    if (size > kMaxCanonicalTypes - next_id) return std::nullopt;
    const u32 first = next_id;
    for (u32 chunk = place_of(first).chunk; chunk <= place_of(first + size - 1).chunk; ++chunk) {
      if (chunks[chunk].load(std::memory_order_relaxed) != nullptr) continue;
      // Without touching it: the system gives pages as entries are made.
      void* memory = std::malloc((u64{kFirstChunkTypes} << chunk) * sizeof(Entry));
      if (memory == nullptr) return std::nullopt;
      chunks[chunk].store(static_cast<Entry*>(memory), std::memory_order_release);
    }
    for (; next_id < first + size; ++next_id) new (&entry(next_id)) Entry;
    return first;
  }
};

TypeRegistry& TypeRegistry::global() {
  static TypeRegistry registry;
  return registry;
}

TypeRegistry::TypeRegistry() : impl_(std::make_unique<Impl>()) {}
TypeRegistry::~TypeRegistry() = default;

Result<TypeId> TypeRegistry::intern(std::span<const SubType> group) {
  VM_CHECK(!group.empty() && group.size() <= kMaxRecGroupTypes);
  const auto size = static_cast<u32>(group.size());
  const std::lock_guard guard(impl_->lock);
  const u64 hash = impl_->hash_group(group);
  for (auto [it, last] = impl_->groups.equal_range(hash); it != last; ++it) {
    const u32 first = it->second;
    Entry& head = impl_->entry(first);
    if (head.group_size != size) continue;
    const Renumber to_rec{first, size, kRecBase};
    bool equal = true;
    for (u32 i = 0; equal && i < size; ++i) equal = equal_members(impl_->entry(first + i).type, group[i], to_rec);
    if (!equal) continue;
    ++head.references;
    return TypeId{first};
  }

  // Displays are copied, so their depth is bounded: a chain of n types would take n * n words.
  std::vector<u32> depths(size, 1);
  for (u32 i = 0; i < size; ++i) {
    const u32 super = static_cast<u32>(group[i].super);
    if (group[i].super == kNoType) continue;
    if (super - kRecBase < size) {
      VM_CHECK(super - kRecBase < i);
      depths[i] = depths[super - kRecBase] + 1;
    } else {
      depths[i] = static_cast<u32>(impl_->entry(super).display.size()) + 1;
    }
    if (depths[i] > kMaxSubtypeDepth) {
      return fail(ErrorCode::kImplementationLimit, Error::kNoOffset, "chain of supertypes is too long");
    }
  }

  const std::optional<u32> first = impl_->allocate(size);
  if (!first) return fail(ErrorCode::kImplementationLimit, Error::kNoOffset, "too many types in this VM");
  const Renumber to_canonical{kRecBase, size, *first};
  for (u32 i = 0; i < size; ++i) {
    Entry& entry = impl_->entry(*first + i);
    entry.type = group[i];
    SubType& type = entry.type;
    type.super = to_canonical(type.super);
    for (ValType& t : type.func.params) t = to_canonical(t);
    for (ValType& t : type.func.results) t = to_canonical(t);
    for (FieldType& field : type.fields) field.storage = to_canonical(field.storage);
    entry.shape = {};
    count_slots(type.func.params, entry.shape.param_slots, entry.shape.param_refs);
    count_slots(type.func.results, entry.shape.result_slots, entry.shape.result_refs);
    entry.has_default =
        std::ranges::all_of(type.fields, [](const FieldType& field) { return field.storage.is_defaultable(); });
    for (const bool is_nullable : {false, true}) {
      entry.reference_types[is_nullable] = ValType::ref(HeapType::concrete(TypeId{*first + i}), is_nullable);
    }
    entry.display.clear();
    if (type.super != kNoType) entry.display = impl_->entry(static_cast<u32>(type.super)).display;
    entry.display.push_back(TypeId{*first + i});
  }
  // Behind all members: fields may refer to later ones.
  for (u32 i = 0; i < size; ++i) {
    Entry& entry = impl_->entry(*first + i);
    entry.layout = gc::make_layout(TypeId{*first + i}, entry.type, [&](TypeId id) {
      return impl_->entry(static_cast<u32>(id)).type.kind == CompositeKind::kFunc;
    });
  }
  Entry& head = impl_->entry(*first);
  head.group_size = size;
  head.references = 1;
  head.hash = hash;
  impl_->groups.emplace(hash, *first);
  return TypeId{*first};
}

Result<TypeId> TypeRegistry::intern(const FuncType& type) {
  SubType sub;
  sub.func = type;
  return intern(std::span(&sub, 1));
}

void TypeRegistry::release(TypeId first_id) noexcept {
  const u32 first = static_cast<u32>(first_id);
  const std::lock_guard guard(impl_->lock);
  Entry& head = impl_->entry(first);
  VM_CHECK(head.references > 0);
  if (--head.references != 0) return;
  const u32 size = head.group_size;
  for (auto [it, last] = impl_->groups.equal_range(head.hash); it != last; ++it) {
    if (it->second != first) continue;
    impl_->groups.erase(it);
    break;
  }
  for (u32 i = 0; i < size; ++i) impl_->entry(first + i) = Entry{};
  impl_->free_ranges[size].push_back(first);
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
