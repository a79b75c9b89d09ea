#include "vm/text/field_names.h"

#include <optional>

namespace lunabeam::vm::text {
namespace {

std::optional<Space> space_of(std::string_view keyword) {
  if (keyword == "func") return Space::kFunc;
  if (keyword == "type") return Space::kType;
  if (keyword == "global") return Space::kGlobal;
  if (keyword == "table") return Space::kTable;
  if (keyword == "memory") return Space::kMemory;
  if (keyword == "tag") return Space::kTag;
  if (keyword == "elem") return Space::kElem;
  if (keyword == "data") return Space::kData;
  return std::nullopt;
}

bool is_importable(Space space) { return space != Space::kType && space != Space::kElem && space != Space::kData; }

class FieldBinder {
 public:
  explicit FieldBinder(ModuleContext& context) : context_(context), cursor_(context.cursor) {}

  // One field; the cursor stands on its "(" and may move inside.
  [[nodiscard]] bool bind_field() {
    const Token& head = cursor_.peek(1);
    if (!cursor_.at(TokenKind::kOpen)) return cursor_.unexpected();
    const u32 offset = cursor_.offset();
    cursor_.next();
    if (head.kind != TokenKind::kKeyword) return cursor_.unexpected();
    const std::string_view keyword = cursor_.text();
    cursor_.next();
    if (const std::optional<Space> space = space_of(keyword)) return bind_definition(*space, offset);
    if (keyword == "import") return bind_import(offset);
    if (keyword == "rec") return bind_group();
    if (keyword == "export") return true;
    if (keyword == "start") {
      if (has_start_) return cursor_.fail(ErrorCode::kMultipleStartSections, offset);
      has_start_ = true;
      return true;
    }
    cursor_.seek(cursor_.index() - 1);
    return cursor_.unexpected();
  }

 private:
  // Gives the next index to what stands here: optional identifier, optional @name.
  [[nodiscard]] bool define(Space space) {
    IndexSpace& names = context_.scope.space(space);
    const u32 index = names.size();
    const u32 offset = cursor_.offset();
    const std::optional<std::string_view> id = cursor_.accept_id();
    if (!names.define(id)) {
      return cursor_.fail(ErrorCode::kDuplicateIdentifier, offset,
                          std::string(name_of(space)).append(" $").append(*id));
    }
    std::optional<std::string> name;
    if (!context_.annotations.take_name(cursor_, cursor_.index(), name_of(space), name)) return false;
    if (name) {
      context_.names.add(space, index, *name);
    } else if (id) {
      context_.names.add(space, index, *id);
    }
    return true;
  }

  [[nodiscard]] bool note_import(u32 offset) {
    if (!last_definition_) return true;
    return cursor_.fail(ErrorCode::kImportAfterDefinition, offset, std::string(name_of(*last_definition_)));
  }

  [[nodiscard]] bool bind_definition(Space space, u32 offset) {
    if (!define(space)) return false;
    if (!is_importable(space)) return true;
    while (cursor_.at_form("export")) cursor_.skip_form();
    if (cursor_.at_form("import")) return note_import(offset);
    last_definition_ = space;
    // Segments inside their memory or table have an index of their own.
    if (space == Space::kTable && has_inline_segment("elem")) context_.scope.space(Space::kElem).skip(1);
    if (space == Space::kMemory && has_inline_segment("data")) context_.scope.space(Space::kData).skip(1);
    return true;
  }

  [[nodiscard]] bool has_inline_segment(std::string_view keyword) {
    // Address type, element type, page size: one token or form each, and no number among them.
    for (int parts = 0; parts < 3; ++parts) {
      if (cursor_.at_form(keyword)) return true;
      if (cursor_.at(TokenKind::kOpen)) {
        cursor_.skip_form();
      } else if (cursor_.at(TokenKind::kKeyword)) {
        cursor_.next();
      } else {
        break;
      }
    }
    return false;
  }

  [[nodiscard]] bool bind_import(u32 offset) {
    if (!cursor_.expect(TokenKind::kString) || !cursor_.expect(TokenKind::kString) || !cursor_.expect(TokenKind::kOpen))
      return false;
    const std::optional<Space> space = cursor_.at(TokenKind::kKeyword) ? space_of(cursor_.text()) : std::nullopt;
    if (!space || !is_importable(*space)) return cursor_.unexpected();
    cursor_.next();
    return define(*space) && note_import(offset);
  }

  [[nodiscard]] bool bind_group() {
    while (cursor_.at_form("type")) {
      const u32 close = cursor_.peek().link;
      cursor_.seek(cursor_.index() + 2);
      if (!define(Space::kType)) return false;
      cursor_.seek(close + 1);
    }
    return cursor_.at(TokenKind::kClose) || cursor_.unexpected();
  }

  ModuleContext& context_;
  Cursor& cursor_;
  bool has_start_ = false;
  std::optional<Space> last_definition_;  // Of a function, table, memory, global or tag that is not imported.
};

// First token of a function's field that may have a branch hint before it: the one behind names, exports, types and locals.
u32 begin_of_body(Cursor cursor, u32 field, u32 end) {
  cursor.seek(field);
  if (!cursor.accept_form("func")) return end;
  (void)cursor.accept_id();
  while (cursor.at_form("export") || cursor.at_form("import") || cursor.at_form("type") || cursor.at_form("param") ||
         cursor.at_form("result") || cursor.at_form("local")) {
    cursor.skip_form();
  }
  return cursor.index();
}

}  // namespace

bool bind_field_names(ModuleContext& context, u32 last) {
  Cursor& cursor = context.cursor;
  const u32 first = cursor.index();
  std::optional<std::string> module_name;
  if (!context.annotations.take_name(cursor, first, "module", module_name)) return false;
  if (module_name) context.names.set_module(*module_name);

  FieldBinder binder(context);
  u32 previous = first;  // The field in front of `field`, if there is one.
  for (u32 field = first;; field = cursor.index()) {
    if (!context.annotations.empty()) {
      const u32 hints_from = field == first ? field : begin_of_body(cursor, previous, field);
      if (!context.annotations.advance(cursor, field, hints_from, context.writer)) return false;
    }
    if (field == last) break;
    previous = field;
    const u32 next = cursor.peek().link + 1;  // Meaningful for forms only; others fail.
    if (!binder.bind_field()) return false;
    cursor.seek(next);
  }
  return true;
}

}  // namespace lunabeam::vm::text
