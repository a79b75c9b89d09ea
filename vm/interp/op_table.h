// What every base operation id of ops.h means: the inverse of op_id(), branch_id() and fbranch_id(), computed from the same tables.
// Handlers, lengths, listing and fusion rules are derived from it; nothing is listed twice.
#pragma once

#include <array>

#include "vm/interp/ops.h"

namespace lunabeam::vm::interp {

enum class OpKind : u8 {
  kInvalid,      // Not an operation.
  kBinary,       // Integer binary and integer comparison for its value.
  kFloatBinary,  // Float binary and float comparison for its value.
  kBranch,       // Integer compare-branch.
  kFloatBranch,
  kUnary,
  kLoad,
  kStore,
  kAtomic,
  kVector,  // All families of vectors.
  kSpecial,
};

// Invariant 1: fields that do not apply to the kind are 0.
struct OpDesc {
  OpKind kind = OpKind::kInvalid;
  u8 form = 0;  // Form, UnaryForm, LoadForm, StoreForm, ShiftForm or AddressForm.
  Dest dest = Dest::kA;
  bool back = false;  // Branches: a back-edge.
  bool when = false;  // kFloatBranch: taken when the comparison yields this.
  u8 words = 0;       // Length; 0 = computed from the operands.
  u16 what = 0;       // Opcode, or Special for kSpecial.

  [[nodiscard]] constexpr Opcode opcode() const { return static_cast<Opcode>(what); }
  [[nodiscard]] constexpr Special special() const { return static_cast<Special>(what); }
};

namespace detail {

constexpr std::array<OpDesc, kFusedBase> describe_ops() {
  std::array<OpDesc, kFusedBase> all{};
  for (u16 i = 0; i < kOpcodeCount; ++i) {
    const auto op = static_cast<Opcode>(i);
    const u16 base = base_of(op);
    const auto put = [&](u32 at, OpKind kind, u8 form, Dest dest, bool back, bool when, u8 words) {
      all[base + at] =
          OpDesc{.kind = kind, .form = form, .dest = dest, .back = back, .when = when, .words = words, .what = i};
    };
    const OpFamily family = family_of(op);
    switch (family) {
      case OpFamily::kNone: break;
      case OpFamily::kIntBinary:
      case OpFamily::kIntCompare:
        for (u8 n = 0; n < 10; ++n) {
          put(n, OpKind::kBinary, n / 2, static_cast<Dest>(n % 2), false, false, 1);
          if (family == OpFamily::kIntCompare) put(10 + n, OpKind::kBranch, n / 2, Dest::kA, n % 2 != 0, true, 1);
        }
        break;
      case OpFamily::kFloatBinary:
      case OpFamily::kFloatCompare:
        for (u8 n = 0; n < 6; ++n) put(n, OpKind::kFloatBinary, n / 2, static_cast<Dest>(n % 2), false, false, 1);
        if (family == OpFamily::kFloatCompare) {
          for (u8 n = 0; n < 12; ++n) put(6 + n, OpKind::kFloatBranch, n / 4, Dest::kA, n % 2 != 0, n % 4 < 2, 1);
        }
        break;
      case OpFamily::kUnary:
        for (u8 n = 0; n < 4; ++n) put(n, OpKind::kUnary, n / 2, static_cast<Dest>(n % 2), false, false, 1);
        break;
      case OpFamily::kLoad:
        for (u8 n = 0; n < 4; ++n) put(n, OpKind::kLoad, n / 2, static_cast<Dest>(n % 2), false, false, 1);
        put(4, OpKind::kLoad, static_cast<u8>(LoadForm::kX), Dest::kS, false, false, 2);
        for (u8 n = 5; n < 9; ++n) {
          put(n, OpKind::kLoad, (n + 1) / 2, static_cast<Dest>((n + 1) % 2), false, false, 1);
        }
        break;
      case OpFamily::kStore:
        for (u8 n = 0; n < 11; ++n) put(n, OpKind::kStore, n, Dest::kA, false, false, n == 5 ? 2 : 1);
        break;
      case OpFamily::kAtomic: put(0, OpKind::kAtomic, 0, Dest::kS, false, false, 3); break;
      case OpFamily::kVectorUnary:
      case OpFamily::kVectorBinary:
      case OpFamily::kVectorSplat: put(0, OpKind::kVector, 0, Dest::kS, false, false, 1); break;
      case OpFamily::kVectorTernary:
      case OpFamily::kVectorReplace: put(0, OpKind::kVector, 0, Dest::kS, false, false, 2); break;
      case OpFamily::kVectorShuffle:
      case OpFamily::kVectorLoadLane:
      case OpFamily::kVectorStoreLane: put(0, OpKind::kVector, 0, Dest::kS, false, false, 3); break;
      case OpFamily::kVectorShift:
        for (u8 n = 0; n < 2; ++n) put(n, OpKind::kVector, n, Dest::kS, false, false, 1);
        break;
      case OpFamily::kVectorTest:
      case OpFamily::kVectorExtract:
        for (u8 n = 0; n < 2; ++n) put(n, OpKind::kVector, 0, static_cast<Dest>(n), false, false, 1);
        break;
      case OpFamily::kVectorLoad:
      case OpFamily::kVectorStore:
        for (u8 n = 0; n < 3; ++n) put(n, OpKind::kVector, n, Dest::kS, false, false, n == 2 ? 2 : 1);
        break;
    }
  }
  for (u16 i = 0; i < static_cast<u16>(Special::kCount); ++i) {
    all[kSpecialBase + i] = OpDesc{.kind = OpKind::kSpecial, .words = kSpecialWords[i], .what = i};
  }
  return all;
}

}  // namespace detail

inline constexpr std::array<OpDesc, kFusedBase> kOps = detail::describe_ops();

static_assert(kOps[0].kind == OpKind::kInvalid);
static_assert(kOps[op_id(Opcode::i32_add, Form::kSI, Dest::kS)].form == static_cast<u8>(Form::kSI));
static_assert(kOps[op_id(Opcode::i32_load, LoadForm::kLA, Dest::kS)].form == static_cast<u8>(LoadForm::kLA));
static_assert(kOps[op_id(Opcode::i32_load, LoadForm::kLS, Dest::kA)].dest == Dest::kA);
static_assert(kOps[branch_id(Opcode::i64_lt_s, Form::kSA, true)].back);
static_assert(!kOps[fbranch_id(Opcode::f64_lt, Form::kAS, false, true)].when);

}  // namespace lunabeam::vm::interp
