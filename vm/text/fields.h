// The second pass over a module: all fields but types, in the order of the text, each into its section.
#pragma once

#include "vm/text/instruction_reader.h"
#include "vm/text/module_context.h"

namespace lunabeam::vm::text {

class FieldReader {
 public:
  // REQUIRES: identifiers are bound and types are read.
  explicit FieldReader(ModuleContext& context);

  // Reads the fields from the cursor to the token `last`.
  [[nodiscard]] bool read_all(u32 last);
  // The sections that follow from what the others hold: data count, branch hints.
  void write_derived_sections();

  // True: a function was read whose type index nothing had defined by then, so that its locals may have got wrong indices. Types that
  // later fields add without naming them may be meant; then all fields are to be read once more.
  [[nodiscard]] bool met_unknown_type() const { return met_unknown_type_; }

 private:
  // What `(func|table|memory|global|tag $id? (export ...)* (import ...)?` say, the exports and the import's names being written.
  struct Head {
    u32 offset;
    u32 index;
    bool is_import = false;
  };
  [[nodiscard]] bool read_head(Space space, Head& head);
  // The number of the next definition of this kind.
  [[nodiscard]] u32 next_index(Space space) { return next_index_[static_cast<size_t>(space)]++; }

  [[nodiscard]] bool read_field();
  [[nodiscard]] bool read_import();
  [[nodiscard]] bool read_import_type(Space space, u32 index);
  [[nodiscard]] bool read_export();
  [[nodiscard]] bool read_start();
  [[nodiscard]] bool read_func();
  [[nodiscard]] bool read_locals();
  [[nodiscard]] bool bind_params(const TypeUse& use, u32 function);
  [[nodiscard]] bool name_local(u32 function, std::optional<std::string_view> id, u32 id_offset, u32 type_token);
  [[nodiscard]] bool read_table();
  [[nodiscard]] bool read_memory();
  [[nodiscard]] bool read_global();
  [[nodiscard]] bool read_tag();

  // fields_segments.cpp
  struct Items {
    explicit Items(bool keeps_marks) : bytes(keeps_marks) {}
    ByteWriter bytes;
    u32 count = 0;
  };
  [[nodiscard]] bool read_elem();
  [[nodiscard]] bool read_data();
  // `idx*`: as indices, or as the expressions `ref.func idx`.
  [[nodiscard]] bool read_function_indices(Items& items, bool as_expressions);
  // `(item ...)*`
  [[nodiscard]] bool read_item_expressions(Items& items);
  [[nodiscard]] bool read_inline_elem(u32 table, bool is_64, const std::string& element);
  [[nodiscard]] bool read_inline_data(u32 memory, bool is_64, std::optional<u32> page_size_log2, std::string& type);
  [[nodiscard]] bool read_strings(std::string& bytes);

  // Instructions up to the ")", then `end`.
  [[nodiscard]] bool read_expression(ByteWriter& out);
  void write_branch_hints(u32 function);

  ModuleContext& context_;
  Cursor& cursor_;
  ModuleScope& scope_;
  ModuleWriter& writer_;
  TypeSyntax types_;
  InstructionReader instructions_;
  IndexSpace locals_;  // Of the function being read.
  ByteWriter body_;    // Likewise: locals and code.
  ByteWriter hints_;   // Branch hints of all functions.
  u32 hinted_functions_ = 0;
  u32 next_index_[kSpaceCount] = {};
  bool met_unknown_type_ = false;
};

}  // namespace lunabeam::vm::text
