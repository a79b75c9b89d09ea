// The fields of a module, in the order of its sections.
#pragma once

#include <span>
#include <string>

#include "vm/base/error.h"
#include "vm/text/printer.h"
#include "vm/text/printer_operators.h"

namespace lunabeam::vm::text {

class ModulePrinter {
 public:
  // All must outlive the printer. hints: nullptr when they are printed as the custom section that they are, if at all.
  ModulePrinter(std::span<const u8> bytes, const Outline& outline, const NameTable& names, const BranchHints* hints);

  // To be called once.
  [[nodiscard]] Result<std::string> print(PrintOptions options);
  // After print(): false when a hint stood elsewhere than before a branch, so that its annotation would not be understood.
  [[nodiscard]] bool hints_fit() const { return operators_.hints_fit(); }

 private:
  [[nodiscard]] Result<void> print_section(SectionId id);
  // One element of a section's vector. False: malformed; the reader holds the error.
  [[nodiscard]] bool print_item(SectionId id, Reader& reader);
  [[nodiscard]] bool print_import(Reader& reader);
  [[nodiscard]] bool print_table(Reader& reader);
  [[nodiscard]] bool print_memory(Reader& reader);
  [[nodiscard]] bool print_tag(Reader& reader);
  [[nodiscard]] bool print_global(Reader& reader);
  [[nodiscard]] bool print_export(Reader& reader);
  [[nodiscard]] bool print_start(Reader& reader);
  [[nodiscard]] bool print_elem(Reader& reader);
  [[nodiscard]] bool print_function(Reader& reader);
  [[nodiscard]] bool print_data(Reader& reader);

  [[nodiscard]] u32 take_index(Space space) { return next_[static_cast<size_t>(space)]++; }
  // A new field: its line, "(", keyword, identifier, index.
  void begin_field(std::string_view keyword, Space space, u32 index);
  // Keyword, identifier and index of an item.
  void head(std::string_view keyword, Space space, u32 index);
  // ` (type x)` and the signature behind it, with the names of params.
  void type_use(u32 type, std::span<const Identifier> params);
  [[nodiscard]] bool tag_type(Reader& reader);
  // Local declarations of the body of `func`; fills locals_ with the identifiers of params and locals.
  [[nodiscard]] bool read_locals(Reader& reader, u32 func, u32 params);
  void print_locals(u32 params);
  // Number of parameters, 0 when the index names no function type.
  [[nodiscard]] u32 param_count(u32 type) const;
  [[nodiscard]] bool is_func_type(u32 type) const {
    return type < outline_.types.size() && outline_.types[type].kind == CompositeKind::kFunc;
  }
  // Fails when the output has grown past its limit.
  [[nodiscard]] bool check_size(Reader& reader) const;
  void data_strings(u32 begin, u32 end, u32 depth);

  // The hints of a function. REQUIRES: functions are asked for in order.
  [[nodiscard]] std::span<const BranchHint> take_hints(u32 func);
  // Custom sections that stand directly behind section `id`.
  void print_customs(SectionId id);
  [[nodiscard]] bool has_section_behind(SectionId id) const;

  // Locals of one type that stand side by side.
  struct LocalRun {
    std::string type;
    u32 count;
  };

  std::span<const u8> bytes_;
  const Outline& outline_;
  const NameTable& names_;
  const BranchHints* hints_;
  size_t next_hint_ = 0;
  TextOutput out_;
  TypePrinter types_;
  size_t max_size_;
  OperatorPrinter operators_;
  std::vector<TypeDefinition> definitions_;  // Of the types printed so far.
  std::array<u32, kSpaceCount> next_{};      // Next index of each space.
  std::vector<Identifier> locals_;           // Of the function being printed, parameters first; none: no names.
  std::vector<LocalRun> runs_;
};

}  // namespace lunabeam::vm::text
