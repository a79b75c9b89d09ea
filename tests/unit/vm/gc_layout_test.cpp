// Layouts of structs and arrays, headers, i31.
#include "vm/gc/layout.h"

#include <gmock/gmock.h>

#include "vm/type_registry.h"

namespace lunabeam::vm::gc {
namespace {

using testing::ElementsAre;

FieldType field(ValType storage) { return {.storage = storage, .is_mutable = true}; }

// Interns a group of one type for the length of a test.
struct Interned {
  explicit Interned(SubType type) : id(*TypeRegistry::global().intern(std::span(&type, 1))) {}
  ~Interned() { TypeRegistry::global().release(id); }
  Interned(const Interned&) = delete;
  Interned& operator=(const Interned&) = delete;
  [[nodiscard]] const Layout& layout() const { return TypeRegistry::global().layout(id); }
  TypeId id;
};

SubType struct_of(std::vector<FieldType> fields, TypeId super = kNoType) {
  SubType type;
  type.kind = CompositeKind::kStruct;
  type.is_final = false;
  type.super = super;
  type.fields = std::move(fields);
  return type;
}
SubType array_of(ValType element) {
  SubType type;
  type.kind = CompositeKind::kArray;
  type.fields = {field(element)};
  return type;
}

TEST(GcLayout, FieldsHaveTheirNaturalSizes) {
  const Interned type(struct_of({field(ValType::kI8), field(ValType::kI16), field(ValType::kI32), field(ValType::kI8),
                                 field(ValType::kF64), field(ValType::kV128), field(ValType::kF32),
                                 field(ValType::ref(HeapType::kAny, true)), field(ValType::kI8)}));
  EXPECT_THAT(type.layout().fields, ElementsAre(8, 10, 12, 16, 24, 32, 48, 56, 64));
  EXPECT_THAT(type.layout().references, ElementsAre(56));
  EXPECT_EQ(type.layout().bytes, 72u);
  EXPECT_EQ(object_bytes(type.layout().header), 72u);
  EXPECT_EQ(kind_of(type.layout().header), Kind::kStruct);
  EXPECT_EQ(type_of(type.layout().header), type.id);
  EXPECT_NE(type.layout().header & kHasReferences, 0u);
}

TEST(GcLayout, SubtypesBeginLikeTheirSupertypes) {
  const Interned base(struct_of({field(ValType::kI8), field(ValType::kI64)}));
  const Interned derived(struct_of({field(ValType::kI8), field(ValType::kI64), field(ValType::kI16)}, base.id));
  EXPECT_THAT(base.layout().fields, ElementsAre(8, 16));
  EXPECT_THAT(derived.layout().fields, ElementsAre(8, 16, 24));
  EXPECT_EQ(base.layout().header & kHasReferences, 0u);
}

TEST(GcLayout, AnEmptyStructIsAHeader) {
  const Interned type(struct_of({}));
  EXPECT_EQ(type.layout().bytes, kHeaderBytes);
}

TEST(GcLayout, FunctionsAreNotFollowed) {
  const Interned type(struct_of({field(kFuncRef), field(kExternRef), field(ValType::ref(HeapType::kNoFunc, true)),
                                 field(ValType::ref(HeapType::kExn, true))}));
  EXPECT_THAT(type.layout().references, ElementsAre(16, 32));
}

TEST(GcLayout, FieldsMayReferToLaterMembersOfTheirGroup) {
  const auto member = [](u32 k) { return ValType::ref(HeapType::concrete(TypeId{TypeRegistry::kRecBase + k}), true); };
  SubType function;
  const SubType group[] = {struct_of({field(member(1)), field(member(2)), field(member(0))}), function,
                           array_of(member(0))};
  const TypeId first = *TypeRegistry::global().intern(group);
  EXPECT_THAT(TypeRegistry::global().layout(first).references, ElementsAre(16, 24));
  EXPECT_NE(TypeRegistry::global().layout(TypeId{static_cast<u32>(first) + 2}).header & kHasReferences, 0u);
  TypeRegistry::global().release(first);
}

TEST(GcLayout, ArraysArePacked) {
  const struct {
    ValType element;
    u64 bytes_of_5;
  } rows[] = {{ValType::kI8, 8 + 8},   {ValType::kI16, 8 + 16}, {ValType::kI32, 8 + 24},  {ValType::kF32, 8 + 24},
              {ValType::kI64, 8 + 40}, {ValType::kF64, 8 + 40}, {ValType::kV128, 8 + 80}, {kExternRef, 8 + 40}};
  for (const auto& row : rows) {
    const Interned type(array_of(row.element));
    EXPECT_EQ(object_bytes(type.layout().header), kHeaderBytes);
    EXPECT_EQ(object_bytes(type.layout().header | u64{5} << 32), row.bytes_of_5);
    EXPECT_EQ((type.layout().header & kHasReferences) != 0, row.element.is_ref());
  }
  EXPECT_EQ(array_bytes(4, 0xFFFF'FFFF), 8 + 0xFFFF'FFFFu * u64{16});
}

TEST(GcLayout, I31IsOneRepresentationPerValue) {
  EXPECT_EQ(make_i31(0xFFFF'FFFF), make_i31(0x7FFF'FFFF));
  EXPECT_EQ(i31_signed(make_i31(0x4000'0000)), 0xC000'0000u);
  EXPECT_EQ(i31_unsigned(make_i31(0x4000'0000)), 0x4000'0000u);
  EXPECT_EQ(i31_signed(make_i31(0xFFFF'FFFF)), 0xFFFF'FFFFu);
  EXPECT_EQ(i31_signed(make_i31(5)), 5u);
  EXPECT_NE(make_i31(0), 0u);
}

}  // namespace
}  // namespace lunabeam::vm::gc
