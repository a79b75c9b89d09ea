// What every numeric operator computes (fact sheet, section 8; spec 3.0, "Numerics"): one pure function per row of opcodes.def,
// named by the row's id. Handlers, constant folding and tests go through Sem<Opcode>, so that there is one meaning only.
//
// i32 and i64 are u32 and u64. A row that may trap returns a TrapKind and its result by reference; the result is unchanged when
// it traps. No function has undefined behaviour for any input. NaN: arithmetic returns a quiet NaN; neg, abs, copysign and
// reinterpretations move bits only.
#pragma once

#include <bit>
#include <tuple>
#include <type_traits>

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "vm/base/ints.h"
#include "vm/interp/inline.h"
#include "vm/opcode.h"
#include "vm/trap.h"

namespace lunabeam::vm::interp {

// Every row has a name here; the rows with numeric semantics hide it by their function in the inner namespace. So Sem can name
// semantics::id for each row of the table without a second list of the numeric ones.
namespace rows {

struct NoSemantics {};
#define VM_OPCODE(id, text, prefix, code, imm, sig, width, feature, traps, const_expr) \
  constexpr NoSemantics id() { return {}; }
#include "vm/opcodes.def"

namespace semantics {

// --- Integers -------------------------------------------------------------------------------------------------------

namespace detail {

template <class U>
using Signed = std::make_signed_t<U>;

template <class U>
VM_ALWAYS_INLINE constexpr Signed<U> s(U v) {
  return static_cast<Signed<U>>(v);
}

template <class U>
VM_ALWAYS_INLINE constexpr TrapKind div_s(U a, U b, U& out) {
  if (b == 0) [[unlikely]]
    return TrapKind::kIntegerDivideByZero;
  if (b == ~U{0} && a == U{1} << (sizeof(U) * 8 - 1)) [[unlikely]]
    return TrapKind::kIntegerOverflow;
  out = static_cast<U>(s(a) / s(b));
  return TrapKind::kNone;
}
template <class U>
VM_ALWAYS_INLINE constexpr TrapKind div_u(U a, U b, U& out) {
  if (b == 0) [[unlikely]]
    return TrapKind::kIntegerDivideByZero;
  out = a / b;
  return TrapKind::kNone;
}
template <class U>
VM_ALWAYS_INLINE constexpr TrapKind rem_s(U a, U b, U& out) {
  if (b == 0) [[unlikely]]
    return TrapKind::kIntegerDivideByZero;
  out = b == ~U{0} ? 0 : static_cast<U>(s(a) % s(b));  // The smallest integer by -1 has remainder 0.
  return TrapKind::kNone;
}
template <class U>
VM_ALWAYS_INLINE constexpr TrapKind rem_u(U a, U b, U& out) {
  if (b == 0) [[unlikely]]
    return TrapKind::kIntegerDivideByZero;
  out = a % b;
  return TrapKind::kNone;
}
template <class U>
VM_ALWAYS_INLINE constexpr U shift_count(U b) {
  return b & (sizeof(U) * 8 - 1);
}
template <class U>
VM_ALWAYS_INLINE constexpr U rotl(U a, U b) {
  const U n = shift_count(b);
  return a << n | a >> shift_count<U>(0 - n);
}
template <class U>
VM_ALWAYS_INLINE constexpr U rotr(U a, U b) {
  const U n = shift_count(b);
  return a >> n | a << shift_count<U>(0 - n);
}

}  // namespace detail

VM_ALWAYS_INLINE constexpr u32 i32_eqz(u32 a) { return a == 0; }
VM_ALWAYS_INLINE constexpr u32 i64_eqz(u64 a) { return a == 0; }

#define VM_INT_ROWS(p, U)                                                                                             \
  VM_ALWAYS_INLINE constexpr u32 p##_eq(U a, U b) { return a == b; }                                                  \
  VM_ALWAYS_INLINE constexpr u32 p##_ne(U a, U b) { return a != b; }                                                  \
  VM_ALWAYS_INLINE constexpr u32 p##_lt_s(U a, U b) { return detail::s(a) < detail::s(b); }                           \
  VM_ALWAYS_INLINE constexpr u32 p##_lt_u(U a, U b) { return a < b; }                                                 \
  VM_ALWAYS_INLINE constexpr u32 p##_gt_s(U a, U b) { return detail::s(a) > detail::s(b); }                           \
  VM_ALWAYS_INLINE constexpr u32 p##_gt_u(U a, U b) { return a > b; }                                                 \
  VM_ALWAYS_INLINE constexpr u32 p##_le_s(U a, U b) { return detail::s(a) <= detail::s(b); }                          \
  VM_ALWAYS_INLINE constexpr u32 p##_le_u(U a, U b) { return a <= b; }                                                \
  VM_ALWAYS_INLINE constexpr u32 p##_ge_s(U a, U b) { return detail::s(a) >= detail::s(b); }                          \
  VM_ALWAYS_INLINE constexpr u32 p##_ge_u(U a, U b) { return a >= b; }                                                \
  VM_ALWAYS_INLINE constexpr U p##_clz(U a) { return static_cast<U>(std::countl_zero(a)); }                           \
  VM_ALWAYS_INLINE constexpr U p##_ctz(U a) { return static_cast<U>(std::countr_zero(a)); }                           \
  VM_ALWAYS_INLINE constexpr U p##_popcnt(U a) { return static_cast<U>(std::popcount(a)); }                           \
  VM_ALWAYS_INLINE constexpr U p##_add(U a, U b) { return a + b; }                                                    \
  VM_ALWAYS_INLINE constexpr U p##_sub(U a, U b) { return a - b; }                                                    \
  VM_ALWAYS_INLINE constexpr U p##_mul(U a, U b) { return a * b; }                                                    \
  VM_ALWAYS_INLINE constexpr TrapKind p##_div_s(U a, U b, U& out) { return detail::div_s(a, b, out); }                \
  VM_ALWAYS_INLINE constexpr TrapKind p##_div_u(U a, U b, U& out) { return detail::div_u(a, b, out); }                \
  VM_ALWAYS_INLINE constexpr TrapKind p##_rem_s(U a, U b, U& out) { return detail::rem_s(a, b, out); }                \
  VM_ALWAYS_INLINE constexpr TrapKind p##_rem_u(U a, U b, U& out) { return detail::rem_u(a, b, out); }                \
  VM_ALWAYS_INLINE constexpr U p##_and(U a, U b) { return a & b; }                                                    \
  VM_ALWAYS_INLINE constexpr U p##_or(U a, U b) { return a | b; }                                                     \
  VM_ALWAYS_INLINE constexpr U p##_xor(U a, U b) { return a ^ b; }                                                    \
  VM_ALWAYS_INLINE constexpr U p##_shl(U a, U b) { return a << detail::shift_count(b); }                              \
  VM_ALWAYS_INLINE constexpr U p##_shr_s(U a, U b) { return static_cast<U>(detail::s(a) >> detail::shift_count(b)); } \
  VM_ALWAYS_INLINE constexpr U p##_shr_u(U a, U b) { return a >> detail::shift_count(b); }                            \
  VM_ALWAYS_INLINE constexpr U p##_rotl(U a, U b) { return detail::rotl(a, b); }                                      \
  VM_ALWAYS_INLINE constexpr U p##_rotr(U a, U b) { return detail::rotr(a, b); }
VM_INT_ROWS(i32, u32)
VM_INT_ROWS(i64, u64)
#undef VM_INT_ROWS

VM_ALWAYS_INLINE constexpr u32 i32_wrap_i64(u64 a) { return static_cast<u32>(a); }
VM_ALWAYS_INLINE constexpr u64 i64_extend_i32_s(u32 a) {
  return static_cast<u64>(static_cast<i64>(static_cast<i32>(a)));
}
VM_ALWAYS_INLINE constexpr u64 i64_extend_i32_u(u32 a) { return a; }
VM_ALWAYS_INLINE constexpr u32 i32_extend8_s(u32 a) { return static_cast<u32>(static_cast<i32>(static_cast<i8>(a))); }
VM_ALWAYS_INLINE constexpr u32 i32_extend16_s(u32 a) { return static_cast<u32>(static_cast<i32>(static_cast<i16>(a))); }
VM_ALWAYS_INLINE constexpr u64 i64_extend8_s(u64 a) { return static_cast<u64>(static_cast<i64>(static_cast<i8>(a))); }
VM_ALWAYS_INLINE constexpr u64 i64_extend16_s(u64 a) { return static_cast<u64>(static_cast<i64>(static_cast<i16>(a))); }
VM_ALWAYS_INLINE constexpr u64 i64_extend32_s(u64 a) { return static_cast<u64>(static_cast<i64>(static_cast<i32>(a))); }

// --- Floats ---------------------------------------------------------------------------------------------------------

namespace detail {

template <class F>
using Bits = std::conditional_t<sizeof(F) == 4, u32, u64>;
template <class F>
inline constexpr Bits<F> kSign = Bits<F>{1} << (sizeof(F) * 8 - 1);
// From this magnitude on every float is an integer.
template <class F>
inline constexpr F kIntegral = sizeof(F) == 4 ? F(8388608.0) : F(4503599627370496.0);

template <class F>
VM_ALWAYS_INLINE constexpr Bits<F> bits(F v) {
  return std::bit_cast<Bits<F>>(v);
}
template <class F>
VM_ALWAYS_INLINE constexpr F from_bits(Bits<F> v) {
  return std::bit_cast<F>(v);
}
template <class F>
VM_ALWAYS_INLINE constexpr F abs(F a) {
  return from_bits<F>(bits(a) & static_cast<Bits<F>>(~kSign<F>));
}
template <class F>
VM_ALWAYS_INLINE constexpr F neg(F a) {
  return from_bits<F>(bits(a) ^ kSign<F>);
}
template <class F>
VM_ALWAYS_INLINE constexpr F copysign(F a, F b) {
  return from_bits<F>((bits(a) & static_cast<Bits<F>>(~kSign<F>)) | (bits(b) & kSign<F>));
}

template <class F>
VM_ALWAYS_INLINE constexpr F min(F a, F b) {
  if (a < b) return a;
  if (b < a) return b;
  if (a == b) return from_bits<F>(bits(a) | bits(b));  // Equal: the same bits, or zeros of either sign.
  return a + b;                                        // A NaN, made quiet.
}
template <class F>
VM_ALWAYS_INLINE constexpr F max(F a, F b) {
  if (a > b) return a;
  if (b > a) return b;
  if (a == b) return from_bits<F>(bits(a) & bits(b));
  return a + b;
}

// A value that is integral, infinite or a NaN already. Not a + 0, which compilers take for a.
template <class F>
VM_ALWAYS_INLINE constexpr F quieted(F a) {
  return a != a ? a + a : a;
}

// Rounds to nearest, ties to even, in the default rounding mode, by adding what leaves no room for a fraction. Inline, where a
// baseline x86-64 would call the C library.
template <class F>
VM_ALWAYS_INLINE constexpr F nearest(F a) {
  const F magnitude = abs(a);
  if (!(magnitude < kIntegral<F>)) return quieted(a);
  return copysign((magnitude + kIntegral<F>)-kIntegral<F>, a);
}
template <class F>
VM_ALWAYS_INLINE constexpr F floor(F a) {
  const F r = nearest(a);
  return r > a ? r - F(1) : r;
}
template <class F>
VM_ALWAYS_INLINE constexpr F ceil(F a) {
  const F r = nearest(a);
  return r < a ? copysign(r + F(1), a) : r;
}
template <class F>
VM_ALWAYS_INLINE constexpr F trunc(F a) {
  const F magnitude = abs(a);
  if (!(magnitude < kIntegral<F>)) return quieted(a);
  return copysign(static_cast<F>(static_cast<i64>(magnitude)), a);
}

VM_ALWAYS_INLINE f32 sqrt(f32 a) {
#if defined(__SSE2__)
  return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(a)));  // Without the call for errno.
#elif defined(__aarch64__)
  return vget_lane_f32(vsqrt_f32(vdup_n_f32(a)), 0);
#else
  return __builtin_sqrtf(a);
#endif
}
VM_ALWAYS_INLINE f64 sqrt(f64 a) {
#if defined(__SSE2__)
  return _mm_cvtsd_f64(_mm_sqrt_sd(_mm_set_sd(a), _mm_set_sd(a)));
#elif defined(__aarch64__)
  return vget_lane_f64(vsqrt_f64(vdup_n_f64(a)), 0);
#else
  return __builtin_sqrt(a);
#endif
}

// Exclusive bounds of the floats that truncate into an integer type: exact in f64. In f32 the lower bounds below -2^31 and
// -2^63 are not representable; there the bound itself is the smallest value that fits, and `inclusive` says so.
template <class I, class F>
struct TruncBounds {
  static constexpr bool kIsSigned = std::is_signed_v<I>;
  static constexpr F kHigh = sizeof(I) == 4 ? (kIsSigned ? F(2147483648.0) : F(4294967296.0))
                                            : (kIsSigned ? F(9223372036854775808.0) : F(18446744073709551616.0));
  static constexpr bool kInclusive = kIsSigned && !(sizeof(I) == 4 && sizeof(F) == 8);
  static constexpr F kLow = !kIsSigned ? F(-1) : kInclusive ? -kHigh : F(-2147483649.0);
  static constexpr bool below(F a) { return kInclusive ? a < kLow : a <= kLow; }
  static constexpr bool above(F a) { return a >= kHigh; }
};

// REQUIRES: a is inside the bounds.
template <class I, class F>
VM_ALWAYS_INLINE constexpr I truncate(F a) {
  if constexpr (std::is_same_v<I, u64>) {
    // Signed conversions only: what a baseline CPU has, and no undefined step for values in (-1, 0).
    constexpr F kHalf = F(9223372036854775808.0);
    return a >= kHalf ? static_cast<u64>(static_cast<i64>(a - kHalf)) ^ (u64{1} << 63)
                      : static_cast<u64>(static_cast<i64>(a));
  } else if constexpr (std::is_same_v<I, u32>) {
    return static_cast<u32>(static_cast<i64>(a));
  } else {
    return static_cast<I>(a);
  }
}

template <class I, class F>
VM_ALWAYS_INLINE constexpr TrapKind trunc_or_trap(F a, std::make_unsigned_t<I>& out) {
  using Bounds = TruncBounds<I, F>;
  if (a != a) [[unlikely]]
    return TrapKind::kInvalidConversion;
  if (Bounds::below(a) || Bounds::above(a)) [[unlikely]]
    return TrapKind::kIntegerOverflow;
  out = static_cast<std::make_unsigned_t<I>>(truncate<I>(a));
  return TrapKind::kNone;
}
template <class I, class F>
VM_ALWAYS_INLINE constexpr std::make_unsigned_t<I> trunc_sat(F a) {
  using Bounds = TruncBounds<I, F>;
  using U = std::make_unsigned_t<I>;
  constexpr U kMin = std::is_signed_v<I> ? U{1} << (sizeof(U) * 8 - 1) : U{0};
  constexpr U kMax = std::is_signed_v<I> ? kMin - 1 : ~U{0};
  if (a != a) return 0;
  if (Bounds::below(a)) return kMin;
  if (Bounds::above(a)) return kMax;
  return static_cast<U>(truncate<I>(a));
}

}  // namespace detail

#define VM_FLOAT_ROWS(p, F)                                                                             \
  VM_ALWAYS_INLINE constexpr u32 p##_eq(F a, F b) { return a == b; }                                    \
  VM_ALWAYS_INLINE constexpr u32 p##_ne(F a, F b) { return a != b; }                                    \
  VM_ALWAYS_INLINE constexpr u32 p##_lt(F a, F b) { return a < b; }                                     \
  VM_ALWAYS_INLINE constexpr u32 p##_gt(F a, F b) { return a > b; }                                     \
  VM_ALWAYS_INLINE constexpr u32 p##_le(F a, F b) { return a <= b; }                                    \
  VM_ALWAYS_INLINE constexpr u32 p##_ge(F a, F b) { return a >= b; }                                    \
  VM_ALWAYS_INLINE constexpr F p##_abs(F a) { return detail::abs(a); }                                  \
  VM_ALWAYS_INLINE constexpr F p##_neg(F a) { return detail::neg(a); }                                  \
  VM_ALWAYS_INLINE constexpr F p##_ceil(F a) { return detail::ceil(a); }                                \
  VM_ALWAYS_INLINE constexpr F p##_floor(F a) { return detail::floor(a); }                              \
  VM_ALWAYS_INLINE constexpr F p##_trunc(F a) { return detail::trunc(a); }                              \
  VM_ALWAYS_INLINE constexpr F p##_nearest(F a) { return detail::nearest(a); }                          \
  VM_ALWAYS_INLINE F p##_sqrt(F a) { return detail::sqrt(a); }                                          \
  VM_ALWAYS_INLINE constexpr F p##_add(F a, F b) { return a + b; }                                      \
  VM_ALWAYS_INLINE constexpr F p##_sub(F a, F b) { return a - b; }                                      \
  VM_ALWAYS_INLINE constexpr F p##_mul(F a, F b) { return a * b; }                                      \
  VM_ALWAYS_INLINE constexpr F p##_div(F a, F b) { return a / b; }                                      \
  VM_ALWAYS_INLINE constexpr F p##_min(F a, F b) { return detail::min(a, b); }                          \
  VM_ALWAYS_INLINE constexpr F p##_max(F a, F b) { return detail::max(a, b); }                          \
  VM_ALWAYS_INLINE constexpr F p##_copysign(F a, F b) { return detail::copysign(a, b); }                \
  VM_ALWAYS_INLINE constexpr F p##_convert_i32_s(u32 a) { return static_cast<F>(static_cast<i32>(a)); } \
  VM_ALWAYS_INLINE constexpr F p##_convert_i32_u(u32 a) { return static_cast<F>(a); }                   \
  VM_ALWAYS_INLINE constexpr F p##_convert_i64_s(u64 a) { return static_cast<F>(static_cast<i64>(a)); } \
  VM_ALWAYS_INLINE constexpr F p##_convert_i64_u(u64 a) { return static_cast<F>(a); }
VM_FLOAT_ROWS(f32, f32)
VM_FLOAT_ROWS(f64, f64)
#undef VM_FLOAT_ROWS

#define VM_TRUNC_ROWS(i, I, U, f, F)                                                                              \
  VM_ALWAYS_INLINE constexpr TrapKind i##_trunc_##f##_s(F a, U& out) { return detail::trunc_or_trap<I>(a, out); } \
  VM_ALWAYS_INLINE constexpr TrapKind i##_trunc_##f##_u(F a, U& out) { return detail::trunc_or_trap<U>(a, out); } \
  VM_ALWAYS_INLINE constexpr U i##_trunc_sat_##f##_s(F a) { return detail::trunc_sat<I>(a); }                     \
  VM_ALWAYS_INLINE constexpr U i##_trunc_sat_##f##_u(F a) { return detail::trunc_sat<U>(a); }
VM_TRUNC_ROWS(i32, i32, u32, f32, f32)
VM_TRUNC_ROWS(i32, i32, u32, f64, f64)
VM_TRUNC_ROWS(i64, i64, u64, f32, f32)
VM_TRUNC_ROWS(i64, i64, u64, f64, f64)
#undef VM_TRUNC_ROWS

VM_ALWAYS_INLINE constexpr f32 f32_demote_f64(f64 a) { return static_cast<f32>(a); }
VM_ALWAYS_INLINE constexpr f64 f64_promote_f32(f32 a) { return static_cast<f64>(a); }
VM_ALWAYS_INLINE constexpr u32 i32_reinterpret_f32(f32 a) { return std::bit_cast<u32>(a); }
VM_ALWAYS_INLINE constexpr u64 i64_reinterpret_f64(f64 a) { return std::bit_cast<u64>(a); }
VM_ALWAYS_INLINE constexpr f32 f32_reinterpret_i32(u32 a) { return std::bit_cast<f32>(a); }
VM_ALWAYS_INLINE constexpr f64 f64_reinterpret_i64(u64 a) { return std::bit_cast<f64>(a); }

// The function of a row.
template <Opcode Op>
struct FunctionOf;
#define VM_OPCODE(id, text, prefix, code, imm, sig, width, feature, traps, const_expr) \
  template <>                                                                          \
  struct FunctionOf<Opcode::id> {                                                      \
    using Function = decltype(&id);                                                    \
    static constexpr Function kFunction = &id;                                         \
  };
#include "vm/opcodes.def"

}  // namespace semantics
}  // namespace rows

