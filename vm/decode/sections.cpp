#include "vm/decode/sections.h"

#include <fmt/format.h>

#include "vm/limits.h"
#include "vm/type_registry.h"

namespace lunabeam::vm {

// False: the group cannot be paid for. What else is wrong with it is deferred.
bool SectionDecoder::register_types(std::span<const SubType> group, u32 offset) {
  Result<TypeId> first = register_group(group, module_.types, offset);
  if (!first) {
    Error error = std::move(first).error();
    map_.deferred.add(error.code, offset, std::move(error.detail));
    return true;
  }
  module_.type_groups.push_back(*first);
  u64 bytes = 0;
  for (u32 i = 0; i < group.size(); ++i) {
    bytes += TypeRegistry::global().list_bytes(TypeId{static_cast<u32>(*first) + i});
  }
  return pay(bytes);
}

bool SectionDecoder::decode_types() {
  u32 count = 0;
  if (!reader_.read_count(count) || !make_room(module_.type_groups, count, 2)) return false;
  std::vector<SubType> group;
  for (u32 i = 0; i < count; ++i) {
    const u32 offset = reader_.pos();
    u32 size = 0;
    if (!types_.read_group_size(size)) return false;
    // `types` doubles when it is full.
    if (!map_.deferred.has_value() && !pay(size * (TypeRegistry::kEntryBytes + 2 * sizeof(TypeId)))) return false;
    if (!types_.read_group(group, size)) return false;
    if (size != 0 && !map_.deferred.has_value() && !register_types(group, offset)) return false;
    // When the module is rejected in the end its types only have to be countable.
    if (map_.deferred.has_value()) module_.types.insert(module_.types.end(), size, kNoType);
  }
  return true;
}

bool SectionDecoder::decode_import() {
  Import import;
  import.offset = reader_.pos();
  std::string_view name;
  if (!reader_.read_name(name)) return false;
  import.module = name;
  if (!reader_.read_name(name)) return false;
  import.name = name;
  const u32 kind_offset = reader_.pos();
  u8 kind = 0;
  if (!reader_.read_byte(kind)) return false;
  if (kind > static_cast<u8>(ExternKind::kTag)) return reader_.fail(ErrorCode::kMalformedImportKind, kind_offset);
  import.kind = static_cast<ExternKind>(kind);
  map_.imports.push_back(reader_.pos());
  switch (import.kind) {
    case ExternKind::kFunc: {
      TypeId type = kNoType;
      if (!types_.read_type_use(type)) return false;
      import.index = module_.imported_funcs++;
      module_.func_types.push_back(type);
      break;
    }
    case ExternKind::kTable: {
      Table table;
      if (!types_.read_table_type(table.type)) return false;
      import.index = module_.imported_tables++;
      module_.tables.push_back(table);
      break;
    }
    case ExternKind::kMemory: {
      MemoryType type;
      if (!types_.read_memory_type(type)) return false;
      import.index = module_.imported_memories++;
      module_.memories.push_back(type);
      break;
    }
    case ExternKind::kGlobal: {
      Global global;
      if (!types_.read_global_type(global.type)) return false;
      import.index = module_.imported_globals++;
      module_.globals.push_back(global);
      break;
    }
    case ExternKind::kTag: {
      TypeId type = kNoType;
      if (!types_.read_tag_type(type)) return false;
      import.index = module_.imported_tags++;
      module_.tags.push_back(type);
      break;
    }
  }
  module_.imports.push_back(std::move(import));
  return true;
}

bool SectionDecoder::decode_imports() {
  // A function, or a table, whose types are the largest.
  constexpr u64 kItemBytes = 2 * sizeof(Table) + sizeof(FuncCode) + sizeof(HostFunction*);
  const u32 begin = reader_.pos();
  u32 count = 0;
  if (!reader_.read_count(count) || !make_room(module_.imports, count, 4, kItemBytes)) return false;
  for (u32 i = 0; i < count; ++i) {
    if (!decode_import()) return false;
  }
  return pay_for_names(begin);
}

bool SectionDecoder::decode_functions() {
  u32 count = 0;
  if (!reader_.read_count(count) || !make_room(module_.func_types, count, 1, sizeof(FuncCode))) return false;
  for (u32 i = 0; i < count; ++i) {
    TypeId type = kNoType;
    if (!types_.read_type_use(type)) return false;
    module_.func_types.push_back(type);
  }
  return true;
}

bool SectionDecoder::read_const_expr(ConstExpr& expr) {
  expr.kind = ConstExpr::Kind::kGeneral;
  expr.begin = reader_.pos();
  if (!walker_.walk()) return false;
  expr.end = reader_.pos();
  return true;
}

bool SectionDecoder::decode_tables() {
  u32 count = 0;
  if (!reader_.read_count(count) || !make_room(module_.tables, count, 3)) return false;
  for (u32 i = 0; i < count; ++i) {
    const u32 offset = reader_.pos();
    Table table;
    if (reader_.peek() == 0x40) {
      u8 zero = 0;
      if (!reader_.skip(1) || !reader_.read_byte(zero)) return false;
      if (zero != 0) return reader_.fail(ErrorCode::kMalformedTableInitializer, offset + 1);
      if (!module_.features.has(Feature::kTypedFunctionReferences)) {
        map_.deferred.add_unsupported(Feature::kTypedFunctionReferences, offset, "table initializer");
      }
      table.has_init = true;
    }
    if (!types_.read_table_type(table.type)) return false;
    if (table.has_init && !read_const_expr(table.init)) return false;
    map_.own_tables.push_back(offset);
    module_.tables.push_back(table);
  }
  return true;
}

bool SectionDecoder::decode_memories() {
  u32 count = 0;
  if (!reader_.read_count(count) || !make_room(module_.memories, count, 2)) return false;
  for (u32 i = 0; i < count; ++i) {
    map_.own_memories.push_back(reader_.pos());
    MemoryType type;
    if (!types_.read_memory_type(type)) return false;
    module_.memories.push_back(type);
  }
  return true;
}

bool SectionDecoder::decode_tags() {
  u32 count = 0;
  if (!reader_.read_count(count) || !make_room(module_.tags, count, 2)) return false;
  for (u32 i = 0; i < count; ++i) {
    TypeId type = kNoType;
    if (!types_.read_tag_type(type)) return false;
    module_.tags.push_back(type);
  }
  return true;
}

bool SectionDecoder::decode_globals() {
  u32 count = 0;
  if (!reader_.read_count(count) || !make_room(module_.globals, count, 3, sizeof(module_.global_offsets[0])))
    return false;
  for (u32 i = 0; i < count; ++i) {
    map_.own_globals.push_back(reader_.pos());
    Global global;
    if (!types_.read_global_type(global.type) || !read_const_expr(global.init)) return false;
    module_.globals.push_back(global);
  }
  return true;
}

bool SectionDecoder::decode_exports() {
  const u32 begin = reader_.pos();
  u32 count = 0;
  // Beside them, their positions in two orders.
  if (!reader_.read_count(count) || !make_room(module_.exports, count, 3, 2 * sizeof(u32))) return false;
  for (u32 i = 0; i < count; ++i) {
    map_.exports.push_back(reader_.pos());
    Export entry;
    std::string_view name;
    if (!reader_.read_name(name)) return false;
    entry.name = name;
    const u32 kind_offset = reader_.pos();
    u8 kind = 0;
    if (!reader_.read_byte(kind)) return false;
    if (kind > static_cast<u8>(ExternKind::kTag)) return reader_.fail(ErrorCode::kMalformedExportKind, kind_offset);
    entry.kind = static_cast<ExternKind>(kind);
    if (!reader_.read_u32(entry.index)) return false;
    module_.exports.push_back(std::move(entry));
  }
  return pay_for_names(begin);
}

bool SectionDecoder::decode_start() {
  map_.start = reader_.pos();
  module_.has_start = true;
  return reader_.read_u32(module_.start_func);
}

bool SectionDecoder::read_function_index(ConstExpr& expr) {
  expr.kind = ConstExpr::Kind::kRefFunc;
  expr.begin = reader_.pos();
  u32 index = 0;
  if (!reader_.read_u32(index)) return false;
  expr.end = reader_.pos();
  expr.value = index;
  return true;
}

bool SectionDecoder::decode_element() {
  // Bits of the flags word.
  constexpr u32 kNotActive = 1;
  constexpr u32 kExplicitTableOrDeclarative = 2;
  constexpr u32 kExpressions = 4;

  const u32 offset = reader_.pos();
  u32 flags = 0;
  if (!reader_.read_u32(flags)) return false;
  if (flags > 7) return reader_.fail(ErrorCode::kMalformedElementFlags, offset);
  ElemSegment segment;
  if ((flags & kNotActive) == 0) {
    segment.mode = SegmentMode::kActive;
    if ((flags & kExplicitTableOrDeclarative) != 0 && !reader_.read_u32(segment.table)) return false;
    if (!read_const_expr(segment.offset)) return false;
  } else {
    segment.mode = (flags & kExplicitTableOrDeclarative) != 0 ? SegmentMode::kDeclarative : SegmentMode::kPassive;
  }
  const bool has_expressions = (flags & kExpressions) != 0;
  segment.type = has_expressions ? kFuncRef : ValType::ref(HeapType::kFunc, false);
  if ((flags & (kNotActive | kExplicitTableOrDeclarative)) != 0) {
    if (has_expressions) {
      if (!types_.read_ref_type(segment.type)) return false;
    } else {
      const u32 kind_offset = reader_.pos();
      u8 kind = 0;
      if (!reader_.read_byte(kind)) return false;
      if (kind != 0) return reader_.fail(ErrorCode::kMalformedElementKind, kind_offset);
    }
  }
  u32 count = 0;
  if (!reader_.read_count(count) || !make_room(segment.items, count, has_expressions ? 2 : 1)) return false;
  for (u32 i = 0; i < count; ++i) {
    ConstExpr item;
    if (!(has_expressions ? read_const_expr(item) : read_function_index(item))) return false;
    segment.items.push_back(item);
  }
  map_.elems.push_back(offset);
  module_.elems.push_back(std::move(segment));
  return true;
}

bool SectionDecoder::decode_elements() {
  u32 count = 0;
  if (!reader_.read_count(count) || !make_room(module_.elems, count, 3)) return false;
  for (u32 i = 0; i < count; ++i) {
    if (!decode_element()) return false;
  }
  return true;
}

bool SectionDecoder::decode_data_count() {
  map_.data_count_offset = reader_.pos();
  map_.has_data_count = true;
  return reader_.read_u32(map_.data_count);
}

bool SectionDecoder::decode_code() {
  u32 count = 0;
  if (!reader_.read_count(count) || !make_room(module_.bodies, count, 1)) return false;
  for (u32 i = 0; i < count; ++i) {
    u32 size = 0;
    if (!reader_.read_size(size)) return false;
    FuncBody body;
    body.begin = reader_.pos();
    body.end = body.begin + size;
    if (size > kMaxFunctionBytes) {
      map_.deferred.add(ErrorCode::kImplementationLimit, body.begin, fmt::format("function body of {} bytes", size));
    }
    if (!reader_.skip(size)) return false;
    module_.bodies.push_back(body);
  }
  return true;
}

bool SectionDecoder::decode_data_segment() {
  const u32 offset = reader_.pos();
  u32 flags = 0;
  if (!reader_.read_u32(flags)) return false;
  if (flags > 2) return reader_.fail(ErrorCode::kMalformedDataFlags, offset);
  DataSegment segment;
  segment.mode = flags == 1 ? SegmentMode::kPassive : SegmentMode::kActive;
  if (flags == 2 && !reader_.read_u32(segment.memory)) return false;
  if (segment.mode == SegmentMode::kActive && !read_const_expr(segment.offset)) return false;
  u32 size = 0;
  if (!reader_.read_count(size)) return false;
  segment.begin = reader_.pos();
  segment.end = segment.begin + size;
  map_.datas.push_back(offset);
  module_.datas.push_back(segment);
  return reader_.skip(size);
}

bool SectionDecoder::decode_data() {
  u32 count = 0;
  if (!reader_.read_count(count) || !make_room(module_.datas, count, 2)) return false;
  for (u32 i = 0; i < count; ++i) {
    if (!decode_data_segment()) return false;
  }
  return true;
}

}  // namespace lunabeam::vm
