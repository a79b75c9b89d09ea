// Objects of the garbage-collected heap: an 8-byte header and the payload. Every object is 8-byte aligned and a multiple of 8 bytes
// long; a reference to it is its address (tag 0, reference.h).
//
//   header   bit 0      1: the object has moved; the other bits are its new address (the header is a forwarding pointer)
//            bits 1..2  Kind
//            bits 3..5  arrays: log2 of the bytes of an element
//            bit 6      the payload has references that the collector follows
//            bits 8..31 canonical type (exceptions: the type of the tag's function)
//            bits 32..63 struct: bytes of the whole object; array: elements; exception: words behind the tag
//   struct   fields in their order, each at the next multiple of its size (vectors: of 8), so that a subtype begins like its supertype
//   array    elements from byte 8 on, i8 and i16 packed
//   exception  TagInst*, then the tag's parameters in order, 8 bytes each, vectors 16
#pragma once

#include <cstring>

#include "vm/base/ints.h"
#include "vm/types.h"

namespace lunabeam::vm {

struct TagInst;

namespace gc {

enum class Kind : u8 { kStruct, kArray, kException };

inline constexpr u64 kHeaderBytes = 8;
inline constexpr u64 kForwarded = 1;
inline constexpr u64 kHasReferences = 1u << 6;

[[nodiscard]] constexpr u64 make_header(Kind kind, TypeId type, u32 element_log2, bool has_references, u32 length) {
  return u64{length} << 32 | u64{static_cast<u32>(type)} << 8 | (has_references ? kHasReferences : 0) |
         u64{element_log2} << 3 | u64{static_cast<u8>(kind)} << 1;
}
[[nodiscard]] constexpr Kind kind_of(u64 header) { return static_cast<Kind>(header >> 1 & 3); }
[[nodiscard]] constexpr TypeId type_of(u64 header) { return TypeId{static_cast<u32>(header) >> 8}; }
[[nodiscard]] constexpr u32 element_log2_of(u64 header) { return static_cast<u32>(header >> 3 & 7); }
[[nodiscard]] constexpr u32 length_of(u64 header) { return static_cast<u32>(header >> 32); }

[[nodiscard]] constexpr u64 round_up_8(u64 bytes) { return (bytes + 7) & ~u64{7}; }
// Bytes of an array object. length < 2^32.
[[nodiscard]] constexpr u64 array_bytes(u32 element_log2, u64 length) {
  return kHeaderBytes + round_up_8(length << element_log2);
}
[[nodiscard]] constexpr u64 object_bytes(u64 header) {
  switch (kind_of(header)) {
    case Kind::kStruct: return length_of(header);
    case Kind::kArray: return array_bytes(element_log2_of(header), length_of(header));
    case Kind::kException: break;
  }
  return kHeaderBytes + sizeof(u64) + u64{length_of(header)} * sizeof(u64);
}

// REQUIRES for all below: ref is a non-null reference to an object.
[[nodiscard]] inline u64 header_at(u64 ref) {
  u64 header;
  std::memcpy(&header, reinterpret_cast<const void*>(ref), sizeof header);
  return header;
}
[[nodiscard]] inline u8* bytes_at(u64 ref) { return reinterpret_cast<u8*>(ref); }
[[nodiscard]] inline u32 array_length(u64 ref) { return length_of(header_at(ref)); }
[[nodiscard]] inline u8* array_elements(u64 ref) { return bytes_at(ref) + kHeaderBytes; }

// i31 references: value << 32 | tag, so that a value has one representation only.
[[nodiscard]] constexpr u64 make_i31(u32 value) { return u64{value & 0x7FFF'FFFF} << 32 | 1; }
[[nodiscard]] constexpr u32 i31_unsigned(u64 ref) { return static_cast<u32>(ref >> 32); }
[[nodiscard]] constexpr u32 i31_signed(u64 ref) {
  return static_cast<u32>(static_cast<i32>(static_cast<u32>(ref >> 32) << 1) >> 1);
}

}  // namespace gc
}  // namespace lunabeam::vm
