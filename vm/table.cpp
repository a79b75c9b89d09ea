// Shared table images, private tables and their growth.
#include "vm/table.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "vm/base/check.h"
#include "vm/const_expr.h"

namespace lunabeam::vm {
namespace {

constexpr u64 kMaxTableElements32 = 0xFFFF'FFFF;
// What this implementation gives a table, as the engines of browsers do: growing is one uninterrupted step, and 80 MB bound it.
constexpr u64 kMaxAllocatedElements = 10'000'000;

// Elements of private tables are malloc's; so large a block goes back through the heap provider, which has time for its pages.
constexpr u64 kLargeBytes = u64{1} << 20;

constexpr i64 bytes_of(u64 elements) { return static_cast<i64>(elements * sizeof(u64)); }

bool is_image_item(const ConstExpr& item) {
  return item.kind == ConstExpr::Kind::kRefFunc || item.kind == ConstExpr::Kind::kValue;
}

u64 image_item(const Module& module, const ConstExpr& item) {
  return item.kind == ConstExpr::Kind::kRefFunc ? make_ref(&module.codes[item.value]) : item.value;
}

// Whether the table itself may have first contents that are the same in every process, segments apart.
bool can_share(const Table& table) { return !table.has_init || is_image_item(table.init); }

// Whether the segment may be part of the image of its table.
bool can_share(const ElemSegment& segment, u64 table_size) {
  return segment.offset.kind == ConstExpr::Kind::kValue && segment.offset.value <= table_size &&
         segment.items.size() <= table_size - segment.offset.value && std::ranges::all_of(segment.items, is_image_item);
}

u64* allocate_elements(u64 count, u64 init) {
  if (count > kMaxAllocatedElements) return nullptr;
  // calloc: null elements of a large table cost no pages until they are touched.
  if (init == 0) return static_cast<u64*>(std::calloc(count, sizeof(u64)));
  auto* elems = static_cast<u64*>(std::malloc(count * sizeof(u64)));
  if (elems != nullptr) std::fill_n(elems, count, init);
  return elems;
}

// One pass over the tables, two over the segments: a module may have a hundred thousand of each.
void build_images(const Module& module, TableImages& result) {
  const u32 first = module.imported_tables;
  result.images.resize(module.tables.size() - first);
  const auto is_own_active = [&](const ElemSegment& segment) {
    return segment.mode == SegmentMode::kActive && segment.table >= first;
  };
  std::vector<bool> refused(result.images.size(), false);
  for (const ElemSegment& segment : module.elems) {
    if (!is_own_active(segment) || refused[segment.table - first]) continue;
    refused[segment.table - first] = !can_share(segment, module.tables[segment.table].type.limits.min);
  }
  u64 elements_left = TableImages::kMaxImageElements;
  for (size_t i = 0; i < result.images.size(); ++i) {
    const Table& table = module.tables[first + i];
    const u64 size = table.type.limits.min;
    if (refused[i] || !can_share(table) || size > elements_left) continue;
    TableImages::Image& image = result.images[i];
    if (size > 0) {
      if (!module.pay(size * sizeof(u64))) continue;  // Every process has its own, and pays for it.
      image.elems.reset(allocate_elements(size, table.has_init ? image_item(module, table.init) : 0));
      if (image.elems == nullptr) continue;
    }
    elements_left -= size;
    image.present = true;
  }
  for (const ElemSegment& segment : module.elems) {
    if (!is_own_active(segment)) continue;
    TableImages::Image& image = result.images[segment.table - first];
    if (!image.present) continue;
    for (u64 i = 0; i < segment.items.size(); ++i) {
      image.elems[segment.offset.value + i] = image_item(module, segment.items[i]);
    }
  }
}

}  // namespace

void TableImages::FreeDeleter::operator()(u64* elems) const noexcept { std::free(elems); }

const TableImages& table_images(const Module& module) {
  std::call_once(module.table_images_once, [&module] {
    auto images = std::make_shared<TableImages>();
    build_images(module, *images);
    module.table_images = std::move(images);
  });
  return *module.table_images;
}

bool create_table(Ctx& ctx, TableInst& table, const TableType& type, u64 init, const TableImages::Image* image,
                  InitBudget& budget) noexcept {
  table.type = type.element;
  table.address_type = type.limits.address_type;
  table.has_max = type.limits.has_max;
  const u64 limit = table.address_type == AddressType::kI64 ? ~u64{0} : kMaxTableElements32;
  table.max = type.limits.has_max ? std::min(type.limits.max, limit) : limit;
  table.size = type.limits.min;
  if (image != nullptr) {
    table.elems = image->elems.get();
    table.owned = false;
    return true;
  }
  table.owned = true;
  table.capacity = table.size;
  if (table.size == 0) return true;
  if (table.size > kMaxAllocatedElements || !(init == 0 || budget.take(table.size * sizeof(u64))) ||
      !ctx.exec->hooks->charge_bytes(*ctx.exec, bytes_of(table.size))) {
    table.size = table.capacity = 0;
    return false;
  }
  table.elems = allocate_elements(table.size, init);
  if (table.elems == nullptr) {
    (void)ctx.exec->hooks->charge_bytes(*ctx.exec, -bytes_of(table.size));
    table.size = table.capacity = 0;
    return false;
  }
  return true;
}

void destroy_table(Ctx& ctx, TableInst& table) noexcept {
  if (!table.owned) return;
  const u64 bytes = table.capacity * sizeof(u64);
  if (bytes > 0) (void)ctx.exec->hooks->charge_bytes(*ctx.exec, -bytes_of(table.capacity));
  if (bytes >= kLargeBytes) {
    ctx.exec->hooks->heap.free(*ctx.exec, reinterpret_cast<u8*>(table.elems), bytes);
  } else {
    std::free(table.elems);
  }
  table.elems = nullptr;
  table.size = table.capacity = 0;
}

bool make_table_private(Ctx& ctx, TableInst& table) noexcept {
  VM_DCHECK(!table.owned);
  u64* copy = nullptr;
  if (table.size > 0) {
    if (!ctx.exec->hooks->charge_bytes(*ctx.exec, bytes_of(table.size))) return false;
    copy = static_cast<u64*>(std::malloc(table.size * sizeof(u64)));
    if (copy == nullptr) {
      (void)ctx.exec->hooks->charge_bytes(*ctx.exec, -bytes_of(table.size));
      return false;
    }
    std::memcpy(copy, table.elems, table.size * sizeof(u64));
  }
  table.elems = copy;
  table.capacity = table.size;
  table.owned = true;
  return true;
}

u64 grow_table(Ctx& ctx, TableInst& table, u64 delta, u64 init) noexcept {
  constexpr u64 kFailed = ~u64{0};
  const u64 old_size = table.size;
  if (delta > table.max - old_size) return kFailed;
  if (delta == 0) return old_size;
  const u64 new_size = old_size + delta;
  if (new_size > kMaxAllocatedElements) return kFailed;
  if (!make_table_writable(ctx, table)) return kFailed;
  if (new_size > table.capacity) {
    // Doubling makes a loop of small growths linear; near the process's limit only what is needed is asked for.
    const u64 roomy = std::min(table.max, std::max(new_size, table.capacity * 2));
    u64* elems = nullptr;
    for (const u64 capacity : {roomy, new_size}) {
      const i64 added_bytes = bytes_of(capacity - table.capacity);
      if (!ctx.exec->hooks->charge_bytes(*ctx.exec, added_bytes)) continue;
      elems = static_cast<u64*>(std::realloc(table.elems, capacity * sizeof(u64)));
      if (elems != nullptr) {
        table.capacity = capacity;
        break;
      }
      (void)ctx.exec->hooks->charge_bytes(*ctx.exec, -added_bytes);
    }
    if (elems == nullptr) return kFailed;
    table.elems = elems;
  }
  std::fill(table.elems + old_size, table.elems + new_size, init);
  table.size = new_size;
  return old_size;
}

bool init_table_elements(const Ctx& ctx, TableInst& table, u32 elem, u64 dst, u64 src, u64 count,
                         InitBudget* budget) noexcept {
  VM_DCHECK(table.owned || count == 0);
  if (ctx.elem_values != nullptr && ctx.elem_values[elem] != nullptr) {
    if (count > 0) std::memcpy(table.elems + dst, ctx.elem_values[elem] + src, count * sizeof(u64));
    return true;
  }
  const ElemSegment& segment = ctx.module->elems[elem];
  for (u64 i = 0; i < count; ++i) {
    if (!eval_const_expr(ctx, segment.items[src + i], &table.elems[dst + i], budget)) return false;
  }
  return true;
}

void copy_table_elements(TableInst& to, const TableInst& from, u64 dst, u64 src, u64 count) noexcept {
  VM_DCHECK(to.owned || count == 0);
  if (count > 0) std::memmove(to.elems + dst, from.elems + src, count * sizeof(u64));
}

void fill_table_elements(TableInst& table, u64 dst, u64 value, u64 count) noexcept {
  VM_DCHECK(table.owned || count == 0);
  std::fill_n(table.elems + dst, count, value);
}

}  // namespace lunabeam::vm
