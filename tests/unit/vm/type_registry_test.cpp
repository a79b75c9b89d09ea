#include "vm/type_registry.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "vm/limits.h"

namespace lunabeam::vm {
namespace {

FuncType func(std::vector<ValType> params, std::vector<ValType> results = {}) {
  return {std::move(params), std::move(results)};
}

SubType func_member(FuncType type) {
  SubType member;
  member.func = std::move(type);
  return member;
}

SubType open_struct(std::vector<FieldType> fields, TypeId super = kNoType) {
  SubType member;
  member.kind = CompositeKind::kStruct;
  member.is_final = false;
  member.super = super;
  member.fields = std::move(fields);
  return member;
}

// A reference to member `position` of the group it stands in.
ValType self_ref(u32 position) {
  return ValType::ref(HeapType::concrete(TypeId{TypeRegistry::kRecBase + position}), true);
}
ValType ref_to(TypeId id) { return ValType::ref(HeapType::concrete(id), true); }

TEST(TypeRegistry, EqualTypesHaveOneId) {
  TypeRegistry registry;
  const TypeId a = *registry.intern(func({ValType::kI32}, {ValType::kI64}));
  EXPECT_EQ(*registry.intern(func({ValType::kI32}, {ValType::kI64})), a);
  EXPECT_NE(*registry.intern(func({ValType::kI64}, {ValType::kI32})), a);
  EXPECT_NE(*registry.intern(func({ValType::kI32, ValType::kI64})), a);
  EXPECT_EQ(registry.func(a), func({ValType::kI32}, {ValType::kI64}));
}

TEST(TypeRegistry, GroupsAreEqualAsAWhole) {
  TypeRegistry registry;
  const std::vector<SubType> pair = {func_member({}), open_struct({})};
  const TypeId first = *registry.intern(pair);
  EXPECT_EQ(*registry.intern(pair), first);
  EXPECT_NE(*registry.intern(FuncType{}), first);  // (rec (func) (struct)).0 is not (func).
  const std::vector<SubType> swapped = {open_struct({}), func_member({})};
  EXPECT_NE(*registry.intern(swapped), first);
  SubType final_struct = open_struct({});
  final_struct.is_final = true;
  const std::vector<SubType> finals = {func_member({}), final_struct};
  EXPECT_NE(*registry.intern(finals), first);
}

TEST(TypeRegistry, ReferencesInsideAGroupGoByPosition) {
  TypeRegistry registry;
  const SubType list = open_struct({{self_ref(0), true}});
  const TypeId id = *registry.intern(std::span(&list, 1));
  EXPECT_EQ(*registry.intern(std::span(&list, 1)), id);
  EXPECT_EQ(registry.get(id).fields[0].storage, ref_to(id));
  // The same shape, but it refers to the other type: not the same.
  const SubType other = open_struct({{ref_to(id), true}});
  EXPECT_NE(*registry.intern(std::span(&other, 1)), id);
}

TEST(TypeRegistry, ReleasedTypesMakeRoom) {
  TypeRegistry registry;
  const TypeId id = *registry.intern(func({ValType::kF32}));
  ASSERT_EQ(*registry.intern(func({ValType::kF32})), id);
  registry.release(id);
  EXPECT_EQ(registry.func(id), func({ValType::kF32}));  // One reference is left.
  registry.release(id);
  EXPECT_EQ(*registry.intern(func({ValType::kF64})), id);
  EXPECT_NE(*registry.intern(func({ValType::kF32})), id);
}

TEST(TypeRegistry, TypesStayInPlaceWhenItGrows) {
  TypeRegistry registry;
  std::vector<std::pair<TypeId, const FuncType*>> all;
  const auto nth = [](u32 n) {
    std::vector<ValType> params;
    for (; n != 0; n /= 2) params.push_back(n % 2 != 0 ? ValType::kI64 : ValType::kF32);
    return func(std::move(params));
  };
  for (u32 n = 0; n < 1000; ++n) {
    const TypeId id = *registry.intern(nth(n));
    EXPECT_EQ(id, TypeId{n});
    all.emplace_back(id, &registry.func(id));
  }
  // A group that begins in one chunk and ends in another.
  std::vector<SubType> group(3000, open_struct({}));
  const u32 first = static_cast<u32>(*registry.intern(group));
  EXPECT_TRUE(registry.is_subtype(TypeId{first + 2999}, TypeId{first + 2999}));
  EXPECT_FALSE(registry.is_subtype(TypeId{first + 2999}, TypeId{first}));
  for (u32 n = 0; n < 1000; ++n) {
    EXPECT_EQ(&registry.func(all[n].first), all[n].second);
    EXPECT_EQ(*all[n].second, nth(n));
  }
}

// Groups of `size` types that are equal for equal `nth` only.
std::vector<SubType> many_types(u32 size, u32 nth = 0) {
  std::vector<SubType> group(size, open_struct({}));
  for (u32 bits = nth; bits != 0; bits >>= 1)
    group[0].fields.push_back({(bits & 1) != 0 ? ValType::kI32 : ValType::kI64, false});
  return group;
}

TEST(TypeRegistry, GroupsOfEverySizeUseWhatOthersLeft) {
  TypeRegistry registry;
  for (u32 size = 20'000; size > 19'980; --size) {
    const Result<TypeId> id = registry.intern(many_types(size));
    ASSERT_TRUE(id);
    EXPECT_EQ(*id, TypeId{0});
    registry.release(*id);
  }
  EXPECT_EQ(registry.entry_bytes(), 0u);
}

TEST(TypeRegistry, ReleasedNeighboursBecomeOneRange) {
  TypeRegistry registry;
  const TypeId a = *registry.intern(many_types(10));
  const TypeId b = *registry.intern(many_types(20));
  const TypeId c = *registry.intern(many_types(30));
  const TypeId d = *registry.intern(many_types(1));
  registry.release(a);
  registry.release(c);
  registry.release(b);  // Between two free ranges.
  EXPECT_EQ(*registry.intern(many_types(60)), a);
  registry.release(a);
  EXPECT_EQ(*registry.intern(many_types(59)), a);
  EXPECT_EQ(*registry.intern(many_types(2)), TypeId{static_cast<u32>(d) + 1});  // One id is left before d: too few.
  EXPECT_EQ(*registry.intern(many_types(1, 1)), TypeId{static_cast<u32>(d) - 1});
}

TEST(TypeRegistry, ManyRangesBecomeOne) {
  TypeRegistry registry;
  constexpr u32 kTypes = 20'000;
  std::vector<TypeId> ids;
  for (u32 n = 0; n < kTypes; ++n) ids.push_back(*registry.intern(many_types(1, n)));
  for (u32 n = 0; n < kTypes; n += 2) registry.release(ids[n]);  // None has a free neighbour.
  EXPECT_EQ(*registry.intern(many_types(2)), TypeId{kTypes});
  registry.release(TypeId{kTypes});
  for (u32 n = kTypes; n-- > 0;) {
    if (n % 2 != 0) registry.release(ids[n]);
  }
  EXPECT_EQ(registry.entry_bytes(), 0u);
  EXPECT_EQ(*registry.intern(many_types(kTypes)), TypeId{0});
}

TEST(TypeRegistry, UsedAgainIdsHaveNothingOfTheOldTypes) {
  TypeRegistry registry;
  const std::vector<SubType> structs = {open_struct({}),
                                        open_struct({{self_ref(0), true}}, TypeId{TypeRegistry::kRecBase})};
  const TypeId parent = *registry.intern(structs);
  const TypeId child{static_cast<u32>(parent) + 1};
  ASSERT_TRUE(registry.is_subtype(child, parent));
  ASSERT_EQ(registry.layout(child).references.size(), 1u);
  registry.release(parent);
  const std::vector<SubType> others = {func_member(func({ValType::kI64})), open_struct({{ValType::kI32, false}})};
  ASSERT_EQ(*registry.intern(others), parent);
  EXPECT_FALSE(registry.is_subtype(child, parent));
  EXPECT_EQ(registry.get(child).super, kNoType);
  EXPECT_TRUE(registry.layout(child).references.empty());
  EXPECT_EQ(registry.func_shape(parent).param_slots, 1u);
  EXPECT_EQ(registry.func_shape(child).param_slots, 0u);
  EXPECT_NE(*registry.intern(structs), parent);
}

TEST(TypeRegistry, MemoryOfReleasedTypesIsFreed) {
  TypeRegistry registry;
  const TypeId first = *registry.intern(many_types(10));
  const u64 before = registry.entry_bytes();
  const TypeId big = *registry.intern(many_types(100'000));
  const TypeId last = *registry.intern(many_types(20));
  EXPECT_GE(registry.entry_bytes(), 100'000 * TypeRegistry::kEntryBytes);
  registry.release(big);
  EXPECT_LE(registry.entry_bytes(), 3 * before);  // Those of the first and the last group.
  EXPECT_EQ(registry.get(first).kind, CompositeKind::kStruct);
  EXPECT_EQ(registry.get(TypeId{static_cast<u32>(last) + 19}).kind, CompositeKind::kStruct);
  registry.release(last);
  EXPECT_EQ(registry.entry_bytes(), before);
  EXPECT_EQ(*registry.intern(many_types(100'000)), big);
}

TEST(TypeRegistry, BytesOfLists) {
  TypeRegistry registry;
  const TypeId small = *registry.intern(FuncType{});
  const TypeId large = *registry.intern(func(std::vector<ValType>(1000, ValType::kI32)));
  EXPECT_EQ(registry.list_bytes(small), sizeof(TypeId));  // Its display.
  EXPECT_EQ(registry.list_bytes(large), sizeof(TypeId) + 1000 * sizeof(ValType));
}

TEST(TypeRegistry, SubtypingIsDeclared) {
  TypeRegistry registry;
  const SubType root = open_struct({});
  const TypeId a = *registry.intern(std::span(&root, 1));
  const SubType child = open_struct({{ValType::kI32, false}}, a);
  const TypeId b = *registry.intern(std::span(&child, 1));
  const SubType grandchild = open_struct({{ValType::kI32, false}, {ValType::kI8, true}}, b);
  const TypeId c = *registry.intern(std::span(&grandchild, 1));
  const SubType stranger = open_struct({{ValType::kI32, false}});
  const TypeId d = *registry.intern(std::span(&stranger, 1));
  EXPECT_TRUE(registry.is_subtype(c, a));
  EXPECT_TRUE(registry.is_subtype(c, b));
  EXPECT_TRUE(registry.is_subtype(b, b));
  EXPECT_FALSE(registry.is_subtype(a, c));
  EXPECT_FALSE(registry.is_subtype(d, a));  // Equal structure is not enough.
  EXPECT_FALSE(registry.is_subtype(c, d));
}

TEST(TypeRegistry, AbstractHeapTypes) {
  TypeRegistry registry;
  const TypeId f = *registry.intern(FuncType{});
  const SubType structure = open_struct({});
  const TypeId s = *registry.intern(std::span(&structure, 1));
  const auto matches = [&registry](HeapType sub, HeapType super) { return registry.matches(sub, super); };
  EXPECT_TRUE(matches(HeapType::concrete(f), HeapType::kFunc));
  EXPECT_FALSE(matches(HeapType::concrete(f), HeapType::kAny));
  EXPECT_TRUE(matches(HeapType::concrete(s), HeapType::kStruct));
  EXPECT_TRUE(matches(HeapType::concrete(s), HeapType::kEq));
  EXPECT_FALSE(matches(HeapType::concrete(s), HeapType::kArray));
  EXPECT_TRUE(matches(HeapType::kNone, HeapType::concrete(s)));
  EXPECT_TRUE(matches(HeapType::kNoFunc, HeapType::concrete(f)));
  EXPECT_FALSE(matches(HeapType::kNone, HeapType::concrete(f)));
  EXPECT_FALSE(matches(HeapType::kNoFunc, HeapType::concrete(s)));
  EXPECT_TRUE(matches(HeapType::kI31, HeapType::kEq));
  EXPECT_TRUE(matches(HeapType::kNone, HeapType::kAny));
  EXPECT_FALSE(matches(HeapType::kAny, HeapType::kEq));
  EXPECT_TRUE(matches(HeapType::kNoExtern, HeapType::kExtern));
  EXPECT_FALSE(matches(HeapType::kExtern, HeapType::kAny));
  EXPECT_TRUE(matches(HeapType::kNoExn, HeapType::kExn));
  for (const HeapType::Abstract top :
       {HeapType::kFunc, HeapType::kExtern, HeapType::kAny, HeapType::kExn, HeapType::kI31}) {
    EXPECT_TRUE(matches(HeapType::kBottom, top));
    EXPECT_FALSE(matches(top, HeapType::kBottom));
  }
}

TEST(TypeRegistry, NullabilityAndBottom) {
  TypeRegistry registry;
  const ValType non_null = ValType::ref(HeapType::kFunc, false);
  EXPECT_TRUE(registry.matches(non_null, kFuncRef));
  EXPECT_FALSE(registry.matches(kFuncRef, non_null));
  EXPECT_TRUE(registry.matches(ValType(), ValType::kI32));
  EXPECT_TRUE(registry.matches(ValType(), non_null));
  EXPECT_FALSE(registry.matches(ValType(ValType::kI32), ValType::kI64));
  EXPECT_FALSE(registry.matches(kFuncRef, kExternRef));
}

TEST(TypeRegistry, ShapesCountSlots) {
  TypeRegistry registry;
  const TypeId id =
      *registry.intern(func({ValType::kI32, kFuncRef, ValType::kV128}, {kExternRef, kExternRef, ValType::kF64}));
  const FuncShape& shape = registry.func_shape(id);
  EXPECT_EQ(shape.param_slots, 3u);
  EXPECT_EQ(shape.param_refs, 1u);
  EXPECT_EQ(shape.result_slots, 1u);
  EXPECT_EQ(shape.result_refs, 2u);
}

TEST(TypeRegistry, ChainsOfSupertypesAreBounded) {
  TypeRegistry registry;
  std::vector<SubType> chain(kMaxSubtypeDepth, open_struct({}));
  for (u32 i = 1; i < chain.size(); ++i) chain[i].super = TypeId{TypeRegistry::kRecBase + i - 1};
  const Result<TypeId> deepest = registry.intern(chain);
  ASSERT_TRUE(deepest);
  const TypeId last{static_cast<u32>(*deepest) + kMaxSubtypeDepth - 1};
  EXPECT_TRUE(registry.is_subtype(last, *deepest));
  const SubType deeper = open_struct({}, last);
  const Result<TypeId> refused = registry.intern(std::span(&deeper, 1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kImplementationLimit);
}

// Lookups hold no lock: they must see complete entries while other threads register and release.
TEST(TypeRegistry, LookupsRunBesideRegistration) {
  TypeRegistry registry;
  const TypeId known = *registry.intern(func({ValType::kI32, ValType::kI64}, {ValType::kF32}));
  std::atomic<bool> stop{false};
  std::atomic<u32> wrong{0};
  std::thread reader([&] {
    while (!stop.load(std::memory_order_relaxed)) {
      if (registry.func(known).params.size() != 2 || registry.func_shape(known).param_slots != 2) ++wrong;
    }
  });
  for (u32 i = 0; i < 5000; ++i) {
    std::vector<ValType> params;
    for (u32 bits = i; bits != 0; bits >>= 1) params.push_back((bits & 1) != 0 ? ValType::kI32 : ValType::kF64);
    const TypeId id = *registry.intern(func(params, {ValType::kI64}));
    if (i % 3 == 0) registry.release(id);
  }
  stop = true;
  reader.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(*registry.intern(func({ValType::kI32, ValType::kI64}, {ValType::kF32})), known);
}

// Threads that register the same groups get the same ids, whoever is first.
TEST(TypeRegistry, RegistrationsRace) {
  TypeRegistry registry;
  constexpr u32 kGroups = 200;
  std::array<std::array<TypeId, kGroups>, 4> ids{};
  std::vector<std::thread> threads;
  for (auto& list : ids) {
    threads.emplace_back([&registry, &list] {
      for (u32 i = 0; i < kGroups; ++i) {
        list[i] = *registry.intern(many_types(1 + i * 7, i));
        registry.release(*registry.intern(many_types(3 + i * 5, i)));  // Comes and goes.
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& list : ids) EXPECT_EQ(list, ids[0]);
  for (u32 i = 0; i < kGroups; ++i) {
    EXPECT_EQ(*registry.intern(many_types(1 + i * 7, i)), ids[0][i]);
    for (u32 n = 0; n < ids.size() + 1; ++n) registry.release(ids[0][i]);
  }
  EXPECT_EQ(registry.entry_bytes(), 0u);
}

// Groups that refer to others come and go in several threads: whoever holds one sees its own types, whatever had the ids before.
TEST(TypeRegistry, DependentGroupsRace) {
  TypeRegistry registry;
  constexpr u32 kSize = 5000;  // More than a chunk.
  constexpr u32 kRounds = 40;
  std::atomic<u32> wrong{0};
  std::vector<std::thread> threads;
  for (u32 thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&registry, &wrong, thread] {
      for (u32 round = 0; round < kRounds; ++round) {
        const u32 kind = (round + thread) % 3;
        std::vector<SubType> bases = many_types(kSize, kind + 1);
        bases[kSize - 1].fields.assign(kind + 1, {ValType::kI64, true});
        const TypeId first = *registry.intern(bases);
        const TypeId last{static_cast<u32>(first) + kSize - 1};
        SubType child = open_struct(bases[kSize - 1].fields, last);
        child.fields.push_back({ref_to(first), false});
        const TypeId derived = *registry.intern(std::span(&child, 1));
        const bool right = registry.get(last).fields.size() == kind + 1 && registry.is_subtype(derived, last) &&
                           !registry.is_subtype(derived, first) && !registry.is_subtype(last, derived) &&
                           registry.get(derived).super == last && registry.layout(derived).references.size() == 1;
        if (!right) ++wrong;
        registry.release(derived);
        registry.release(first);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(registry.entry_bytes(), 0u);
}

TEST(Types, TextForms) {
  EXPECT_EQ(to_string(ValType::kI32), "i32");
  EXPECT_EQ(to_string(kFuncRef), "(ref null func)");
  EXPECT_EQ(to_string(ValType::ref(HeapType::kExtern, false)), "(ref extern)");
  EXPECT_EQ(to_string(func({ValType::kI32, ValType::kF64}, {ValType::kI64})), "(func (param i32 f64) (result i64))");
  EXPECT_EQ(to_string(FuncType{}), "(func)");
}

}  // namespace
}  // namespace lunabeam::vm
