#include "vm/text/type_fields.h"

#include "vm/text/type_syntax.h"

namespace lunabeam::vm::text {
namespace {

constexpr u8 kRec = 0x4E;
constexpr u8 kSub = 0x50;
constexpr u8 kSubFinal = 0x4F;
constexpr u8 kFuncType = 0x60;
constexpr u8 kStructType = 0x5F;
constexpr u8 kArrayType = 0x5E;

void write_signature(ByteWriter& out, const FuncSignature& signature) {
  out.byte(kFuncType);
  out.u32_leb(static_cast<u32>(signature.params.size()));
  for (const std::string& type : signature.params) out.bytes(type);
  out.u32_leb(static_cast<u32>(signature.results.size()));
  for (const std::string& type : signature.results) out.bytes(type);
}

class TypeFieldReader {
 public:
  explicit TypeFieldReader(ModuleContext& context)
      : context_(context), cursor_(context.cursor), types_(context.cursor, context.scope) {}

  // `(type $t? subtype)`.
  [[nodiscard]] bool read_type(ByteWriter& out, bool is_alone) {
    out.mark(cursor_.offset());
    if (!cursor_.accept_form("type")) return cursor_.unexpected();
    (void)cursor_.accept_id();
    return read_sub_type(out, is_alone) && cursor_.expect(TokenKind::kClose);
  }

  // `(rec (type ...)*)`. A group of one is that one.
  [[nodiscard]] bool read_group(VectorWriter& section) {
    const u32 offset = cursor_.offset();
    cursor_.seek(cursor_.index() + 2);
    ByteWriter members(section.bytes.keeps_marks());
    u32 count = 0;
    const u32 first = cursor_.index();
    for (; cursor_.at(TokenKind::kOpen); cursor_.skip_form()) ++count;
    cursor_.seek(first);
    for (u32 i = 0; i < count; ++i) {
      if (!read_type(members, count == 1)) return false;
    }
    if (!cursor_.expect(TokenKind::kClose)) return false;
    ByteWriter& out = section.entry(offset);
    if (count != 1) {
      out.byte(kRec);
      out.u32_leb(count);
    }
    out.append(members);
    return true;
  }

 private:
  [[nodiscard]] bool read_sub_type(ByteWriter& out, bool is_alone) {
    if (!cursor_.accept_form("sub")) return read_composite_type(out, is_alone);
    const bool is_final = cursor_.accept_keyword("final");
    ByteWriter supers;
    u32 count = 0;
    while (ModuleScope::at_index(cursor_)) {
      u32 index = 0;
      if (!context_.scope.read_index(cursor_, Space::kType, index)) return false;
      supers.u32_leb(index);
      ++count;
    }
    // Final without supertype is what a bare composite type means.
    const bool is_plain = is_final && count == 0;
    if (!is_plain) {
      out.byte(is_final ? kSubFinal : kSub);
      out.u32_leb(count);
      out.append(supers);
    }
    return read_composite_type(out, is_alone && is_plain) && cursor_.expect(TokenKind::kClose);
  }

  [[nodiscard]] bool read_composite_type(ByteWriter& out, bool is_reusable) {
    const u32 index = next_type_++;
    if (cursor_.accept_form("func")) {
      FuncSignature signature;
      TypeUse names;  // Allowed, without meaning.
      if (!types_.read_signature(signature, &names)) return false;
      write_signature(out, signature);
      context_.scope.add_type(&signature, is_reusable);
    } else if (cursor_.accept_form("struct")) {
      context_.scope.add_type(nullptr, false);
      if (!read_fields(out, index)) return false;
    } else if (cursor_.accept_form("array")) {
      context_.scope.add_type(nullptr, false);
      std::string field;
      if (!types_.read_field_type(field)) return false;
      out.byte(kArrayType);
      out.bytes(field);
    } else {
      return cursor_.unexpected();
    }
    return cursor_.expect(TokenKind::kClose);
  }

  // `(field $x? type)` and `(field type*)`.
  [[nodiscard]] bool read_fields(ByteWriter& out, u32 type_index) {
    std::string fields;
    u32 count = 0;
    while (cursor_.accept_form("field")) {
      const u32 offset = cursor_.offset();
      const std::optional<std::string_view> id = cursor_.accept_id();
      std::optional<std::string> name;
      if (!context_.annotations.take_name(cursor_, cursor_.index(), "field", name)) return false;
      if (id || name) context_.names.add_field(type_index, count, name ? *name : *id);
      if (id) {
        IndexSpace& names = context_.scope.fields(type_index);
        names.skip(count - names.size());
        if (!names.define(id))
          return cursor_.fail(ErrorCode::kDuplicateIdentifier, offset, std::string("field $").append(*id));
        ++count;
        if (!types_.read_field_type(fields)) return false;
      } else {
        for (; !cursor_.at(TokenKind::kClose); ++count) {
          if (!types_.read_field_type(fields)) return false;
        }
      }
      if (!cursor_.expect(TokenKind::kClose)) return false;
    }
    out.byte(kStructType);
    out.u32_leb(count);
    out.bytes(fields);
    return true;
  }

  ModuleContext& context_;
  Cursor& cursor_;
  TypeSyntax types_;
  u32 next_type_ = 0;
};

}  // namespace

bool read_type_fields(ModuleContext& context, u32 last) {
  Cursor& cursor = context.cursor;
  VectorWriter& section = context.writer.section(SectionKind::kType);
  TypeFieldReader reader(context);
  while (cursor.index() != last) {
    if (cursor.at_form("type")) {
      if (!reader.read_type(section.entry(cursor.offset()), /*is_alone=*/true)) return false;
    } else if (cursor.at_form("rec")) {
      if (!reader.read_group(section)) return false;
    } else {
      cursor.skip_form();
    }
  }
  return true;
}

void write_implicit_types(ModuleContext& context) {
  VectorWriter& section = context.writer.section(SectionKind::kType);
  for (const u32 index : context.scope.implicit_types()) {
    ++section.count;
    write_signature(section.bytes, *context.scope.signature(index));
  }
}

}  // namespace lunabeam::vm::text
