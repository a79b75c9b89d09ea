#include "vm/text/printer_names.h"

#include <algorithm>

namespace lunabeam::vm::text {
namespace {

// Subsections.
enum NameKind : u8 {
  kModuleName = 0,
  kLocalNames = 2,
  kFieldNames = 10,
};

// The index space that a subsection names.
[[nodiscard]] std::optional<Space> space_of(u8 subsection) {
  switch (subsection) {
    case 1: return Space::kFunc;
    case 4: return Space::kType;
    case 5: return Space::kTable;
    case 6: return Space::kMemory;
    case 7: return Space::kGlobal;
    case 8: return Space::kElem;
    case 9: return Space::kData;
    case 11: return Space::kTag;
    default: return std::nullopt;
  }
}

// Steps over a name map. False: it does not fit.
[[nodiscard]] bool skip_name_map(Reader& reader) {
  u32 count;
  if (!reader.read_count(count)) return false;
  for (u32 i = 0; i < count; ++i) {
    u32 index;
    std::string_view name;
    if (!reader.read_u32(index) || !reader.read_name(name)) return false;
  }
  return true;
}

// Reads a name map into `ids`, of which there are `count`. The first name of an index counts. What was read before something that
// does not fit stays.
[[nodiscard]] bool read_name_map(Reader& reader, u32 count, std::vector<Identifier>& ids) {
  u32 names;
  if (!reader.read_count(names)) return false;
  bool fits = true;
  for (u32 i = 0; i < names && fits; ++i) {
    u32 index;
    std::string_view name;
    fits = reader.read_u32(index) && reader.read_name(name);
    if (!fits || index >= count || name.empty()) continue;
    if (ids.empty()) ids.resize(count);
    if (ids[index].empty()) ids[index] = make_identifier(name);
  }
  return fits;
}

// Finds the names that more than one item has.
void mark_shared(std::vector<Identifier>& ids) {
  std::unordered_map<std::string_view, u32, SeededHash> first;
  for (u32 i = 0; i < ids.size(); ++i) {
    if (ids[i].empty()) continue;
    const auto [it, is_new] = first.try_emplace(ids[i].name, i);
    if (is_new) continue;
    ids[it->second].is_shared = true;
    ids[i].is_shared = true;
  }
}

// Takes away the names that more than one item has.
void drop_shared(std::vector<Identifier>& ids) {
  mark_shared(ids);
  for (Identifier& id : ids) {
    if (id.is_shared) id = {};
  }
}

}  // namespace

void NameTable::read(std::span<const u8> bytes, const Outline& outline) {
  bytes_ = bytes;
  end_ = outline.names_end;
  Reader reader(bytes, outline.names_begin, outline.names_end);
  while (!reader.at_end()) {
    u8 id;
    u32 size;
    if (!reader.read_byte(id) || !reader.read_size(size)) break;
    Reader subsection(bytes, reader.pos(), reader.pos() + size);
    if (!read_subsection(id, subsection, outline) || !reader.skip(size)) break;
  }
  for (std::vector<Identifier>& ids : ids_) mark_shared(ids);
}

bool NameTable::read_subsection(u8 id, Reader& reader, const Outline& outline) {
  if (const std::optional<Space> space = space_of(id)) {
    return read_name_map(reader, outline.count(*space), ids_[static_cast<size_t>(*space)]);
  }
  switch (id) {
    case kModuleName: {
      std::string_view name;
      if (!reader.read_name(name)) return false;
      module_ = make_identifier(name);
      return true;
    }
    case kLocalNames: return read_local_maps(reader);
    case kFieldNames: return read_fields(reader, outline);
    default: return true;
  }
}

bool NameTable::read_local_maps(Reader& reader) {
  u32 count;
  if (!reader.read_count(count)) return false;
  for (u32 i = 0; i < count; ++i) {
    u32 func;
    if (!reader.read_u32(func)) return false;
    local_map_of_.try_emplace(func, reader.pos());
    if (!skip_name_map(reader)) return false;
  }
  return true;
}

bool NameTable::read_fields(Reader& reader, const Outline& outline) {
  u32 count;
  if (!reader.read_count(count)) return false;
  std::vector<Identifier> ids;
  std::vector<bool> is_named(outline.types.size());  // Once each, so that a type of many fields costs its bytes only.
  for (u32 i = 0; i < count; ++i) {
    u32 type;
    if (!reader.read_u32(type)) return false;
    u32 fields = 0;
    if (type < is_named.size() && !is_named[type] && outline.types[type].kind == CompositeKind::kStruct) {
      is_named[type] = true;
      Reader definition(bytes_, outline.types[type].offset, bytes_.size());
      if (!definition.read_count(fields)) return false;
    }
    ids.clear();
    const bool fits = read_name_map(reader, fields, ids);
    drop_shared(ids);
    for (u32 field = 0; field < ids.size(); ++field) {
      if (!ids[field].empty()) fields_.try_emplace(u64{type} << 32 | field, ids[field]);
    }
    if (!fits) return false;
  }
  return true;
}

Identifier NameTable::field(u32 type, u32 field) const {
  const auto it = fields_.find(u64{type} << 32 | field);
  return it == fields_.end() ? Identifier{} : it->second;
}

void NameTable::locals(u32 func, u32 count, std::vector<Identifier>& ids) const {
  ids.clear();
  const auto it = local_map_of_.find(func);
  if (it == local_map_of_.end()) return;
  Reader reader(bytes_, it->second, end_);
  // A map that stops in the middle gives the names before that.
  static_cast<void>(read_name_map(reader, count, ids));
  drop_shared(ids);
}

}  // namespace lunabeam::vm::text
