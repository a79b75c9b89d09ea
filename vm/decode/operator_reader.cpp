#include "vm/decode/operator_reader.h"

#include <fmt/format.h>

namespace lunabeam::vm {
namespace {

constexpr u16 kCodesPerPrefix = 0x114;

// Opcode by code behind prefix 0xFB, 0xFC, 0xFD, 0xFE; the last table has the single bytes that are no part of 3.0.
constexpr u8 kFirstPrefix = 0xFB;
constexpr u8 kLastPrefix = 0xFE;
constexpr size_t kExtensionTable = 4;
constexpr auto kOpcodeTables = [] {
  std::array<std::array<u16, kCodesPerPrefix>, 5> tables{};
  for (auto& table : tables) table.fill(kNoOpcode);
  for (size_t i = 0; i < kOpcodeCount; ++i) {
    const OpcodeInfo& row = kOpcodes[i];
    if (row.prefix == 0 && is_standard(row.feature)) continue;
    tables[row.prefix == 0 ? kExtensionTable : row.prefix - kFirstPrefix][row.code] = static_cast<u16>(i);
  }
  return tables;
}();

}  // namespace

bool OperatorReader::read_opcode(u8 first, Operator& out) {
  const bool has_prefix = first >= kFirstPrefix && first <= kLastPrefix;
  u32 code = first;
  if (has_prefix && !reader_.read_u32(code)) return false;
  const u16 op =
      code < kCodesPerPrefix ? kOpcodeTables[has_prefix ? first - kFirstPrefix : kExtensionTable][code] : kNoOpcode;
  if (op == kNoOpcode) return illegal_opcode(first, code, out.pc, {});
  const OpcodeInfo& row = kOpcodes[op];
  if (!is_standard(row.feature) && !types_.features().has(row.feature)) {
    return illegal_opcode(first, code, out.pc,
                          fmt::format(": {} needs the feature {}", row.text, name_of(row.feature)));
  }
  out.op = static_cast<Opcode>(op);
  return true;
}

bool OperatorReader::illegal_opcode(u8 first, u32 code, u32 offset, std::string_view why) {
  const bool has_prefix = first >= kFirstPrefix && first <= kLastPrefix;
  return reader_.fail(
      ErrorCode::kIllegalOpcode, offset,
      has_prefix ? fmt::format("{:02x} {:02x}{}", first, code, why) : fmt::format("{:02x}{}", first, why));
}

bool OperatorReader::read_data_index(u32& index) {
  const u32 offset = reader_.pos();
  if (!reader_.read_u32(index)) return false;
  if (!has_data_count_) return reader_.fail(ErrorCode::kDataCountRequired, offset);
  return true;
}

bool OperatorReader::read_br_table() {
  u32 count = 0;
  if (!reader_.read_count(count)) return false;
  labels_.clear();
  for (u64 i = 0; i <= count; ++i) {
    u32 label = 0;
    if (!reader_.read_u32(label)) return false;
    labels_.push_back(label);
  }
  return true;
}

bool OperatorReader::read_catches() {
  u32 count = 0;
  if (!reader_.read_count(count)) return false;
  catches_.clear();
  for (u32 i = 0; i < count; ++i) {
    CatchClause clause{};
    const u32 offset = reader_.pos();
    if (!reader_.read_byte(clause.kind)) return false;
    if (clause.kind > 3) return reader_.fail(ErrorCode::kMalformedCatchClause, offset);
    if (clause.kind < 2 && !reader_.read_u32(clause.tag)) return false;
    if (!reader_.read_u32(clause.label)) return false;
    catches_.push_back(clause);
  }
  return true;
}

bool OperatorReader::read_select_types(Operator& out) {
  if (!reader_.read_count(out.count)) return false;
  for (u32 i = 0; i < out.count; ++i) {
    if (!types_.read_val_type(out.type)) return false;
  }
  return true;
}

bool OperatorReader::read_br_on_cast(Operator& out) {
  const u32 offset = reader_.pos();
  u8 flags = 0;
  if (!reader_.read_byte(flags)) return false;
  if (flags > 3) return reader_.fail(ErrorCode::kMalformedCastFlags, offset);
  HeapType source = HeapType::kFunc;
  HeapType target = HeapType::kFunc;
  if (!reader_.read_u32(out.index) || !types_.read_heap_type(source) || !types_.read_heap_type(target)) return false;
  out.type = ValType::ref(source, (flags & 1) != 0);
  out.type2 = ValType::ref(target, (flags & 2) != 0);
  return true;
}

bool OperatorReader::read_immediates(Immediate immediate, Operator& out) {
  switch (immediate) {
    case Immediate::kNone: return true;
    case Immediate::kBlock: return types_.read_block_type(out.block);
    case Immediate::kTryTable: return types_.read_block_type(out.block) && read_catches();
    case Immediate::kTag:
    case Immediate::kLabel:
    case Immediate::kFunc:
    case Immediate::kType:
    case Immediate::kLocal:
    case Immediate::kGlobal:
    case Immediate::kTable:
    case Immediate::kMemory:
    case Immediate::kElem: return reader_.read_u32(out.index);  // kImmediates says kLocal for all of them.
    case Immediate::kBrTable: return read_br_table();
    case Immediate::kCallIndirect:
    case Immediate::kTypeField:
    case Immediate::kTypeU32:
    case Immediate::kTypeElem:
    case Immediate::kTypeType:
    case Immediate::kMemoryMemory:
    case Immediate::kElemTable:
    case Immediate::kTableTable: return reader_.read_u32(out.index) && reader_.read_u32(out.index2);
    case Immediate::kTypeData: return reader_.read_u32(out.index) && read_data_index(out.index2);
    case Immediate::kDataMemory: return read_data_index(out.index) && reader_.read_u32(out.index2);
    case Immediate::kData: return read_data_index(out.index);
    case Immediate::kSelectTypes: return read_select_types(out);
    case Immediate::kMemArg: return read_mem_arg(out);
    case Immediate::kS32: {
      i32 value = 0;
      if (!reader_.read_s32(value)) return false;
      out.value = static_cast<u32>(value);
      return true;
    }
    case Immediate::kS64: {
      i64 value = 0;
      if (!reader_.read_s64(value)) return false;
      out.value = static_cast<u64>(value);
      return true;
    }
    case Immediate::kF32: {
      u32 bits = 0;
      if (!reader_.read_fixed32(bits)) return false;
      out.value = bits;
      return true;
    }
    case Immediate::kF64: return reader_.read_fixed64(out.value);
    case Immediate::kHeapType: {
      HeapType heap = HeapType::kFunc;
      if (!types_.read_heap_type(heap)) return false;
      out.type = ValType::ref(heap, true);
      return true;
    }
    case Immediate::kBrOnCast: return read_br_on_cast(out);
    case Immediate::kV128: return reader_.read_fixed64(out.value) && reader_.read_fixed64(out.high);
    case Immediate::kShuffle:
      for (u8& lane : out.lanes) {
        if (!reader_.read_byte(lane)) return false;
      }
      return true;
    case Immediate::kLane: return reader_.read_byte(out.lanes[0]);
    case Immediate::kZeroByte: {
      const u32 offset = reader_.pos();
      u8 byte = 0;
      if (!reader_.read_byte(byte)) return false;
      return byte == 0 || reader_.fail(ErrorCode::kIllegalOpcode, offset, "zero byte expected");
    }
    case Immediate::kMemArgLane: return read_mem_arg(out) && reader_.read_byte(out.lanes[0]);
  }
  return true;
}

}  // namespace lunabeam::vm
