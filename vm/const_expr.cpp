// Constant expressions of more than one instruction, and the rarer single ones.
#include "vm/const_expr.h"

#include <cstdlib>
#include <cstring>

#include "vm/base/check.h"

namespace lunabeam::vm {
namespace {

// Operators as the binary format encodes them (spec 3.0, "Instructions"); those allowed here and implemented.
enum Operator : u8 {
  kEnd = 0x0B,
  kGlobalGet = 0x23,
  kI32Const = 0x41,
  kI64Const = 0x42,
  kF32Const = 0x43,
  kF64Const = 0x44,
  kI32Add = 0x6A,
  kI32Sub = 0x6B,
  kI32Mul = 0x6C,
  kI64Add = 0x7C,
  kI64Sub = 0x7D,
  kI64Mul = 0x7E,
  kRefNull = 0xD0,
  kRefFunc = 0xD2,
};

// LEB128 of validated bytes.
u64 read_unsigned(const u8*& p) {
  u64 value = 0;
  for (u32 shift = 0;; shift += 7) {
    const u8 byte = *p++;
    value |= static_cast<u64>(byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) return value;
  }
}

i64 read_signed(const u8*& p) {
  u64 value = 0;
  for (u32 shift = 0;;) {
    const u8 byte = *p++;
    value |= static_cast<u64>(byte & 0x7F) << shift;
    shift += 7;
    if ((byte & 0x80) == 0) {
      if (shift < 64 && (byte & 0x40) != 0) value |= ~u64{0} << shift;
      return static_cast<i64>(value);
    }
  }
}

template <class T>
u64 read_bits(const u8*& p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  p += sizeof value;
  return value;
}

}  // namespace

bool eval_general_const_expr(const Ctx& ctx, const ConstExpr& expr, u64* out) noexcept {
  const Module& module = *ctx.module;
  // An operand takes at least two bytes, so half the expression's length bounds the depth.
  constexpr u64 kInlineDepth = 64;
  const u64 max_depth = (expr.end - expr.begin) / 2 + 1;
  u64 inline_operands[kInlineDepth];
  u64* operands = inline_operands;
  if (max_depth > kInlineDepth) {
    operands = static_cast<u64*>(std::malloc(max_depth * sizeof(u64)));
    if (operands == nullptr) return false;
  }

  u64 depth = 0;
  const u8* p = module.bytes.data() + expr.begin;
  for (bool done = false; !done;) {
    VM_DCHECK(p < module.bytes.data() + expr.end);
    const u8 op = *p++;
    switch (op) {
      case kEnd: done = true; break;
      case kI32Const: operands[depth++] = static_cast<u32>(read_signed(p)); break;
      case kI64Const: operands[depth++] = static_cast<u64>(read_signed(p)); break;
      case kF32Const: operands[depth++] = read_bits<u32>(p); break;
      case kF64Const: operands[depth++] = read_bits<u64>(p); break;
      case kGlobalGet: operands[depth++] = ctx.globals[module.global_offsets[read_unsigned(p)]]; break;
      case kRefNull:
        read_signed(p);
        operands[depth++] = 0;
        break;
      case kRefFunc: operands[depth++] = func_ref(ctx, static_cast<u32>(read_unsigned(p))); break;
      default: {
        VM_CHECK(depth >= 2);
        const u64 b = operands[--depth];
        u64& a = operands[depth - 1];
        switch (op) {
          case kI32Add: a = static_cast<u32>(a + b); break;
          case kI32Sub: a = static_cast<u32>(a - b); break;
          case kI32Mul: a = static_cast<u32>(a * b); break;
          case kI64Add: a += b; break;
          case kI64Sub: a -= b; break;
          case kI64Mul: a *= b; break;
          default: VM_UNREACHABLE("operator that the validator does not allow in a constant expression");
        }
      }
    }
  }
  VM_CHECK(depth == 1);
  *out = operands[0];
  if (operands != inline_operands) std::free(operands);
  return true;
}

}  // namespace lunabeam::vm
