// What the identifiers and types of one module mean while it is read. Filled by the module reader: all names and all explicit types
// before the first body; read by the instruction reader, which may add implicit types.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "vm/text/byte_writer.h"
#include "vm/text/cursor.h"
#include "vm/text/index_space.h"

namespace lunabeam::vm::text {

enum class Space : u8 { kType, kFunc, kTable, kMemory, kGlobal, kTag, kElem, kData };
inline constexpr size_t kSpaceCount = 8;
// "type", "function", "table", "memory", "global", "tag", "elem segment", "data segment": as the spec's messages name them.
[[nodiscard]] std::string_view name_of(Space space) noexcept;

// A function type in the module's own binary encoding. Two are equal iff the bytes are.
struct FuncSignature {
  std::vector<std::string> params;  // Encoded value types.
  std::vector<std::string> results;
  friend bool operator==(const FuncSignature&, const FuncSignature&) = default;
};

class ModuleScope {
 public:
  // --- Names ---
  [[nodiscard]] IndexSpace& space(Space kind) { return spaces_[static_cast<size_t>(kind)]; }
  [[nodiscard]] const IndexSpace& space(Space kind) const { return spaces_[static_cast<size_t>(kind)]; }
  // Fields of struct type `type_index`, created when asked for.
  [[nodiscard]] IndexSpace& fields(u32 type_index) { return fields_[type_index]; }

  // Steps over an index: a number (any u32: range is the validator's business) or an identifier that `kind` knows.
  // Fails with kUnexpectedToken (neither), kUnknownIdentifier ("function $f"), kConstantOutOfRange.
  [[nodiscard]] bool read_index(Cursor& cursor, Space kind, u32& index) const;
  // True when the cursor stands on a number or an identifier, that is, an optional index is there.
  [[nodiscard]] static bool at_index(const Cursor& cursor);
  [[nodiscard]] bool read_field_index(Cursor& cursor, u32 type_index, u32& index) const;

  // --- Function types ---
  // Notes an explicit type definition, in index order. null: not a function type. A signature may be reused by type uses without
  // an index when it is the only member of its rec group, final and without supertype.
  void add_type(const FuncSignature* signature, bool is_reusable);
  // The signature behind an index, or nullptr.
  [[nodiscard]] const FuncSignature* signature(u32 type_index) const;
  // First reusable type of this signature; when there is none it is appended behind all others.
  [[nodiscard]] u32 find_or_add(const FuncSignature& signature);
  // Signatures appended by find_or_add, in order.
  [[nodiscard]] const std::vector<u32>& implicit_types() const { return implicit_types_; }

  // Set by the instruction reader when an operator names a data segment: the data count section is then needed.
  bool needs_data_count = false;

 private:
  IndexSpace spaces_[kSpaceCount];
  std::unordered_map<u32, IndexSpace> fields_;
  std::vector<std::optional<FuncSignature>> signatures_;       // By type index.
  std::unordered_map<std::string, u32, SeededHash> reusable_;  // Encoded signature -> first index.
  std::vector<u32> implicit_types_;
};

}  // namespace lunabeam::vm::text
