#include "vm/text/module_reader.h"

#include "vm/text/field_names.h"
#include "vm/text/fields.h"
#include "vm/text/type_fields.h"

namespace lunabeam::vm::text {

ModuleReader::ModuleReader(const TokenBuffer& buffer, u32 first, u32 last, std::string_view name, ReadOptions options)
    : first_(first),
      last_(last),
      context_{.cursor = Cursor(buffer, first),
               .scope = {},
               .annotations = ModuleAnnotations(buffer, first, last),
               .writer = ModuleWriter(options.keeps_marks),
               .names = {},
               .options = options} {
  if (!name.empty()) context_.names.set_module(name);
}

Result<BinaryModule> ModuleReader::read() {
  if (!read_passes()) return std::unexpected(context_.cursor.take_error());
  if (context_.options.writes_names && !context_.names.empty() && !context_.writer.has_custom("name"))
    context_.writer.add_custom(CustomPlace::names(), "name", context_.names.encode());
  return context_.writer.assemble();
}

bool ModuleReader::read_passes() {
  Cursor& cursor = context_.cursor;
  if (!bind_field_names(context_, last_)) return false;
  cursor.seek(first_);
  if (!read_type_fields(context_, last_)) return false;
  for (int round = 0;; ++round) {
    cursor.seek(first_);
    FieldReader fields(context_);
    if (!fields.read_all(last_)) return false;
    if (round == 0 && fields.met_unknown_type() && !context_.scope.implicit_types().empty()) {
      context_.writer.clear_fields();
      context_.names.clear_locals();
      continue;
    }
    fields.write_derived_sections();
    break;
  }
  write_implicit_types(context_);
  return context_.annotations.check_all_taken(cursor);
}

}  // namespace lunabeam::vm::text
