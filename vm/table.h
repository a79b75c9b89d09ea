// Tables: shared images, private copies, and the element-wise parts of the bulk table operations (rule P3).
#pragma once

#include <memory>
#include <vector>

#include "vm/instance.h"
#include "vm/module.h"

namespace lunabeam::vm {

class InitBudget;

// The first contents of a module's own tables as processes with one instance see them: FuncCode addresses and nulls. Built once
// per module (Module::table_images), read by all its processes, never written.
// A table has an image when its initial value and the offsets of its active segments are constants, the items are functions or null,
// every segment is in bounds, and it fits: the tables of a module share kMaxImageElements, in their order, for no process is
// charged for them. Its active segments need not be run then.
struct TableImages {
  static constexpr u64 kMaxImageElements = u64{1} << 20;

  struct FreeDeleter {
    void operator()(u64* elems) const noexcept;
  };
  struct Image {
    std::unique_ptr<u64[], FreeDeleter> elems;  // Null when the table has none, or no elements.
    bool present = false;
  };
  std::vector<Image> images;  // [table index - imported_tables]
};

// The images of `module`, built by the first caller. Threading: any thread.
[[nodiscard]] const TableImages& table_images(const Module& module);

// Makes the table writable: true when it is private already or has become so. False: limit.
[[nodiscard]] inline bool make_table_writable(Ctx& ctx, TableInst& table) noexcept {
  return table.owned || make_table_private(ctx, table);
}

// table.get and table.set without their checks are elems[i]; these are the parts of table.init / .copy / .fill behind the bounds
// check, for at most a step of elements each (rule R3).
// REQUIRES: all ranges are in bounds, the destination is writable.
// table[dst + i] = value of item src + i of element segment `elem` of ctx. budget: as for eval_const_expr; nullptr once the segment
// is evaluated (elem_values.h). False: what eval_const_expr says.
[[nodiscard]] bool init_table_elements(const Ctx& ctx, TableInst& table, u32 elem, u64 dst, u64 src, u64 count,
                                       InitBudget* budget) noexcept;
// As memmove.
void copy_table_elements(TableInst& to, const TableInst& from, u64 dst, u64 src, u64 count) noexcept;
void fill_table_elements(TableInst& table, u64 dst, u64 value, u64 count) noexcept;

// Sets up a table that instantiation defines: the shared image, or private elements that are all `init`.
// False: the process's limit, memory or the budget is exhausted.
[[nodiscard]] bool create_table(Ctx& ctx, TableInst& table, const TableType& type, u64 init,
                                const TableImages::Image* image, InitBudget& budget) noexcept;
// Frees a private table's elements.
void destroy_table(Ctx& ctx, TableInst& table) noexcept;

}  // namespace lunabeam::vm