namespace detail {

template <class T>
struct Signature;
template <class R, class... A>
struct Signature<R (*)(A...)> {
  static constexpr bool kTraps = false;
  static constexpr bool kExists = !std::is_same_v<R, rows::NoSemantics>;
  using Result = R;
  using Operands = std::tuple<A...>;
};
template <class A, class R>
struct Signature<TrapKind (*)(A, R&)> {
  static constexpr bool kTraps = true;
  static constexpr bool kExists = true;
  using Result = R;
  using Operands = std::tuple<A>;
};
template <class A, class B, class R>
struct Signature<TrapKind (*)(A, B, R&)> {
  static constexpr bool kTraps = true;
  static constexpr bool kExists = true;
  using Result = R;
  using Operands = std::tuple<A, B>;
};

}  // namespace detail

// Meaning of a row: Sem<Opcode::i32_add>::apply(a, b, result) -> TrapKind. kExists is false for rows without one.
template <Opcode Op>
struct Sem : detail::Signature<typename rows::semantics::FunctionOf<Op>::Function> {
  using Base = detail::Signature<typename rows::semantics::FunctionOf<Op>::Function>;
  template <size_t N>
  using Operand = std::tuple_element_t<N, typename Base::Operands>;

  template <class A>
  VM_ALWAYS_INLINE static TrapKind apply(A a, typename Base::Result& result)
    requires(std::tuple_size_v<typename Base::Operands> == 1)
  {
    if constexpr (Base::kTraps) {
      return rows::semantics::FunctionOf<Op>::kFunction(a, result);
    } else {
      result = rows::semantics::FunctionOf<Op>::kFunction(a);
      return TrapKind::kNone;
    }
  }
  template <class A, class B>
  VM_ALWAYS_INLINE static TrapKind apply(A a, B b, typename Base::Result& result)
    requires(std::tuple_size_v<typename Base::Operands> == 2)
  {
    if constexpr (Base::kTraps) {
      return rows::semantics::FunctionOf<Op>::kFunction(a, b, result);
    } else {
      result = rows::semantics::FunctionOf<Op>::kFunction(a, b);
      return TrapKind::kNone;
    }
  }
};

}  // namespace lunabeam::vm::interp
