// What every vector operator computes (spec 3.0, "Numerics", vector part; fact sheet, section 8): one pure function per row of
// opcodes.def with the prefix 0xFD, named by the row's id. Handlers and tests go through VectorSem<Opcode>, so that there is one
// meaning only. Written over lanes with the compilers' vector extensions; instructions of one processor are named only where the
// extensions cannot say what it has an instruction for. No function has undefined behaviour for any input.
//
// Lane 0 is in the low bytes. NaN: arithmetic returns a quiet NaN, as with scalars; pmin, pmax, abs and neg move bits only.
//
// Included once per instruction set (VM_VECTOR_NAMESPACE, parts_vector.h): the same names must not mean two different pieces of code.
//
// Relaxed operators take the deterministic choice of the specification, so that every machine computes the same (docs/RATIONALE.md).
#pragma once

#include <bit>
#include <cstring>
#include <tuple>
#include <type_traits>

#if defined(__SSE4_1__)
#include <smmintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "vm/base/ints.h"
#include "vm/interp/inline.h"
#include "vm/interp/semantics.h"
#include "vm/opcode.h"

#if !defined(VM_VECTOR_NAMESPACE)
#define VM_VECTOR_NAMESPACE portable
#endif

namespace lunabeam::vm::interp {

namespace detail {

template <class T>
struct VectorOf {
  typedef T Type __attribute__((vector_size(16)));
  typedef T Half __attribute__((vector_size(8)));
};

}  // namespace detail

// A vector of lanes, and the 8 bytes of half a vector.
template <class T>
using Lanes = typename detail::VectorOf<T>::Type;
template <class T>
using HalfLanes = typename detail::VectorOf<T>::Half;
// A v128 of no particular shape.
using V128 = Lanes<u64>;

namespace rows::vectors::VM_VECTOR_NAMESPACE {

// --- Shapes ----------------------------------------------------------------------------------------------------------

namespace detail {

using semantics::detail::trunc_sat;

template <class T>
inline constexpr u32 kLaneCount = 16 / sizeof(T);
template <class T>
inline constexpr u32 kLaneBits = sizeof(T) * 8;

template <class T>
VM_ALWAYS_INLINE Lanes<T> as(V128 v) {
  return std::bit_cast<Lanes<T>>(v);
}
template <class L>
VM_ALWAYS_INLINE V128 v128(L lanes) {
  return std::bit_cast<V128>(lanes);
}
template <class T>
VM_ALWAYS_INLINE Lanes<T> splat(T value) {
  Lanes<T> lanes;
  for (u32 i = 0; i < kLaneCount<T>; ++i) lanes[i] = value;
  return lanes;
}
template <class T>
VM_ALWAYS_INLINE HalfLanes<T> half(V128 v, u32 which) {
  return std::bit_cast<HalfLanes<T>>(u64{v[which]});
}
// The low or high lanes, each converted to W.
template <class W, class T>
VM_ALWAYS_INLINE Lanes<W> widened(V128 v, u32 which) {
  return __builtin_convertvector(half<T>(v, which), Lanes<W>);
}
VM_ALWAYS_INLINE u32 any_bit(V128 v) { return (v[0] | v[1]) != 0; }

template <class T>
VM_ALWAYS_INLINE T read(const u8* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// --- Integers --------------------------------------------------------------------------------------------------------

template <class U>
using Signed = std::make_signed_t<U>;

template <class U>
VM_ALWAYS_INLINE V128 abs(V128 a) {
  const auto negative = std::bit_cast<Lanes<U>>(as<Signed<U>>(a) < Lanes<Signed<U>>{});
  return v128((as<U>(a) ^ negative) - negative);
}
template <class U>
VM_ALWAYS_INLINE V128 add_sat(V128 a, V128 b) {
#if __has_builtin(__builtin_elementwise_add_sat)
  return v128(__builtin_elementwise_add_sat(as<U>(a), as<U>(b)));
#else
  const Lanes<U> x = as<U>(a);
  const Lanes<U> y = as<U>(b);
  if constexpr (std::is_unsigned_v<U>) {
    const Lanes<U> sum = x + y;
    return v128(sum | std::bit_cast<Lanes<U>>(sum < x));
  } else {
    using W = std::make_unsigned_t<U>;
    const Lanes<W> sum = as<W>(a) + as<W>(b);
    const Lanes<W> limit = std::bit_cast<Lanes<W>>(x >> (kLaneBits<U> - 1)) ^ splat<W>(static_cast<W>(~W{0}) >> 1);
    const auto overflows = std::bit_cast<Lanes<U>>(~(as<W>(a) ^ as<W>(b)) & (as<W>(a) ^ sum)) < Lanes<U>{};
    return v128(overflows ? limit : sum);
  }
#endif
}
template <class U>
VM_ALWAYS_INLINE V128 sub_sat(V128 a, V128 b) {
#if __has_builtin(__builtin_elementwise_sub_sat)
  return v128(__builtin_elementwise_sub_sat(as<U>(a), as<U>(b)));
#else
  const Lanes<U> x = as<U>(a);
  const Lanes<U> y = as<U>(b);
  if constexpr (std::is_unsigned_v<U>) {
    return v128((x - y) & std::bit_cast<Lanes<U>>(x > y));
  } else {
    using W = std::make_unsigned_t<U>;
    const Lanes<W> difference = as<W>(a) - as<W>(b);
    const Lanes<W> limit = std::bit_cast<Lanes<W>>(x >> (kLaneBits<U> - 1)) ^ splat<W>(static_cast<W>(~W{0}) >> 1);
    const auto overflows = std::bit_cast<Lanes<U>>((as<W>(a) ^ as<W>(b)) & (as<W>(a) ^ difference)) < Lanes<U>{};
    return v128(overflows ? limit : difference);
  }
#endif
}
template <class T>
VM_ALWAYS_INLINE V128 min(V128 a, V128 b) {
  return v128(as<T>(a) < as<T>(b) ? as<T>(a) : as<T>(b));
}
template <class T>
VM_ALWAYS_INLINE V128 max(V128 a, V128 b) {
  return v128(as<T>(a) > as<T>(b) ? as<T>(a) : as<T>(b));
}
// Rounds up, without a carry to lose.
template <class U>
VM_ALWAYS_INLINE V128 avgr(V128 a, V128 b) {
  return v128((as<U>(a) | as<U>(b)) - ((as<U>(a) ^ as<U>(b)) >> 1));
}
VM_ALWAYS_INLINE V128 popcnt(V128 a) {
  Lanes<u8> v = as<u8>(a);
  v = v - ((v >> 1) & splat<u8>(0x55));
  v = (v & splat<u8>(0x33)) + ((v >> 2) & splat<u8>(0x33));
  return v128((v + (v >> 4)) & splat<u8>(0x0F));
}
template <class U>
VM_ALWAYS_INLINE u32 all_true(V128 a) {
  return any_bit(v128(as<U>(a) == Lanes<U>{})) == 0;
}
template <class U>
VM_ALWAYS_INLINE u32 bitmask(V128 a) {
#if defined(__SSE2__)
  const auto bytes = std::bit_cast<__m128i>(a);
  if constexpr (sizeof(U) == 1) {
    return static_cast<u32>(_mm_movemask_epi8(bytes));
  } else if constexpr (sizeof(U) == 2) {
    return static_cast<u32>(_mm_movemask_epi8(_mm_packs_epi16(bytes, _mm_setzero_si128())));
  } else if constexpr (sizeof(U) == 4) {
    return static_cast<u32>(_mm_movemask_ps(std::bit_cast<__m128>(a)));
  } else {
    return static_cast<u32>(_mm_movemask_pd(std::bit_cast<__m128d>(a)));
  }
#else
  u32 mask = 0;
  for (u32 i = 0; i < kLaneCount<U>; ++i) mask |= u32{as<Signed<U>>(a)[i] < 0} << i;
  return mask;
#endif
}

template <class W, class T>
VM_ALWAYS_INLINE V128 extmul(V128 a, V128 b, u32 which) {
  return v128(widened<W, T>(a, which) * widened<W, T>(b, which));
}
// T: the narrow lanes; the wide ones are their unsigned or signed like.
template <class W, class T>
VM_ALWAYS_INLINE V128 extadd_pairwise(V128 a) {
  // The upper lane of each pair, and the lower one moved up and down again: extended as W is.
  const Lanes<W> odd = as<W>(a) >> kLaneBits<T>;
  const Lanes<W> even = std::bit_cast<Lanes<W>>(as<std::make_unsigned_t<W>>(a) << kLaneBits<T>) >> kLaneBits<T>;
  using U = std::make_unsigned_t<W>;
  return v128(std::bit_cast<Lanes<U>>(odd) + std::bit_cast<Lanes<U>>(even));
}

// The lanes of a, then of b, clamped into T. Both are signed, whatever T is.
template <class T, class W>
VM_ALWAYS_INLINE V128 narrow(V128 a, V128 b) {
#if defined(__SSE2__)
  const auto x = std::bit_cast<__m128i>(a);
  const auto y = std::bit_cast<__m128i>(b);
  if constexpr (std::is_same_v<T, i8>) {
    return v128(_mm_packs_epi16(x, y));
  } else if constexpr (std::is_same_v<T, u8>) {
    return v128(_mm_packus_epi16(x, y));
  } else if constexpr (std::is_same_v<T, i16>) {
    return v128(_mm_packs_epi32(x, y));
#if defined(__SSE4_1__)
  } else {
    return v128(_mm_packus_epi32(x, y));
#endif
  }
#endif
#if !defined(__SSE4_1__)
  constexpr W kLow = std::is_signed_v<T> ? -(W{1} << (kLaneBits<T> - 1)) : 0;
  constexpr W kHigh = static_cast<W>(kLow + ((W{1} << (kLaneBits<T> - 1)) - 1) * 2 + 1);
  Lanes<T> result;
  for (u32 i = 0; i < kLaneCount<W>; ++i) {
    const W low = as<W>(a)[i];
    const W high = as<W>(b)[i];
    result[i] = static_cast<T>(low < kLow ? kLow : low > kHigh ? kHigh : low);
    result[kLaneCount<W> + i] = static_cast<T>(high < kLow ? kLow : high > kHigh ? kHigh : high);
  }
  return v128(result);
#endif
}

// Sums of products of neighbours; they wrap.
VM_ALWAYS_INLINE V128 dot(V128 a, V128 b) {
#if defined(__SSE2__)
  return v128(_mm_madd_epi16(std::bit_cast<__m128i>(a), std::bit_cast<__m128i>(b)));
#else
  const Lanes<i16> x = as<i16>(a);
  const Lanes<i16> y = as<i16>(b);
  Lanes<u32> sums;
  for (u32 i = 0; i < 4; ++i) {
    sums[i] = static_cast<u32>(i32{x[2 * i]} * y[2 * i]) + static_cast<u32>(i32{x[2 * i + 1]} * y[2 * i + 1]);
  }
  return v128(sums);
#endif
}
// (a * b + 2^14) >> 15, clamped: only the product of the two smallest numbers is too large.
VM_ALWAYS_INLINE V128 q15mulr(V128 a, V128 b) {
#if defined(__SSSE3__)
  const auto products =
      std::bit_cast<Lanes<u16>>(_mm_mulhrs_epi16(std::bit_cast<__m128i>(a), std::bit_cast<__m128i>(b)));
  return v128(products ^ std::bit_cast<Lanes<u16>>(products == splat<u16>(0x8000)));
#else
  const Lanes<i32> low = (widened<i32, i16>(a, 0) * widened<i32, i16>(b, 0) + splat<i32>(0x4000)) >> 15;
  const Lanes<i32> high = (widened<i32, i16>(a, 1) * widened<i32, i16>(b, 1) + splat<i32>(0x4000)) >> 15;
  return narrow<i16, i32>(v128(low), v128(high));
#endif
}
// Pairs of products of signed bytes, clamped to 16 bits: the operand of 7 bits is taken as signed too.
VM_ALWAYS_INLINE V128 dot_i8(V128 a, V128 b) {
  return narrow<i16, i32>(dot(v128(widened<i16, i8>(a, 0)), v128(widened<i16, i8>(b, 0))),
                          dot(v128(widened<i16, i8>(a, 1)), v128(widened<i16, i8>(b, 1))));
}

// --- Bytes at run-time positions -------------------------------------------------------------------------------------

// Without an instruction for it. Not inline: it needs memory of its own, which a handler has none of.
VM_NOINLINE inline V128 swizzle_bytes(V128 a, V128 s) {
  u8 bytes[16];
  std::memcpy(bytes, &a, sizeof bytes);
  u64 result[2] = {0, 0};
  for (u32 i = 0; i < 16; ++i) {
    const u32 from = static_cast<u8>(s[i / 8] >> (i % 8 * 8));
    if (from < 16) result[i / 8] |= u64{bytes[from]} << (i % 8 * 8);
  }
  return V128{result[0], result[1]};
}
VM_NOINLINE inline V128 shuffle_bytes(V128 a, V128 b, V128 s) {
  u8 bytes[32];
  std::memcpy(bytes, &a, 16);
  std::memcpy(bytes + 16, &b, 16);
  u64 result[2] = {0, 0};
  for (u32 i = 0; i < 16; ++i) {
    const u32 from = static_cast<u8>(s[i / 8] >> (i % 8 * 8)) & 31;
    result[i / 8] |= u64{bytes[from]} << (i % 8 * 8);
  }
  return V128{result[0], result[1]};
}

VM_ALWAYS_INLINE V128 swizzle(V128 a, V128 s) {
#if defined(__SSSE3__)
  // An index of 16 or more must have its top bit set.
  const Lanes<u8> index = as<u8>(add_sat<u8>(s, v128(splat<u8>(0x70))));
  return v128(_mm_shuffle_epi8(std::bit_cast<__m128i>(a), std::bit_cast<__m128i>(index)));
#elif defined(__aarch64__)
  return v128(vqtbl1q_u8(std::bit_cast<uint8x16_t>(a), std::bit_cast<uint8x16_t>(s)));
#else
  return swizzle_bytes(a, s);
#endif
}
// s: indices below 32.
VM_ALWAYS_INLINE V128 shuffle(V128 a, V128 b, V128 s) {
#if defined(__SSSE3__)
  // pshufb gives 0 where the top bit is set: a's bytes, then b's.
  const Lanes<u8> from_a = as<u8>(s) + splat<u8>(0x70);
  const Lanes<u8> from_b = as<u8>(s) - splat<u8>(0x10);
  return v128(_mm_shuffle_epi8(std::bit_cast<__m128i>(a), std::bit_cast<__m128i>(from_a))) |
         v128(_mm_shuffle_epi8(std::bit_cast<__m128i>(b), std::bit_cast<__m128i>(from_b)));
#elif defined(__aarch64__)
  const uint8x16x2_t bytes = {{std::bit_cast<uint8x16_t>(a), std::bit_cast<uint8x16_t>(b)}};
  return v128(vqtbl2q_u8(bytes, std::bit_cast<uint8x16_t>(s)));
#else
  return shuffle_bytes(a, b, s);
#endif
}

// --- Lanes at run-time positions -------------------------------------------------------------------------------------

template <class U>
VM_ALWAYS_INLINE V128 replaced(V128 a, u32 lane, U value) {
  // By a mask: no memory, and no partial write that a later whole read would wait for.
  Lanes<U> index;
  for (u32 i = 0; i < kLaneCount<U>; ++i) index[i] = static_cast<U>(i);
  return v128(index == splat<U>(static_cast<U>(lane)) ? splat<U>(value) : as<U>(a));
}

// --- Floats ----------------------------------------------------------------------------------------------------------

template <class F>
using Bits = semantics::detail::Bits<F>;

template <class F>
VM_ALWAYS_INLINE Lanes<Bits<F>> sign_bits() {
  return splat<Bits<F>>(semantics::detail::kSign<F>);
}
template <class F>
VM_ALWAYS_INLINE Lanes<F> magnitude(Lanes<F> a) {
  return std::bit_cast<Lanes<F>>(std::bit_cast<Lanes<Bits<F>>>(a) & ~sign_bits<F>());
}
template <class F>
VM_ALWAYS_INLINE Lanes<F> with_sign_of(Lanes<F> positive, Lanes<F> a) {
  return std::bit_cast<Lanes<F>>((std::bit_cast<Lanes<Bits<F>>>(positive) & ~sign_bits<F>()) |
                                 (std::bit_cast<Lanes<Bits<F>>>(a) & sign_bits<F>()));
}
template <class F>
VM_ALWAYS_INLINE V128 fabs(V128 a) {
  return v128(magnitude<F>(as<F>(a)));
}
template <class F>
VM_ALWAYS_INLINE V128 fneg(V128 a) {
  return v128(as<Bits<F>>(a) ^ sign_bits<F>());
}
template <class F>
VM_ALWAYS_INLINE V128 fsqrt(V128 a) {
#if defined(__SSE2__)
  if constexpr (sizeof(F) == 4) {
    return v128(_mm_sqrt_ps(std::bit_cast<__m128>(a)));
  } else {
    return v128(_mm_sqrt_pd(std::bit_cast<__m128d>(a)));
  }
#elif defined(__aarch64__)
  if constexpr (sizeof(F) == 4) {
    return v128(vsqrtq_f32(std::bit_cast<float32x4_t>(a)));
  } else {
    return v128(vsqrtq_f64(std::bit_cast<float64x2_t>(a)));
  }
#else
  Lanes<F> roots;
  for (u32 i = 0; i < kLaneCount<F>; ++i) roots[i] = semantics::detail::sqrt(as<F>(a)[i]);
  return v128(roots);
#endif
}

template <class F>
VM_ALWAYS_INLINE V128 fmin(V128 a, V128 b) {
  const Lanes<F> x = as<F>(a);
  const Lanes<F> y = as<F>(b);
  // Each is the smaller one, or the second one when they are equal: zeros of either sign come together. NaNs are made quiet.
  const auto either = std::bit_cast<Lanes<F>>(std::bit_cast<V128>(x < y ? x : y) | std::bit_cast<V128>(y < x ? y : x));
  return v128(((x == x) & (y == y)) ? either : x + y);
}
template <class F>
VM_ALWAYS_INLINE V128 fmax(V128 a, V128 b) {
  const Lanes<F> x = as<F>(a);
  const Lanes<F> y = as<F>(b);
  const auto either = std::bit_cast<Lanes<F>>(std::bit_cast<V128>(x > y ? x : y) & std::bit_cast<V128>(y > x ? y : x));
  return v128(((x == x) & (y == y)) ? either : x + y);
}
template <class F>
VM_ALWAYS_INLINE V128 pmin(V128 a, V128 b) {
  return v128(as<F>(b) < as<F>(a) ? as<F>(b) : as<F>(a));
}
template <class F>
VM_ALWAYS_INLINE V128 pmax(V128 a, V128 b) {
  return v128(as<F>(a) < as<F>(b) ? as<F>(b) : as<F>(a));
}

// As with scalars (semantics.h): adding what leaves no room for a fraction. NaNs take part and come out quiet.
template <class F>
VM_ALWAYS_INLINE Lanes<F> nearest(Lanes<F> a) {
  const Lanes<F> room = splat<F>(semantics::detail::kIntegral<F>);
  const Lanes<F> m = magnitude<F>(a);
  return m >= room ? a : with_sign_of<F>((m + room) - room, a);
}
template <class F>
VM_ALWAYS_INLINE V128 fnearest(V128 a) {
  return v128(nearest<F>(as<F>(a)));
}
template <class F>
VM_ALWAYS_INLINE V128 ffloor(V128 a) {
  const Lanes<F> r = nearest<F>(as<F>(a));
  return v128(r > as<F>(a) ? r - splat<F>(1) : r);
}
template <class F>
VM_ALWAYS_INLINE V128 fceil(V128 a) {
  const Lanes<F> r = nearest<F>(as<F>(a));
  return v128(r < as<F>(a) ? with_sign_of<F>(r + splat<F>(1), as<F>(a)) : r);
}
template <class F>
VM_ALWAYS_INLINE V128 ftrunc(V128 a) {
  const Lanes<F> m = magnitude<F>(as<F>(a));
  const Lanes<F> r = nearest<F>(m);
  return v128(with_sign_of<F>(r > m ? r - splat<F>(1) : r, as<F>(a)));
}

VM_ALWAYS_INLINE V128 trunc_sat_f32_s(V128 a) {
  const Lanes<f32> v = as<f32>(a);
  const auto fits = (v >= splat<f32>(-0x1p31F)) & (v < splat<f32>(0x1p31F));
  const Lanes<i32> whole = __builtin_convertvector(fits ? v : Lanes<f32>{}, Lanes<i32>);
  const auto high = v >= splat<f32>(0x1p31F);
  const auto low = v < splat<f32>(-0x1p31F);
  // All ones are turned into the largest number, and the bit of the smallest one is set; a NaN stays 0.
  return v128(std::bit_cast<Lanes<u32>>(whole) | (std::bit_cast<Lanes<u32>>(high) >> 1) |
              (std::bit_cast<Lanes<u32>>(low) & splat<u32>(0x8000'0000)));
}
VM_ALWAYS_INLINE V128 trunc_sat_f32_u(V128 a) {
  const Lanes<f32> v = as<f32>(a);
  const auto fits = (v > Lanes<f32>{}) & (v < splat<f32>(0x1p32F));
  const Lanes<u32> whole = __builtin_convertvector(fits ? v : Lanes<f32>{}, Lanes<u32>);
  return v128(whole | std::bit_cast<Lanes<u32>>(v >= splat<f32>(0x1p32F)));
}
template <class I>
VM_ALWAYS_INLINE V128 trunc_sat_f64(V128 a) {
  const Lanes<f64> v = as<f64>(a);
  return V128{u64{trunc_sat<I>(f64{v[0]})} | u64{trunc_sat<I>(f64{v[1]})} << 32, 0};
}

}  // namespace detail

// --- The rows --------------------------------------------------------------------------------------------------------

// Loads and stores: `at` is in bounds. Lane operators: `lane` is below the number of lanes.
VM_ALWAYS_INLINE V128 v128_load(const u8* at) { return detail::read<V128>(at); }
VM_ALWAYS_INLINE void v128_store(u8* at, V128 a) { std::memcpy(at, &a, sizeof a); }

#define VM_EXTENDING_LOADS(name, W, T, WS, TS)                                                \
  VM_ALWAYS_INLINE V128 v128_load##name##_s(const u8* at) {                                   \
    return detail::v128(__builtin_convertvector(detail::read<HalfLanes<TS>>(at), Lanes<WS>)); \
  }                                                                                           \
  VM_ALWAYS_INLINE V128 v128_load##name##_u(const u8* at) {                                   \
    return detail::v128(__builtin_convertvector(detail::read<HalfLanes<T>>(at), Lanes<W>));   \
  }
VM_EXTENDING_LOADS(8x8, u16, u8, i16, i8)
VM_EXTENDING_LOADS(16x4, u32, u16, i32, i16)
VM_EXTENDING_LOADS(32x2, u64, u32, i64, i32)
#undef VM_EXTENDING_LOADS

#define VM_LANE_ACCESSES(bits, U)                                                \
  VM_ALWAYS_INLINE V128 v128_load##bits##_splat(const u8* at) {                  \
    return detail::v128(detail::splat<U>(detail::read<U>(at)));                  \
  }                                                                              \
  VM_ALWAYS_INLINE V128 v128_load##bits##_lane(const u8* at, V128 a, u32 lane) { \
    return detail::replaced<U>(a, lane, detail::read<U>(at));                    \
  }
VM_LANE_ACCESSES(8, u8)
VM_LANE_ACCESSES(16, u16)
VM_LANE_ACCESSES(32, u32)
VM_LANE_ACCESSES(64, u64)
#undef VM_LANE_ACCESSES
VM_ALWAYS_INLINE V128 v128_load32_zero(const u8* at) { return V128{detail::read<u32>(at), 0}; }
VM_ALWAYS_INLINE V128 v128_load64_zero(const u8* at) { return V128{detail::read<u64>(at), 0}; }

VM_ALWAYS_INLINE V128 i8x16_shuffle(V128 a, V128 b, V128 lanes) { return detail::shuffle(a, b, lanes); }
VM_ALWAYS_INLINE V128 i8x16_swizzle(V128 a, V128 s) { return detail::swizzle(a, s); }

VM_ALWAYS_INLINE V128 i8x16_splat(u32 a) { return detail::v128(detail::splat(static_cast<u8>(a))); }
VM_ALWAYS_INLINE V128 i16x8_splat(u32 a) { return detail::v128(detail::splat(static_cast<u16>(a))); }
VM_ALWAYS_INLINE V128 i32x4_splat(u32 a) { return detail::v128(detail::splat(a)); }
VM_ALWAYS_INLINE V128 i64x2_splat(u64 a) { return detail::v128(detail::splat(a)); }
VM_ALWAYS_INLINE V128 f32x4_splat(f32 a) { return detail::v128(detail::splat(std::bit_cast<u32>(a))); }
VM_ALWAYS_INLINE V128 f64x2_splat(f64 a) { return detail::v128(detail::splat(std::bit_cast<u64>(a))); }

VM_ALWAYS_INLINE V128 i8x16_replace_lane(V128 a, u32 lane, u32 v) {
  return detail::replaced(a, lane, static_cast<u8>(v));
}
VM_ALWAYS_INLINE V128 i16x8_replace_lane(V128 a, u32 lane, u32 v) {
  return detail::replaced(a, lane, static_cast<u16>(v));
}
VM_ALWAYS_INLINE V128 i32x4_replace_lane(V128 a, u32 lane, u32 v) { return detail::replaced(a, lane, v); }
VM_ALWAYS_INLINE V128 i64x2_replace_lane(V128 a, u32 lane, u64 v) { return detail::replaced(a, lane, v); }
VM_ALWAYS_INLINE V128 f32x4_replace_lane(V128 a, u32 lane, f32 v) {
  return detail::replaced(a, lane, std::bit_cast<u32>(v));
}
VM_ALWAYS_INLINE V128 f64x2_replace_lane(V128 a, u32 lane, f64 v) {
  return detail::replaced(a, lane, std::bit_cast<u64>(v));
}

// From where the vector lies.
VM_ALWAYS_INLINE u32 i8x16_extract_lane_s(const u8* a, u32 lane) {
  return static_cast<u32>(i32{detail::read<i8>(a + lane)});
}
VM_ALWAYS_INLINE u32 i8x16_extract_lane_u(const u8* a, u32 lane) { return a[lane]; }
VM_ALWAYS_INLINE u32 i16x8_extract_lane_s(const u8* a, u32 lane) {
  return static_cast<u32>(i32{detail::read<i16>(a + lane * 2)});
}
VM_ALWAYS_INLINE u32 i16x8_extract_lane_u(const u8* a, u32 lane) { return detail::read<u16>(a + lane * 2); }
VM_ALWAYS_INLINE u32 i32x4_extract_lane(const u8* a, u32 lane) { return detail::read<u32>(a + lane * 4); }
VM_ALWAYS_INLINE u64 i64x2_extract_lane(const u8* a, u32 lane) { return detail::read<u64>(a + lane * 8); }
VM_ALWAYS_INLINE f32 f32x4_extract_lane(const u8* a, u32 lane) { return detail::read<f32>(a + lane * 4); }
VM_ALWAYS_INLINE f64 f64x2_extract_lane(const u8* a, u32 lane) { return detail::read<f64>(a + lane * 8); }

#define VM_BITS(p, U, suffix, op) \
  VM_ALWAYS_INLINE V128 p##_##suffix(V128 a, V128 b) { return detail::v128(detail::as<U>(a) op detail::as<U>(b)); }
#define VM_INT_ROWS(p, U, I)                                                                                \
  VM_BITS(p, U, eq, ==)                                                                                     \
  VM_BITS(p, U, ne, !=)                                                                                     \
  VM_BITS(p, I, lt_s, <)                                                                                    \
  VM_BITS(p, I, gt_s, >)                                                                                    \
  VM_BITS(p, I, le_s, <=)                                                                                   \
  VM_BITS(p, I, ge_s, >=)                                                                                   \
  VM_BITS(p, U, add, +)                                                                                     \
  VM_BITS(p, U, sub, -)                                                                                     \
  VM_ALWAYS_INLINE V128 p##_abs(V128 a) { return detail::abs<U>(a); }                                       \
  VM_ALWAYS_INLINE V128 p##_neg(V128 a) { return detail::v128(Lanes<U>{} - detail::as<U>(a)); }             \
  VM_ALWAYS_INLINE u32 p##_all_true(V128 a) { return detail::all_true<U>(a); }                              \
  VM_ALWAYS_INLINE u32 p##_bitmask(V128 a) { return detail::bitmask<U>(a); }                                \
  VM_ALWAYS_INLINE V128 p##_shl(V128 a, u32 n) {                                                            \
    return detail::v128(detail::as<U>(a) << detail::splat(static_cast<U>(n & (detail::kLaneBits<U> - 1)))); \
  }                                                                                                         \
  VM_ALWAYS_INLINE V128 p##_shr_s(V128 a, u32 n) {                                                          \
    return detail::v128(detail::as<I>(a) >> detail::splat(static_cast<I>(n & (detail::kLaneBits<U> - 1)))); \
  }                                                                                                         \
  VM_ALWAYS_INLINE V128 p##_shr_u(V128 a, u32 n) {                                                          \
    return detail::v128(detail::as<U>(a) >> detail::splat(static_cast<U>(n & (detail::kLaneBits<U> - 1)))); \
  }
