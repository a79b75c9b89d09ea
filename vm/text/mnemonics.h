// Mnemonics to opcodes: a hash table built at compile time from vm/opcodes.def.
#pragma once

#include <array>
#include <cstring>
#include <string_view>

#include "vm/opcode.h"

namespace lunabeam::vm::text {

// Encoding of an opcode and the kind of its immediates, packed: readers touch 6 bytes per operator instead of a whole OpcodeInfo.
struct OpcodeEncoding {
  u16 code;
  u8 prefix;
  Immediate immediate;
  u8 align_log2;  // Natural alignment; 0 for all that touch no memory.
};

inline constexpr auto kOpcodeEncodings = [] {
  std::array<OpcodeEncoding, kOpcodeCount> table{};
  for (size_t i = 0; i < kOpcodeCount; ++i) {
    const OpcodeInfo& row = kOpcodes[i];
    table[i] = {row.code, row.prefix, row.immediate, static_cast<u8>(row.width_log2 > 0 ? row.width_log2 : 0)};
  }
  return table;
}();

namespace mnemonics {

constexpr u64 load(const char* from, size_t count) {
  u64 word = 0;
  if consteval {
    for (size_t i = 0; i < count; ++i) word |= u64{static_cast<u8>(from[i])} << (8 * i);
  } else {
    std::memcpy(&word, from, count);
  }
  return word;
}

// The first, the middle and the last eight characters and the length tell nearly all mnemonics apart. Not seeded: the keys are
// ours, and a look-up ends after kMaxProbes whatever is asked.
constexpr u32 hash(std::string_view text) {
  const size_t size = text.size();
  const char* data = text.data();
  u64 mixed = size;
  if (size >= 8) {
    mixed ^= load(data, 8) * 0x9E3779B97F4A7C15;
    mixed ^= load(data + size - 8, 8) * 0xC2B2AE3D27D4EB4F;
    mixed ^= load(data + (size - 8) / 2, 8) * 0x165667B19E3779F9;
  } else if (size >= 4) {
    mixed ^= (load(data, 4) | load(data + size - 4, 4) << 32) * 0x9E3779B97F4A7C15;
  } else {
    for (const char character : text) mixed = (mixed ^ static_cast<u8>(character)) * 0x9E3779B97F4A7C15;
  }
  mixed ^= mixed >> 29;
  return static_cast<u32>((mixed * 0xBF58476D1CE4E5B9) >> 32);
}

inline constexpr u32 kSlotCount = 4096;
inline constexpr u16 kEmpty = 0xFFFF;

struct Slot {
  u16 opcode = kEmpty;
  u16 tag = 0;  // Upper half of the hash.
};

struct Table {
  std::array<Slot, kSlotCount> slots{};
  u32 max_probes = 0;
};

inline constexpr Table kTable = [] {
  Table table;
  for (size_t i = 0; i < kOpcodeCount; ++i) {
    const u32 wanted = hash(kOpcodes[i].text);
    u32 probes = 1;
    for (u32 at = wanted % kSlotCount;; at = (at + 1) % kSlotCount, ++probes) {
      Slot& slot = table.slots[at];
      if (slot.opcode == kEmpty) {
        slot = {static_cast<u16>(i), static_cast<u16>(wanted >> 16)};
        break;
      }
      if (kOpcodes[slot.opcode].text == kOpcodes[i].text)
        break;  // The first of several rows of one mnemonic stands for them.
    }
    table.max_probes = table.max_probes < probes ? probes : table.max_probes;
  }
  return table;
}();

static_assert(kOpcodeCount * 4 < kSlotCount);
static_assert(kTable.max_probes <= 8);

}  // namespace mnemonics

// The first row whose mnemonic is `text`. False: there is none.
[[nodiscard]] inline bool find_mnemonic(std::string_view text, Opcode& op) {
  const u32 wanted = mnemonics::hash(text);
  for (u32 at = wanted % mnemonics::kSlotCount;; at = (at + 1) % mnemonics::kSlotCount) {
    const mnemonics::Slot slot = mnemonics::kTable.slots[at];
    if (slot.opcode == mnemonics::kEmpty) return false;
    if (slot.tag == static_cast<u16>(wanted >> 16) && kOpcodes[slot.opcode].text == text) {
      op = static_cast<Opcode>(slot.opcode);
      return true;
    }
  }
}

}  // namespace lunabeam::vm::text
