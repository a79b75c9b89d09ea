// How the objects of a struct or array type lie in memory: computed once, when the type is interned, and kept by the TypeRegistry as
// long as the type.
#pragma once

#include <vector>

#include "vm/gc/object.h"
#include "vm/types.h"

namespace lunabeam::vm::gc {

// log2 of the bytes that a value of a storage type takes in an object.
[[nodiscard]] constexpr u32 storage_log2(ValType storage) {
  switch (storage.kind()) {
    case ValType::kI8: return 0;
    case ValType::kI16: return 1;
    case ValType::kI32:
    case ValType::kF32: return 2;
    case ValType::kV128: return 4;
    default: return 3;
  }
}

// All zero for function types.
struct Layout {
  u64 header = 0;               // Of a new object: struct complete, array with length 0.
  u32 bytes = 0;                // Struct: the whole object.
  std::vector<u32> fields;      // Struct: offset of every field from the beginning of the object.
  std::vector<u32> references;  // Struct: offsets of the fields that the collector follows.

  [[nodiscard]] u32 element_log2() const { return element_log2_of(header); }
};

// is_func(TypeId): whether a concrete type is a function type. References to functions are never followed: no function lies in a heap.
template <class IsFunc>
[[nodiscard]] Layout make_layout(TypeId id, const SubType& type, IsFunc is_func) {
  const auto is_followed = [&](ValType storage) {
    if (!storage.is_ref()) return false;
    const HeapType heap = storage.heap();
    if (heap.is_concrete()) return !is_func(heap.type_id());
    return heap.abstract() != HeapType::kFunc && heap.abstract() != HeapType::kNoFunc;
  };
  Layout layout;
  if (type.kind == CompositeKind::kArray) {
    const ValType element = type.fields[0].storage;
    layout.header = make_header(Kind::kArray, id, storage_log2(element), is_followed(element), 0);
  } else if (type.kind == CompositeKind::kStruct) {
    u32 end = kHeaderBytes;
    layout.fields.reserve(type.fields.size());
    for (const FieldType& field : type.fields) {
      const u32 size = 1u << storage_log2(field.storage);
      const u32 alignment = size < 8 ? size : 8;
      const u32 offset = (end + alignment - 1) & ~(alignment - 1);
      layout.fields.push_back(offset);
      if (is_followed(field.storage)) layout.references.push_back(offset);
      end = offset + size;
    }
    layout.bytes = static_cast<u32>(round_up_8(end));
    layout.header = make_header(Kind::kStruct, id, 0, !layout.references.empty(), layout.bytes);
  }
  return layout;
}

}  // namespace lunabeam::vm::gc