VM_INT_ROWS(i8x16, u8, i8)
VM_INT_ROWS(i16x8, u16, i16)
VM_INT_ROWS(i32x4, u32, i32)
VM_INT_ROWS(i64x2, u64, i64)
#undef VM_INT_ROWS
VM_BITS(i16x8, u16, mul, *)
VM_BITS(i32x4, u32, mul, *)
VM_BITS(i64x2, u64, mul, *)

#define VM_NARROW_INT_ROWS(p, U, I)                                                \
  VM_BITS(p, U, lt_u, <)                                                           \
  VM_BITS(p, U, gt_u, >)                                                           \
  VM_BITS(p, U, le_u, <=)                                                          \
  VM_BITS(p, U, ge_u, >=)                                                          \
  VM_ALWAYS_INLINE V128 p##_min_s(V128 a, V128 b) { return detail::min<I>(a, b); } \
  VM_ALWAYS_INLINE V128 p##_min_u(V128 a, V128 b) { return detail::min<U>(a, b); } \
  VM_ALWAYS_INLINE V128 p##_max_s(V128 a, V128 b) { return detail::max<I>(a, b); } \
  VM_ALWAYS_INLINE V128 p##_max_u(V128 a, V128 b) { return detail::max<U>(a, b); }
VM_NARROW_INT_ROWS(i8x16, u8, i8)
VM_NARROW_INT_ROWS(i16x8, u16, i16)
VM_NARROW_INT_ROWS(i32x4, u32, i32)
#undef VM_NARROW_INT_ROWS

