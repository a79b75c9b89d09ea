// Types from the binary format to text. Each function reads one type and appends it; nothing is kept or resolved, so that every
// module prints that is not malformed.
#pragma once

#include <span>
#include <vector>

#include "vm/decode/reader.h"
#include "vm/text/printer_names.h"
#include "vm/text/printer_output.h"

namespace lunabeam::vm::text {

// All functions answer false when the bytes are malformed; the reader holds the error, and what was appended is of no use.
class TypePrinter {
 public:
  TypePrinter(TextOutput& out, const NameTable& names) : out_(out), names_(names) {}

  // An index, by name where it has one.
  void index(Space space, u32 index);
  // What stands where an item is defined: its identifier, or else its name as an annotation, and its index as a comment.
  void definition(Space space, u32 index);

  [[nodiscard]] bool val_type(Reader& reader);
  [[nodiscard]] bool ref_type(Reader& reader);
  // As a heap type: `func`, `3`, `$t`.
  [[nodiscard]] bool heap_type(Reader& reader);
  // A heap type as the reference type `(ref null? ht)`, or its shorthand.
  [[nodiscard]] bool heap_as_ref_type(Reader& reader, bool is_nullable);
  // Nothing, ` (result t)` or ` (type x)`.
  [[nodiscard]] bool block_type(Reader& reader);
  [[nodiscard]] bool global_type(Reader& reader);
  [[nodiscard]] bool memory_type(Reader& reader);
  [[nodiscard]] bool table_type(Reader& reader);

  // One entry of the type section with the `(type ...)` forms of its members; `types` gets a definition for each.
  [[nodiscard]] bool rec_group(Reader& reader, u32 depth, std::vector<TypeDefinition>& types);
  // The contents of a function type: ` (param ...) (result ...)`. params[i] names parameter i, as far as it reaches.
  [[nodiscard]] bool signature(Reader& reader, std::span<const Identifier> params);

 private:
  [[nodiscard]] bool sub_type(Reader& reader, std::vector<TypeDefinition>& types);
  [[nodiscard]] bool composite_type(Reader& reader, u32 type_index, std::vector<TypeDefinition>& types);
  [[nodiscard]] bool struct_fields(Reader& reader, u32 type_index);
  [[nodiscard]] bool field_type(Reader& reader);
  [[nodiscard]] bool limits(Reader& reader, u8 known_flags, u8& flags);

  TextOutput& out_;
  const NameTable& names_;
};

}  // namespace lunabeam::vm::text
