// Instances. Ctx is the per-(process, instance) context that guest code addresses everything through (pinned register r15/x23 of
// compiled code, an argument of every interpreter handler). A guest process has exactly one; a Store (spec tests) may have many.
#pragma once

#include <memory>
#include <span>

#include "vm/base/error.h"
#include "vm/exec_context.h"
#include "vm/memory.h"
#include "vm/module.h"
#include "vm/reference.h"

namespace lunabeam::vm {

// Invariant 1: elems[0, size) are references of element type, tagged as reference.h says.
// Invariant 2: !owned => elems points to the module's shared image and must not be written (rule P3): make_table_private first.
struct TableInst {
  u64* elems = nullptr;
  u64 size = 0;
  u64 max = 0;       // The type's maximum, or the address type's limit.
  u64 capacity = 0;  // Elements allocated; meaningful when owned.
  ValType type;
  AddressType address_type = AddressType::kI32;
  bool owned = false;
  bool has_max = false;  // The type has a maximum: importers may ask for one.
};

// A tag of an instance: its address is its identity. Owned by the instance that defines it; importers share it.
struct TagInst {
  TypeId type = kNoType;  // Its parameters are the payload of an exception.
  u32 index = 0;          // In the module that defines it, for messages.
};

// One context = one block of instance_bytes(module) bytes: this struct, then global words, then the pointer arrays and the
// tables and memories that the instance defines itself.
// Invariant 1: mem0 == memories[0]->base and mem0_limit == memories[0]->size_bytes whenever guest code of this instance runs
//              (both 0 without a memory); reloaded after every call back, cross-instance edge, host call and growth (rule P2).
// Invariant 2: stack_limit == exec->stack_limit.
struct alignas(16) Ctx {
  u8* mem0 = nullptr;
  u64 mem0_limit = 0;
  u64* stack_limit = nullptr;
  ExecContext* exec = nullptr;
  const Module* module = nullptr;
  u64* globals = nullptr;  // Own and imported immutable globals by value, at Module::global_offsets.
  u64** imported_globals =
      nullptr;  // Imported mutable globals: where the owner keeps them, by global index (null = own).
  TableInst** tables = nullptr;
  MemoryInst** memories = nullptr;
  const TagInst** tags = nullptr;
  const FuncInst** imported_funcs = nullptr;  // By function index; null where the module is bound to a host function.
  FuncInst* func_insts = nullptr;  // Store with several instances: one per function of the module; else null.
  u64* dropped =
      nullptr;  // Bit set: dropped element segments, then data segments; see segment.h. Null without segments.
  u64** elem_values =
      nullptr;          // By element segment: its evaluated items, or null; see elem_values.h. Null without any.
  Ctx* next = nullptr;  // Ring of the instances of the same ExecContext; itself when alone.

  void reload_memory() {
    if (memories != nullptr && memories[0] != nullptr) {
      mem0 = memories[0]->base;
      mem0_limit = memories[0]->size_bytes;
    }
  }
};

// A function, table, memory, global or tag of another instance, to link against.
struct ExternValue {
  ExternKind kind = ExternKind::kFunc;
  const FuncInst* func = nullptr;
  const HostFunction* host = nullptr;  // kFunc: a host function bound at instantiation.
  TableInst* table = nullptr;
  MemoryInst* memory = nullptr;
  u64* global = nullptr;
  const TagInst* tag = nullptr;
  TableType table_type;
  MemoryType memory_type;
  GlobalType global_type;
  TypeId func_type = kNoType;
};

// Bytes of the block that instantiate() needs; constant per module.
[[nodiscard]] size_t instance_bytes(const Module& module) noexcept;

// Names the memory's image to MemoryProvider: the module and the memory's index.
[[nodiscard]] constexpr u64 memory_key(u64 module_id, u32 memory_index) { return module_id << 8 ^ memory_index; }

// Builds an instance in `block` (16-byte aligned, instance_bytes long): links `imports` (one per Import, in order; empty when
// all are bound host functions), evaluates globals, tables and segments, allocates memories through exec.hooks, runs active
// segments (spec 3.0, "Instantiation"). Does not run the start function.
// shared_store: references are FuncInst* (rule P3). Cost: linear in the module's segments, not in declared sizes.
// Errors: kUnlinkable; kResourceLimit; kInitTrapped with exec.trap set (writes made before the trap stay visible).
// On kUnlinkable and kResourceLimit nothing stays allocated; after kInitTrapped in a shared store the instance stays alive.
[[nodiscard]] Result<Ctx*> instantiate(void* block, const Module& module, ExecContext& exec,
                                       std::span<const ExternValue> imports, bool shared_store) noexcept;

// Frees what the instance owns (private tables, memories); not the block.
void destroy_instance(Ctx* ctx) noexcept;

// Before the first write to a shared table image: gives the instance its own copy. False: limit.
[[nodiscard]] bool make_table_private(Ctx& ctx, TableInst& table) noexcept;
// table.grow: the old size, or -1 (as u64) when the maximum, the process's limit or memory is exhausted.
[[nodiscard]] u64 grow_table(Ctx& ctx, TableInst& table, u64 delta, u64 init) noexcept;
// memory.grow: the old size in pages, or -1. Reloads the caches of ctx.
[[nodiscard]] u64 grow_memory(Ctx& ctx, MemoryInst& memory, u64 delta_pages) noexcept;

// The reference to function func_index of this instance, in the representation of its process (rule P3).
[[nodiscard]] u64 func_ref(const Ctx& ctx, u32 func_index) noexcept;

}  // namespace lunabeam::vm