#define VM_SATURATING_ROWS(p, U, I)                                                        \
  VM_ALWAYS_INLINE V128 p##_add_sat_s(V128 a, V128 b) { return detail::add_sat<I>(a, b); } \
  VM_ALWAYS_INLINE V128 p##_add_sat_u(V128 a, V128 b) { return detail::add_sat<U>(a, b); } \
  VM_ALWAYS_INLINE V128 p##_sub_sat_s(V128 a, V128 b) { return detail::sub_sat<I>(a, b); } \
  VM_ALWAYS_INLINE V128 p##_sub_sat_u(V128 a, V128 b) { return detail::sub_sat<U>(a, b); } \
  VM_ALWAYS_INLINE V128 p##_avgr_u(V128 a, V128 b) { return detail::avgr<U>(a, b); }
VM_SATURATING_ROWS(i8x16, u8, i8)
VM_SATURATING_ROWS(i16x8, u16, i16)
#undef VM_SATURATING_ROWS

#define VM_WIDENING_ROWS(w, WU, WI, n, NU, NI)                                                                  \
  VM_ALWAYS_INLINE V128 w##_extend_low_##n##_s(V128 a) { return detail::v128(detail::widened<WI, NI>(a, 0)); }  \
  VM_ALWAYS_INLINE V128 w##_extend_high_##n##_s(V128 a) { return detail::v128(detail::widened<WI, NI>(a, 1)); } \
  VM_ALWAYS_INLINE V128 w##_extend_low_##n##_u(V128 a) { return detail::v128(detail::widened<WU, NU>(a, 0)); }  \
  VM_ALWAYS_INLINE V128 w##_extend_high_##n##_u(V128 a) { return detail::v128(detail::widened<WU, NU>(a, 1)); } \
  VM_ALWAYS_INLINE V128 w##_extmul_low_##n##_s(V128 a, V128 b) { return detail::extmul<WI, NI>(a, b, 0); }      \
  VM_ALWAYS_INLINE V128 w##_extmul_high_##n##_s(V128 a, V128 b) { return detail::extmul<WI, NI>(a, b, 1); }     \
  VM_ALWAYS_INLINE V128 w##_extmul_low_##n##_u(V128 a, V128 b) { return detail::extmul<WU, NU>(a, b, 0); }      \
  VM_ALWAYS_INLINE V128 w##_extmul_high_##n##_u(V128 a, V128 b) { return detail::extmul<WU, NU>(a, b, 1); }
