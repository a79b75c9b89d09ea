#include "tools/lunabeam-spectest/values.h"

#include <fmt/format.h>

#include <algorithm>

#include "vm/gc/object.h"
#include "vm/reference.h"
#include "vm/text/numbers.h"
#include "vm/type_registry.h"

namespace lunabeam::spectest {
namespace {

using vm::CompositeKind;
using vm::HeapType;
using vm::ValType;
using Kind = Pattern::Kind;

// What a non-null reference is, as far as patterns tell apart.
enum class RefKind : u8 { kFunc, kExn, kI31, kStruct, kArray, kHost };

CompositeKind composite_of(HeapType heap) { return vm::TypeRegistry::global().get(heap.type_id()).kind; }

RefKind ref_kind_of(HeapType heap, u64 ref) {
  switch (vm::TypeRegistry::global().top_of(heap)) {
    case HeapType::kFunc: return RefKind::kFunc;
    case HeapType::kExn: return RefKind::kExn;
    default: break;
  }
  if (vm::tag_of(ref) == vm::kRefTagHost) return RefKind::kHost;
  if (vm::tag_of(ref) == vm::kRefTagI31) return RefKind::kI31;
  if (heap == HeapType::kStruct) return RefKind::kStruct;
  if (heap == HeapType::kArray) return RefKind::kArray;
  if (!heap.is_concrete()) {
    return vm::gc::kind_of(vm::gc::header_at(ref)) == vm::gc::Kind::kStruct ? RefKind::kStruct : RefKind::kArray;
  }
  return composite_of(heap) == CompositeKind::kStruct ? RefKind::kStruct : RefKind::kArray;
}

bool matches_reference(const Pattern& pattern, HeapType heap, u64 ref) {
  if (pattern.kind == Kind::kRefNull) return ref == 0;
  if (ref == 0) return false;
  const HeapType::Abstract top = vm::TypeRegistry::global().top_of(heap);
  const RefKind kind = ref_kind_of(heap, ref);
  switch (pattern.kind) {
    case Kind::kRefExtern: return top == HeapType::kExtern && ref == vm::make_host_ref(pattern.bits[0]);
    case Kind::kRefHost: return top == HeapType::kAny && ref == vm::make_host_ref(pattern.bits[0]);
    case Kind::kAnyRef: return kind != RefKind::kFunc;
    case Kind::kAnyEq: return top == HeapType::kAny && kind != RefKind::kHost;
    case Kind::kAnyI31: return top == HeapType::kAny && kind == RefKind::kI31;
    case Kind::kAnyStruct: return top == HeapType::kAny && kind == RefKind::kStruct;
    case Kind::kAnyArray: return top == HeapType::kAny && kind == RefKind::kArray;
    case Kind::kAnyFunc: return kind == RefKind::kFunc;
    case Kind::kAnyExn: return kind == RefKind::kExn;
    case Kind::kAnyExtern: return top == HeapType::kExtern;
    default: return false;
  }
}

// bits: 32 or 64. `value` and `expected` have that many.
bool matches_float(unsigned bits, NanPattern nan, u64 expected, u64 value) {
  const u64 quiet = bits == 64 ? 0x7FF8'0000'0000'0000 : 0x7FC0'0000;
  const u64 sign = u64{1} << (bits - 1);
  switch (nan) {
    case NanPattern::kNone: return value == expected;
    case NanPattern::kCanonical: return (value & ~sign) == quiet;
    case NanPattern::kArithmetic: return (value & quiet) == quiet;
  }
  return false;
}

u64 lane_of(const u64 (&halves)[2], unsigned lane, unsigned bits) {
  const unsigned shift = lane * bits;
  const u64 word = halves[shift / 64] >> shift % 64;
  return bits == 64 ? word : word & ((u64{1} << bits) - 1);
}

bool matches_vector(const Pattern& pattern, std::span<const u64> slots) {
  const u64 halves[2] = {slots[0], slots[1]};
  const unsigned bits = lane_bits(pattern.shape);
  for (unsigned lane = 0; lane < lane_count(pattern.shape); ++lane) {
    const NanPattern nan = lane < std::size(pattern.nan) ? pattern.nan[lane] : NanPattern::kNone;
    const u64 expected = lane_of(pattern.bits, lane, bits);
    const u64 value = lane_of(halves, lane, bits);
    if (nan == NanPattern::kNone ? value != expected : !matches_float(bits, nan, expected, value)) return false;
  }
  return true;
}

bool matches_one(const Pattern& pattern, ValType type, std::span<const u64> slots) {
  switch (pattern.kind) {
    case Kind::kI32: return type.kind() == ValType::kI32 && slots[0] == pattern.bits[0];
    case Kind::kI64: return type.kind() == ValType::kI64 && slots[0] == pattern.bits[0];
    case Kind::kF32:
      return type.kind() == ValType::kF32 && slots[0] >> 32 == 0 &&
             matches_float(32, pattern.nan[0], pattern.bits[0], slots[0]);
    case Kind::kF64:
      return type.kind() == ValType::kF64 && matches_float(64, pattern.nan[0], pattern.bits[0], slots[0]);
    case Kind::kV128: return type.kind() == ValType::kV128 && matches_vector(pattern, slots);
    default: return type.is_ref() && matches_reference(pattern, type.heap(), slots[0]);
  }
}

std::string describe_float(unsigned bits, u64 value) {
  char buffer[32];
  if (bits == 32) return std::string(vm::text::print_f32(static_cast<u32>(value), buffer));
  return std::string(vm::text::print_f64(value, buffer));
}

std::string describe_float(unsigned bits, NanPattern nan, u64 value) {
  switch (nan) {
    case NanPattern::kNone: return describe_float(bits, value);
    case NanPattern::kCanonical: return "nan:canonical";
    case NanPattern::kArithmetic: return "nan:arithmetic";
  }
  return {};
}

std::string describe_vector(const Pattern& pattern) {
  std::string text = fmt::format("(v128.const {}", name_of(pattern.shape));
  const bool is_float = pattern.shape == LaneShape::kF32x4 || pattern.shape == LaneShape::kF64x2;
  const unsigned bits = lane_bits(pattern.shape);
  for (unsigned lane = 0; lane < lane_count(pattern.shape); ++lane) {
    const u64 value = lane_of(pattern.bits, lane, bits);
    text += is_float ? " " + describe_float(bits, pattern.nan[lane], value) : fmt::format(" {:#x}", value);
  }
  return text + ")";
}

std::string describe_reference(HeapType heap, u64 ref) {
  if (ref == 0) return "(ref.null)";
  const HeapType::Abstract top = vm::TypeRegistry::global().top_of(heap);
  switch (ref_kind_of(heap, ref)) {
    case RefKind::kFunc: return "(ref.func)";
    case RefKind::kExn: return "(ref.exn)";
    case RefKind::kHost:
      return fmt::format("({} {})", top == HeapType::kExtern ? "ref.extern" : "ref.host", vm::host_ref_payload(ref));
    default: break;
  }
  if (top == HeapType::kExtern) return "(ref.extern)";
  switch (ref_kind_of(heap, ref)) {
    case RefKind::kI31: return "(ref.i31)";
    case RefKind::kStruct: return "(ref.struct)";
    case RefKind::kArray: return "(ref.array)";
    default: return "(ref)";
  }
}

std::string describe_value(ValType type, std::span<const u64> slots) {
  switch (type.kind()) {
    case ValType::kI32: return fmt::format("(i32.const {})", static_cast<i32>(slots[0]));
    case ValType::kI64: return fmt::format("(i64.const {})", static_cast<i64>(slots[0]));
    case ValType::kF32: return fmt::format("(f32.const {})", describe_float(32, slots[0]));
    case ValType::kF64: return fmt::format("(f64.const {})", describe_float(64, slots[0]));
    case ValType::kV128:
      return fmt::format("(v128.const i32x4 {:#x} {:#x} {:#x} {:#x})", slots[0] & 0xFFFF'FFFF, slots[0] >> 32,
                         slots[1] & 0xFFFF'FFFF, slots[1] >> 32);
    default: return describe_reference(type.heap(), slots[0]);
  }
}

template <class Range, class Describe>
std::string joined(const Range& range, Describe describe_one) {
  std::string text;
  for (const auto& item : range) text += (text.empty() ? "" : " ") + describe_one(item);
  return text.empty() ? "nothing" : text;
}

}  // namespace

bool append_argument(const Pattern& value, ValType type, std::vector<u64>& slots) {
  switch (value.kind) {
    case Kind::kI32:
    case Kind::kI64:
    case Kind::kF32:
    case Kind::kF64: {
      constexpr ValType::Kind kKinds[] = {ValType::kI32, ValType::kI64, ValType::kF32, ValType::kF64};
      if (type.kind() != kKinds[static_cast<size_t>(value.kind)]) return false;
      slots.push_back(value.bits[0]);
      return true;
    }
    case Kind::kV128:
      if (type.kind() != ValType::kV128) return false;
      slots.insert(slots.end(), {value.bits[0], value.bits[1]});
      return true;
    case Kind::kRefNull:
      if (!type.is_ref() || !type.is_nullable()) return false;
      slots.push_back(0);
      return true;
    case Kind::kRefExtern:
    case Kind::kRefHost: {
      const HeapType wanted = value.kind == Kind::kRefExtern ? HeapType::kExtern : HeapType::kAny;
      if (!type.is_ref() || type.heap() != wanted) return false;
      slots.push_back(vm::make_host_ref(value.bits[0]));
      return true;
    }
    default: return false;
  }
}

bool matches(const Pattern& pattern, ValType type, std::span<const u64> slots) {
  if (pattern.kind != Kind::kEither) return matches_one(pattern, type, slots);
  return std::ranges::any_of(pattern.alternatives, [&](const Pattern& one) { return matches_one(one, type, slots); });
}

bool matches(std::span<const Pattern> patterns, std::span<const ValType> types, std::span<const u64> slots) {
  if (patterns.size() != types.size()) return false;
  for (size_t i = 0; i < patterns.size(); ++i) {
    if (!matches(patterns[i], types[i], slots)) return false;
    slots = slots.subspan(types[i].slots());
  }
  return true;
}

std::string describe(const Pattern& pattern) {
  switch (pattern.kind) {
    case Kind::kI32: return fmt::format("(i32.const {})", static_cast<i32>(pattern.bits[0]));
    case Kind::kI64: return fmt::format("(i64.const {})", static_cast<i64>(pattern.bits[0]));
    case Kind::kF32: return fmt::format("(f32.const {})", describe_float(32, pattern.nan[0], pattern.bits[0]));
    case Kind::kF64: return fmt::format("(f64.const {})", describe_float(64, pattern.nan[0], pattern.bits[0]));
    case Kind::kV128: return describe_vector(pattern);
    case Kind::kRefNull: return "(ref.null)";
    case Kind::kRefExtern: return fmt::format("(ref.extern {})", pattern.bits[0]);
    case Kind::kRefHost: return fmt::format("(ref.host {})", pattern.bits[0]);
    case Kind::kAnyRef: return "(ref)";
    case Kind::kAnyEq: return "(ref.eq)";
    case Kind::kAnyI31: return "(ref.i31)";
    case Kind::kAnyStruct: return "(ref.struct)";
    case Kind::kAnyArray: return "(ref.array)";
    case Kind::kAnyFunc: return "(ref.func)";
    case Kind::kAnyExn: return "(ref.exn)";
    case Kind::kAnyExtern: return "(ref.extern)";
    case Kind::kEither:
      return fmt::format("(either {})", joined(pattern.alternatives, [](const Pattern& one) { return describe(one); }));
  }
  return {};
}

std::string describe(std::span<const Pattern> patterns) {
  return joined(patterns, [](const Pattern& one) { return describe(one); });
}

std::string describe(std::span<const ValType> types, std::span<const u64> slots) {
  return joined(types, [&](ValType type) {
    std::string text = describe_value(type, slots);
    slots = slots.subspan(type.slots());
    return text;
  });
}

}  // namespace lunabeam::spectest
