// Types as text, encoded as they are read. Names are resolved through the module's scope.
#pragma once

#include "vm/text/module_scope.h"

namespace lunabeam::vm::text {

// A type use `(type x)? (param ...)* (result ...)*`.
struct TypeUse {
  u32 index = 0;                                             // Of the type it stands for.
  std::vector<std::optional<std::string_view>> param_names;  // One per param written; empty when none is written.
  std::vector<u32> param_tokens;  // First token of each one's type, where annotations stand; empty when there are none.
};

// All functions answer false on failure; the cursor holds the error. `out` gets the binary encoding.
class TypeSyntax {
 public:
  TypeSyntax(Cursor& cursor, ModuleScope& scope) : cursor_(cursor), scope_(scope) {}

  [[nodiscard]] bool at_val_type() const;  // A keyword of a value type, or "(ref".
  [[nodiscard]] bool at_ref_type() const;  // A keyword of a reference type, or "(ref".
  [[nodiscard]] bool read_val_type(std::string& out);
  [[nodiscard]] bool read_ref_type(std::string& out);
  [[nodiscard]] bool read_heap_type(std::string& out);  // Abstract keyword, index or identifier, as s33.
  // The parts of `(ref null? ht)` or its shorthand, for ref.test, ref.cast and br_on_cast.
  [[nodiscard]] bool read_ref_type(bool& nullable, std::string& heap);
  [[nodiscard]] bool read_storage_type(std::string& out);
  [[nodiscard]] bool read_field_type(std::string& out);
  [[nodiscard]] bool read_global_type(std::string& out);
  // Optional address type, min, optional max, `shared` and `(pagesize n)` of the proposals.
  [[nodiscard]] bool read_memory_type(std::string& out);
  [[nodiscard]] bool read_table_type(std::string& out);
  // Steps over an optional address type; true: it was i64.
  [[nodiscard]] bool accept_address_type();
  // Steps over an optional `(pagesize n)`.
  [[nodiscard]] bool read_page_size(std::optional<u32>& log2);
  // Types that inline segments give to their memory or table: as large as the segment.
  static void append_sized_memory(std::string& out, bool is_64, u64 pages, std::optional<u32> page_size_log2);
  static void append_sized_table(std::string& out, bool is_64, std::string_view element, u64 size);

  // `(param ...)* (result ...)*`; names of params are for functions only (kUnexpectedToken elsewhere).
  [[nodiscard]] bool read_signature(FuncSignature& signature, TypeUse* names);
  // Type use of a function, import, tag or call_indirect: explicit ones must agree with the repetition (kInlineFunctionType),
  // implicit ones are looked up or appended. names_allowed: of params.
  [[nodiscard]] bool read_type_use(TypeUse& use, bool names_allowed);
  // Block type: nothing, one result, or a type use without names.
  [[nodiscard]] bool read_block_type(std::string& out);

 private:
  Cursor& cursor_;
  ModuleScope& scope_;
};

}  // namespace lunabeam::vm::text
