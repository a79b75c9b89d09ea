// LEB128 integers with the binary format's exact rules (spec 3.0, "Binary Format", "Integers"): an N-bit integer takes at most
// ceil(N/7) bytes, and the bits of its last byte beyond N must be zero (unsigned) or copies of the sign (signed). Padding within
// that length is legal.
#pragma once

#include <concepts>

#include "vm/base/ints.h"

namespace lunabeam::vm {

enum class LebStatus : u8 {
  kOk,
  kTruncated,  // The input ended inside the integer.
  kTooLong,    // More bytes than the width admits.
  kTooLarge,   // Bits beyond the width are set.
};

// Reads an unsigned integer of kBits bits at cur and advances cur behind it; on failure cur stands on the offending byte.
template <unsigned kBits, std::unsigned_integral T>
  requires(kBits <= sizeof(T) * 8)
[[nodiscard]] constexpr LebStatus read_unsigned_leb(const u8*& cur, const u8* end, T& value) {
  T result = 0;
  for (unsigned shift = 0;; shift += 7) {
    if (shift >= kBits) return LebStatus::kTooLong;
    if (cur == end) return LebStatus::kTruncated;
    const u8 byte = *cur;
    const unsigned left = kBits - shift;
    if (left < 7 && (byte & 0x7F) >= (1u << left)) return LebStatus::kTooLarge;
    result |= static_cast<T>(static_cast<T>(byte & 0x7F) << shift);
    ++cur;
    if ((byte & 0x80) == 0) break;
  }
  value = result;
  return LebStatus::kOk;
}

// Reads a two's complement integer of kBits bits, sign-extended to T.
template <unsigned kBits, std::signed_integral T>
  requires(kBits <= sizeof(T) * 8)
[[nodiscard]] constexpr LebStatus read_signed_leb(const u8*& cur, const u8* end, T& value) {
  u64 result = 0;
  for (unsigned shift = 0;; shift += 7) {
    if (shift >= kBits) return LebStatus::kTooLong;
    if (cur == end) return LebStatus::kTruncated;
    const u8 byte = *cur;
    const unsigned left = kBits - shift;
    if (left < 7) {
      const unsigned mask = (~0u << (left - 1)) & 0x7F;  // The sign bit and everything above it.
      if ((byte & mask) != 0 && (byte & mask) != mask) return LebStatus::kTooLarge;
    }
    result |= static_cast<u64>(byte & 0x7F) << shift;
    ++cur;
    if ((byte & 0x80) == 0) {
      if ((byte & 0x40) != 0 && shift + 7 < 64) result |= ~u64{0} << (shift + 7);
      break;
    }
  }
  value = static_cast<T>(static_cast<i64>(result));
  return LebStatus::kOk;
}

}  // namespace lunabeam::vm
