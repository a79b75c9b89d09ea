// The custom section `name`: what the identifiers and @name annotations of a source say (spec 3.0, "Custom Sections", "Name Section").
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "vm/text/byte_writer.h"
#include "vm/text/module_scope.h"

namespace lunabeam::vm::text {

// Invariant 1: the indices given for one space are ascending; so are the outer and then the inner ones of locals and fields.
class NameSection {
 public:
  void set_module(std::string_view name) { module_ = std::string(name); }
  void add(Space space, u32 index, std::string_view name) { spaces_[static_cast<size_t>(space)].add(index, name); }
  void add_local(u32 function, u32 local, std::string_view name) { locals_.add(function, local, name); }
  void add_field(u32 type, u32 field, std::string_view name) { fields_.add(type, field, name); }
  void clear_locals() { locals_ = IndirectMap(); }

  [[nodiscard]] bool empty() const;
  // The content of the section, behind its name.
  [[nodiscard]] std::string encode();

 private:
  struct Map {
    ByteWriter bytes;
    u32 count = 0;

    void add(u32 index, std::string_view name) {
      ++count;
      bytes.u32_leb(index);
      bytes.name(name);
    }
  };
  struct IndirectMap {
    ByteWriter bytes;
    u32 count = 0;
    u32 outer = 0;
    Map inner;  // Of `outer`, while more may come.

    void add(u32 outer_index, u32 index, std::string_view name);
    void flush();
  };
  std::optional<std::string> module_;
  Map spaces_[kSpaceCount];
  IndirectMap locals_;
  IndirectMap fields_;
};

}  // namespace lunabeam::vm::text
