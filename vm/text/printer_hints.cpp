#include "vm/text/printer_hints.h"

#include <algorithm>

#include "vm/decode/reader.h"

namespace lunabeam::vm::text {
namespace {

// The section that stands directly before the code, whether text can ask for it or not.
[[nodiscard]] SectionId section_before_code(const Outline& outline) {
  SectionId last = kCustomSection;
  for (const SectionId id : kSectionOrder) {
    if (id == kCodeSection) break;
    if (outline.sections[id].count != 0) last = id;
  }
  return last;
}

[[nodiscard]] bool read_hints(Reader& reader, const Outline& outline, std::vector<BranchHint>& hints) {
  u32 functions;
  if (!reader.read_count(functions) || functions == 0) return false;
  u64 min_func = outline.imported_count(Space::kFunc);
  for (u32 i = 0; i < functions; ++i) {
    u32 func;
    u32 count;
    if (!reader.read_u32(func) || !reader.read_count(count)) return false;
    if (func < min_func || func >= outline.count(Space::kFunc) || count == 0) return false;
    min_func = u64{func} + 1;
    u64 min_offset = 0;
    for (u32 j = 0; j < count; ++j) {
      BranchHint hint{func, 0, 0};
      u32 size;
      if (!reader.read_u32(hint.offset) || !reader.read_u32(size) || !reader.read_byte(hint.value)) return false;
      if (hint.offset < min_offset || size != 1 || hint.value > 1) return false;
      min_offset = u64{hint.offset} + 1;
      hints.push_back(hint);
    }
  }
  return reader.at_end();
}

}  // namespace

std::optional<BranchHints> read_branch_hints(std::span<const u8> bytes, const Outline& outline) {
  const auto is_hints = [](const CustomSection& custom) { return custom.name == "metadata.code.branch_hint"; };
  const auto found = std::ranges::find_if(outline.customs, is_hints);
  if (found == outline.customs.end()) return std::nullopt;
  // Text puts the section last before the code.
  const bool is_in_place = outline.sections[kCodeSection].count != 0 && found->after == section_before_code(outline);
  if (!is_in_place || (found + 1 != outline.customs.end() && (found + 1)->after == found->after)) return std::nullopt;
  if (std::any_of(found + 1, outline.customs.end(), is_hints)) return std::nullopt;
  BranchHints result{{}, static_cast<size_t>(found - outline.customs.begin())};
  Reader reader(bytes, found->begin, found->end);
  if (!read_hints(reader, outline, result.hints)) return std::nullopt;
  return result;
}

}  // namespace lunabeam::vm::text