VM_WIDENING_ROWS(i16x8, u16, i16, i8x16, u8, i8)
VM_WIDENING_ROWS(i32x4, u32, i32, i16x8, u16, i16)
VM_WIDENING_ROWS(i64x2, u64, i64, i32x4, u32, i32)
#undef VM_WIDENING_ROWS

VM_ALWAYS_INLINE V128 i16x8_extadd_pairwise_i8x16_s(V128 a) { return detail::extadd_pairwise<i16, i8>(a); }
VM_ALWAYS_INLINE V128 i16x8_extadd_pairwise_i8x16_u(V128 a) { return detail::extadd_pairwise<u16, u8>(a); }
VM_ALWAYS_INLINE V128 i32x4_extadd_pairwise_i16x8_s(V128 a) { return detail::extadd_pairwise<i32, i16>(a); }
VM_ALWAYS_INLINE V128 i32x4_extadd_pairwise_i16x8_u(V128 a) { return detail::extadd_pairwise<u32, u16>(a); }
VM_ALWAYS_INLINE V128 i8x16_narrow_i16x8_s(V128 a, V128 b) { return detail::narrow<i8, i16>(a, b); }
VM_ALWAYS_INLINE V128 i8x16_narrow_i16x8_u(V128 a, V128 b) { return detail::narrow<u8, i16>(a, b); }
VM_ALWAYS_INLINE V128 i16x8_narrow_i32x4_s(V128 a, V128 b) { return detail::narrow<i16, i32>(a, b); }
VM_ALWAYS_INLINE V128 i16x8_narrow_i32x4_u(V128 a, V128 b) { return detail::narrow<u16, i32>(a, b); }
VM_ALWAYS_INLINE V128 i8x16_popcnt(V128 a) { return detail::popcnt(a); }
VM_ALWAYS_INLINE V128 i16x8_q15mulr_sat_s(V128 a, V128 b) { return detail::q15mulr(a, b); }
VM_ALWAYS_INLINE V128 i32x4_dot_i16x8_s(V128 a, V128 b) { return detail::dot(a, b); }

