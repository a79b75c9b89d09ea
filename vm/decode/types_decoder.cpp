#include "vm/decode/types_decoder.h"

#include <fmt/format.h>

#include "vm/base/check.h"
#include "vm/limits.h"
#include "vm/type_registry.h"

namespace lunabeam::vm {
namespace {

// Type codes (fact sheet 6.2). All are single bytes: as s7 numbers they have no padded form.
enum TypeCode : u8 {
  kCodeI32 = 0x7F,
  kCodeI64 = 0x7E,
  kCodeF32 = 0x7D,
  kCodeF64 = 0x7C,
  kCodeV128 = 0x7B,
  kCodeI8 = 0x78,
  kCodeI16 = 0x77,
  kCodeFirstHeap = 0x69,  // 0x69 exn .. 0x74 noexn: the abstract heap types.
  kCodeLastHeap = 0x74,
  kCodeRef = 0x64,
  kCodeRefNull = 0x63,
  kCodeFunc = 0x60,
  kCodeStruct = 0x5F,
  kCodeArray = 0x5E,
  kCodeSub = 0x50,
  kCodeSubFinal = 0x4F,
  kCodeRec = 0x4E,
  kCodeEmptyBlock = 0x40,
};

// What a byte is that is no type code: the codes are numbers of seven bits, so one that goes on is too long already.
[[nodiscard]] ErrorCode bad_code(u8 code, ErrorCode otherwise) {
  return code >= 0x80 ? ErrorCode::kIntegerRepresentationTooLong : otherwise;
}

[[nodiscard]] bool is_abstract_heap(u8 code) { return code >= kCodeFirstHeap && code <= kCodeLastHeap; }

[[nodiscard]] HeapType abstract_heap(u8 code) {
  static constexpr HeapType::Abstract kHeaps[] = {
      HeapType::kExn,    HeapType::kArray, HeapType::kStruct, HeapType::kI31,      HeapType::kEq,     HeapType::kAny,
      HeapType::kExtern, HeapType::kFunc,  HeapType::kNone,   HeapType::kNoExtern, HeapType::kNoFunc, HeapType::kNoExn,
  };
  return kHeaps[code - kCodeFirstHeap];
}

// The feature that an abstract heap type came with.
[[nodiscard]] Feature feature_of(HeapType heap) {
  switch (heap.abstract()) {
    case HeapType::kFunc:
    case HeapType::kExtern: return Feature::kReferenceTypes;
    case HeapType::kExn:
    case HeapType::kNoExn: return Feature::kExceptions;
    default: return Feature::kGc;
  }
}

}  // namespace

std::optional<TypeId> TypeReader::resolve(u32 index, u64 offset) {
  if (index < types_.size()) return types_[index];
  if (const size_t position = index - types_.size(); position < group_size_) {
    return TypeId{TypeRegistry::kRecBase + static_cast<u32>(position)};
  }
  deferred_.add(ErrorCode::kUnknownType, offset, fmt::format("{}", index));
  return std::nullopt;
}

bool TypeReader::read_heap_type(HeapType& heap) {
  const u32 offset = reader_.pos();
  const int first = reader_.peek();
  if (first >= 0x40 && first < 0x80) {
    if (!is_abstract_heap(static_cast<u8>(first))) return reader_.fail(ErrorCode::kMalformedReferenceType, offset);
    heap = abstract_heap(static_cast<u8>(first));
    gate(feature_of(heap), offset, "heap type");
    return reader_.skip(1);
  }
  i64 index = 0;
  if (!reader_.read_s33(index)) return false;
  if (index < 0) return reader_.fail(ErrorCode::kMalformedReferenceType, offset);
  gate(Feature::kTypedFunctionReferences, offset, "reference to a type index");
  const std::optional<TypeId> id = resolve(static_cast<u32>(index), offset);
  heap = id ? HeapType::concrete(*id) : HeapType(HeapType::kFunc);
  return true;
}

bool TypeReader::read_abstract_or_ref(u8 code, u32 offset, ValType& type) {
  if (is_abstract_heap(code)) {
    const HeapType heap = abstract_heap(code);
    gate(feature_of(heap), offset, "reference type");
    type = ValType::ref(heap, true);
    return true;
  }
  if (code == kCodeRef || code == kCodeRefNull) {
    HeapType heap = HeapType::kFunc;
    if (!read_heap_type(heap)) return false;
    if (code == kCodeRef) gate(Feature::kTypedFunctionReferences, offset, "non-nullable reference type");
    type = ValType::ref(heap, code == kCodeRefNull);
    return true;
  }
  return false;
}

bool TypeReader::read_ref_type(ValType& type) {
  const u32 offset = reader_.pos();
  u8 code = 0;
  if (!reader_.read_byte(code)) return false;
  if (!is_abstract_heap(code) && code != kCodeRef && code != kCodeRefNull) {
    return reader_.fail(bad_code(code, ErrorCode::kMalformedReferenceType), offset);
  }
  return read_abstract_or_ref(code, offset, type);
}

bool TypeReader::read_val_type(ValType& type) {
  const u32 offset = reader_.pos();
  u8 code = 0;
  if (!reader_.read_byte(code)) return false;
  switch (code) {
    case kCodeI32: type = ValType::kI32; return true;
    case kCodeI64: type = ValType::kI64; return true;
    case kCodeF32: type = ValType::kF32; return true;
    case kCodeF64: type = ValType::kF64; return true;
    case kCodeV128:
      type = ValType::kV128;
      gate(Feature::kSimd, offset, "v128");
      return true;
    default: break;
  }
  if (!is_abstract_heap(code) && code != kCodeRef && code != kCodeRefNull) {
    return reader_.fail(bad_code(code, ErrorCode::kMalformedValueType), offset);
  }
  return read_abstract_or_ref(code, offset, type);
}

bool TypeReader::read_block_type(BlockType& type) {
  const u32 offset = reader_.pos();
  const int first = reader_.peek();
  if (first == kCodeEmptyBlock) {
    type.kind = BlockType::Kind::kEmpty;
    return reader_.skip(1);
  }
  if (first >= 0x40 && first < 0x80) {
    type.kind = BlockType::Kind::kValue;
    return read_val_type(type.value);
  }
  i64 index = 0;
  if (!reader_.read_s33(index)) return false;
  if (index < 0) return reader_.fail(ErrorCode::kMalformedValueType, offset);
  type.kind = BlockType::Kind::kIndex;
  type.index = static_cast<u32>(index);
  return true;
}

namespace {

// Flags of limits. The last two are those of memories, and no part of 3.0.
enum LimitsFlag : u8 { kHasMax = 1, kIsShared = 2, kIs64Bit = 4, kHasPageSize = 8 };

// What flags that 3.0 does not have are for.
[[gnu::cold]] std::string explain_limits_flags(u8 flags) {
  std::string text = fmt::format("{:02x}", flags);
  if ((flags & 0xF0) != 0) return text;
  if ((flags & kIsShared) != 0) text += fmt::format(": shared needs the feature {}", name_of(Feature::kThreads));
  if ((flags & kHasPageSize) != 0)
    text += fmt::format(": a page size needs the feature {}", name_of(Feature::kCustomPageSizes));
  return text;
}

}  // namespace

bool TypeReader::read_limits(Limits& limits, u8 more, u8& flags) {
  const u32 offset = reader_.pos();
  if (!reader_.read_byte(flags)) return false;
  if ((flags & ~(kHasMax | kIs64Bit | more)) != 0)
    return reader_.fail(ErrorCode::kMalformedLimitsFlags, offset, explain_limits_flags(flags));
  limits.has_max = (flags & kHasMax) != 0;
  limits.address_type = (flags & kIs64Bit) != 0 ? AddressType::kI64 : AddressType::kI32;
  if (limits.address_type == AddressType::kI64) gate(Feature::kMemory64, offset, "64-bit address type");
  if (!reader_.read_u64(limits.min)) return false;
  return !limits.has_max || reader_.read_u64(limits.max);
}

bool TypeReader::read_table_type(TableType& type) {
  u8 flags = 0;
  return read_ref_type(type.element) && read_limits(type.limits, 0, flags);
}

bool TypeReader::read_memory_type(MemoryType& type) {
  const u8 more = static_cast<u8>((features_.has(Feature::kThreads) ? kIsShared : 0) |
                                  (features_.has(Feature::kCustomPageSizes) ? kHasPageSize : 0));
  u8 flags = 0;
  if (!read_limits(type.limits, more, flags)) return false;
  type.shared = (flags & kIsShared) != 0;
  if ((flags & kHasPageSize) == 0) return true;
  const u32 offset = reader_.pos();
  u32 page_size_log2 = 0;
  if (!reader_.read_u32(page_size_log2)) return false;
  if (page_size_log2 >= 64) return reader_.fail(ErrorCode::kMalformedPageSize, offset);
  type.page_size_log2 = static_cast<u8>(page_size_log2);
  return true;
}

bool TypeReader::read_global_type(GlobalType& type) {
  if (!read_val_type(type.type)) return false;
  const u32 offset = reader_.pos();
  u8 mutability = 0;
  if (!reader_.read_byte(mutability)) return false;
  if (mutability > 1) return reader_.fail(ErrorCode::kMalformedMutability, offset);
  type.is_mutable = mutability == 1;
  return true;
}

TypeId TypeReader::func_type_at(u32 index, u64 offset) {
  if (index >= types_.size()) {
    deferred_.add(ErrorCode::kUnknownType, offset, fmt::format("{}", index));
    return kNoType;
  }
  // Ids are only registered while nothing was deferred; after that the module is rejected whatever this type is.
  if (deferred_.has_value()) return types_[index];
  if (TypeRegistry::global().get(types_[index]).kind != CompositeKind::kFunc) {
    deferred_.add(ErrorCode::kTypeMismatch, offset, fmt::format("type {} is not a function type", index));
    return kNoType;
  }
  return types_[index];
}

bool TypeReader::read_type_use(TypeId& id) {
  const u32 offset = reader_.pos();
  u32 index = 0;
  if (!reader_.read_u32(index)) return false;
  id = func_type_at(index, offset);
  return true;
}

bool TypeReader::read_tag_type(TypeId& id) {
  const u32 offset = reader_.pos();
  u8 attribute = 0;
  if (!reader_.read_byte(attribute)) return false;
  if (attribute != 0) return reader_.fail(ErrorCode::kMalformedTagAttribute, offset);
  gate(Feature::kExceptions, offset, "tag");
  return read_type_use(id);
}

bool TypeReader::read_types(std::vector<ValType>& list, const char* what) {
  const u32 offset = reader_.pos();
  u32 count = 0;
  if (!reader_.read_count(count)) return false;
  if (count > kMaxParams) {
    deferred_.add(ErrorCode::kImplementationLimit, offset, fmt::format("{} {} of a function type", count, what));
    ValType ignored;
    for (u32 i = 0; i < count; ++i) {
      if (!read_val_type(ignored)) return false;
    }
    return true;
  }
  list.resize(count);
  for (ValType& type : list) {
    if (!read_val_type(type)) return false;
  }
  return true;
}

bool TypeReader::read_field_type(FieldType& field) {
  const int first = reader_.peek();
  if (first == kCodeI8 || first == kCodeI16) {
    field.storage = first == kCodeI8 ? ValType::kI8 : ValType::kI16;
    if (!reader_.skip(1)) return false;
  } else if (!read_val_type(field.storage)) {
    return false;
  }
  const u32 offset = reader_.pos();
  u8 mutability = 0;
  if (!reader_.read_byte(mutability)) return false;
  if (mutability > 1) return reader_.fail(ErrorCode::kMalformedMutability, offset);
  field.is_mutable = mutability == 1;
  return true;
}

bool TypeReader::read_composite_type(SubType& type, u8 form) {
  const u32 offset = reader_.pos() - 1;
  switch (form) {
    case kCodeFunc:
      type.kind = CompositeKind::kFunc;
      if (!read_types(type.func.params, "parameters") || !read_types(type.func.results, "results")) return false;
      if (type.func.results.size() > 1) gate(Feature::kMultiValue, offset, "several results");
      return true;
    case kCodeStruct: {
      gate(Feature::kGc, offset, "struct type");
      type.kind = CompositeKind::kStruct;
      u32 count = 0;
      if (!reader_.read_count(count)) return false;
      if (count > kMaxFields)
        deferred_.add(ErrorCode::kImplementationLimit, offset, fmt::format("{} fields of a struct", count));
      for (u32 i = 0; i < count; ++i) {
        FieldType field;
        if (!read_field_type(field)) return false;
        if (count <= kMaxFields) type.fields.push_back(field);
      }
      return true;
    }
    case kCodeArray:
      gate(Feature::kGc, offset, "array type");
      type.kind = CompositeKind::kArray;
      type.fields.resize(1);
      return read_field_type(type.fields[0]);
    default: return reader_.fail(bad_code(form, ErrorCode::kMalformedDefinitionType), offset);
  }
}

bool TypeReader::read_sub_type(SubType& type, u32 position) {
  const u32 offset = reader_.pos();
  u8 form = 0;
  if (!reader_.read_byte(form)) return false;
  if (form != kCodeSub && form != kCodeSubFinal) return read_composite_type(type, form);
  gate(Feature::kGc, offset, "subtype");
  type.is_final = form == kCodeSubFinal;
  u32 supers = 0;
  if (!reader_.read_count(supers)) return false;
  for (u32 i = 0; i < supers; ++i) {
    const u32 super_offset = reader_.pos();
    u32 index = 0;
    if (!reader_.read_u32(index)) return false;
    if (i > 0) {
      deferred_.add(ErrorCode::kSubTypeMismatch, super_offset, "has more than one super type");
    } else if (index >= types_.size() + position) {
      deferred_.add(ErrorCode::kUnknownType, super_offset, fmt::format("{}", index));
    } else {
      type.super = *resolve(index, super_offset);
    }
  }
  if (!reader_.read_byte(form)) return false;
  return read_composite_type(type, form);
}

bool TypeReader::read_group_size(u32& size) {
  const u32 offset = reader_.pos();
  size = 1;
  if (reader_.peek() == kCodeRec) {
    gate(Feature::kGc, offset, "recursive types");
    if (!reader_.skip(1) || !reader_.read_count(size)) return false;
    if (size > kMaxRecGroupTypes) {
      deferred_.add(ErrorCode::kImplementationLimit, offset, fmt::format("{} types in a recursive group", size));
    }
  }
  if (types_.size() + size > kMaxTypes) {
    deferred_.add(ErrorCode::kImplementationLimit, offset, fmt::format("more than {} types", kMaxTypes));
  }
  return true;
}

bool TypeReader::read_group(std::vector<SubType>& group, u32 size) {
  group.clear();
  group_size_ = size;
  for (u32 i = 0; i < size; ++i) {
    SubType type;
    if (!read_sub_type(type, i)) return false;
    if (!deferred_.has_value()) group.push_back(std::move(type));
  }
  group_size_ = 0;
  return true;
}

namespace {

[[nodiscard]] bool matches_field(const TypeRegistry& types, const FieldType& sub, const FieldType& super) {
  if (sub.is_mutable != super.is_mutable) return false;
  return sub.is_mutable ? sub.storage == super.storage : types.matches(sub.storage, super.storage);
}

// Whether `sub` may declare `super` as its supertype.
[[nodiscard]] bool is_valid_subtype(const TypeRegistry& types, const SubType& sub, const SubType& super) {
  if (super.is_final || sub.kind != super.kind) return false;
  switch (sub.kind) {
    case CompositeKind::kFunc: {
      const auto all_match = [&types](const std::vector<ValType>& from, const std::vector<ValType>& to) {
        if (from.size() != to.size()) return false;
        for (size_t i = 0; i < from.size(); ++i) {
          if (!types.matches(from[i], to[i])) return false;
        }
        return true;
      };
      return all_match(super.func.params, sub.func.params) && all_match(sub.func.results, super.func.results);
    }
    case CompositeKind::kStruct:
    case CompositeKind::kArray:
      if (sub.fields.size() < super.fields.size()) return false;
      for (size_t i = 0; i < super.fields.size(); ++i) {
        if (!matches_field(types, sub.fields[i], super.fields[i])) return false;
      }
      return true;
  }
  VM_UNREACHABLE("composite kind");
}

}  // namespace

Result<TypeId> register_group(std::span<const SubType> group, std::vector<TypeId>& types, u64 offset) {
  TypeRegistry& registry = TypeRegistry::global();
  Result<TypeId> first = registry.intern(group);
  if (!first) {
    Error error = std::move(first).error();
    return fail(error.code, offset, std::move(error.detail));
  }
  const size_t first_index = types.size();
  for (u32 i = 0; i < group.size(); ++i) types.push_back(TypeId{static_cast<u32>(*first) + i});
  for (u32 i = 0; i < group.size(); ++i) {
    const SubType& type = registry.get(types[first_index + i]);
    if (type.super == kNoType || is_valid_subtype(registry, type, registry.get(type.super))) continue;
    registry.release(*first);
    types.resize(first_index);
    return fail(ErrorCode::kSubTypeMismatch, offset, fmt::format("{} does not match super type", first_index + i));
  }
  return *first;
}

}  // namespace lunabeam::vm
