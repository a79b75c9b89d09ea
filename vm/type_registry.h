// The engine-wide table of canonical types. Rec groups are interned: registering a group that is already there (equal after
// replacing references inside the group by positions) returns the ids it has, in every module of the VM.
//
// Threading: lookups are lock-free and may run on any thread while the caller holds a reference to a module that uses the type;
// registration and release take the registry's own lock, for a short time whatever the size of the group. Lifetime: ids are
// reference-counted by registered group; a released id may be reused, and the memory of released entries is freed.
#pragma once

#include <memory>
#include <span>

#include "vm/base/error.h"
#include "vm/gc/layout.h"
#include "vm/types.h"

namespace lunabeam::vm {

// Frame words that the values of a function type take, references apart (v128 = 2). Computed once, when the type is interned.
struct FuncShape {
  u32 param_slots = 0;
  u32 param_refs = 0;
  u32 result_slots = 0;
  u32 result_refs = 0;
};

class TypeRegistry {
 public:
  // The registry of this VM (one per operating-system process).
  [[nodiscard]] static TypeRegistry& global();

  TypeRegistry();
  ~TypeRegistry();
  TypeRegistry(const TypeRegistry&) = delete;
  TypeRegistry& operator=(const TypeRegistry&) = delete;

  // Interns one rec group and returns the id of its first member; the others follow consecutively.
  // REQUIRES: a reference to member k of the group itself is written as TypeId{kRecBase + k}; all others are canonical.
  // A supertype inside the group comes before its subtypes.
  // Adds one reference to the group. Errors: kImplementationLimit when ids are exhausted or supertypes nest too deep.
  static constexpr u32 kRecBase = 0xFF00'0000 >> 5;  // Fits HeapType and never collides with a canonical id.
  [[nodiscard]] Result<TypeId> intern(std::span<const SubType> group);
  // Interns a plain final function type (host functions, single types).
  [[nodiscard]] Result<TypeId> intern(const FuncType& type);

  // Drops one reference to the group whose first member is `first`. A group goes before those that its members refer to: as long as it can
  // be found, the ids in it must not become those of other types.
  void release(TypeId first) noexcept;

  [[nodiscard]] const SubType& get(TypeId id) const noexcept;
  [[nodiscard]] const FuncType& func(TypeId id) const noexcept { return get(id).func; }
  // All zero for types that are no functions.
  [[nodiscard]] const FuncShape& func_shape(TypeId id) const noexcept;
  // How objects of the type lie in memory; all zero for function types.
  [[nodiscard]] const gc::Layout& layout(TypeId id) const noexcept;

  // Whether every field of a struct, or the element of an array, has a default value. True for functions.
  [[nodiscard]] bool has_default(TypeId id) const noexcept;

  // A list of exactly this reference type, which lives as long as the type: one-value block types are spelled without a list.
  [[nodiscard]] std::span<const ValType> single(ValType reference) const noexcept;

  // The type at the top of the hierarchy that `heap` is in: kFunc, kExtern, kExn, or kAny. REQUIRES: not kBottom.
  [[nodiscard]] HeapType::Abstract top_of(HeapType heap) const noexcept;
  // Declared subtyping (spec 3.0, "Matching"). O(1) for defined types, through a display of supertypes.
  [[nodiscard]] bool is_subtype(TypeId sub, TypeId super) const noexcept;
  [[nodiscard]] bool matches(HeapType sub, HeapType super) const noexcept;
  [[nodiscard]] bool matches(ValType sub, ValType super) const noexcept;

  // Bytes that a type takes here: its entry ...
  static const u64 kEntryBytes;
  // ... and the lists of it.
  [[nodiscard]] u64 list_bytes(TypeId id) const noexcept;
  // Bytes of all entries, used or not, without their lists.
  [[nodiscard]] u64 entry_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lunabeam::vm
