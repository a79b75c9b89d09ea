// The interpreter's instruction set (engine.md 4.0): register code with two accumulators. Shared by translator, handlers, fusion,
// listing and tests; every number here is computed from opcodes.def and special_ops.def.
//
// Operands
//   S  a slot: operand = word relative to fp (vm/frame.h)          A  the accumulator: acc for integers and references, facc
//   I  imm16, sign-extended to the operation's width                  for floats
// Integer values in slots and acc: an i32 is zero-extended to 64 bits. Floats in slots: bits, f32 zero-extended; in facc: an f64,
// or an f32 in the low half of the register.
//
// Every value-producing row leaves its result in acc (facc for floats): its A-destination form. Its S-destination form, whose id is
// one higher, also stores it to slot d. Field d exists at the same place in both forms, and the translator fills it in both with
// the value's canonical temporary, so that a producer can be patched from A to S (`op + 1`) when its value must outlive the
// accumulator, and redirected to a local. The other accumulator is untouched by every row.
//
// acc and facc are EMPTY (may hold anything) at every label, loop header, call entry, tick, growth and resume; they stay live across
// the fall-through of a conditional branch, over moves, constants, stores and everything that produces in the other class.
// After a call the result is in d and in acc/facc.
//
// Fields, dense, in word 0 (S forms of sources first, then immediates, then d):
//   binary   SS: a b d    AS: b d (a = acc)    SA: a d (b = acc)    SI: a imm16 d    AI: imm16 d (a = acc)
//   unary    S: a d       A: d
//   load     S: a off16 d    A: off16 d (address in acc)    X: a d memory | u64 offset          off16 unsigned
//            LS, LA: as S and A, for addresses of 64 bits
//   store    SS: a off16 v   AS: off16 v (address in acc)   SA: a off16 (value in acc/facc)   AF: off16 (address acc, value facc)
//            SI: a off16 imm16 (integers)    X: a v memory | u64 offset
//            LSS, LAS, LSA, LAF, LSI: as those without L, for addresses of 64 bits
//   atomic   a b c | u64 offset | memory . . d       a address, b and c the other operands; result in d and acc, stores have none
//   compare-branch (also back)   SS: a b off16    AS: b off16    SA: a off16    SI: a imm16 off16    AI: imm16 off16
//   vectors (a v128 is two consecutive slots, named by the first; results never pass through an accumulator)
//            S: a d    SS: a b d    SSS: a b d | c    shift by S: a n d    by I: a imm16 d    splat: a d    to a number: a d
//            extract: a lane d    replace: a n d | lane    shuffle: a b d | 16 bytes
//            load S: a off16 d    A: off16 d (address in acc)    X: a d memory | u64 offset    store S: a off16 v    A: off16 v
//            X: a v memory | u64 offset    lane: a v d | u64 offset | u32 memory lane
//   off16 of a branch: signed, in words, relative to the operation. Functions whose branches do not fit are translated in wide mode:
//   no compare-branches, only 32-bit branches.
// An address is 32 bits (zero-extended in its slot) or 64 bits, as the type of its memory says; effective address = address + offset,
// which does not wrap, bounds-checked explicitly. The X forms and atomics take both; the others are for memory 0.
#pragma once

#include <array>
#include <string_view>

#include "vm/base/ints.h"
#include "vm/opcode.h"