VM_ALWAYS_INLINE V128 v128_not(V128 a) { return ~a; }
VM_ALWAYS_INLINE V128 v128_and(V128 a, V128 b) { return a & b; }
VM_ALWAYS_INLINE V128 v128_andnot(V128 a, V128 b) { return a & ~b; }
VM_ALWAYS_INLINE V128 v128_or(V128 a, V128 b) { return a | b; }
VM_ALWAYS_INLINE V128 v128_xor(V128 a, V128 b) { return a ^ b; }
VM_ALWAYS_INLINE V128 v128_bitselect(V128 a, V128 b, V128 c) { return (a & c) | (b & ~c); }
VM_ALWAYS_INLINE u32 v128_any_true(V128 a) { return detail::any_bit(a); }

#define VM_FLOAT_ROWS(p, F)                                                               \
  VM_BITS(p, F, eq, ==)                                                                   \
  VM_BITS(p, F, ne, !=)                                                                   \
  VM_BITS(p, F, lt, <)                                                                    \
  VM_BITS(p, F, gt, >)                                                                    \
  VM_BITS(p, F, le, <=)                                                                   \
  VM_BITS(p, F, ge, >=)                                                                   \
  VM_BITS(p, F, add, +)                                                                   \
  VM_BITS(p, F, sub, -)                                                                   \
  VM_BITS(p, F, mul, *)                                                                   \
  VM_BITS(p, F, div, /)                                                                   \
  VM_ALWAYS_INLINE V128 p##_abs(V128 a) { return detail::fabs<F>(a); }                    \
  VM_ALWAYS_INLINE V128 p##_neg(V128 a) { return detail::fneg<F>(a); }                    \
  VM_ALWAYS_INLINE V128 p##_sqrt(V128 a) { return detail::fsqrt<F>(a); }                  \
  VM_ALWAYS_INLINE V128 p##_ceil(V128 a) { return detail::fceil<F>(a); }                  \
  VM_ALWAYS_INLINE V128 p##_floor(V128 a) { return detail::ffloor<F>(a); }                \
  VM_ALWAYS_INLINE V128 p##_trunc(V128 a) { return detail::ftrunc<F>(a); }                \
  VM_ALWAYS_INLINE V128 p##_nearest(V128 a) { return detail::fnearest<F>(a); }            \
  VM_ALWAYS_INLINE V128 p##_min(V128 a, V128 b) { return detail::fmin<F>(a, b); }         \
  VM_ALWAYS_INLINE V128 p##_max(V128 a, V128 b) { return detail::fmax<F>(a, b); }         \
  VM_ALWAYS_INLINE V128 p##_pmin(V128 a, V128 b) { return detail::pmin<F>(a, b); }        \
  VM_ALWAYS_INLINE V128 p##_pmax(V128 a, V128 b) { return detail::pmax<F>(a, b); }        \
  VM_ALWAYS_INLINE V128 p##_relaxed_min(V128 a, V128 b) { return detail::fmin<F>(a, b); } \
  VM_ALWAYS_INLINE V128 p##_relaxed_max(V128 a, V128 b) { return detail::fmax<F>(a, b); } \
  VM_ALWAYS_INLINE V128 p##_relaxed_madd(V128 a, V128 b, V128 c) {                        \
    const Lanes<F> product = detail::as<F>(a) * detail::as<F>(b);                         \
    return detail::v128(product + detail::as<F>(c));                                      \
  }                                                                                       \
  VM_ALWAYS_INLINE V128 p##_relaxed_nmadd(V128 a, V128 b, V128 c) { return p##_relaxed_madd(detail::fneg<F>(a), b, c); }
