// Enumerations and constant tables derived from opcodes.def.
#pragma once

#include <array>
#include <string_view>

#include "vm/base/ints.h"
#include "vm/feature.h"

namespace lunabeam::vm {

// What follows the opcode in the binary format, in encoding order (fact sheet, section 5).
enum class Immediate : u8 {
  kNone,
  kBlock,
  kTag,
  kLabel,
  kBrTable,
  kFunc,
  kCallIndirect,
  kType,
  kSelectTypes,
  kTryTable,
  kLocal,
  kGlobal,
  kTable,
  kMemArg,
  kMemory,
  kS32,
  kS64,
  kF32,
  kF64,
  kHeapType,
  kTypeField,
  kTypeU32,
  kTypeData,
  kTypeElem,
  kTypeType,
  kBrOnCast,
  kDataMemory,
  kData,
  kMemoryMemory,
  kElemTable,
  kElem,
  kTableTable,
  kV128,
  kShuffle,
  kLane,
  kMemArgLane,
  kZeroByte,
};

enum class Opcode : u16 {
#define VM_OPCODE(id, text, prefix, code, imm, sig, width, feature, traps, const_expr) id,
#include "vm/opcodes.def"
};

struct OpcodeInfo {
  std::string_view text;
  u8 prefix;
  u16 code;
  Immediate immediate;
  std::string_view signature;
  i8 width_log2;
  Feature feature;
  std::string_view traps;
  bool is_const_expr;

  // Typed by its own rule in the validator.
  [[nodiscard]] constexpr bool is_special() const { return signature == "*"; }
  [[nodiscard]] constexpr std::string_view params() const { return signature.substr(0, signature.find(':')); }
  [[nodiscard]] constexpr std::string_view results() const { return signature.substr(signature.find(':') + 1); }
};

inline constexpr std::array kOpcodes = {
#define VM_OPCODE(id, text, prefix, code, imm, sig, width, feature, traps, const_expr) \
  OpcodeInfo{text, prefix, code, Immediate::imm, sig, width, Feature::feature, traps, const_expr != 0},
#include "vm/opcodes.def"
};

// Lanes of the shape that the row has a lane index for. REQUIRES: immediate is kLane or kMemArgLane.
[[nodiscard]] constexpr u32 lane_count(const OpcodeInfo& op) {
  if (op.immediate == Immediate::kMemArgLane) return 16u >> op.width_log2;
  // "i8x16.", "f32x4.", ...
  return op.text.starts_with("i8x16") ? 16 : static_cast<u32>(op.text[4] - '0');
}
// Of the operators on memory that are atomic.
inline constexpr u8 kAtomicPrefix = 0xFE;

inline constexpr size_t kOpcodeCount = kOpcodes.size();

[[nodiscard]] constexpr const OpcodeInfo& info(Opcode op) { return kOpcodes[static_cast<size_t>(op)]; }

}  // namespace lunabeam::vm
