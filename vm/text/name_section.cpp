#include "vm/text/name_section.h"

#include <algorithm>
#include <vector>

namespace lunabeam::vm::text {
namespace {

// Subsection ids; tables, memories, globals and segments are those of the extended names proposal, which tools write too.
constexpr u8 kModuleNames = 0;
constexpr u8 kLocalNames = 2;
constexpr u8 kFieldNames = 10;
constexpr struct {
  Space space;
  u8 id;
} kSpaces[] = {
    {Space::kFunc, 1},   {Space::kType, 4}, {Space::kTable, 5}, {Space::kMemory, 6},
    {Space::kGlobal, 7}, {Space::kElem, 8}, {Space::kData, 9},  {Space::kTag, 11},
};

void write_subsection(ByteWriter& out, u8 id, u32 count, const ByteWriter& entries) {
  if (count == 0) return;
  ByteWriter content;
  content.u32_leb(count);
  content.append(entries);
  out.byte(id);
  out.append_sized(content);
}

}  // namespace

void NameSection::IndirectMap::add(u32 outer_index, u32 index, std::string_view name) {
  if (outer_index != outer) flush();
  outer = outer_index;
  inner.add(index, name);
}

void NameSection::IndirectMap::flush() {
  if (inner.count == 0) return;
  ++count;
  bytes.u32_leb(outer);
  bytes.u32_leb(inner.count);
  bytes.append(inner.bytes);
  inner.bytes.clear();
  inner.count = 0;
}

bool NameSection::empty() const {
  return !module_ && std::ranges::all_of(spaces_, [](const Map& map) { return map.count == 0; }) &&
         locals_.count + locals_.inner.count + fields_.count + fields_.inner.count == 0;
}

std::string NameSection::encode() {
  locals_.flush();
  fields_.flush();
  ByteWriter out;
  if (module_) {
    ByteWriter content;
    content.name(*module_);
    out.byte(kModuleNames);
    out.append_sized(content);
  }
  // Subsections stand in the order of their ids.
  for (u32 id = 1; id <= 11; ++id) {
    if (id == kLocalNames) write_subsection(out, kLocalNames, locals_.count, locals_.bytes);
    if (id == kFieldNames) write_subsection(out, kFieldNames, fields_.count, fields_.bytes);
    for (const auto& [space, space_id] : kSpaces) {
      const Map& map = spaces_[static_cast<size_t>(space)];
      if (space_id == id) write_subsection(out, space_id, map.count, map.bytes);
    }
  }
  return std::string(reinterpret_cast<const char*>(out.view().data()), out.size());
}

}  // namespace lunabeam::vm::text
