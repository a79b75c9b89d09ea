#include "vm/text/text.h"

#include <algorithm>

#include "vm/text/cursor.h"
#include "vm/text/lexer.h"
#include "vm/text/module_reader.h"

namespace lunabeam::vm::text {

Result<BinaryModule> read_module(std::string_view source, ReadOptions options) {
  VM_ASSIGN(const TokenBuffer buffer, lex(source));
  Cursor cursor(buffer);
  const auto end = static_cast<u32>(buffer.tokens.size() - 1);
  if (!cursor.at_form("module")) return read_module_fields(buffer, 0, end, {}, options);
  const u32 close = cursor.peek().link;
  if (close + 1 != end) {
    cursor.seek(close + 1);
    (void)cursor.unexpected();
    return std::unexpected(cursor.take_error());
  }
  cursor.seek(2);
  const std::string_view name = cursor.accept_id().value_or(std::string_view());
  return read_module_fields(buffer, cursor.index(), close, name, options);
}

Result<BinaryModule> read_module_fields(const TokenBuffer& buffer, u32 first, u32 last, std::string_view name,
                                        ReadOptions options) {
  return ModuleReader(buffer, first, last, name, options).read();
}

u64 text_offset(std::span<const PositionMark> marks, u64 offset) noexcept {
  const auto behind =
      std::ranges::upper_bound(marks, offset, {}, [](const PositionMark& mark) -> u64 { return mark.binary; });
  return behind == marks.begin() ? Error::kNoOffset : std::prev(behind)->text;
}

Error locate(Error error, std::string_view source) {
  if (error.offset == Error::kNoOffset) return error;
  const Result<BinaryModule> module = read_module(source, {.keeps_marks = true});
  error.offset = module ? text_offset(module->marks, error.offset) : Error::kNoOffset;
  return error;
}

bool is_text(std::span<const u8> bytes) noexcept {
  constexpr std::string_view kWhiteSpace = " \t\r\n";
  for (const u8 byte : bytes) {
    if (kWhiteSpace.find(static_cast<char>(byte)) == std::string_view::npos) return byte == '(' || byte == ';';
  }
  return !bytes.empty();
}

}  // namespace lunabeam::vm::text
