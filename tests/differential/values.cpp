#include "tests/differential/values.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <iterator>

#include "tests/differential/observation.h"
#include "vm/gc/heap.h"
#include "vm/instance.h"
#include "vm/reference.h"
#include "vm/type_registry.h"

namespace lunabeam::differential {
namespace {

using vm::CompositeKind;
using vm::HeapType;
using vm::ValType;

std::string_view name_of(HeapType::Abstract top) {
  switch (top) {
    case HeapType::kFunc: return "func";
    case HeapType::kExtern: return "extern";
    case HeapType::kExn: return "exn";
    default: return "any";
  }
}

std::string describe_at(ValType type, const u64* slots, u32 depth);

// A field or element, as it lies in an object.
std::string describe_stored(ValType storage, const u8* at, u32 depth) {
  u64 slots[2] = {};
  std::memcpy(slots, at, size_t{1} << vm::gc::storage_log2(storage));
  switch (storage.kind()) {
    case ValType::kI8: return fmt::format("i8:{:02x}", slots[0]);
    case ValType::kI16: return fmt::format("i16:{:04x}", slots[0]);
    default: return describe_at(storage, slots, depth);
  }
}

// child(i): the text of the i-th of `count`.
template <class Child>
std::string describe_children(u64 count, u32 depth, Child child) {
  if (count > 0 && depth >= kMaxDepth) return "(...)";
  std::string text = "(";
  for (u64 i = 0; i < std::min<u64>(count, kMaxChildren); ++i) {
    if (i > 0) text += ',';
    text += child(i);
  }
  return text + ')';
}

std::string describe_object(u64 ref, u32 depth) {
  const u64 header = vm::gc::header_at(ref);
  const vm::SubType& type = vm::TypeRegistry::global().get(vm::gc::type_of(header));
  switch (vm::gc::kind_of(header)) {
    case vm::gc::Kind::kStruct: {
      const vm::gc::Layout& layout = vm::TypeRegistry::global().layout(vm::gc::type_of(header));
      return "struct" + describe_children(type.fields.size(), depth, [&](u64 i) {
               return describe_stored(type.fields[i].storage, vm::gc::bytes_at(ref) + layout.fields[i], depth + 1);
             });
    }
    case vm::gc::Kind::kArray: {
      const u32 length = vm::gc::array_length(ref);
      const u32 log2 = vm::gc::element_log2_of(header);
      return fmt::format("array:{}", length) + describe_children(length, depth, [&](u64 i) {
               return describe_stored(type.fields[0].storage, vm::gc::array_elements(ref) + (i << log2), depth + 1);
             });
    }
    case vm::gc::Kind::kException: break;
  }
  const std::vector<ValType>& params = vm::TypeRegistry::global().func(vm::gc::exception_tag(ref)->type).params;
  const u64* slots = vm::gc::exception_words(ref);
  return "exn" + describe_children(params.size(), depth, [&](u64 i) {
           std::string text = describe_at(params[i], slots, depth + 1);
           slots += params[i].slots();
           return text;
         });
}

std::string describe_reference(HeapType::Abstract top, u64 ref, u32 depth) {
  if (ref == 0) return "null";
  if (top == HeapType::kFunc) return "func";
  // What was converted from the other hierarchy is not looked into: not every embedder can.
  if (top == HeapType::kExtern) {
    return vm::tag_of(ref) == vm::kRefTagHost ? fmt::format("extern:{:08x}", vm::host_ref_payload(ref)) : "extern";
  }
  switch (vm::tag_of(ref)) {
    case vm::kRefTagI31: return fmt::format("i31:{:08x}", vm::gc::i31_unsigned(ref));
    case vm::kRefTagHost: return "any";
    default: return describe_object(ref, depth);
  }
}

std::string describe_at(ValType type, const u64* slots, u32 depth) {
  switch (type.kind()) {
    case ValType::kI32: return fmt::format("i32:{:08x}", static_cast<u32>(slots[0]));
    case ValType::kI64: return fmt::format("i64:{:016x}", slots[0]);
    case ValType::kF32: {
      const auto bits = static_cast<u32>(slots[0]);
      return std::isnan(std::bit_cast<f32>(bits)) ? "f32:nan" : fmt::format("f32:{:08x}", bits);
    }
    case ValType::kF64:
      return std::isnan(std::bit_cast<f64>(slots[0])) ? "f64:nan" : fmt::format("f64:{:016x}", slots[0]);
    case ValType::kV128: return fmt::format("v128:{:016x}{:016x}", slots[1], slots[0]);
    default: return describe_reference(vm::TypeRegistry::global().top_of(type.heap()), slots[0], depth);
  }
}

constexpr u64 kInteresting[] = {0,
                                1,
                                ~u64{0},
                                2,
                                7,
                                31,
                                63,
                                255,
                                0x7FFF'FFFF,
                                0x8000'0000,
                                0xFFFF'FFFF,
                                0x7FFF'FFFF'FFFF'FFFF,
                                0x8000'0000'0000'0000};

u64 integer(tests::Random& random) {
  return random.chance(50) ? kInteresting[random.below(std::size(kInteresting))] : random.next() >> random.below(64);
}

f64 floating(tests::Random& random) {
  static constexpr f64 kFloats[] = {0.0, -0.0, 1.0, -1.5, 1e10, -1e30, 0.1, HUGE_VAL, -HUGE_VAL};
  if (random.chance(50)) return kFloats[random.below(std::size(kFloats))];
  return static_cast<f64>(static_cast<i64>(random.next() >> random.below(64))) / 8;
}

Argument reference_argument(HeapType::Abstract top, u64 ref) {
  if (ref != 0) return {{ref}, describe_reference(top, ref, 0)};
  return {{0}, fmt::format("null:{}", name_of(top))};
}

bool takes_i31(HeapType heap) { return heap == HeapType::kAny || heap == HeapType::kEq || heap == HeapType::kI31; }

}  // namespace

std::string describe(ValType type, const u64* slots) { return describe_at(type, slots, 0); }

std::string describe(std::span<const ValType> types, std::span<const u64> slots) {
  std::string text;
  const u64* at = slots.data();
  for (const ValType type : types) {
    if (!text.empty()) text += ' ';
    text += describe(type, at);
    at += type.slots();
  }
  return text;
}

std::optional<Argument> make_argument(ValType type, tests::Random& random) {
  std::vector<u64> slots;
  switch (type.kind()) {
    case ValType::kI32: slots = {static_cast<u32>(integer(random))}; break;
    case ValType::kI64: slots = {integer(random)}; break;
    case ValType::kF32: slots = {std::bit_cast<u32>(static_cast<f32>(floating(random)))}; break;
    case ValType::kF64: slots = {std::bit_cast<u64>(floating(random))}; break;
    case ValType::kV128: slots = {integer(random), random.next()}; break;
    default: {
      const HeapType heap = type.heap();
      const HeapType::Abstract top = vm::TypeRegistry::global().top_of(heap);
      const bool wants_null = type.is_nullable() && random.chance(50);
      if (!wants_null && takes_i31(heap)) {
        return reference_argument(top, vm::gc::make_i31(static_cast<u32>(integer(random))));
      }
      if (!wants_null && heap == HeapType::kExtern) {
        return reference_argument(top, vm::make_host_ref(1 + random.below(1000)));
      }
      if (!type.is_nullable()) return std::nullopt;
      return reference_argument(top, 0);
    }
  }
  std::string text = describe(type, slots.data());
  return Argument{std::move(slots), std::move(text)};
}

}  // namespace lunabeam::differential
