// The type model of WebAssembly 3.0: value types, heap types, composite types, limits, and the engine-wide table of canonical
// types. Two defined types are the same type iff their TypeIds are equal, in every module of the VM (spec 3.0, "Types",
// "Rolling and Unrolling", "Defined Types").
#pragma once

#include <compare>
#include <string>
#include <vector>

#include "vm/base/ints.h"

namespace lunabeam::vm {

// A canonical defined type: index into the TypeRegistry. Module-level type indices (TypeIdx) are translated to these when a
// module is decoded, so that nothing later on compares types structurally.
enum class TypeId : u32 {};
inline constexpr TypeId kNoType{0xFFFF'FFFF};

// A heap type: an abstract one, or a canonical defined type.
class HeapType {
 public:
  // ORDER: abstract codes are dense and below kFirstConcrete.
  enum Abstract : u32 {
    kFunc,
    kNoFunc,
    kExtern,
    kNoExtern,
    kAny,
    kEq,
    kI31,
    kStruct,
    kArray,
    kNone,
    kExn,
    kNoExn,
    kBottom,  // Subtype of every heap type; arises in unreachable code only.
  };

  constexpr HeapType(Abstract code)
      : bits_(code) {}  // NOLINT(google-explicit-constructor): HeapType::kFunc reads as a type.
  [[nodiscard]] static constexpr HeapType concrete(TypeId id) {
    return HeapType(kFirstConcrete + static_cast<u32>(id), 0);
  }
  [[nodiscard]] static constexpr HeapType from_bits(u32 bits) { return HeapType(bits, 0); }

  [[nodiscard]] constexpr bool is_concrete() const { return bits_ >= kFirstConcrete; }
  [[nodiscard]] constexpr TypeId type_id() const { return TypeId{bits_ - kFirstConcrete}; }
  [[nodiscard]] constexpr Abstract abstract() const { return static_cast<Abstract>(bits_); }
  [[nodiscard]] constexpr u32 bits() const { return bits_; }
  friend constexpr bool operator==(HeapType, HeapType) = default;

 private:
  static constexpr u32 kFirstConcrete = 16;
  constexpr HeapType(u32 bits, int) : bits_(bits) {}
  u32 bits_;
};

// Largest number of canonical types a VM can hold; exceeding it is a load error.
inline constexpr u32 kMaxCanonicalTypes = 1u << 24;

// A value type or, in fields and arrays, a storage type. 4 bytes, compared by value.
class ValType {
 public:
  enum Kind : u8 { kI32, kI64, kF32, kF64, kV128, kRef, kBottom, kI8, kI16 };

  constexpr ValType() : bits_(kBottom) {}
  constexpr ValType(Kind kind) : bits_(kind) {}  // NOLINT(google-explicit-constructor): REQUIRES kind != kRef.
  [[nodiscard]] static constexpr ValType ref(HeapType heap, bool nullable) {
    return from_bits(kRef | (nullable ? kNullable : 0) | heap.bits() << 5);
  }
  [[nodiscard]] static constexpr ValType from_bits(u32 bits) {
    ValType type;
    type.bits_ = bits;
    return type;
  }

  [[nodiscard]] constexpr Kind kind() const { return static_cast<Kind>(bits_ & 15); }
  [[nodiscard]] constexpr bool is_ref() const { return kind() == kRef; }
  [[nodiscard]] constexpr bool is_num() const { return kind() <= kF64; }
  [[nodiscard]] constexpr bool is_float() const { return kind() == kF32 || kind() == kF64; }
  [[nodiscard]] constexpr bool is_packed() const { return kind() == kI8 || kind() == kI16; }
  [[nodiscard]] constexpr bool is_bottom() const { return kind() == kBottom; }
  [[nodiscard]] constexpr bool is_nullable() const { return (bits_ & kNullable) != 0; }
  [[nodiscard]] constexpr HeapType heap() const { return HeapType::from_bits(bits_ >> 5); }  // REQUIRES is_ref().
  [[nodiscard]] constexpr bool is_defaultable() const { return !is_ref() || is_nullable(); }
  // Frame slots a value occupies: 2 for v128, else 1.
  [[nodiscard]] constexpr u32 slots() const { return kind() == kV128 ? 2 : 1; }
  [[nodiscard]] constexpr u32 bits() const { return bits_; }
  friend constexpr bool operator==(ValType, ValType) = default;

 private:
  static constexpr u32 kNullable = 16;
  u32 bits_;
};

inline constexpr ValType kFuncRef = ValType::ref(HeapType::kFunc, true);
inline constexpr ValType kExternRef = ValType::ref(HeapType::kExtern, true);
inline constexpr ValType kExnRef = ValType::ref(HeapType::kExn, true);

struct FieldType {
  ValType storage;
  bool is_mutable = false;
  friend bool operator==(const FieldType&, const FieldType&) = default;
};

struct FuncType {
  std::vector<ValType> params;
  std::vector<ValType> results;
  friend bool operator==(const FuncType&, const FuncType&) = default;
};

enum class CompositeKind : u8 { kFunc, kStruct, kArray };

// One member of a rec group.
// Invariant 1: only the part that kind names is filled; an array has exactly one field.
struct SubType {
  CompositeKind kind = CompositeKind::kFunc;
  bool is_final = true;
  TypeId super = kNoType;
  FuncType func;
  std::vector<FieldType> fields;
};

enum class AddressType : u8 { kI32, kI64 };

[[nodiscard]] constexpr ValType value_type_of(AddressType at) {
  return at == AddressType::kI64 ? ValType::kI64 : ValType::kI32;
}

// Limits of memories (in pages) and tables (in elements).
struct Limits {
  u64 min = 0;
  u64 max = 0;  // Meaningful iff has_max.
  bool has_max = false;
  AddressType address_type = AddressType::kI32;
};

// Invariant 1: once validated, page_size_log2 is 0 or 16, and shared implies limits.has_max.
struct MemoryType {
  Limits limits;
  u8 page_size_log2 = 16;
  bool shared = false;
};

struct TableType {
  ValType element;
  Limits limits;
};

struct GlobalType {
  ValType type;
  bool is_mutable = false;
};

enum class ExternKind : u8 { kFunc, kTable, kMemory, kGlobal, kTag };

inline constexpr u64 kWasmPageBytes = 65536;

// Text form, e.g. "i32", "(ref null func)", "(func (param i32) (result i64))"; for error messages and listings.
[[nodiscard]] std::string to_string(ValType type);
[[nodiscard]] std::string to_string(const FuncType& type);

}  // namespace lunabeam::vm
