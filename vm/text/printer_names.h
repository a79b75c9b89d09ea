// Identifiers of a module's items, from its custom section `name` (spec 3.0, appendix "Custom Sections"; subsections 5 to 9 of the
// extended name section besides). A name becomes an identifier when it is not empty and no other item of its space has it.
#pragma once

#include <span>
#include <unordered_map>
#include <vector>

#include "vm/decode/reader.h"
#include "vm/text/printer_outline.h"
#include "vm/text/printer_output.h"

namespace lunabeam::vm::text {

class NameTable {
 public:
  NameTable() = default;

  // Reads the section that `outline` found. Whatever is wrong with it, the module is not: reading stops at the first thing that
  // does not fit, and keeps what it has. Names of items that the module lacks are left out.
  void read(std::span<const u8> bytes, const Outline& outline);

  [[nodiscard]] const Identifier& module() const { return module_; }
  [[nodiscard]] Identifier find(Space space, u32 index) const {
    const std::vector<Identifier>& ids = ids_[static_cast<size_t>(space)];
    return index < ids.size() && !ids[index].is_shared ? ids[index] : Identifier{};
  }
  // The name of an item that shares it with others; else empty.
  [[nodiscard]] std::string_view shared_name(Space space, u32 index) const {
    const std::vector<Identifier>& ids = ids_[static_cast<size_t>(space)];
    return index < ids.size() && ids[index].is_shared ? ids[index].name : std::string_view{};
  }
  [[nodiscard]] Identifier field(u32 type, u32 field) const;
  // Fills `ids` with those of a function's locals, parameters first: `count` ones, or none at all.
  void locals(u32 func, u32 count, std::vector<Identifier>& ids) const;

 private:
  [[nodiscard]] bool read_subsection(u8 id, Reader& reader, const Outline& outline);
  [[nodiscard]] bool read_local_maps(Reader& reader);
  [[nodiscard]] bool read_fields(Reader& reader, const Outline& outline);

  std::span<const u8> bytes_;
  u32 end_ = 0;
  Identifier module_;
  std::vector<Identifier> ids_[kSpaceCount];
  std::unordered_map<u64, Identifier> fields_;  // (type << 32) + field.
  std::unordered_map<u32, u32> local_map_of_;   // Function -> offset of its name map.
};

}  // namespace lunabeam::vm::text
