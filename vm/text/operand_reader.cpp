#include "vm/text/operand_reader.h"

#include <bit>
#include <limits>

#include "vm/base/check.h"
#include "vm/text/numbers.h"

namespace lunabeam::vm::text {
namespace {

constexpr u64 kMaxU32 = std::numeric_limits<u32>::max();
constexpr u64 kMaxU64 = std::numeric_limits<u64>::max();

bool has_sign(std::string_view number) { return number.front() == '+' || number.front() == '-'; }

}  // namespace

bool OperandReader::read(Opcode op, ByteWriter& out) {
  const Immediate immediate = kOpcodeEncodings[static_cast<size_t>(op)].immediate;
  if (immediate == Immediate::kHeapType && op != Opcode::ref_null) return write_reference_test(op, out);
  if (op == Opcode::select) return write_select(out);
  write_opcode(op, out);
  return read_immediates(op, immediate, out);
}

bool OperandReader::read_immediates(Opcode op, Immediate immediate, ByteWriter& out) {
  u32 first = 0;
  u32 second = 0;
  switch (immediate) {
    case Immediate::kNone: return true;
    case Immediate::kLocal: return write_local(out);
    case Immediate::kMemArg: return write_mem_arg(op, false, out);
    case Immediate::kS32: return write_i32(out);
    case Immediate::kS64: return write_i64(out);
    case Immediate::kF32: return write_f32(out);
    case Immediate::kF64: return write_f64(out);
    case Immediate::kLabel: return write_label(out);
    case Immediate::kFunc: return write_index(Space::kFunc, out);
    case Immediate::kGlobal: return write_index(Space::kGlobal, out);
    case Immediate::kTag: return write_index(Space::kTag, out);
    case Immediate::kType: return write_index(Space::kType, out);
    case Immediate::kElem: return write_index(Space::kElem, out);
    case Immediate::kData: scope_.needs_data_count = true; return write_index(Space::kData, out);
    case Immediate::kBrTable: return write_br_table(out);
    case Immediate::kCallIndirect: return write_call_indirect(out);
    case Immediate::kTable:
      if (!read_optional_index(Space::kTable, first)) return false;
      out.u32_leb(first);
      return true;
    case Immediate::kMemory:
      if (!read_optional_index(Space::kMemory, first)) return false;
      out.u32_leb(first);
      return true;
    case Immediate::kTableTable: return write_index_pair(Space::kTable, out);
    case Immediate::kMemoryMemory: return write_index_pair(Space::kMemory, out);
    case Immediate::kElemTable:
      if (!read_inner_index(Space::kTable, first, Space::kElem, second)) return false;
      out.u32_leb(second);
      out.u32_leb(first);
      return true;
    case Immediate::kDataMemory:
      scope_.needs_data_count = true;
      if (!read_inner_index(Space::kMemory, first, Space::kData, second)) return false;
      out.u32_leb(second);
      out.u32_leb(first);
      return true;
    case Immediate::kTypeType: return write_index(Space::kType, out) && write_index(Space::kType, out);
    case Immediate::kTypeElem: return write_index(Space::kType, out) && write_index(Space::kElem, out);
    case Immediate::kTypeData:
      scope_.needs_data_count = true;
      return write_index(Space::kType, out) && write_index(Space::kData, out);
    case Immediate::kTypeField: return write_field(out);
    case Immediate::kTypeU32: return write_type_u32(out);
    case Immediate::kHeapType:
      scratch_.clear();
      if (!types_.read_heap_type(scratch_)) return false;
      out.bytes(scratch_);
      return true;
    case Immediate::kBrOnCast: return write_br_on_cast(out);
    case Immediate::kV128: return write_v128(out);
    case Immediate::kShuffle: return write_shuffle(out);
    case Immediate::kLane: return write_lane(out);
    case Immediate::kMemArgLane: return write_mem_arg(op, true, out) && write_lane(out);
    case Immediate::kZeroByte: out.byte(0); return true;
    // Written with their blocks, or by read().
    case Immediate::kBlock:
    case Immediate::kTryTable:
    case Immediate::kSelectTypes: break;
  }
  VM_CHECK(false);
}

// --- Indices ---

bool OperandReader::unknown(std::string_view what) {
  const u32 offset = cursor_.offset();
  std::string detail(what);
  detail += cursor_.text();
  return cursor_.fail(ErrorCode::kUnknownIdentifier, offset, std::move(detail));
}

bool OperandReader::read_index_number(u32& index) {
  if (!cursor_.at(TokenKind::kInteger) || has_sign(cursor_.text())) return cursor_.unexpected();
  const auto number = parse_unsigned(cursor_.text(), kMaxU32);
  if (!number) return cursor_.fail(ErrorCode::kIndexOutOfRange, cursor_.offset());
  index = static_cast<u32>(*number);
  cursor_.next();
  return true;
}

bool OperandReader::read_optional_index(Space space, u32& index) {
  return !ModuleScope::at_index(cursor_) || scope_.read_index(cursor_, space, index);
}

bool OperandReader::read_inner_index(Space outer_space, u32& outer, Space inner_space, u32& inner) {
  const TokenKind following = cursor_.peek(1).kind;
  const bool has_both =
      ModuleScope::at_index(cursor_) && (following == TokenKind::kInteger || following == TokenKind::kId);
  if (has_both && !scope_.read_index(cursor_, outer_space, outer)) return false;
  return scope_.read_index(cursor_, inner_space, inner);
}

bool OperandReader::write_index(Space space, ByteWriter& out) {
  u32 index;
  if (!scope_.read_index(cursor_, space, index)) return false;
  out.u32_leb(index);
  return true;
}

bool OperandReader::write_index_pair(Space space, ByteWriter& out) {
  u32 first = 0;
  u32 second = 0;
  if (ModuleScope::at_index(cursor_)) {
    if (!scope_.read_index(cursor_, space, first) || !scope_.read_index(cursor_, space, second)) return false;
  }
  out.u32_leb(first);
  out.u32_leb(second);
  return true;
}

bool OperandReader::write_local(ByteWriter& out) {
  u32 index;
  if (cursor_.at(TokenKind::kId)) {
    const auto found = locals_ == nullptr ? std::nullopt : locals_->find(cursor_.buffer().id(cursor_.peek()));
    if (!found) return unknown("local ");
    index = *found;
    cursor_.next();
  } else if (!read_index_number(index)) {
    return false;
  }
  out.u32_leb(index);
  return true;
}

bool OperandReader::write_label(ByteWriter& out) {
  u32 depth;
  if (cursor_.at(TokenKind::kId)) {
    if (!labels_.find(cursor_.buffer().id(cursor_.peek()), depth)) return unknown("label ");
    cursor_.next();
  } else if (!read_index_number(depth)) {
    return false;
  }
  out.u32_leb(depth);
  return true;
}

bool OperandReader::write_field(ByteWriter& out) {
  u32 type;
  u32 field;
  if (!scope_.read_index(cursor_, Space::kType, type) || !scope_.read_field_index(cursor_, type, field)) return false;
  out.u32_leb(type);
  out.u32_leb(field);
  return true;
}

bool OperandReader::write_type_u32(ByteWriter& out) {
  u32 count;
  if (!write_index(Space::kType, out) || !read_index_number(count)) return false;
  out.u32_leb(count);
  return true;
}

// --- Control ---

bool OperandReader::write_block_type(ByteWriter& out) {
  if (!cursor_.at(TokenKind::kOpen)) {  // Flat blocks without a type, the most frequent case.
    out.byte(0x40);
    return true;
  }
  scratch_.clear();
  if (!types_.read_block_type(scratch_)) return false;
  out.bytes(scratch_);
  return true;
}

bool OperandReader::write_catches(ByteWriter& out) {
  static constexpr std::string_view kClauses[] = {"catch", "catch_ref", "catch_all", "catch_all_ref"};
  u32 count = 0;
  items_.clear();
  while (cursor_.at(TokenKind::kOpen)) {
    u8 kind = 0;
    while (kind < 4 && !cursor_.at_form(kClauses[kind])) ++kind;
    if (kind == 4) break;
    cursor_.seek(cursor_.index() + 2);
    items_.byte(kind);
    if (kind < 2 && !write_index(Space::kTag, items_)) return false;
    if (!write_label(items_) || !cursor_.expect(TokenKind::kClose)) return false;
    ++count;
  }
  out.u32_leb(count);
  out.append(items_);
  return true;
}

bool OperandReader::write_br_table(ByteWriter& out) {
  u32 count = 0;
  items_.clear();
  do {
    if (!write_label(items_)) return false;
    ++count;
  } while (ModuleScope::at_index(cursor_));
  out.u32_leb(count - 1);
  out.append(items_);
  return true;
}

bool OperandReader::write_call_indirect(ByteWriter& out) {
  u32 table = 0;
  if (!read_optional_index(Space::kTable, table) || !types_.read_type_use(type_use_, false)) return false;
  out.u32_leb(type_use_.index);
  out.u32_leb(table);
  return true;
}

bool OperandReader::write_select(ByteWriter& out) {
  if (!cursor_.at_form("result")) {
    write_opcode(Opcode::select, out);
    return true;
  }
  u32 count = 0;
  scratch_.clear();
  while (cursor_.accept_form("result")) {
    for (; !cursor_.at(TokenKind::kClose); ++count) {
      if (!types_.read_val_type(scratch_)) return false;
    }
    cursor_.next();
  }
  write_opcode(Opcode::select_t, out);
  out.u32_leb(count);
  out.bytes(scratch_);
  return true;
}

bool OperandReader::write_reference_test(Opcode op, ByteWriter& out) {
  bool nullable = false;
  scratch_.clear();
  if (!types_.read_ref_type(nullable, scratch_)) return false;
  if (nullable) op = op == Opcode::ref_test ? Opcode::ref_test_null : Opcode::ref_cast_null;
  write_opcode(op, out);
  out.bytes(scratch_);
  return true;
}

bool OperandReader::write_br_on_cast(ByteWriter& out) {
  bool source_nullable = false;
  bool target_nullable = false;
  scratch_.clear();
  items_.clear();
  if (!write_label(items_) || !types_.read_ref_type(source_nullable, scratch_) ||
      !types_.read_ref_type(target_nullable, scratch_)) {
    return false;
  }
  out.byte(static_cast<u8>((source_nullable ? 1 : 0) | (target_nullable ? 2 : 0)));
  out.append(items_);
  out.bytes(scratch_);
  return true;
}

// --- Memory ---

bool OperandReader::write_mem_arg(Opcode op, bool has_lane, ByteWriter& out) {
  u32 memory = 0;
  u64 offset = 0;
  u32 align_log2 = kOpcodeEncodings[static_cast<size_t>(op)].align_log2;
  bool has_memory = ModuleScope::at_index(cursor_);
  if (has_lane && cursor_.at(TokenKind::kInteger)) {
    const Token& following = cursor_.peek(1);
    has_memory = following.kind == TokenKind::kInteger ||
                 (following.kind == TokenKind::kKeyword && (cursor_.buffer().text(following).starts_with("offset=") ||
                                                            cursor_.buffer().text(following).starts_with("align=")));
  }
  if (has_memory && !scope_.read_index(cursor_, Space::kMemory, memory)) return false;
  if (cursor_.at(TokenKind::kKeyword) && cursor_.text().starts_with("offset=")) {
    const auto number = parse_unsigned(cursor_.text().substr(7), kMaxU64);
    if (!number) return bad_number(false);
    offset = *number;
    cursor_.next();
  }
  if (cursor_.at(TokenKind::kKeyword) && cursor_.text().starts_with("align=")) {
    const auto number = parse_unsigned(cursor_.text().substr(6), kMaxU64);
    if (!number) return bad_number(false);
    if (!std::has_single_bit(*number)) {
      return cursor_.fail(ErrorCode::kMalformedAlignment, cursor_.offset(), "must be a power of two");
    }
    align_log2 = static_cast<u32>(std::countr_zero(*number));
    cursor_.next();
  }
  if (memory == 0) {
    out.u32_leb(align_log2);
  } else {
    out.u32_leb(align_log2 | 0x40);
    out.u32_leb(memory);
  }
  out.u64_leb(offset);
  return true;
}

bool OperandReader::write_lane(ByteWriter& out) {
  if (!cursor_.at(TokenKind::kInteger) || has_sign(cursor_.text())) return cursor_.unexpected();
  const auto lane = parse_unsigned(cursor_.text(), 255);
  if (!lane) return cursor_.fail(ErrorCode::kMalformedLaneIndex, cursor_.offset());
  out.byte(static_cast<u8>(*lane));
  cursor_.next();
  return true;
}

// --- Constants ---

bool OperandReader::bad_number(bool is_float) {
  const std::string_view text = cursor_.text();
  const bool is_number = cursor_.at(TokenKind::kInteger) || (is_float && cursor_.at(TokenKind::kFloat));
  if (is_number || (is_float && text.find("nan:0x") <= 1)) {
    return cursor_.fail(ErrorCode::kConstantOutOfRange, cursor_.offset(), std::string(text));
  }
  // offset=, align=: whatever follows "=" is a number or no token of the format at all.
  if (const size_t equals = text.find('='); equals != text.npos && cursor_.at(TokenKind::kKeyword)) {
    const std::string_view digits = text.substr(equals + 1);
    const bool is_hex = digits.starts_with("0x");
    const auto foreign = digits.find_first_not_of(is_hex ? "0123456789abcdefABCDEFx_" : "0123456789_");
    const bool is_unsigned = digits.size() > (is_hex ? 2U : 0U) && foreign == digits.npos;
    if (is_unsigned && !digits.ends_with('_') && !digits.contains("__")) {
      return cursor_.fail(ErrorCode::kConstantOutOfRange, cursor_.offset(), std::string(text));
    }
    return cursor_.fail(ErrorCode::kUnknownOperator, cursor_.offset(), std::string(text));
  }
  const bool is_pattern = text.ends_with(":canonical") || text.ends_with(":arithmetic");
  if (text.find("nan:") <= 1 && !is_pattern) {
    return cursor_.fail(ErrorCode::kUnknownOperator, cursor_.offset(), std::string(text));
  }
  return cursor_.unexpected();
}

bool OperandReader::write_i32(ByteWriter& out) {
  const auto bits = cursor_.at(TokenKind::kInteger) ? parse_integer(cursor_.text(), 32) : std::nullopt;
  if (!bits) return bad_number(false);
  out.s32_leb(static_cast<i32>(*bits));
  cursor_.next();
  return true;
}

bool OperandReader::write_i64(ByteWriter& out) {
  const auto bits = cursor_.at(TokenKind::kInteger) ? parse_integer(cursor_.text(), 64) : std::nullopt;
  if (!bits) return bad_number(false);
  out.s64_leb(static_cast<i64>(*bits));
  cursor_.next();
  return true;
}

bool OperandReader::at_number(bool is_float) const {
  switch (cursor_.kind()) {
    case TokenKind::kInteger:
    case TokenKind::kFloat: return true;
    case TokenKind::kKeyword: {
      const std::string_view text = cursor_.text();
      return is_float && (text == "inf" || text == "nan" || text.starts_with("nan:"));
    }
    default: return false;
  }
}

bool OperandReader::write_f32(ByteWriter& out) {
  const auto bits = at_number(true) ? parse_f32(cursor_.text()) : std::nullopt;
  if (!bits) return bad_number(true);
  out.fixed32(*bits);
  cursor_.next();
  return true;
}

bool OperandReader::write_f64(ByteWriter& out) {
  const auto bits = at_number(true) ? parse_f64(cursor_.text()) : std::nullopt;
  if (!bits) return bad_number(true);
  out.fixed64(*bits);
  cursor_.next();
  return true;
}

bool OperandReader::write_shuffle(ByteWriter& out) {
  for (u32 i = 0; i < 16; ++i) {
    if (!cursor_.at(TokenKind::kInteger)) return cursor_.fail(ErrorCode::kInvalidLaneLength, cursor_.offset());
    if (!write_lane(out)) return false;
  }
  if (cursor_.at(TokenKind::kInteger)) return cursor_.fail(ErrorCode::kInvalidLaneLength, cursor_.offset());
  return true;
}

bool OperandReader::write_v128(ByteWriter& out) {
  struct Shape {
    std::string_view text;
    unsigned bits;
    bool is_float;
  };
  static constexpr Shape kShapes[] = {{"i8x16", 8, false},  {"i16x8", 16, false}, {"i32x4", 32, false},
                                      {"i64x2", 64, false}, {"f32x4", 32, true},  {"f64x2", 64, true}};
  for (const Shape& shape : kShapes) {
    if (cursor_.accept_keyword(shape.text)) return write_lanes(shape.bits, shape.is_float, out);
  }
  return cursor_.unexpected();
}

bool OperandReader::write_lanes(unsigned bits, bool is_float, ByteWriter& out) {
  const u32 count = 128 / bits;
  // How many there are is told before what they are.
  const u32 begin = cursor_.index();
  u32 found = 0;
  for (; found <= count && at_number(is_float); ++found) cursor_.next();
  if (found != count) return cursor_.fail(ErrorCode::kWrongLaneCount, cursor_.offset());
  cursor_.seek(begin);
  for (u32 i = 0; i < count; ++i) {
    if (is_float) {
      if (!(bits == 32 ? write_f32(out) : write_f64(out))) return false;
      continue;
    }
    const auto lane = cursor_.at(TokenKind::kInteger) ? parse_integer(cursor_.text(), bits) : std::nullopt;
    if (!lane) return bad_number(false);
    for (unsigned shift = 0; shift < bits; shift += 8) out.byte(static_cast<u8>(*lane >> shift));
    cursor_.next();
  }
  return true;
}

}  // namespace lunabeam::vm::text
