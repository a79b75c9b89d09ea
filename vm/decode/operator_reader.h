// Reads operators and their immediates, driven by the table of opcodes. Everything that makes an operator malformed is found
// here; what makes it invalid is the validator's business. Nothing is recursive: blocks are just operators.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "vm/decode/reader.h"
#include "vm/decode/types_decoder.h"
#include "vm/opcode.h"

namespace lunabeam::vm {

// One operator. Only the fields that its Immediate names are meaningful.
struct Operator {
  Opcode op;
  u32 pc;              // Byte offset of the operator in the module.
  u32 index = 0;       // First index: label, function, type, local, global, table, memory, data, element, tag.
  u32 index2 = 0;      // Second index, in encoding order; kTypeU32: the count.
  u64 value = 0;       // Constants as slots; kMemArg: the offset.
  u32 align_log2 = 0;  // kMemArg.
  u32 memory = 0;      // kMemArg.
  BlockType block;     // kBlock, kTryTable.
  ValType
      type;  // kSelectTypes: the type when there is exactly one; kHeapType: the nullable reference; kBrOnCast: source.
  ValType type2;               // kBrOnCast: target.
  u32 count = 0;               // kSelectTypes.
  u64 high = 0;                // kV128: upper half (value is the lower one).
  std::array<u8, 16> lanes{};  // kShuffle; kLane and kMemArgLane: lanes[0].
};

// One clause of a try_table.
struct CatchClause {
  u8 kind;  // 0 catch, 1 catch_ref, 2 catch_all, 3 catch_all_ref.
  u32 tag;
  u32 label;
};

class OperatorReader {
 public:
  // has_data_count: without it, operators that name a data segment are malformed.
  OperatorReader(Reader& reader, TypeReader& types, bool has_data_count)
      : reader_(reader), types_(types), has_data_count_(has_data_count) {}

  // Reads the next operator. False: malformed; the reader holds the error.
  [[nodiscard]] bool next(Operator& out);

  // Of the last br_table: its labels, the default one last.
  [[nodiscard]] std::span<const u32> labels() const { return labels_; }
  // Of the last try_table.
  [[nodiscard]] std::span<const CatchClause> catches() const { return catches_; }

 private:
  [[nodiscard]] bool read_opcode(u8 first, Operator& out);
  [[gnu::cold]] bool illegal_opcode(u8 first, u32 code, u32 offset, std::string_view why);
  [[nodiscard]] bool read_immediates(Immediate immediate, Operator& out);
  [[nodiscard]] bool read_mem_arg(Operator& out);
  [[nodiscard]] bool read_data_index(u32& index);
  [[nodiscard]] bool read_br_table();
  [[nodiscard]] bool read_catches();
  [[nodiscard]] bool read_select_types(Operator& out);
  [[nodiscard]] bool read_br_on_cast(Operator& out);

  Reader& reader_;
  TypeReader& types_;
  bool has_data_count_;
  std::vector<u32> labels_;
  std::vector<CatchClause> catches_;
};

// Opcode of a single byte, or kNoOpcode: read_opcode() knows those that are no part of 3.0.
inline constexpr u16 kNoOpcode = 0xFFFF;
inline constexpr auto kSingleByteOpcodes = [] {
  std::array<u16, 256> table{};
  table.fill(kNoOpcode);
  for (size_t i = 0; i < kOpcodeCount; ++i) {
    if (kOpcodes[i].prefix == 0 && is_standard(kOpcodes[i].feature)) table[kOpcodes[i].code] = static_cast<u16>(i);
  }
  return table;
}();

// Whether an immediate is one index, as that of a local is.
[[nodiscard]] constexpr bool is_one_index(Immediate immediate) {
  switch (immediate) {
    case Immediate::kTag:
    case Immediate::kLabel:
    case Immediate::kFunc:
    case Immediate::kType:
    case Immediate::kLocal:
    case Immediate::kGlobal:
    case Immediate::kTable:
    case Immediate::kMemory:
    case Immediate::kElem: return true;
    default: return false;
  }
}

// How the immediates of an opcode are read: one index is always kLocal.
inline constexpr auto kImmediates = [] {
  std::array<Immediate, kOpcodeCount> table{};
  for (size_t i = 0; i < kOpcodeCount; ++i) {
    table[i] = is_one_index(kOpcodes[i].immediate) ? Immediate::kLocal : kOpcodes[i].immediate;
  }
  return table;
}();

[[gnu::always_inline]] inline bool OperatorReader::next(Operator& out) {
  out.pc = reader_.pos();
  u8 first = 0;
  if (!reader_.read_byte(first)) return false;
  const u16 op = kSingleByteOpcodes[first];
  if (op == kNoOpcode) [[unlikely]] {
    if (!read_opcode(first, out)) return false;
  } else {
    out.op = static_cast<Opcode>(op);
  }
  const Immediate immediate = kImmediates[static_cast<size_t>(out.op)];
  // Those that most operators have, before the general switch.
  if (immediate == Immediate::kLocal) return reader_.read_u32(out.index);
  if (immediate == Immediate::kNone) return true;
  if (immediate == Immediate::kMemArg) return read_mem_arg(out);
  // Four comparisons in a row would become one jump through a table, which is predicted worse.
  auto rest = static_cast<u32>(immediate);
  asm("" : "+r"(rest));
  if (rest == static_cast<u32>(Immediate::kS32)) {
    i32 value = 0;
    if (!reader_.read_s32(value)) return false;
    out.value = static_cast<u32>(value);
    return true;
  }
  return read_immediates(immediate, out);
}

inline bool OperatorReader::read_mem_arg(Operator& out) {
  const u32 offset = reader_.pos();
  u32 flags = 0;
  if (!reader_.read_u32(flags)) return false;
  out.memory = 0;
  if (flags >= 0x40) [[unlikely]] {
    if (flags >= 0x80) return reader_.fail(ErrorCode::kMalformedMemopFlags, offset);
    flags &= 0x3F;
    if (!reader_.read_u32(out.memory)) return false;
  }
  out.align_log2 = flags;
  return reader_.read_u64(out.value);
}

}  // namespace lunabeam::vm
