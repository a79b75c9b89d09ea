#include "vm/elem_values.h"

#include <algorithm>
#include <cstdlib>

#include "vm/base/check.h"
#include "vm/const_expr.h"

namespace lunabeam::vm {
namespace {

i64 bytes_of(u64 words) { return static_cast<i64>(words * sizeof(u64)); }

// Zeroed words, charged to the process.
template <class T>
T* allocate_words(Ctx& ctx, u64 count) {
  if (!ctx.exec->hooks->charge_bytes(*ctx.exec, bytes_of(count))) return nullptr;
  auto* words = static_cast<T*>(std::calloc(count, sizeof(u64)));
  if (words == nullptr) (void)ctx.exec->hooks->charge_bytes(*ctx.exec, -bytes_of(count));
  return words;
}
void free_words(Ctx& ctx, void* words, u64 count) {
  std::free(words);
  (void)ctx.exec->hooks->charge_bytes(*ctx.exec, -bytes_of(count));
}

}  // namespace

bool evaluate_elem_segment(Ctx& ctx, u32 elem, InitBudget& budget) noexcept {
  const std::vector<ConstExpr>& items = ctx.module->elems[elem].items;
  budget.note_work(items.size() * sizeof(u64));
  const auto is_general = [](const ConstExpr& item) { return item.kind == ConstExpr::Kind::kGeneral; };
  if (std::ranges::none_of(items, is_general)) return true;
  if (ctx.elem_values == nullptr) {
    ctx.elem_values = allocate_words<u64*>(ctx, ctx.module->elems.size());
    if (ctx.elem_values == nullptr) return false;
  }
  u64* const values = allocate_words<u64>(ctx, items.size());
  if (values == nullptr) return false;
  ctx.elem_values[elem] = values;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!eval_const_expr(ctx, items[i], &values[i], &budget)) return false;
  }
  return true;
}

void forget_elem_values(Ctx& ctx, u32 elem) noexcept {
  if (ctx.elem_values == nullptr || ctx.elem_values[elem] == nullptr) return;
  free_words(ctx, ctx.elem_values[elem], ctx.module->elems[elem].items.size());
  ctx.elem_values[elem] = nullptr;
}

void forget_all_elem_values(Ctx& ctx) noexcept {
  if (ctx.elem_values == nullptr) return;
  const u64 count = ctx.module->elems.size();
  for (u32 i = 0; i < count; ++i) forget_elem_values(ctx, i);
  free_words(ctx, ctx.elem_values, count);
  ctx.elem_values = nullptr;
}

u64 elem_item(const Ctx& ctx, u32 elem, u64 index) noexcept {
  if (ctx.elem_values != nullptr && ctx.elem_values[elem] != nullptr) return ctx.elem_values[elem][index];
  u64 value = 0;
  const bool evaluated = eval_const_expr(ctx, ctx.module->elems[elem].items[index], &value, nullptr);
  VM_CHECK(evaluated);
  return value;
}

}  // namespace lunabeam::vm
