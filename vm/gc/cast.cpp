#include "vm/gc/cast.h"

#include "vm/base/check.h"
#include "vm/gc/object.h"
#include "vm/reference.h"
#include "vm/type_registry.h"

namespace lunabeam::vm::gc {

bool matches(u64 ref, HeapType target) noexcept {
  if (ref == 0) return false;
  const bool is_object = tag_of(ref) == kRefTagPointer;  // In the hierarchy of any.
  if (target.is_concrete()) {
    const TypeRegistry& registry = TypeRegistry::global();
    if (registry.get(target.type_id()).kind == CompositeKind::kFunc) {
      return registry.is_subtype(func_code_of(ref)->type, target.type_id());
    }
    return is_object && registry.is_subtype(type_of(header_at(ref)), target.type_id());
  }
  switch (target.abstract()) {
    case HeapType::kFunc:
    case HeapType::kExtern:
    case HeapType::kExn:
    case HeapType::kAny: return true;
    case HeapType::kEq: return is_object || tag_of(ref) == kRefTagI31;
    case HeapType::kI31: return tag_of(ref) == kRefTagI31;
    case HeapType::kStruct: return is_object && kind_of(header_at(ref)) == Kind::kStruct;
    case HeapType::kArray: return is_object && kind_of(header_at(ref)) == Kind::kArray;
    case HeapType::kNone:
    case HeapType::kNoFunc:
    case HeapType::kNoExtern:
    case HeapType::kNoExn:
    case HeapType::kBottom: return false;
  }
  VM_UNREACHABLE("heap type");
}

}  // namespace lunabeam::vm::gc
