// Vector rows: families of ops.h, from VectorSem<Opcode>. Included in one source file per dispatch and instruction set; the handlers and
// semantics of each have a namespace of their own (VM_VECTOR_NAMESPACE), because the linker keeps one function of a name.
#pragma once

#include "vm/interp/parts_memory.h"
#include "vm/interp/vector_semantics.h"

namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE::VM_VECTOR_NAMESPACE {

template <Opcode Op>
using VectorSem = interp::VM_VECTOR_NAMESPACE::VectorSem<Op>;

VM_ALWAYS_INLINE V128 read_vector(const u64* fp, u32 operand) {
  V128 value;
  std::memcpy(&value, fp + operand, sizeof value);
  return value;
}
VM_ALWAYS_INLINE void write_vector(u64* fp, u32 operand, V128 value) {
  std::memcpy(fp + operand, &value, sizeof value);
}
VM_ALWAYS_INLINE const u8* bytes_of(const u64* fp, u32 operand) { return reinterpret_cast<const u8*>(fp + operand); }

// Where the access at ip reads or writes. False: out of bounds.
template <u32 Bytes, AddressForm F>
VM_ALWAYS_INLINE bool vector_address(const Regs& r, u8*& at) {
  const Insn& insn = *r.ip;
  if constexpr (F == AddressForm::kX) return in_bounds<Bytes>(r, insn.f[2], r.fp[insn.f[0]], whole_u64(r.ip[1]), at);
  if constexpr (F == AddressForm::kS) return in_bounds<Bytes>(r, read_slot<u32>(r.fp, insn.f[0]), insn.f[1], at);
  return in_bounds<Bytes>(r, r.acc, insn.f[0], at);
}

// The vector of an access: source of a store, destination of a load.
constexpr u32 vector_field(AddressForm form) { return form == AddressForm::kS ? 2 : 1; }

template <u16 Id>
VM_ALWAYS_INLINE Handler exec_vector(Regs& r) {
  constexpr OpDesc kOp = kOps[Id];
  constexpr Opcode kOpcode = kOp.opcode();
  constexpr OpFamily kFamily = family_of(kOpcode);
  [[maybe_unused]] constexpr auto kForm = static_cast<AddressForm>(kOp.form);
  [[maybe_unused]] constexpr u32 kBytes = info(kOpcode).width_log2 < 0 ? 0 : 1u << info(kOpcode).width_log2;
  [[maybe_unused]] constexpr auto kFunction = VectorSem<kOpcode>::kFunction;
  const Insn* const ip = r.ip;
  const Insn& insn = *ip;
  u64* const fp = r.fp;
  if constexpr (kFamily == OpFamily::kVectorUnary) {
    write_vector(fp, insn.f[1], kFunction(read_vector(fp, insn.f[0])));
  } else if constexpr (kFamily == OpFamily::kVectorBinary) {
    write_vector(fp, insn.f[2], kFunction(read_vector(fp, insn.f[0]), read_vector(fp, insn.f[1])));
  } else if constexpr (kFamily == OpFamily::kVectorTernary) {
    write_vector(fp, insn.f[2],
                 kFunction(read_vector(fp, insn.f[0]), read_vector(fp, insn.f[1]), read_vector(fp, packed(ip + 1)[0])));
  } else if constexpr (kFamily == OpFamily::kVectorShift) {
    constexpr bool kImmediate = static_cast<ShiftForm>(kOp.form) == ShiftForm::kI;
    const u32 count = kImmediate ? insn.f[1] : read_slot<u32>(fp, insn.f[1]);
    write_vector(fp, insn.f[2], kFunction(read_vector(fp, insn.f[0]), count));
  } else if constexpr (kFamily == OpFamily::kVectorSplat) {
    using Number = typename VectorSem<kOpcode>::template Operand<0>;
    write_vector(fp, insn.f[1], kFunction(read_slot<Number>(fp, insn.f[0])));
  } else if constexpr (kFamily == OpFamily::kVectorTest) {
    const u32 value = kFunction(read_vector(fp, insn.f[0]));
    if constexpr (kOp.dest == Dest::kS) write_slot(fp, insn.f[1], value);
    write_acc(r, value);
  } else if constexpr (kFamily == OpFamily::kVectorExtract) {
    const auto value = kFunction(bytes_of(fp, insn.f[0]), insn.f[1]);
    if constexpr (kOp.dest == Dest::kS) write_slot(fp, insn.f[2], value);
    write_acc(r, value);
  } else if constexpr (kFamily == OpFamily::kVectorReplace) {
    using Number = typename VectorSem<kOpcode>::template Operand<2>;
    write_vector(fp, insn.f[2],
                 kFunction(read_vector(fp, insn.f[0]), packed(ip + 1)[0], read_slot<Number>(fp, insn.f[1])));
  } else if constexpr (kFamily == OpFamily::kVectorShuffle) {
    V128 lanes;
    std::memcpy(&lanes, ip + 1, sizeof lanes);
    write_vector(fp, insn.f[2], kFunction(read_vector(fp, insn.f[0]), read_vector(fp, insn.f[1]), lanes));
  } else if constexpr (kFamily == OpFamily::kVectorLoad) {
    u8* at;
    if (!vector_address<kBytes, kForm>(r, at)) [[unlikely]]
      return trap(r, TrapKind::kOutOfBoundsMemoryAccess);
    write_vector(fp, insn.f[vector_field(kForm)], kFunction(at));
  } else if constexpr (kFamily == OpFamily::kVectorStore) {
    u8* at;
    if (!vector_address<kBytes, kForm>(r, at)) [[unlikely]]
      return trap(r, TrapKind::kOutOfBoundsMemoryAccess);
    kFunction(at, read_vector(fp, insn.f[vector_field(kForm)]));
  } else {
    const u16* const where = packed(ip + 2);  // memory, lane
    u8* at;
    if (!in_bounds<kBytes>(r, where[0], fp[insn.f[0]], whole_u64(ip[1]), at)) [[unlikely]]
      return trap(r, TrapKind::kOutOfBoundsMemoryAccess);
    if constexpr (kFamily == OpFamily::kVectorLoadLane) {
      write_vector(fp, insn.f[2], kFunction(at, read_vector(fp, insn.f[1]), where[1]));
    } else {
      static_assert(kFamily == OpFamily::kVectorStoreLane);
      std::memcpy(at, bytes_of(fp, insn.f[1]) + where[1] * kBytes, kBytes);
    }
  }
  r.ip += kOp.words;
  return nullptr;
}

template <u16 Id>
VM_HANDLER(vector_op) {
  VM_BEGIN;
  if (const Handler slow = exec_vector<Id>(r)) [[unlikely]]
    VM_GOTO(slow);
  VM_NEXT;
}

}  // namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE::VM_VECTOR_NAMESPACE
