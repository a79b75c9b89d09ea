// Decodes types (spec 3.0, "Binary Format", "Types"; fact sheet 6.2). Type indices become canonical ids on the way, so nothing
// behind the decoder knows a module's own numbering. An index that is out of range and a disabled feature are deferred errors:
// reading goes on with some type in their place, and the module is rejected in the end.
#pragma once

#include <span>
#include <vector>

#include "vm/decode/deferred.h"
#include "vm/decode/reader.h"
#include "vm/feature.h"
#include "vm/types.h"

namespace lunabeam::vm {

// The type of a block: nothing, one value, or a function type by index.
struct BlockType {
  enum class Kind : u8 { kEmpty, kValue, kIndex };
  Kind kind = Kind::kEmpty;
  ValType value;  // kValue.
  u32 index = 0;  // kIndex: not checked against the number of types.
};

// All read functions answer false when the bytes are malformed; the reader holds the error.
class TypeReader {
 public:
  // `types`: the canonical types of the indices that may be named.
  TypeReader(Reader& reader, const std::vector<TypeId>& types, FeatureSet features, DeferredError& deferred)
      : reader_(reader), types_(types), features_(features), deferred_(deferred) {}

  [[nodiscard]] FeatureSet features() const { return features_; }

  [[nodiscard]] bool read_val_type(ValType& type);
  [[nodiscard]] bool read_ref_type(ValType& type);
  [[nodiscard]] bool read_heap_type(HeapType& heap);
  [[nodiscard]] bool read_block_type(BlockType& type);
  [[nodiscard]] bool read_table_type(TableType& type);
  [[nodiscard]] bool read_memory_type(MemoryType& type);
  [[nodiscard]] bool read_global_type(GlobalType& type);
  // A type index that must name a function type; kNoType (and a deferred error) when it does not.
  [[nodiscard]] bool read_type_use(TypeId& id);
  // The attribute and the type of a tag.
  [[nodiscard]] bool read_tag_type(TypeId& id);

  // One entry of the type section: a rec group of `size` types. Its members follow.
  [[nodiscard]] bool read_group_size(u32& size);
  // The members, as TypeRegistry::intern wants them. They are not kept when something was deferred: the module is rejected in the end.
  [[nodiscard]] bool read_group(std::vector<SubType>& group, u32 size);

  // The function type behind a type index; kNoType and a deferred error when there is none.
  [[nodiscard]] TypeId func_type_at(u32 index, u64 offset);

 private:
  // `flags` may have those of kHasMax, kIs64Bit and `more` set.
  [[nodiscard]] bool read_limits(Limits& limits, u8 more, u8& flags);
  [[nodiscard]] bool read_sub_type(SubType& type, u32 position);
  [[nodiscard]] bool read_composite_type(SubType& type, u8 form);
  [[nodiscard]] bool read_field_type(FieldType& field);
  [[nodiscard]] bool read_types(std::vector<ValType>& list, const char* what);
  [[nodiscard]] bool read_abstract_or_ref(u8 code, u32 offset, ValType& type);
  // Canonical id, or rec reference, of a type index; deferred error and nothing when it is out of range.
  [[nodiscard]] std::optional<TypeId> resolve(u32 index, u64 offset);
  void gate(Feature feature, u64 offset, std::string_view what) {
    if (!features_.has(feature)) deferred_.add_unsupported(feature, offset, what);
  }

  Reader& reader_;
  const std::vector<TypeId>& types_;
  FeatureSet features_;
  DeferredError& deferred_;
  u32 group_size_ = 0;  // Members of the rec group being read: they follow `types_`.
};

// Interns a group, appends its ids to `types` and checks each declared subtype relation (spec 3.0, "Validation", "Types").
// Answers the id of its first member; the caller owns one reference to it. Errors (nothing stays registered): kSubTypeMismatch,
// kImplementationLimit. REQUIRES: `group` is not empty and was read without deferred errors.
[[nodiscard]] Result<TypeId> register_group(std::span<const SubType> group, std::vector<TypeId>& types, u64 offset);

}  // namespace lunabeam::vm