VM_FLOAT_ROWS(f32x4, f32)
VM_FLOAT_ROWS(f64x2, f64)
#undef VM_FLOAT_ROWS
#undef VM_BITS

VM_ALWAYS_INLINE V128 f32x4_demote_f64x2_zero(V128 a) {
  return V128{std::bit_cast<u64>(__builtin_convertvector(detail::as<f64>(a), HalfLanes<f32>)), 0};
}
VM_ALWAYS_INLINE V128 f64x2_promote_low_f32x4(V128 a) { return detail::v128(detail::widened<f64, f32>(a, 0)); }
VM_ALWAYS_INLINE V128 f32x4_convert_i32x4_s(V128 a) {
  return detail::v128(__builtin_convertvector(detail::as<i32>(a), Lanes<f32>));
}
VM_ALWAYS_INLINE V128 f32x4_convert_i32x4_u(V128 a) {
  return detail::v128(__builtin_convertvector(detail::as<u32>(a), Lanes<f32>));
}
VM_ALWAYS_INLINE V128 f64x2_convert_low_i32x4_s(V128 a) { return detail::v128(detail::widened<f64, i32>(a, 0)); }
VM_ALWAYS_INLINE V128 f64x2_convert_low_i32x4_u(V128 a) { return detail::v128(detail::widened<f64, u32>(a, 0)); }
VM_ALWAYS_INLINE V128 i32x4_trunc_sat_f32x4_s(V128 a) { return detail::trunc_sat_f32_s(a); }
VM_ALWAYS_INLINE V128 i32x4_trunc_sat_f32x4_u(V128 a) { return detail::trunc_sat_f32_u(a); }
VM_ALWAYS_INLINE V128 i32x4_trunc_sat_f64x2_s_zero(V128 a) { return detail::trunc_sat_f64<i32>(a); }
VM_ALWAYS_INLINE V128 i32x4_trunc_sat_f64x2_u_zero(V128 a) { return detail::trunc_sat_f64<u32>(a); }