namespace lunabeam::vm::interp {

enum class OpFamily : u8 {
  kNone,          // Not executed as a row: control, calls, variables, ... (special_ops.def).
  kIntBinary,     // ii:i II:I, also shifts, division
  kIntCompare,    // ii:i II:i with a comparison mnemonic
  kFloatBinary,   // ff:f FF:F
  kFloatCompare,  // ff:i FF:i
  kUnary,         // one number to another, any classes
  kLoad,
  kStore,
  kAtomic,  // Loads, stores, read-modify-write, wait and notify.
  // Vectors, by what they take and give. ORDER: kVectorUnary is the first of them, and those that access memory are the last.
  kVectorUnary,    // v:v
  kVectorBinary,   // vv:v
  kVectorTernary,  // vvv:v
  kVectorShift,    // vi:v
  kVectorSplat,    // a number to v
  kVectorTest,     // v:i
  kVectorExtract,  // a lane to a number
  kVectorReplace,  // a number into a lane
  kVectorShuffle,
  kVectorLoad,       // a:v
  kVectorStore,      // av:
  kVectorLoadLane,   // av:v
  kVectorStoreLane,  // av:, one lane
};
[[nodiscard]] constexpr bool is_vector(OpFamily family) { return family >= OpFamily::kVectorUnary; }

// ORDER: the order of forms is their numbering inside a family.
enum class Form : u8 { kSS, kAS, kSA, kSI, kAI };
enum class UnaryForm : u8 { kS, kA };
enum class LoadForm : u8 { kS, kA, kX, kLS, kLA };  // kX has the S destination only.
enum class StoreForm : u8 { kSS, kAS, kSA, kAF, kSI, kX, kLSS, kLAS, kLSA, kLAF, kLSI };
enum class ShiftForm : u8 { kS, kI };        // Where a vector shift's count is.
enum class AddressForm : u8 { kS, kA, kX };  // Where a vector access's address is.
enum class Dest : u8 { kA, kS };

namespace detail {

constexpr bool is_number(char c) { return c == 'i' || c == 'I' || c == 'f' || c == 'F'; }
constexpr bool is_int(char c) { return c == 'i' || c == 'I'; }

constexpr OpFamily vector_family(const OpcodeInfo& op) {
  const std::string_view sig = op.signature;
  switch (op.immediate) {
    case Immediate::kMemArg: return sig == "a:v" ? OpFamily::kVectorLoad : OpFamily::kVectorStore;
    case Immediate::kMemArgLane: return sig == "av:v" ? OpFamily::kVectorLoadLane : OpFamily::kVectorStoreLane;
    case Immediate::kLane: return sig.size() == 3 ? OpFamily::kVectorExtract : OpFamily::kVectorReplace;
    case Immediate::kShuffle: return OpFamily::kVectorShuffle;
    case Immediate::kNone: break;
    default: return OpFamily::kNone;  // v128.const: special_ops.def.
  }
  if (sig == "v:v") return OpFamily::kVectorUnary;
  if (sig == "vv:v") return OpFamily::kVectorBinary;
  if (sig == "vvv:v") return OpFamily::kVectorTernary;
  if (sig == "vi:v") return OpFamily::kVectorShift;
  return sig[0] == 'v' ? OpFamily::kVectorTest : OpFamily::kVectorSplat;
}

constexpr OpFamily family(const OpcodeInfo& op) {
  const std::string_view sig = op.signature;
  if (op.prefix == 0xFD) return vector_family(op);
  if (op.width_log2 >= 0) {
    if (op.prefix == kAtomicPrefix) return OpFamily::kAtomic;
    if (op.prefix != 0) return OpFamily::kNone;
    return op.text.find(".load") != std::string_view::npos ? OpFamily::kLoad : OpFamily::kStore;
  }
  if (op.immediate != Immediate::kNone) return OpFamily::kNone;
  if (sig.size() == 3 && is_number(sig[0]) && is_number(sig[2])) return OpFamily::kUnary;
  if (sig.size() == 4 && is_number(sig[0]) && sig[0] == sig[1] && is_number(sig[3])) {
    const std::string_view name = op.text.substr(4);
    const bool compares = name.starts_with("eq") || name.starts_with("ne") || name.starts_with("lt") ||
                          name.starts_with("gt") || name.starts_with("le") || name.starts_with("ge");
    if (is_int(sig[0])) return compares ? OpFamily::kIntCompare : OpFamily::kIntBinary;
    return compares ? OpFamily::kFloatCompare : OpFamily::kFloatBinary;
  }
  return OpFamily::kNone;
}

constexpr u32 ids_of(OpFamily f) {
  switch (f) {
    case OpFamily::kNone: return 0;
    case OpFamily::kIntBinary: return 5 * 2;
    case OpFamily::kIntCompare: return 5 * 2 + 5 * 2;  // values; branches forward, back
    case OpFamily::kFloatBinary: return 3 * 2;
    case OpFamily::kFloatCompare: return 3 * 2 + 3 * 2 * 2;  // values; branches x {if true, if false} x {forward, back}
    case OpFamily::kUnary: return 2 * 2;
    case OpFamily::kLoad: return 2 * 2 + 1 + 2 * 2;
    case OpFamily::kStore: return 11;
    case OpFamily::kAtomic: return 1;
    case OpFamily::kVectorShift:
    case OpFamily::kVectorTest:
    case OpFamily::kVectorExtract: return 2;
    case OpFamily::kVectorLoad:
    case OpFamily::kVectorStore: return 3;
    case OpFamily::kVectorUnary:
    case OpFamily::kVectorBinary:
    case OpFamily::kVectorTernary:
    case OpFamily::kVectorSplat:
    case OpFamily::kVectorReplace:
    case OpFamily::kVectorShuffle:
    case OpFamily::kVectorLoadLane:
    case OpFamily::kVectorStoreLane: return 1;
  }
  return 0;
}

struct Bases {
  std::array<u16, kOpcodeCount> base{};
  u16 end = 0;
};

constexpr Bases compute_bases() {
  Bases b;
  u32 next = 1;  // 0 is never a valid operation: a jump into data words is caught in debug builds.
  for (size_t i = 0; i < kOpcodeCount; ++i) {
    b.base[i] = static_cast<u16>(next);
    next += ids_of(family(kOpcodes[i]));
  }
  b.end = static_cast<u16>(next);
  return b;
}

inline constexpr Bases kBases = compute_bases();

}  // namespace detail

[[nodiscard]] constexpr OpFamily family_of(Opcode op) { return detail::family(info(op)); }
[[nodiscard]] constexpr u16 base_of(Opcode op) { return detail::kBases.base[static_cast<size_t>(op)]; }

// Operations outside the families.
enum class Special : u16 {
#define VM_SPECIAL_OP(id, words, layout) id,
#include "vm/interp/special_ops.def"
  kCount,
};
inline constexpr u16 kSpecialBase = detail::kBases.end;
// First id of the fused operations (fusion.h); below are the base operations.
inline constexpr u16 kFusedBase = kSpecialBase + static_cast<u16>(Special::kCount);

[[nodiscard]] constexpr u16 op_id(Special s) { return static_cast<u16>(kSpecialBase + static_cast<u16>(s)); }

// kIntBinary, kIntCompare (all forms); kFloatBinary, kFloatCompare (kSS, kAS, kSA).
[[nodiscard]] constexpr u16 op_id(Opcode op, Form form, Dest dest) {
  return static_cast<u16>(base_of(op) + static_cast<u16>(form) * 2 + static_cast<u16>(dest));
}
[[nodiscard]] constexpr u16 op_id(Opcode op, UnaryForm form, Dest dest) {
  return static_cast<u16>(base_of(op) + static_cast<u16>(form) * 2 + static_cast<u16>(dest));
}
[[nodiscard]] constexpr u16 op_id(Opcode op, LoadForm form, Dest dest) {
  if (form == LoadForm::kX) return static_cast<u16>(base_of(op) + 4);
  const bool is_long = form > LoadForm::kX;
  return static_cast<u16>(base_of(op) + static_cast<u16>(form) * 2 + static_cast<u16>(dest) - (is_long ? 1 : 0));
}
[[nodiscard]] constexpr u16 op_id(Opcode op, StoreForm form) {
  return static_cast<u16>(base_of(op) + static_cast<u16>(form));
}
// The vector families: those of one id, shifts, rows that give a number, loads and stores.
[[nodiscard]] constexpr u16 op_id(Opcode op) { return base_of(op); }
[[nodiscard]] constexpr u16 op_id(Opcode op, ShiftForm form) {
  return static_cast<u16>(base_of(op) + static_cast<u16>(form));
}
[[nodiscard]] constexpr u16 op_id(Opcode op, Dest dest) {
  return static_cast<u16>(base_of(op) + static_cast<u16>(dest));
}
[[nodiscard]] constexpr u16 op_id(Opcode op, AddressForm form) {
  return static_cast<u16>(base_of(op) + static_cast<u16>(form));
}
// The form of the same operands for an address of 64 bits. REQUIRES: the form is for one of 32 bits.
[[nodiscard]] constexpr LoadForm long_form(LoadForm form) {
  return static_cast<LoadForm>(static_cast<u8>(form) + static_cast<u8>(LoadForm::kLS));
}
[[nodiscard]] constexpr StoreForm long_form(StoreForm form) {
  return static_cast<StoreForm>(static_cast<u8>(form) + static_cast<u8>(StoreForm::kLSS));
}
static_assert(long_form(LoadForm::kA) == LoadForm::kLA && long_form(StoreForm::kSI) == StoreForm::kLSI);
// kAtomic.
[[nodiscard]] constexpr u16 atomic_id(Opcode op) { return base_of(op); }
// Compare-branch of an integer comparison. The branch on the opposite outcome is the one of the opposite comparison.
[[nodiscard]] constexpr u16 branch_id(Opcode op, Form form, bool back) {
  return static_cast<u16>(base_of(op) + 10 + static_cast<u16>(form) * 2 + (back ? 1 : 0));
}
// Compare-branch of a float comparison, taken when the comparison yields `when`.
[[nodiscard]] constexpr u16 fbranch_id(Opcode op, Form form, bool when, bool back) {
  return static_cast<u16>(base_of(op) + 6 + static_cast<u16>(form) * 4 + (when ? 0 : 2) + (back ? 1 : 0));
}

// The opposite integer comparison (i32.lt_s <-> i32.ge_s), and the one with swapped operands (lt_s <-> gt_s).
// REQUIRES family_of(op) == kIntCompare.
[[nodiscard]] constexpr Opcode negated(Opcode op) {
  // ORDER: opcodes.def lists eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u for both widths.
  const int first = static_cast<int>(op <= Opcode::i32_ge_u ? Opcode::i32_eq : Opcode::i64_eq);
  constexpr int kNegated[] = {1, 0, 8, 9, 6, 7, 4, 5, 2, 3};
  return static_cast<Opcode>(first + kNegated[static_cast<int>(op) - first]);
}
[[nodiscard]] constexpr Opcode swapped(Opcode op) {
  const int first = static_cast<int>(op <= Opcode::i32_ge_u ? Opcode::i32_eq : Opcode::i64_eq);
  constexpr int kSwapped[] = {0, 1, 4, 5, 2, 3, 8, 9, 6, 7};
  return static_cast<Opcode>(first + kSwapped[static_cast<int>(op) - first]);
}
static_assert(negated(Opcode::i32_lt_s) == Opcode::i32_ge_s && negated(Opcode::i64_gt_u) == Opcode::i64_le_u);
static_assert(swapped(Opcode::i32_lt_u) == Opcode::i32_gt_u && swapped(Opcode::i64_le_s) == Opcode::i64_ge_s);

// Length in words of special operations with a fixed length, 0 for computed ones.
inline constexpr std::array<u8, static_cast<size_t>(Special::kCount)> kSpecialWords = {
#define VM_SPECIAL_OP(id, words, layout) words,
#include "vm/interp/special_ops.def"
};
inline constexpr std::array<std::string_view, static_cast<size_t>(Special::kCount)> kSpecialNames = {
#define VM_SPECIAL_OP(id, words, layout) #id,
#include "vm/interp/special_ops.def"
};

// Words that hold n packed u16 operands followed by `tail` u16 fields that end the last word (0 for none).
[[nodiscard]] constexpr u32 packed_words(u32 n, u32 tail) { return (n + tail + 3) / 4; }
// Length of a struct_new of `pairs` pairs.
[[nodiscard]] constexpr u32 struct_new_words(u32 pairs) { return 2 + (pairs + 1) / 2; }

}  // namespace lunabeam::vm::interp
