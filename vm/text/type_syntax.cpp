#include "vm/text/type_syntax.h"

#include <algorithm>
#include <bit>
#include <iterator>

#include "vm/text/numbers.h"

namespace lunabeam::vm::text {
namespace {

struct TypeKeyword {
  std::string_view text;
  char code;
};

constexpr TypeKeyword kNumTypes[] = {
    {"i32", '\x7F'}, {"i64", '\x7E'}, {"f32", '\x7D'}, {"f64", '\x7C'}, {"v128", '\x7B'}};
constexpr TypeKeyword kPackedTypes[] = {{"i8", '\x78'}, {"i16", '\x77'}};
constexpr TypeKeyword kRefTypes[] = {
    {"funcref", '\x70'},     {"externref", '\x6F'},     {"anyref", '\x6E'},   {"eqref", '\x6D'},
    {"i31ref", '\x6C'},      {"structref", '\x6B'},     {"arrayref", '\x6A'}, {"exnref", '\x69'},
    {"nullfuncref", '\x73'}, {"nullexternref", '\x72'}, {"nullref", '\x71'},  {"nullexnref", '\x74'},
};
constexpr TypeKeyword kHeapTypes[] = {
    {"func", '\x70'},   {"extern", '\x6F'},   {"any", '\x6E'},   {"eq", '\x6D'},
    {"i31", '\x6C'},    {"struct", '\x6B'},   {"array", '\x6A'}, {"exn", '\x69'},
    {"nofunc", '\x73'}, {"noextern", '\x72'}, {"none", '\x71'},  {"noexn", '\x74'},
};
constexpr char kNullableRef = '\x63';
constexpr char kNonNullRef = '\x64';
constexpr char kEmptyBlock = '\x40';

constexpr u8 kHasMax = 1;
constexpr u8 kShared = 2;
constexpr u8 kAddress64 = 4;
constexpr u8 kPageSize = 8;

template <size_t kCount>
std::optional<char> find_code(const TypeKeyword (&table)[kCount], const Cursor& cursor) {
  if (!cursor.at(TokenKind::kKeyword)) return std::nullopt;
  const std::string_view text = cursor.text();
  const auto* found = std::ranges::find(table, text, &TypeKeyword::text);
  if (found == std::end(table)) return std::nullopt;
  return found->code;
}

template <size_t kCount>
bool accept_code(const TypeKeyword (&table)[kCount], Cursor& cursor, std::string& out) {
  const std::optional<char> code = find_code(table, cursor);
  if (!code) return false;
  out.push_back(*code);
  cursor.next();
  return true;
}

void append_unsigned(std::string& out, u64 value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

// Type indices are non-negative s33.
void append_index(std::string& out, u32 index) {
  u64 value = index;
  for (; value > 63; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

bool is_abstract(const std::string& heap) { return heap.size() == 1 && (heap[0] & 0x40) != 0; }

// Minimum and optional maximum.
struct Sizes {
  u64 min = 0;
  std::optional<u64> max;
};

bool read_size(Cursor& cursor, u64& size) {
  if (!cursor.at(TokenKind::kInteger)) return cursor.unexpected();
  const std::optional<u64> number = parse_unsigned(cursor.text(), ~u64{0});
  if (!number) {
    const char sign = cursor.text().front();
    return sign == '-' || sign == '+' ? cursor.unexpected()
                                      : cursor.fail(ErrorCode::kConstantOutOfRange, cursor.offset());
  }
  size = *number;
  cursor.next();
  return true;
}

bool read_sizes(Cursor& cursor, Sizes& sizes) {
  if (!read_size(cursor, sizes.min)) return false;
  if (!cursor.at(TokenKind::kInteger)) return true;
  u64 max = 0;
  if (!read_size(cursor, max)) return false;
  sizes.max = max;
  return true;
}

void append_limits(std::string& out, u8 flags, const Sizes& sizes) {
  out.push_back(static_cast<char>(flags | (sizes.max ? kHasMax : 0)));
  append_unsigned(out, sizes.min);
  if (sizes.max) append_unsigned(out, *sizes.max);
}

}  // namespace

bool TypeSyntax::at_val_type() const {
  return find_code(kNumTypes, cursor_) || find_code(kRefTypes, cursor_) || cursor_.at_form("ref");
}

bool TypeSyntax::at_ref_type() const { return find_code(kRefTypes, cursor_) || cursor_.at_form("ref"); }

bool TypeSyntax::read_val_type(std::string& out) { return accept_code(kNumTypes, cursor_, out) || read_ref_type(out); }

bool TypeSyntax::read_ref_type(std::string& out) {
  if (accept_code(kRefTypes, cursor_, out)) return true;
  bool nullable = false;
  std::string heap;
  if (!read_ref_type(nullable, heap)) return false;
  // One encoding per type, so that equal types have equal bytes: nullable abstract ones have a short form.
  if (!nullable || !is_abstract(heap)) out.push_back(nullable ? kNullableRef : kNonNullRef);
  out += heap;
  return true;
}

bool TypeSyntax::read_ref_type(bool& nullable, std::string& heap) {
  if (accept_code(kRefTypes, cursor_, heap)) {
    nullable = true;
    return true;
  }
  if (!cursor_.accept_form("ref")) return cursor_.unexpected();
  nullable = cursor_.accept_keyword("null");
  return read_heap_type(heap) && cursor_.expect(TokenKind::kClose);
}

bool TypeSyntax::read_heap_type(std::string& out) {
  if (accept_code(kHeapTypes, cursor_, out)) return true;
  u32 index = 0;
  if (!scope_.read_index(cursor_, Space::kType, index)) return false;
  append_index(out, index);
  return true;
}

bool TypeSyntax::read_storage_type(std::string& out) {
  return accept_code(kPackedTypes, cursor_, out) || read_val_type(out);
}

bool TypeSyntax::read_field_type(std::string& out) {
  const bool is_mutable = cursor_.accept_form("mut");
  if (!read_storage_type(out) || (is_mutable && !cursor_.expect(TokenKind::kClose))) return false;
  out.push_back(is_mutable ? '\1' : '\0');
  return true;
}

bool TypeSyntax::read_global_type(std::string& out) {
  const bool is_mutable = cursor_.accept_form("mut");
  if (!read_val_type(out) || (is_mutable && !cursor_.expect(TokenKind::kClose))) return false;
  out.push_back(is_mutable ? '\1' : '\0');
  return true;
}

bool TypeSyntax::accept_address_type() {
  if (cursor_.accept_keyword("i64")) return true;
  (void)cursor_.accept_keyword("i32");
  return false;
}

bool TypeSyntax::read_page_size(std::optional<u32>& log2) {
  if (!cursor_.accept_form("pagesize")) return true;
  const u32 offset = cursor_.offset();
  u64 size = 0;
  if (!read_size(cursor_, size)) return false;
  if (!std::has_single_bit(size)) return cursor_.fail(ErrorCode::kMalformedPageSize, offset);
  log2 = static_cast<u32>(std::countr_zero(size));
  return cursor_.expect(TokenKind::kClose);
}

void TypeSyntax::append_sized_memory(std::string& out, bool is_64, u64 pages, std::optional<u32> page_size_log2) {
  append_limits(out, static_cast<u8>((is_64 ? kAddress64 : 0) | (page_size_log2 ? kPageSize : 0)),
                {.min = pages, .max = pages});
  if (page_size_log2) append_unsigned(out, *page_size_log2);
}

void TypeSyntax::append_sized_table(std::string& out, bool is_64, std::string_view element, u64 size) {
  out += element;
  append_limits(out, is_64 ? kAddress64 : 0, {.min = size, .max = size});
}

bool TypeSyntax::read_memory_type(std::string& out) {
  u8 flags = accept_address_type() ? kAddress64 : 0;
  Sizes sizes;
  if (!read_sizes(cursor_, sizes)) return false;
  if (cursor_.accept_keyword("shared")) flags |= kShared;
  std::optional<u32> page_size_log2;
  if (!read_page_size(page_size_log2)) return false;
  if (page_size_log2) flags |= kPageSize;
  append_limits(out, flags, sizes);
  if (page_size_log2) append_unsigned(out, *page_size_log2);
  return true;
}

bool TypeSyntax::read_table_type(std::string& out) {
  const u8 flags = accept_address_type() ? kAddress64 : 0;
  Sizes sizes;
  if (!read_sizes(cursor_, sizes) || !read_ref_type(out)) return false;
  append_limits(out, flags, sizes);
  return true;
}

bool TypeSyntax::read_signature(FuncSignature& signature, TypeUse* names) {
  const bool notes_tokens = names != nullptr && !cursor_.buffer().annotations.empty();
  while (cursor_.accept_form("param")) {
    const bool is_named = cursor_.at(TokenKind::kId);
    if (is_named && names == nullptr) return cursor_.unexpected();
    const std::optional<std::string_view> name = cursor_.accept_id();
    if (is_named && cursor_.at(TokenKind::kClose)) return cursor_.unexpected();  // A name stands for one type.
    while (!cursor_.at(TokenKind::kClose)) {
      if (notes_tokens) names->param_tokens.push_back(cursor_.index());
      if (!read_val_type(signature.params.emplace_back())) return false;
      if (names != nullptr) names->param_names.push_back(name);
      if (is_named) break;
    }
    if (!cursor_.expect(TokenKind::kClose)) return false;
  }
  while (cursor_.accept_form("result")) {
    while (!cursor_.at(TokenKind::kClose)) {
      if (!read_val_type(signature.results.emplace_back())) return false;
    }
    cursor_.next();
  }
  return !cursor_.at_form("param") || cursor_.unexpected();
}

bool TypeSyntax::read_type_use(TypeUse& use, bool names_allowed) {
  const u32 offset = cursor_.offset();
  const bool is_explicit = cursor_.accept_form("type");
  if (is_explicit && (!scope_.read_index(cursor_, Space::kType, use.index) || !cursor_.expect(TokenKind::kClose)))
    return false;
  FuncSignature signature;
  if (!read_signature(signature, names_allowed ? &use : nullptr)) return false;
  if (!is_explicit) {
    use.index = scope_.find_or_add(signature);
    return true;
  }
  if (signature.params.empty() && signature.results.empty()) return true;
  const FuncSignature* declared = scope_.signature(use.index);
  if (declared == nullptr)
    return cursor_.fail(ErrorCode::kUnknownIdentifier, offset, "type " + std::to_string(use.index));
  return *declared == signature || cursor_.fail(ErrorCode::kInlineFunctionType, offset);
}

bool TypeSyntax::read_block_type(std::string& out) {
  if (cursor_.at_form("type")) {
    TypeUse use;
    if (!read_type_use(use, /*names_allowed=*/false)) return false;
    append_index(out, use.index);
    return true;
  }
  if (!cursor_.at_form("param") && !cursor_.at_form("result")) {
    out.push_back(kEmptyBlock);
    return true;
  }
  FuncSignature signature;
  if (!read_signature(signature, nullptr)) return false;
  if (!signature.params.empty() || signature.results.size() > 1) {
    append_index(out, scope_.find_or_add(signature));
  } else if (signature.results.empty()) {
    out.push_back(kEmptyBlock);
  } else {
    out += signature.results.front();
  }
  return true;
}

}  // namespace lunabeam::vm::text
