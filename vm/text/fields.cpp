#include "vm/text/fields.h"

#include "vm/base/check.h"

namespace lunabeam::vm::text {
namespace {

constexpr u8 kEnd = 0x0B;

// Kinds of imports and exports, by the space they live in.
u8 extern_kind(Space space) {
  switch (space) {
    case Space::kFunc: return 0;
    case Space::kTable: return 1;
    case Space::kMemory: return 2;
    case Space::kGlobal: return 3;
    case Space::kTag: return 4;
    default: VM_CHECK(false);
  }
}

std::optional<Space> extern_space(std::string_view keyword) {
  if (keyword == "func") return Space::kFunc;
  if (keyword == "table") return Space::kTable;
  if (keyword == "memory") return Space::kMemory;
  if (keyword == "global") return Space::kGlobal;
  if (keyword == "tag") return Space::kTag;
  return std::nullopt;
}

}  // namespace

FieldReader::FieldReader(ModuleContext& context)
    : context_(context),
      cursor_(context.cursor),
      scope_(context.scope),
      writer_(context.writer),
      types_(context.cursor, context.scope),
      instructions_(context.cursor, context.scope),
      body_(context.options.keeps_marks) {}

bool FieldReader::read_all(u32 last) {
  while (cursor_.index() != last) {
    if (!read_field()) return false;
  }
  return true;
}

bool FieldReader::read_field() {
  const std::string_view keyword = cursor_.buffer().text(cursor_.peek(1));
  if (keyword == "func") return read_func();
  if (keyword == "type" || keyword == "rec") {
    cursor_.skip_form();
    return true;
  }
  if (keyword == "import") return read_import();
  if (keyword == "export") return read_export();
  if (keyword == "global") return read_global();
  if (keyword == "table") return read_table();
  if (keyword == "memory") return read_memory();
  if (keyword == "elem") return read_elem();
  if (keyword == "data") return read_data();
  if (keyword == "tag") return read_tag();
  if (keyword == "start") return read_start();
  return cursor_.unexpected();
}

void FieldReader::write_derived_sections() {
  if (hinted_functions_ != 0) {
    ByteWriter section;
    section.u32_leb(hinted_functions_);
    section.append(hints_);
    writer_.add_custom(CustomPlace::before(SectionKind::kCode), "metadata.code.branch_hint",
                       std::string_view(reinterpret_cast<const char*>(section.view().data()), section.size()));
  }
  if (scope_.needs_data_count) writer_.set_data_count(writer_.section(SectionKind::kData).count);
}

// --- Imports, exports, start ---

bool FieldReader::read_head(Space space, Head& head) {
  head.offset = cursor_.offset();
  head.index = next_index(space);
  cursor_.seek(cursor_.index() + 2);
  (void)cursor_.accept_id();
  while (true) {
    const u32 offset = cursor_.offset();
    if (!cursor_.accept_form("export")) break;
    std::string name;
    if (!cursor_.expect_name(name) || !cursor_.expect(TokenKind::kClose)) return false;
    ByteWriter& out = writer_.section(SectionKind::kExport).entry(offset);
    out.name(name);
    out.byte(extern_kind(space));
    out.u32_leb(head.index);
  }
  if (!cursor_.accept_form("import")) return true;
  head.is_import = true;
  std::string module;
  std::string name;
  if (!cursor_.expect_name(module) || !cursor_.expect_name(name) || !cursor_.expect(TokenKind::kClose)) return false;
  ByteWriter& out = writer_.section(SectionKind::kImport).entry(head.offset);
  out.name(module);
  out.name(name);
  return read_import_type(space, head.index) && cursor_.expect(TokenKind::kClose);
}

bool FieldReader::read_import() {
  const u32 offset = cursor_.offset();
  cursor_.seek(cursor_.index() + 2);
  std::string module;
  std::string name;
  if (!cursor_.expect_name(module) || !cursor_.expect_name(name) || !cursor_.expect(TokenKind::kOpen)) return false;
  const std::optional<Space> space = cursor_.at(TokenKind::kKeyword) ? extern_space(cursor_.text()) : std::nullopt;
  if (!space) return cursor_.unexpected();
  cursor_.next();
  (void)cursor_.accept_id();
  ByteWriter& out = writer_.section(SectionKind::kImport).entry(offset);
  out.name(module);
  out.name(name);
  return read_import_type(*space, next_index(*space)) && cursor_.expect(TokenKind::kClose) &&
         cursor_.expect(TokenKind::kClose);
}

bool FieldReader::read_import_type(Space space, u32 index) {
  ByteWriter& out = writer_.section(SectionKind::kImport).bytes;
  out.byte(extern_kind(space));
  if (space == Space::kFunc || space == Space::kTag) {
    if (space == Space::kTag) out.byte(0);
    TypeUse use;
    out.mark(cursor_.offset());
    if (!types_.read_type_use(use, /*names_allowed=*/true)) return false;
    out.u32_leb(use.index);
    return space == Space::kTag || bind_params(use, index);
  }
  std::string type;
  const bool is_read = space == Space::kTable    ? types_.read_table_type(type)
                       : space == Space::kMemory ? types_.read_memory_type(type)
                                                 : types_.read_global_type(type);
  out.bytes(type);
  return is_read;
}

bool FieldReader::read_export() {
  const u32 offset = cursor_.offset();
  cursor_.seek(cursor_.index() + 2);
  std::string name;
  if (!cursor_.expect_name(name) || !cursor_.expect(TokenKind::kOpen)) return false;
  const std::optional<Space> space = cursor_.at(TokenKind::kKeyword) ? extern_space(cursor_.text()) : std::nullopt;
  if (!space) return cursor_.unexpected();
  cursor_.next();
  u32 index = 0;
  if (!scope_.read_index(cursor_, *space, index)) return false;
  ByteWriter& out = writer_.section(SectionKind::kExport).entry(offset);
  out.name(name);
  out.byte(extern_kind(*space));
  out.u32_leb(index);
  return cursor_.expect(TokenKind::kClose) && cursor_.expect(TokenKind::kClose);
}

bool FieldReader::read_start() {
  const u32 offset = cursor_.offset();
  cursor_.seek(cursor_.index() + 2);
  u32 index = 0;
  if (!scope_.read_index(cursor_, Space::kFunc, index)) return false;
  writer_.set_start(index, offset);
  return cursor_.expect(TokenKind::kClose);
}

// --- Functions ---

bool FieldReader::read_func() {
  Head head;
  if (!read_head(Space::kFunc, head)) return false;
  if (head.is_import) return true;
  TypeUse use;
  const u32 type_offset = cursor_.offset();
  if (!types_.read_type_use(use, /*names_allowed=*/true)) return false;
  writer_.section(SectionKind::kFunc).entry(type_offset).u32_leb(use.index);

  if (!bind_params(use, head.index)) return false;
  body_.clear();
  body_.mark(head.offset);
  if (!read_locals()) return false;
  instructions_.set_locals(&locals_);
  const bool is_read = read_expression(body_);
  instructions_.set_locals(nullptr);
  if (!is_read) return false;
  write_branch_hints(head.index);
  writer_.section(SectionKind::kCode).entry(head.offset).append_sized(body_);
  return cursor_.expect(TokenKind::kClose);
}

bool FieldReader::bind_params(const TypeUse& use, u32 function) {
  locals_.clear();
  if (use.param_names.empty()) {
    const FuncSignature* signature = scope_.signature(use.index);
    if (signature == nullptr) {
      // What is no function type at all is the validator's business.
      met_unknown_type_ |= use.index >= scope_.space(Space::kType).size() + scope_.implicit_types().size();
    } else {
      locals_.skip(static_cast<u32>(signature->params.size()));
    }
    return true;
  }
  for (size_t i = 0; i < use.param_names.size(); ++i) {
    const u32 type_token = use.param_tokens.empty() ? 0 : use.param_tokens[i];
    if (!name_local(function, use.param_names[i], cursor_.offset(), type_token)) return false;
  }
  return true;
}

bool FieldReader::name_local(u32 function, std::optional<std::string_view> id, u32 id_offset, u32 type_token) {
  const u32 local = locals_.size();
  if (!locals_.define(id))
    return cursor_.fail(ErrorCode::kDuplicateIdentifier, id_offset, std::string("local $").append(*id));
  std::optional<std::string> name;
  if (!context_.annotations.take_name(cursor_, type_token, "local", name)) return false;
  if (name) {
    context_.names.add_local(function, local, *name);
  } else if (id) {
    context_.names.add_local(function, local, *id);
  }
  return true;
}

// `(local $x? type)` and `(local type*)`; equal neighbours become one run.
bool FieldReader::read_locals() {
  ByteWriter runs(body_.keeps_marks());
  u32 run_count = 0;
  std::string run_type;
  u32 run_length = 0;
  u32 run_offset = 0;
  const auto write_run = [&] {
    if (run_length == 0) return;
    ++run_count;
    runs.mark(run_offset);
    runs.u32_leb(run_length);
    runs.bytes(run_type);
  };
  const u32 function = next_index_[static_cast<size_t>(Space::kFunc)] - 1;
  std::string type;
  while (cursor_.accept_form("local")) {
    const u32 id_offset = cursor_.offset();
    const std::optional<std::string_view> id = cursor_.accept_id();
    if (id && cursor_.at(TokenKind::kClose)) return cursor_.unexpected();
    while (!cursor_.at(TokenKind::kClose)) {
      const u32 type_offset = cursor_.offset();
      if (!name_local(function, id, id_offset, cursor_.index())) return false;
      type.clear();
      if (!types_.read_val_type(type)) return false;
      if (run_length == 0 || type != run_type) {
        write_run();
        std::swap(run_type, type);
        run_length = 0;
        run_offset = type_offset;
      }
      ++run_length;
      if (id) break;
    }
    if (!cursor_.expect(TokenKind::kClose)) return false;
  }
  write_run();
  body_.u32_leb(run_count);
  body_.append(runs);
  return true;
}

bool FieldReader::read_expression(ByteWriter& out) {
  if (!instructions_.read_sequence(out)) return false;
  out.mark(cursor_.offset());
  out.byte(kEnd);
  return true;
}

void FieldReader::write_branch_hints(u32 function) {
  if (context_.annotations.empty()) return;
  const std::vector<InstructionReader::BranchHint> hints = instructions_.take_branch_hints();
  if (hints.empty()) return;
  ++hinted_functions_;
  hints_.u32_leb(function);
  hints_.u32_leb(static_cast<u32>(hints.size()));
  for (const InstructionReader::BranchHint& hint : hints) {
    hints_.u32_leb(hint.offset);
    hints_.u32_leb(1);  // Size of the hint.
    hints_.byte(hint.value);
  }
}

// --- Tables, memories, globals, tags ---

bool FieldReader::read_table() {
  Head head;
  if (!read_head(Space::kTable, head)) return false;
  if (head.is_import) return true;
  ByteWriter& out = writer_.section(SectionKind::kTable).entry(head.offset);
  const u32 first = cursor_.index();
  const bool is_64 = types_.accept_address_type();
  if (types_.at_ref_type()) {
    std::string element;
    if (!types_.read_ref_type(element)) return false;
    return cursor_.accept_form("elem") ? read_inline_elem(head.index, is_64, element) : cursor_.unexpected();
  }
  cursor_.seek(first);
  std::string type;
  if (!types_.read_table_type(type)) return false;
  if (cursor_.accept(TokenKind::kClose)) {
    out.bytes(type);
    return true;
  }
  out.byte(0x40);  // With an initialiser.
  out.byte(0);
  out.bytes(type);
  return read_expression(out) && cursor_.expect(TokenKind::kClose);
}

bool FieldReader::read_memory() {
  Head head;
  if (!read_head(Space::kMemory, head)) return false;
  if (head.is_import) return true;
  ByteWriter& out = writer_.section(SectionKind::kMemory).entry(head.offset);
  const u32 first = cursor_.index();
  const bool is_64 = types_.accept_address_type();
  std::string type;
  if (cursor_.at(TokenKind::kOpen)) {
    std::optional<u32> page_size_log2;
    if (!types_.read_page_size(page_size_log2)) return false;
    if (!cursor_.accept_form("data")) return cursor_.unexpected();
    if (!read_inline_data(head.index, is_64, page_size_log2, type)) return false;
  } else {
    cursor_.seek(first);
    if (!types_.read_memory_type(type)) return false;
  }
  out.bytes(type);
  return cursor_.expect(TokenKind::kClose);
}

bool FieldReader::read_global() {
  Head head;
  if (!read_head(Space::kGlobal, head)) return false;
  if (head.is_import) return true;
  std::string type;
  if (!types_.read_global_type(type)) return false;
  ByteWriter& out = writer_.section(SectionKind::kGlobal).entry(head.offset);
  out.bytes(type);
  return read_expression(out) && cursor_.expect(TokenKind::kClose);
}

bool FieldReader::read_tag() {
  Head head;
  if (!read_head(Space::kTag, head)) return false;
  if (head.is_import) return true;
  TypeUse use;
  if (!types_.read_type_use(use, /*names_allowed=*/true)) return false;
  ByteWriter& out = writer_.section(SectionKind::kTag).entry(head.offset);
  out.byte(0);
  out.u32_leb(use.index);
  return cursor_.expect(TokenKind::kClose);
}

}  // namespace lunabeam::vm::text
