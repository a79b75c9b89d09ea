#include "vm/text/printer_module.h"

#include <fmt/format.h>

#include <utility>

#include "vm/base/check.h"
#include "vm/limits.h"

namespace lunabeam::vm::text {
namespace {

// Bytes of text that one byte of a module may become: enough for the longest operator of one byte, indented as deep as it goes. Real
// modules stay near 10; hostile ones name a long identifier, or declare thousands of locals, in a few bytes.
constexpr size_t kMaxGrowth = 112;
constexpr size_t kAlwaysAllowedBytes = 16 << 20;

constexpr u32 kDataBytesPerLine = 64;

[[nodiscard]] std::string_view section_name(SectionId id) {
  switch (id) {
    case kTypeSection: return "type";
    case kImportSection: return "import";
    case kFuncSection: return "func";
    case kTableSection: return "table";
    case kMemorySection: return "memory";
    case kGlobalSection: return "global";
    case kExportSection: return "export";
    case kStartSection: return "start";
    case kElemSection: return "elem";
    case kCodeSection: return "code";
    case kDataSection: return "data";
    case kDataCountSection: return "datacount";
    case kTagSection: return "tag";
    case kCustomSection:
    case kSectionIds: break;
  }
  return {};
}

// Space and keyword of an import or export, by kind.
constexpr std::pair<Space, std::string_view> kExternKinds[] = {
    {Space::kFunc, "func"},     {Space::kTable, "table"}, {Space::kMemory, "memory"},
    {Space::kGlobal, "global"}, {Space::kTag, "tag"},
};

}  // namespace

ModulePrinter::ModulePrinter(std::span<const u8> bytes, const Outline& outline, const NameTable& names,
                             const BranchHints* hints)
    : bytes_(bytes),
      outline_(outline),
      names_(names),
      hints_(hints),
      types_(out_, names),
      max_size_(kAlwaysAllowedBytes + kMaxGrowth * bytes.size()),
      operators_(out_, names, bytes, outline.count(Space::kType), max_size_) {}

bool ModulePrinter::check_size(Reader& reader) const {
  if (out_.size() <= max_size_) [[likely]]
    return true;
  return reader.fail(ErrorCode::kImplementationLimit, reader.pos(),
                     fmt::format("text of more than {} bytes", max_size_));
}

void ModulePrinter::head(std::string_view keyword, Space space, u32 index) {
  out_.character('(');
  out_.text(keyword);
  out_.character(' ');
  types_.definition(space, index);
}

void ModulePrinter::begin_field(std::string_view keyword, Space space, u32 index) {
  out_.line(1);
  head(keyword, space, index);
}

u32 ModulePrinter::param_count(u32 type) const {
  if (!is_func_type(type)) return 0;
  Reader reader(bytes_, outline_.types[type].offset, bytes_.size());
  u32 count = 0;
  static_cast<void>(reader.read_count(count));
  return count;
}

void ModulePrinter::type_use(u32 type, std::span<const Identifier> params) {
  out_.text(" (type ");
  types_.index(Space::kType, type);
  out_.character(')');
  if (!is_func_type(type)) return;
  // The outline has read it once already.
  Reader reader(bytes_, outline_.types[type].offset, bytes_.size());
  static_cast<void>(types_.signature(reader, params));
}

bool ModulePrinter::tag_type(Reader& reader) {
  const u32 offset = reader.pos();
  u8 attribute;
  u32 type;
  if (!reader.read_byte(attribute)) return false;
  if (attribute != 0) return reader.fail(ErrorCode::kMalformedTagAttribute, offset);
  if (!reader.read_u32(type)) return false;
  type_use(type, {});
  return true;
}

bool ModulePrinter::print_import(Reader& reader) {
  std::string_view module;
  std::string_view name;
  u8 kind;
  if (!reader.read_name(module) || !reader.read_name(name) || !reader.read_byte(kind)) return false;
  out_.line(1);
  out_.text("(import ");
  out_.name(module);
  out_.character(' ');
  out_.name(name);
  out_.character(' ');
  const auto& [space, keyword] = kExternKinds[kind];  // The outline has checked it.
  head(keyword, space, take_index(space));
  bool is_good = true;
  if (space == Space::kFunc) {
    u32 type;
    if (!reader.read_u32(type)) return false;
    type_use(type, {});
  } else if (space == Space::kTag) {
    is_good = tag_type(reader);
  } else {
    out_.character(' ');
    is_good = space == Space::kTable    ? types_.table_type(reader)
              : space == Space::kMemory ? types_.memory_type(reader)
                                        : types_.global_type(reader);
  }
  out_.text("))");
  return is_good;
}

bool ModulePrinter::print_table(Reader& reader) {
  begin_field("table", Space::kTable, take_index(Space::kTable));
  out_.character(' ');
  bool has_init = false;
  if (reader.peek() == 0x40) {
    const u32 offset = reader.pos();
    u8 zero;
    if (!reader.skip(1) || !reader.read_byte(zero)) return false;
    if (zero != 0) return reader.fail(ErrorCode::kMalformedTableInitializer, offset + 1);
    has_init = true;
  }
  if (!types_.table_type(reader) || (has_init && !operators_.const_expr(reader, {}, true))) return false;
  out_.character(')');
  return true;
}

bool ModulePrinter::print_memory(Reader& reader) {
  begin_field("memory", Space::kMemory, take_index(Space::kMemory));
  out_.character(' ');
  if (!types_.memory_type(reader)) return false;
  out_.character(')');
  return true;
}

bool ModulePrinter::print_tag(Reader& reader) {
  begin_field("tag", Space::kTag, take_index(Space::kTag));
  if (!tag_type(reader)) return false;
  out_.character(')');
  return true;
}

bool ModulePrinter::print_global(Reader& reader) {
  begin_field("global", Space::kGlobal, take_index(Space::kGlobal));
  out_.character(' ');
  if (!types_.global_type(reader) || !operators_.const_expr(reader, {}, true)) return false;
  out_.character(')');
  return true;
}

bool ModulePrinter::print_export(Reader& reader) {
  std::string_view name;
  if (!reader.read_name(name)) return false;
  const u32 offset = reader.pos();
  u8 kind;
  u32 index;
  if (!reader.read_byte(kind)) return false;
  if (kind >= std::size(kExternKinds)) return reader.fail(ErrorCode::kMalformedExportKind, offset);
  if (!reader.read_u32(index)) return false;
  out_.line(1);
  out_.text("(export ");
  out_.name(name);
  out_.text(" (");
  out_.text(kExternKinds[kind].second);
  out_.character(' ');
  types_.index(kExternKinds[kind].first, index);
  out_.text("))");
  return true;
}

bool ModulePrinter::print_start(Reader& reader) {
  u32 func;
  if (!reader.read_u32(func)) return false;
  out_.line(1);
  out_.text("(start ");
  types_.index(Space::kFunc, func);
  out_.character(')');
  return true;
}

bool ModulePrinter::print_elem(Reader& reader) {
  // Bits of the flags word.
  constexpr u32 kNotActive = 1;
  constexpr u32 kExplicitTableOrDeclarative = 2;
  constexpr u32 kExpressions = 4;

  const u32 offset = reader.pos();
  u32 flags;
  if (!reader.read_u32(flags)) return false;
  if (flags > 7) return reader.fail(ErrorCode::kMalformedElementFlags, offset);
  begin_field("elem", Space::kElem, take_index(Space::kElem));
  if ((flags & kNotActive) != 0) {
    if ((flags & kExplicitTableOrDeclarative) != 0) out_.text(" declare");
  } else {
    u32 table = 0;
    if ((flags & kExplicitTableOrDeclarative) != 0 && !reader.read_u32(table)) return false;
    if (table != 0) {
      out_.text(" (table ");
      types_.index(Space::kTable, table);
      out_.character(')');
    }
    if (!operators_.const_expr(reader, "offset", true)) return false;
  }
  const bool has_expressions = (flags & kExpressions) != 0;
  const bool has_type = (flags & (kNotActive | kExplicitTableOrDeclarative)) != 0;
  out_.character(' ');
  if (!has_expressions) {
    const u32 kind_offset = reader.pos();
    u8 kind = 0;
    if (has_type && !reader.read_byte(kind)) return false;
    if (kind != 0) return reader.fail(ErrorCode::kMalformedElementKind, kind_offset);
    out_.text("func");
  } else if (!has_type) {
    out_.text("funcref");
  } else if (!types_.ref_type(reader)) {
    return false;
  }
  u32 count;
  if (!reader.read_count(count)) return false;
  for (u32 i = 0; i < count; ++i) {
    if (has_expressions) {
      if (!operators_.const_expr(reader, "item", false)) return false;
    } else {
      u32 func;
      if (!reader.read_u32(func)) return false;
      out_.character(' ');
      types_.index(Space::kFunc, func);
      if (!check_size(reader)) return false;
    }
  }
  out_.character(')');
  return true;
}

bool ModulePrinter::read_locals(Reader& reader, u32 func, u32 params) {
  const u32 offset = reader.pos();
  u32 count;
  if (!reader.read_count(count)) return false;
  runs_.clear();
  u64 total = 0;
  for (u32 i = 0; i < count; ++i) {
    u32 size;
    if (!reader.read_u32(size)) return false;
    const size_t begin = out_.size();
    if (!types_.val_type(reader)) return false;
    const std::string_view type = out_.since(begin);
    if (size != 0) {
      total += size;
      if (!runs_.empty() && runs_.back().type == type) {
        runs_.back().count += size;
      } else {
        runs_.push_back({std::string(type), size});
      }
    }
    out_.truncate(begin);
    if (total > 0xFFFF'FFFF) return reader.fail(ErrorCode::kTooManyLocals, offset);
    if (total > kMaxLocals) {
      return reader.fail(ErrorCode::kImplementationLimit, offset, fmt::format("more than {} locals", kMaxLocals));
    }
  }
  names_.locals(func, params + static_cast<u32>(total), locals_);
  return true;
}

void ModulePrinter::print_locals(u32 params) {
  if (runs_.empty()) return;
  u32 local = params;
  bool is_open = false;  // Neighbours of one type without an identifier share a form.
  out_.line(2);
  bool is_first = true;
  for (const LocalRun& run : runs_) {
    for (u32 i = 0; i < run.count; ++i, ++local) {
      const Identifier id = local < locals_.size() ? locals_[local] : Identifier{};
      if (is_open && !id.empty()) {
        out_.character(')');
        is_open = false;
      }
      if (!is_open) {
        if (!is_first) out_.character(' ');
        out_.text("(local");
        is_first = false;
      }
      out_.character(' ');
      if (!id.empty()) {
        out_.identifier(id);
        out_.character(' ');
      }
      out_.text(run.type);
      if (!id.empty()) out_.character(')');
      is_open = id.empty();
    }
    if (is_open) out_.character(')');
    is_open = false;
  }
}

std::span<const BranchHint> ModulePrinter::take_hints(u32 func) {
  if (hints_ == nullptr) return {};
  const std::vector<BranchHint>& all = hints_->hints;
  const size_t begin = next_hint_;
  while (next_hint_ < all.size() && all[next_hint_].func == func) ++next_hint_;
  return std::span(all).subspan(begin, next_hint_ - begin);
}

bool ModulePrinter::print_function(Reader& reader) {
  u32 size;
  if (!reader.read_size(size)) return false;
  const u32 begin = reader.pos();
  const u32 end = begin + size;
  const u32 func = take_index(Space::kFunc);
  const u32 type = outline_.func_types[func];
  const u32 params = param_count(type);
  if (!read_locals(reader, func, params)) return false;
  begin_field("func", Space::kFunc, func);
  type_use(type, locals_);
  print_locals(params);
  if (!check_size(reader)) return false;
  if (!operators_.body(reader, outline_.has_data_count, 2, locals_, begin, take_hints(func))) return false;
  if (reader.pos() != end) return reader.fail(ErrorCode::kSectionSizeMismatch, begin);
  out_.line(1);
  out_.character(')');
  return true;
}

void ModulePrinter::data_strings(u32 begin, u32 end, u32 depth) {
  const std::string_view all(reinterpret_cast<const char*>(bytes_.data()) + begin, end - begin);
  for (size_t at = 0; at < all.size(); at += kDataBytesPerLine) {
    if (all.size() <= kDataBytesPerLine) {
      out_.character(' ');
    } else {
      out_.line(depth);
    }
    out_.bytes(all.substr(at, kDataBytesPerLine));
  }
}

bool ModulePrinter::print_data(Reader& reader) {
  const u32 offset = reader.pos();
  u32 flags;
  if (!reader.read_u32(flags)) return false;
  if (flags > 2) return reader.fail(ErrorCode::kMalformedDataFlags, offset);
  begin_field("data", Space::kData, take_index(Space::kData));
  u32 memory = 0;
  if (flags == 2 && !reader.read_u32(memory)) return false;
  if (memory != 0) {
    out_.text(" (memory ");
    types_.index(Space::kMemory, memory);
    out_.character(')');
  }
  if (flags != 1 && !operators_.const_expr(reader, "offset", true)) return false;
  u32 size;
  if (!reader.read_count(size)) return false;
  data_strings(reader.pos(), reader.pos() + size, 2);
  out_.character(')');
  return reader.skip(size);
}

bool ModulePrinter::has_section_behind(SectionId id) const {
  bool is_behind = id == kCustomSection;
  for (const SectionId other : kSectionOrder) {
    // The data count says nothing on its own: where text needs one, there is a section of code behind it.
    if (is_behind && other != kDataCountSection && outline_.sections[other].count != 0) return true;
    is_behind |= other == id;
  }
  return false;
}

void ModulePrinter::print_customs(SectionId id) {
  SectionId place = id;
  if (id == kDataCountSection && !operators_.names_data()) {
    // What is read back has no data count section.
    place = kCustomSection;
    for (const SectionId other : kSectionOrder) {
      if (other == kDataCountSection) break;
      if (outline_.sections[other].count != 0) place = other;
    }
  }
  const bool is_last = !has_section_behind(id);
  for (size_t i = 0; i < outline_.customs.size(); ++i) {
    const CustomSection& custom = outline_.customs[i];
    if (custom.after != id || (hints_ != nullptr && hints_->custom == i)) continue;
    out_.line(1);
    out_.text("(@custom ");
    out_.name(custom.name);
    // Behind the last section is where custom sections go by default.
    if (!is_last && place == kCustomSection) out_.text(" (before first)");
    if (!is_last && place != kCustomSection) {
      out_.text(" (after ");
      out_.text(section_name(place));
      out_.character(')');
    }
    data_strings(custom.begin, custom.end, 2);
    out_.character(')');
  }
}

bool ModulePrinter::print_item(SectionId id, Reader& reader) {
  switch (id) {
    case kTypeSection: return types_.rec_group(reader, 1, definitions_);
    case kImportSection: return print_import(reader);
    case kTableSection: return print_table(reader);
    case kMemorySection: return print_memory(reader);
    case kTagSection: return print_tag(reader);
    case kGlobalSection: return print_global(reader);
    case kExportSection: return print_export(reader);
    case kStartSection: return print_start(reader);
    case kElemSection: return print_elem(reader);
    case kCodeSection: return print_function(reader);
    case kDataSection: return print_data(reader);
    // Read by the outline: functions are printed with their bodies.
    case kFuncSection:
    case kDataCountSection:
    case kCustomSection:
    case kSectionIds: break;
  }
  VM_UNREACHABLE("a section that is printed");
}

Result<void> ModulePrinter::print_section(SectionId id) {
  const SectionSpan& section = outline_.sections[id];
  if (section.end == 0 || id == kFuncSection || id == kDataCountSection) return {};
  Reader reader(bytes_, section.begin, section.end);
  u32 count = 1;
  bool is_good = id == kStartSection || reader.read_count(count);
  for (u32 i = 0; is_good && i < count; ++i) is_good = print_item(id, reader) && check_size(reader);
  if (!is_good) return std::unexpected(reader.take_error());
  if (!reader.at_end()) return fail(ErrorCode::kSectionSizeMismatch, section.begin);
  return {};
}

Result<std::string> ModulePrinter::print(PrintOptions options) {
  out_.text("(module");
  if (!names_.module().empty()) {
    out_.character(' ');
    out_.identifier(names_.module());
  }
  if (options.custom_sections) print_customs(kCustomSection);
  size_t behind_data_count = 0;
  for (const SectionId id : kSectionOrder) {
    VM_TRY(print_section(id));
    if (id == kDataCountSection) {
      // Whether text can place anything behind the data count depends on the operators that follow.
      behind_data_count = out_.size();
    } else if (options.custom_sections) {
      print_customs(id);
    }
  }
  const size_t end = out_.size();
  if (options.custom_sections) print_customs(kDataCountSection);
  if (out_.size() != end) {
    const std::string moved(out_.since(end));
    out_.truncate(end);
    out_.insert(behind_data_count, moved);
  }
  out_.text(")\n");
  return out_.take();
}

}  // namespace lunabeam::vm::text
