#include "vm/text/module_writer.h"

#include <algorithm>

namespace lunabeam::vm::text {
namespace {

struct SectionInfo {
  std::string_view name;
  u8 id;
};

// By SectionKind.
constexpr SectionInfo kSections[kSectionCount] = {
    {"type", 1},   {"import", 2}, {"func", 3}, {"table", 4},      {"memory", 5}, {"tag", 13},  {"global", 6},
    {"export", 7}, {"start", 8},  {"elem", 9}, {"datacount", 12}, {"code", 10},  {"data", 11},
};
constexpr std::string_view kPreamble("\0asm\1\0\0\0", 8);

constexpr size_t leb_size(u64 value) {
  size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

}  // namespace

std::optional<SectionKind> section_named(std::string_view name) noexcept {
  const auto* found = std::ranges::find(kSections, name, &SectionInfo::name);
  if (found == std::end(kSections)) return std::nullopt;
  return static_cast<SectionKind>(found - std::begin(kSections));
}

ModuleWriter::ModuleWriter(bool keeps_marks) : keeps_marks_(keeps_marks) {
  sections_.reserve(kSectionCount);
  for (size_t i = 0; i < kSectionCount; ++i) sections_.push_back({ByteWriter(keeps_marks)});
}

void ModuleWriter::set_start(u32 function, u32 text_offset) {
  ByteWriter& bytes = section(SectionKind::kStart).bytes;
  bytes.mark(text_offset);
  bytes.u32_leb(function);
}

void ModuleWriter::set_data_count(u32 count) { section(SectionKind::kDataCount).bytes.u32_leb(count); }

void ModuleWriter::add_custom(CustomPlace place, std::string_view name, std::string_view content) {
  customs_[place.order()].push_back({std::string(name), std::string(content)});
}

bool ModuleWriter::has_custom(std::string_view name) const {
  return std::ranges::any_of(customs_, [name](const std::vector<Custom>& place) {
    return std::ranges::find(place, name, &Custom::name) != place.end();
  });
}

void ModuleWriter::clear_fields() {
  for (size_t i = 0; i < kSectionCount; ++i) {
    if (static_cast<SectionKind>(i) == SectionKind::kType) continue;
    sections_[i].bytes.clear();
    sections_[i].count = 0;
  }
}

void ModuleWriter::write_section(SectionKind kind, ByteWriter& out) const {
  const VectorWriter& section = sections_[static_cast<size_t>(kind)];
  const bool is_vector = kind != SectionKind::kStart && kind != SectionKind::kDataCount;
  if (is_vector ? section.count == 0 : section.bytes.empty()) return;
  out.byte(kSections[static_cast<size_t>(kind)].id);
  if (!is_vector) {
    out.append_sized(section.bytes);
    return;
  }
  out.u32_leb(static_cast<u32>(leb_size(section.count) + section.bytes.size()));
  out.u32_leb(section.count);
  out.append(section.bytes);
}

Result<BinaryModule> ModuleWriter::assemble() {
  // Ids, sizes and counts take at most 16 bytes per section. Marks and section sizes are 32 bits wide.
  u64 size = kPreamble.size();
  for (const VectorWriter& section : sections_) size += 16 + section.bytes.size();
  for (const std::vector<Custom>& place : customs_) {
    for (const Custom& custom : place) size += 16 + custom.name.size() + custom.content.size();
  }
  if (size > 0xFFFF'FFFF) return fail(ErrorCode::kImplementationLimit, Error::kNoOffset, "a module of 4 GiB");

  ByteWriter out(keeps_marks_);
  out.bytes(kPreamble);
  const auto write_customs = [&](CustomPlace place) {
    for (const Custom& custom : customs_[place.order()]) {
      out.byte(0);
      out.u32_leb(static_cast<u32>(leb_size(custom.name.size()) + custom.name.size() + custom.content.size()));
      out.name(custom.name);
      out.bytes(custom.content);
    }
  };
  write_customs(CustomPlace::first());
  for (size_t i = 0; i < kSectionCount; ++i) {
    const auto kind = static_cast<SectionKind>(i);
    write_customs(CustomPlace::before(kind));
    write_section(kind, out);
    write_customs(CustomPlace::after(kind));
  }
  write_customs(CustomPlace::names());
  write_customs(CustomPlace::last());
  return BinaryModule{out.take_bytes(), out.take_marks()};
}

}  // namespace lunabeam::vm::text