VM_ALWAYS_INLINE V128 i8x16_relaxed_swizzle(V128 a, V128 s) { return detail::swizzle(a, s); }
VM_ALWAYS_INLINE V128 i32x4_relaxed_trunc_f32x4_s(V128 a) { return detail::trunc_sat_f32_s(a); }
VM_ALWAYS_INLINE V128 i32x4_relaxed_trunc_f32x4_u(V128 a) { return detail::trunc_sat_f32_u(a); }
VM_ALWAYS_INLINE V128 i32x4_relaxed_trunc_f64x2_s_zero(V128 a) { return detail::trunc_sat_f64<i32>(a); }
VM_ALWAYS_INLINE V128 i32x4_relaxed_trunc_f64x2_u_zero(V128 a) { return detail::trunc_sat_f64<u32>(a); }
VM_ALWAYS_INLINE V128 i8x16_relaxed_laneselect(V128 a, V128 b, V128 m) { return v128_bitselect(a, b, m); }
VM_ALWAYS_INLINE V128 i16x8_relaxed_laneselect(V128 a, V128 b, V128 m) { return v128_bitselect(a, b, m); }
VM_ALWAYS_INLINE V128 i32x4_relaxed_laneselect(V128 a, V128 b, V128 m) { return v128_bitselect(a, b, m); }
VM_ALWAYS_INLINE V128 i64x2_relaxed_laneselect(V128 a, V128 b, V128 m) { return v128_bitselect(a, b, m); }
VM_ALWAYS_INLINE V128 i16x8_relaxed_q15mulr_s(V128 a, V128 b) { return detail::q15mulr(a, b); }
VM_ALWAYS_INLINE V128 i16x8_relaxed_dot_i8x16_i7x16_s(V128 a, V128 b) { return detail::dot_i8(a, b); }
VM_ALWAYS_INLINE V128 i32x4_relaxed_dot_i8x16_i7x16_add_s(V128 a, V128 b, V128 c) {
  return detail::v128(detail::as<u32>(detail::extadd_pairwise<i32, i16>(detail::dot_i8(a, b))) + detail::as<u32>(c));
}

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

}  // namespace rows::vectors::VM_VECTOR_NAMESPACE

namespace VM_VECTOR_NAMESPACE {

// Meaning of a vector row: VectorSem<Opcode::i8x16_add>::kFunction(a, b). kExists is false for rows without one.
template <Opcode Op>
struct VectorSem : interp::detail::Signature<typename rows::vectors::VM_VECTOR_NAMESPACE::FunctionOf<Op>::Function> {
  using Base = interp::detail::Signature<typename rows::vectors::VM_VECTOR_NAMESPACE::FunctionOf<Op>::Function>;
  template <size_t N>
  using Operand = std::tuple_element_t<N, typename Base::Operands>;
  static constexpr auto kFunction = rows::vectors::VM_VECTOR_NAMESPACE::FunctionOf<Op>::kFunction;
};

}  // namespace VM_VECTOR_NAMESPACE

}  // namespace lunabeam::vm::interp
