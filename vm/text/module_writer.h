// The sections of a binary module in the making, and how they are put together (spec 3.0, "Binary Format", "Modules").
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vm/text/byte_writer.h"
#include "vm/text/text.h"

namespace lunabeam::vm::text {

// In the order of the binary format, which is not the order of the ids.
enum class SectionKind : u8 {
  kType,
  kImport,
  kFunc,
  kTable,
  kMemory,
  kTag,
  kGlobal,
  kExport,
  kStart,
  kElem,
  kDataCount,
  kCode,
  kData
};
inline constexpr size_t kSectionCount = 13;

// As annotations call it: "type", "import", "func", ...; nullopt: there is no such section.
[[nodiscard]] std::optional<SectionKind> section_named(std::string_view name) noexcept;

// A vector: its entries, and how many there are.
struct VectorWriter {
  ByteWriter bytes;
  u32 count = 0;

  // The next entry, which comes from the text at `text_offset`.
  ByteWriter& entry(u32 text_offset) {
    ++count;
    bytes.mark(text_offset);
    return bytes;
  }
};

// Where a custom section stands among the others. Places are ordered; a place may hold any number of custom sections.
class CustomPlace {
 public:
  [[nodiscard]] static constexpr CustomPlace before(SectionKind kind) {
    return CustomPlace(1 + 2 * static_cast<u32>(kind));
  }
  [[nodiscard]] static constexpr CustomPlace after(SectionKind kind) {
    return CustomPlace(2 + 2 * static_cast<u32>(kind));
  }
  [[nodiscard]] static constexpr CustomPlace first() { return CustomPlace(0); }
  [[nodiscard]] static constexpr CustomPlace last() { return CustomPlace(2 + 2 * kSectionCount); }
  // Behind all that is placed by name, before what stands last: where producers of binaries put the name section.
  [[nodiscard]] static constexpr CustomPlace names() { return CustomPlace(1 + 2 * kSectionCount); }
  [[nodiscard]] constexpr u32 order() const { return order_; }

  static constexpr size_t kCount = 3 + 2 * kSectionCount;

 private:
  explicit constexpr CustomPlace(u32 order) : order_(order) {}
  u32 order_;
};

class ModuleWriter {
 public:
  explicit ModuleWriter(bool keeps_marks);

  // kStart and kDataCount are no vectors: they are written by their own functions.
  [[nodiscard]] VectorWriter& section(SectionKind kind) { return sections_[static_cast<size_t>(kind)]; }
  void set_start(u32 function, u32 text_offset);
  void set_data_count(u32 count);
  // Custom sections of one place keep their order.
  void add_custom(CustomPlace place, std::string_view name, std::string_view content);
  [[nodiscard]] bool has_custom(std::string_view name) const;

  // Takes everything out of all sections but the types; custom sections stay.
  void clear_fields();

  // Errors: kImplementationLimit for a module of 4 GiB or more.
  [[nodiscard]] Result<BinaryModule> assemble();

 private:
  struct Custom {
    std::string name;
    std::string content;
  };
  void write_section(SectionKind kind, ByteWriter& out) const;

  bool keeps_marks_;
  std::vector<VectorWriter> sections_;
  std::vector<Custom> customs_[CustomPlace::kCount];  // By CustomPlace::order().
};

}  // namespace lunabeam::vm::text
