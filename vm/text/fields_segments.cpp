// Element and data segments, on their own and inside the table or memory they initialise.
#include "vm/text/fields.h"

namespace lunabeam::vm::text {
namespace {

constexpr u8 kEnd = 0x0B;
constexpr u8 kI32Const = 0x41;
constexpr u8 kI64Const = 0x42;
constexpr u8 kRefFunc = 0xD2;
constexpr std::string_view kFuncRefType = "\x70";
constexpr std::string_view kNonNullFuncType = "\x64\x70";
constexpr u64 kDefaultPageSizeLog2 = 16;

// Flags of element segments.
constexpr u32 kPassiveOrDeclared = 1;
constexpr u32 kExplicit = 2;  // Of active ones: table and type are written. Of others: declared.
constexpr u32 kExpressions = 4;

void write_zero_offset(ByteWriter& out, bool is_64) {
  out.byte(is_64 ? kI64Const : kI32Const);
  out.byte(0);
  out.byte(kEnd);
}

}  // namespace

bool FieldReader::read_elem() {
  const u32 start = cursor_.offset();
  (void)next_index(Space::kElem);
  cursor_.seek(cursor_.index() + 2);
  (void)cursor_.accept_id();

  ByteWriter offset(context_.options.keeps_marks);
  u32 table = 0;
  bool is_active = false;
  bool names_table = false;
  const bool is_declared = cursor_.accept_keyword("declare");
  if (!is_declared) {
    if (cursor_.at(TokenKind::kInteger)) {  // The table's index without its form: how the first version wrote it.
      names_table = true;
      if (!scope_.read_index(cursor_, Space::kTable, table)) return false;
    } else if (cursor_.accept_form("table")) {
      names_table = true;
      if (!scope_.read_index(cursor_, Space::kTable, table) || !cursor_.expect(TokenKind::kClose)) return false;
    }
    // A parenthesis that opens no type opens the offset.
    is_active = names_table || (cursor_.at(TokenKind::kOpen) && !types_.at_ref_type());
    if (is_active && !instructions_.read_const_expr("offset", offset)) return false;
  }

  Items items(context_.options.keeps_marks);
  std::string type;
  if (types_.at_ref_type()) {
    if (!types_.read_ref_type(type) || !read_item_expressions(items)) return false;
  } else {
    // `func` is optional behind an offset.
    if (!cursor_.accept_keyword("func") &&
        !(is_active && (ModuleScope::at_index(cursor_) || cursor_.at(TokenKind::kClose))))
      return cursor_.unexpected();
    if (!read_function_indices(items, /*as_expressions=*/false)) return false;
  }

  const bool has_expressions = !type.empty();
  const bool is_short = is_active && table == 0 && (!has_expressions || type == kFuncRefType);
  u32 flags = has_expressions ? kExpressions : 0;
  if (!is_active) flags |= kPassiveOrDeclared;
  if (is_declared || (is_active && !is_short)) flags |= kExplicit;
  ByteWriter& out = writer_.section(SectionKind::kElem).entry(start);
  out.u32_leb(flags);
  if (is_active && !is_short) out.u32_leb(table);
  out.append(offset);
  if (!is_short) {
    if (has_expressions) {
      out.bytes(type);
    } else {
      out.byte(0);  // Functions.
    }
  }
  out.u32_leb(items.count);
  out.append(items.bytes);
  return cursor_.expect(TokenKind::kClose);
}

bool FieldReader::read_function_indices(Items& items, bool as_expressions) {
  for (; ModuleScope::at_index(cursor_); ++items.count) {
    u32 index = 0;
    items.bytes.mark(cursor_.offset());
    if (!scope_.read_index(cursor_, Space::kFunc, index)) return false;
    if (as_expressions) items.bytes.byte(kRefFunc);
    items.bytes.u32_leb(index);
    if (as_expressions) items.bytes.byte(kEnd);
  }
  return true;
}

bool FieldReader::read_item_expressions(Items& items) {
  for (; cursor_.at(TokenKind::kOpen); ++items.count) {
    if (!instructions_.read_const_expr("item", items.bytes)) return false;
  }
  return true;
}

// The cursor stands behind `(table ... reftype (elem`.
bool FieldReader::read_inline_elem(u32 table, bool is_64, const std::string& element) {
  const u32 start = cursor_.offset();
  (void)next_index(Space::kElem);
  // Only functions have the form without expressions, and only they may stand in tables whose type takes them as such.
  const bool is_function_type = element == kFuncRefType || element == kNonNullFuncType;
  const bool has_indices = is_function_type && !cursor_.at(TokenKind::kOpen);
  Items items(context_.options.keeps_marks);
  const bool is_read = cursor_.at(TokenKind::kOpen) ? read_item_expressions(items)
                                                    : read_function_indices(items, /*as_expressions=*/!has_indices);
  if (!is_read || !cursor_.expect(TokenKind::kClose)) return false;

  std::string type;
  TypeSyntax::append_sized_table(type, is_64, element, items.count);
  writer_.section(SectionKind::kTable).bytes.bytes(type);

  const bool is_short = table == 0 && (has_indices || element == kFuncRefType);
  ByteWriter& out = writer_.section(SectionKind::kElem).entry(start);
  out.u32_leb((has_indices ? 0 : kExpressions) | (is_short ? 0 : kExplicit));
  if (!is_short) out.u32_leb(table);
  write_zero_offset(out, is_64);
  if (!is_short) {
    if (has_indices) {
      out.byte(0);
    } else {
      out.bytes(element);
    }
  }
  out.u32_leb(items.count);
  out.append(items.bytes);
  return cursor_.expect(TokenKind::kClose);
}

bool FieldReader::read_strings(std::string& bytes) {
  while (cursor_.at(TokenKind::kString)) {
    if (!cursor_.expect_string(bytes)) return false;
  }
  return true;
}

bool FieldReader::read_data() {
  const u32 start = cursor_.offset();
  (void)next_index(Space::kData);
  cursor_.seek(cursor_.index() + 2);
  (void)cursor_.accept_id();
  ByteWriter& out = writer_.section(SectionKind::kData).entry(start);
  u32 memory = 0;
  bool is_active = true;
  if (cursor_.at(TokenKind::kInteger)) {  // As for tables.
    if (!scope_.read_index(cursor_, Space::kMemory, memory)) return false;
  } else if (cursor_.accept_form("memory")) {
    if (!scope_.read_index(cursor_, Space::kMemory, memory) || !cursor_.expect(TokenKind::kClose)) return false;
  } else {
    is_active = cursor_.at(TokenKind::kOpen);
  }
  if (!is_active) {
    out.u32_leb(1);
  } else {
    out.u32_leb(memory == 0 ? 0 : 2);
    if (memory != 0) out.u32_leb(memory);
    if (!instructions_.read_const_expr("offset", out)) return false;
  }
  std::string bytes;
  if (!read_strings(bytes)) return false;
  out.name(bytes);
  return cursor_.expect(TokenKind::kClose);
}

// The cursor stands behind `(memory ... (data`.
bool FieldReader::read_inline_data(u32 memory, bool is_64, std::optional<u32> page_size_log2, std::string& type) {
  const u32 start = cursor_.offset();
  (void)next_index(Space::kData);
  std::string bytes;
  if (!read_strings(bytes) || !cursor_.expect(TokenKind::kClose)) return false;
  const u64 log2 = page_size_log2.value_or(kDefaultPageSizeLog2);
  const u64 pages = bytes.empty() ? 0 : ((bytes.size() - 1) >> log2) + 1;
  TypeSyntax::append_sized_memory(type, is_64, pages, page_size_log2);
  ByteWriter& out = writer_.section(SectionKind::kData).entry(start);
  out.u32_leb(memory == 0 ? 0 : 2);
  if (memory != 0) out.u32_leb(memory);
  write_zero_offset(out, is_64);
  out.name(bytes);
  return true;
}

}  // namespace lunabeam::vm::text
