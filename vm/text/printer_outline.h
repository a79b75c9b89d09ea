// A module's sections, found before anything is printed: where each one stands, how many of each kind there are, and where each
// type is defined. The printer's own walk: it keeps the module's numbering, and places of custom sections.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "vm/base/error.h"
#include "vm/text/module_scope.h"
#include "vm/types.h"

namespace lunabeam::vm::text {

// Section ids of the binary format.
enum SectionId : u8 {
  kCustomSection,
  kTypeSection,
  kImportSection,
  kFuncSection,
  kTableSection,
  kMemorySection,
  kGlobalSection,
  kExportSection,
  kStartSection,
  kElemSection,
  kCodeSection,
  kDataSection,
  kDataCountSection,
  kTagSection,
  kSectionIds,
};

// Contents of a section: [begin, end) of the module's bytes, a vector's count included.
struct SectionSpan {
  u32 begin = 0;
  u32 end = 0;
  u32 count = 0;  // Elements of its vector; 1 for the start section and the data count.
};

// A custom section other than `name`.
struct CustomSection {
  std::string_view name;
  u32 begin;  // Contents behind the name: [begin, end).
  u32 end;
  // The section that stands before it, kCustomSection when none does. Sections without elements count as absent: text cannot
  // say that they are there.
  SectionId after;
};

// A defined type: where its composite type's contents begin, behind the byte that names its kind.
struct TypeDefinition {
  CompositeKind kind;
  u32 offset;
};

struct Outline {
  std::array<SectionSpan, kSectionIds> sections{};
  std::vector<CustomSection> customs;  // In order.
  std::vector<TypeDefinition> types;
  std::vector<u32> func_types;  // FuncIdx -> TypeIdx, imports first.
  std::array<u32, kSpaceCount> counts{};
  std::array<u32, kSpaceCount> imported{};
  bool has_data_count = false;
  // Contents of the first custom section `name`, behind its name; empty when there is none.
  u32 names_begin = 0;
  u32 names_end = 0;

  [[nodiscard]] u32 count(Space space) const { return counts[static_cast<size_t>(space)]; }
  [[nodiscard]] u32 imported_count(Space space) const { return imported[static_cast<size_t>(space)]; }
};

// Sections in the order of the binary format, custom sections left out.
inline constexpr std::array<SectionId, 13> kSectionOrder = {
    kTypeSection,   kImportSection, kFuncSection, kTableSection,     kMemorySection, kTagSection,  kGlobalSection,
    kExportSection, kStartSection,  kElemSection, kDataCountSection, kCodeSection,   kDataSection,
};

// Errors: malformed headers, sections, types and imports, and counts that do not agree. Linear in the bytes.
[[nodiscard]] Result<Outline> read_outline(std::span<const u8> bytes);

}  // namespace lunabeam::vm::text
