// Statements of ProgramGenerator on numbers, vectors, memories and tables.
#include "tests/support/program_generator.h"

namespace lunabeam::tests {
namespace {

constexpr u8 kVectorPrefix = 0xFD;

const vm::OpcodeInfo& row_of(u32 code) {
  for (const vm::OpcodeInfo& row : vm::kOpcodes) {
    if (row.prefix == 0 && row.code == code) return row;
  }
  return vm::kOpcodes[0];
}

u32 saturating(u32 code) { return code < 0xAC ? code - 0xA8 : code - 0xAE + 4; }

// Its result may be a NaN of any bits, lane by lane.
bool makes_float_lanes(const vm::OpcodeInfo& row) {
  if (row.results() != "v") return false;
  if (!row.text.starts_with("f32x4.") && !row.text.starts_with("f64x2.")) return false;
  for (const std::string_view comparison : {".eq", ".ne", ".lt", ".gt", ".le", ".ge"}) {
    if (row.text.ends_with(comparison)) return false;
  }
  return true;
}

}  // namespace

bool ProgramGenerator::may_use(const vm::OpcodeInfo& row) const {
  if (row.is_special() || row.width_log2 >= 0) return false;
  if (row.params().empty() || row.results().size() != 1) return false;
  if (row.text.find("copysign") != std::string_view::npos) return false;
  if (options_.vectors && row.prefix == kVectorPrefix) {
    return row.immediate == vm::Immediate::kNone || row.immediate == vm::Immediate::kLane ||
           row.immediate == vm::Immediate::kShuffle;
  }
  return row.immediate == vm::Immediate::kNone && row.prefix != kVectorPrefix &&
         row.signature.find('v') == std::string_view::npos;
}

bool ProgramGenerator::numeric() {
  for (;;) {
    const vm::OpcodeInfo& row = vm::info(static_cast<vm::Opcode>(random_.below(vm::kOpcodeCount)));
    if (!may_use(row)) continue;
    // There are more of them than of all others.
    if (row.prefix == kVectorPrefix && random_.chance(60)) continue;
    need(row.params());
    if (row.text.find("reinterpret_f") != std::string_view::npos) canonical(row.params()[0]);
    // Division by zero would end most programs early.
    if (row.traps.find('z') != std::string_view::npos && random_.chance(90)) {
      append(code_, row.params()[0] == 'i' ? i32_const(1) : i64_const(1));
      put({static_cast<u8>(row.params()[0] == 'i' ? 0x72 : 0x84)});
    }
    pop(row.params().size());
    if (row.prefix == 0 && row.traps.find('c') != std::string_view::npos && random_.chance(95)) {
      // ... as would a conversion: the saturating rows do the same without a trap.
      put({0xFC, static_cast<u8>(saturating(row.code))});
    } else {
      put_row(row);
    }
    stack_ += row.results();
    return true;
  }
}

void ProgramGenerator::put_row(const vm::OpcodeInfo& row) {
  if (row.prefix != 0) {
    put(row.prefix, row.code);
  } else {
    put({static_cast<u8>(row.code)});
  }
  if (row.immediate == vm::Immediate::kLane || row.immediate == vm::Immediate::kMemArgLane) {
    // Behind a memarg, which is written by its user.
    if (row.immediate == vm::Immediate::kLane) put({static_cast<u8>(random_.below(lane_count(row)))});
  } else if (row.immediate == vm::Immediate::kShuffle) {
    for (u32 i = 0; i < 16; ++i) put({static_cast<u8>(random_.below(32))});
  }
  if (makes_float_lanes(row)) canonical_lanes(row.text.starts_with("f32x4."));
}

bool ProgramGenerator::load() {
  need("i");
  mask(0x1FFF);
  const u32 code = 0x28 + random_.below(14);
  pop(1);
  put({static_cast<u8>(code), 0});
  append(code_, leb(random_.chance(80) ? random_.below(64) : random_.below(120'000)));
  stack_ += row_of(code).results();
  return true;
}

bool ProgramGenerator::store() {
  need("i");
  mask(0x1FFF);
  const u32 code = 0x36 + random_.below(9);
  const char type = row_of(code).params()[1];
  if (random_.chance(70)) {
    push(type);
  } else {
    push(type);
    if (type == 'i') {
      push('i');
      put({0x6A});
      pop(1);
    }
  }
  canonical(type);
  pop(2);
  put({static_cast<u8>(code), 0});
  append(code_, leb(random_.chance(80) ? random_.below(64) : random_.below(120'000)));
  return true;
}

bool ProgramGenerator::access() {
  for (;;) {
    const vm::OpcodeInfo& row = vm::info(static_cast<vm::Opcode>(random_.below(vm::kOpcodeCount)));
    if (row.immediate != vm::Immediate::kMemArg && row.immediate != vm::Immediate::kMemArgLane) continue;
    const bool is_vector = row.prefix == kVectorPrefix;
    const bool is_atomic = row.prefix == vm::kAtomicPrefix;
    if ((is_vector && !options_.vectors) || (is_atomic && !options_.wide_memory)) continue;
    if (row.text.find(".wait") != std::string_view::npos) continue;  // Nobody would end it.
    if (is_atomic && random_.chance(60)) continue;
    const u32 memory = options_.wide_memory ? random_.below(2) : 0;
    const char address = memory == 0 ? 'i' : 'I';
    need(std::string_view(&address, 1));
    mask(is_atomic ? 0x1FF8 : 0x1FFF, address);
    for (const char type : row.params().substr(1)) {
      push(type);
      canonical(type);
    }
    pop(row.params().size());
    put_row(row);
    put_memarg(row, memory);
    stack_ += row.results();
    return true;
  }
}

void ProgramGenerator::put_memarg(const vm::OpcodeInfo& row, u32 memory) {
  const bool is_atomic = row.prefix == vm::kAtomicPrefix;
  const auto natural = static_cast<u32>(row.width_log2);
  const u32 alignment = is_atomic ? natural : random_.below(natural + 1);
  if (memory == 0) {
    append(code_, leb(alignment));
  } else {
    append(code_, seq({leb(alignment | 0x40), leb(memory)}));
  }
  u64 offset = random_.chance(80) ? random_.below(64) : random_.below(120'000);
  if (memory != 0 && random_.chance(3)) offset = random_.next() >> random_.below(64);
  append(code_, leb(is_atomic && !random_.chance(3) ? offset & ~u64{7} : offset));
  if (row.immediate == vm::Immediate::kMemArgLane) put({static_cast<u8>(random_.below(lane_count(row)))});
}

void ProgramGenerator::small_operands(u32 n, i32 bits) {
  for (u32 i = 0; i < n; ++i) {
    push('i');
    mask(bits);
  }
}

bool ProgramGenerator::bulk() {
  switch (random_.below(6)) {
    case 0:
      put({0x3F, 0});
      stack_ += 'i';
      return true;
    case 1:
      append(code_, i32_const(static_cast<i32>(random_.below(2))));
      put({0x40, 0});
      stack_ += 'i';
      return true;
    case 2:
      small_operands(3, 0x7FF);
      put({0xFC, 11, 0});
      break;
    case 3:
      small_operands(3, 0x7FF);
      put({0xFC, 10, 0, 0});
      break;
    case 4:
      small_operands(3, 15);
      put({0xFC, 8, 0, 0});
      break;
    default: put({0xFC, 9, 0}); return true;
  }
  pop(3);
  return true;
}

bool ProgramGenerator::wide_bulk() {
  const auto small = [&](char type, i32 bits) {
    push(type);
    mask(bits, type);
  };
  switch (random_.below(5)) {
    case 0:
      put({0x3F, 1});
      stack_ += 'I';
      return true;
    case 1:
      append(code_, i64_const(random_.below(2)));
      put({0x40, 1});
      stack_ += 'I';
      return true;
    case 2:
      small('I', 0x7FF);
      small('i', 0xFF);
      small('I', 0x7FF);
      put({0xFC, 11, 1});
      break;
    case 3: {
      // The size has the smaller of the address types.
      const bool to_wide = random_.chance(50);
      small(to_wide ? 'I' : 'i', 0x7FF);
      small(to_wide ? 'i' : 'I', 0x7FF);
      small('i', 0x7FF);
      put({0xFC, 10, static_cast<u8>(to_wide ? 1 : 0), static_cast<u8>(to_wide ? 0 : 1)});
      break;
    }
    default:
      small('I', 15);
      small('i', 15);
      small('i', 15);
      put({0xFC, 8, 0, 1});
  }
  pop(3);
  return true;
}

bool ProgramGenerator::table() {
  const u32 index = options_.objects ? 1 + random_.below(2) : 1;
  const char type = index == 1 ? 'r' : 'a';
  const u8 table = static_cast<u8>(index);
  switch (random_.below(options_.objects ? 7 : 5)) {
    case 0:
      small_operands(1, 7);
      pop(1);
      put({0x25, table});
      stack_ += type;
      return true;
    case 1:
      small_operands(1, 7);
      push(type);
      put({0x26, table});
      pop(2);
      return true;
    case 2:
      put({0xFC, 16, table});
      stack_ += 'i';
      return true;
    case 3:
      small_operands(1, 3);
      push(type);
      small_operands(1, 3);
      put({0xFC, 17, table});
      pop(3);
      return true;
    case 5:
      push(type);
      small_operands(1, 3);
      pop(2);
      put({0xFC, 15, table});
      stack_ += 'i';
      return true;
    case 6:
      small_operands(3, 3);
      put({0xFC, 14, table, table});
      pop(3);
      return true;
    default:
      need("r");
      pop(1);
      put({0xD1});
      stack_ += 'i';
      return true;
  }
}

}  // namespace lunabeam::tests
