// Instantiation (spec 3.0, "Instantiation"; fact sheet, sections 7.1 and 10) and what belongs to an instance.
#include "vm/instance.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "vm/base/check.h"
#include "vm/const_expr.h"
#include "vm/elem_values.h"
#include "vm/gc/heap.h"
#include "vm/memory_image.h"
#include "vm/memory_life.h"
#include "vm/reductions.h"
#include "vm/segment.h"
#include "vm/table.h"
#include "vm/type_registry.h"

namespace lunabeam::vm {
namespace {

constexpr size_t round_up(size_t bytes, size_t alignment) { return (bytes + alignment - 1) & ~(alignment - 1); }

// Byte offsets of the parts of an instance's block.
struct Layout {
  explicit Layout(const Module& module) noexcept {
    globals = take(module.global_words * sizeof(u64));
    imported_globals = take(module.imported_globals * sizeof(u64*));
    tables = take(module.tables.size() * sizeof(TableInst*));
    memories = take(module.memories.size() * sizeof(MemoryInst*));
    tags = take(module.tags.size() * sizeof(TagInst*));
    own_tables = take((module.tables.size() - module.imported_tables) * sizeof(TableInst));
    own_memories = take((module.memories.size() - module.imported_memories) * sizeof(MemoryInst));
    own_tags = take((module.tags.size() - module.imported_tags) * sizeof(TagInst));
    needs_imported_funcs = std::ranges::find(module.host_imports, nullptr) != module.host_imports.end();
    imported_funcs = take(needs_imported_funcs ? module.imported_funcs * sizeof(FuncInst*) : 0);
    dropped_words = (module.elems.size() + module.datas.size() + 63) / 64;
    dropped = take(dropped_words * sizeof(u64));
    total = round_up(end_, 16);
  }

  size_t globals, imported_globals, tables, memories, tags, own_tables, own_memories, own_tags, imported_funcs, dropped,
      dropped_words, total;
  bool needs_imported_funcs;

 private:
  size_t take(size_t bytes) {
    const size_t begin = end_;
    end_ += round_up(bytes, 8);
    return begin;
  }
  size_t end_ = sizeof(Ctx);
};

// --- Imports ---------------------------------------------------------------------------------------------------------

bool limits_match(const Limits& actual, u64 current, const Limits& wanted) {
  if (actual.address_type != wanted.address_type || current < wanted.min) return false;
  return !wanted.has_max || (actual.has_max && actual.max <= wanted.max);
}

bool global_matches(const GlobalType& actual, const GlobalType& wanted) {
  if (actual.is_mutable != wanted.is_mutable) return false;
  return wanted.is_mutable ? actual.type == wanted.type : TypeRegistry::global().matches(actual.type, wanted.type);
}

bool import_matches(const Module& module, const Import& import, const ExternValue& value) {
  if (value.kind != import.kind) return false;
  switch (import.kind) {
    case ExternKind::kFunc:
      return value.func != nullptr &&
             TypeRegistry::global().is_subtype(value.func_type, module.func_types[import.index]);
    case ExternKind::kTable: {
      const TableType& wanted = module.tables[import.index].type;
      return value.table_type.element == wanted.element &&
             limits_match(value.table_type.limits, value.table->size, wanted.limits);
    }
    case ExternKind::kMemory: {
      const MemoryType& wanted = module.memories[import.index];
      return value.memory_type.page_size_log2 == wanted.page_size_log2 && value.memory_type.shared == wanted.shared &&
             limits_match(value.memory_type.limits, value.memory->pages(), wanted.limits);
    }
    case ExternKind::kGlobal: return global_matches(value.global_type, module.globals[import.index].type);
    case ExternKind::kTag: return value.tag->type == module.tags[import.index];
  }
  return false;
}

Error import_error(ErrorCode code, const Import& import, std::string_view what) {
  return Error{code, import.offset, fmt::format("`{}::{}` {}", import.module, import.name, what)};
}

bool is_bound_to_host(const Module& module, const Import& import) {
  return import.kind == ExternKind::kFunc && module.host_imports[import.index] != nullptr;
}

Result<void> link(Ctx& ctx, std::span<const ExternValue> imports) {
  const Module& module = *ctx.module;
  VM_CHECK(imports.empty() || imports.size() == module.imports.size());
  for (size_t i = 0; i < module.imports.size(); ++i) {
    const Import& import = module.imports[i];
    if (is_bound_to_host(module, import)) continue;
    if (imports.empty())
      return std::unexpected(import_error(ErrorCode::kUnknownImport, import, "has not been defined"));
    const ExternValue& value = imports[i];
    // A host function can only be bound when the module is loaded: FuncCode, which says so, is shared by all instances.
    if (!import_matches(module, import, value)) {
      return std::unexpected(import_error(ErrorCode::kIncompatibleImportType, import, "has another type"));
    }
    switch (import.kind) {
      case ExternKind::kFunc: ctx.imported_funcs[import.index] = value.func; break;
      case ExternKind::kTable: ctx.tables[import.index] = value.table; break;
      case ExternKind::kMemory: ctx.memories[import.index] = value.memory; break;
      case ExternKind::kGlobal:
        if (value.global_type.is_mutable) {
          ctx.imported_globals[import.index] = value.global;
        } else {
          std::copy_n(value.global, value.global_type.type.slots(), ctx.globals + module.global_offsets[import.index]);
        }
        break;
      case ExternKind::kTag: ctx.tags[import.index] = value.tag; break;
    }
  }
  return {};
}

// --- Segments --------------------------------------------------------------------------------------------------------

Result<void> init_trap(Ctx& ctx, TrapKind kind) {
  ctx.exec->trap = Trap{.kind = kind};
  return fail(ErrorCode::kInitTrapped, Error::kNoOffset, std::string(text_of(kind)));
}

Result<void> out_of_memory() { return fail(ErrorCode::kOutOfMemory); }

// An expression could not be evaluated.
Result<void> no_value(const InitBudget& budget) {
  if (!budget.exceeded()) return out_of_memory();
  return fail(ErrorCode::kResourceLimit, Error::kNoOffset, "bytes that an instance begins with");
}

// The image of an own table, or nullptr when it has none or references are per instance.
const TableImages::Image* image_of_table(const Ctx& ctx, u32 table_index) {
  if (ctx.func_insts != nullptr || table_index < ctx.module->imported_tables) return nullptr;
  const TableImages::Image& image = table_images(*ctx.module).images[table_index - ctx.module->imported_tables];
  return image.present ? &image : nullptr;
}

// The image of an own memory, or nullptr when its active segments must be run one by one. A store with several instances can
// observe that an element segment trapped before any data was written; there the order of the specification is kept.
const MemoryImage* image_of_memory(const Ctx& ctx, u32 memory_index) {
  if (ctx.func_insts != nullptr || memory_index < ctx.module->imported_memories) return nullptr;
  return memory_image(*ctx.module, memory_index);
}

Result<void> run_elem_segments(Ctx& ctx, InitBudget& budget) {
  const Module& module = *ctx.module;
  for (u32 i = 0; i < module.elems.size(); ++i) {
    const ElemSegment& segment = module.elems[i];
    if (segment.mode == SegmentMode::kPassive) {
      if (!evaluate_elem_segment(ctx, i, budget)) return no_value(budget);
      continue;
    }
    if (segment.mode == SegmentMode::kActive && image_of_table(ctx, segment.table) == nullptr) {
      u64 offset = 0;
      if (!eval_const_expr(ctx, segment.offset, &offset, &budget)) return no_value(budget);
      TableInst& table = *ctx.tables[segment.table];
      if (offset > table.size || segment.items.size() > table.size - offset) {
        return init_trap(ctx, TrapKind::kOutOfBoundsTableAccess);
      }
      if (!segment.items.empty()) {
        if (!make_table_writable(ctx, table)) {
          return fail(ErrorCode::kResourceLimit, Error::kNoOffset, "table");
        }
        budget.note_work(segment.items.size() * sizeof(u64));
        if (!init_table_elements(ctx, table, i, offset, 0, segment.items.size(), &budget)) return no_value(budget);
      }
    }
    drop_elem(ctx, i);
  }
  return {};
}

Result<void> run_data_segments(Ctx& ctx, InitBudget& budget) {
  const Module& module = *ctx.module;
  for (u32 i = 0; i < module.datas.size(); ++i) {
    const DataSegment& segment = module.datas[i];
    if (segment.mode == SegmentMode::kPassive) continue;
    if (segment.mode == SegmentMode::kActive && image_of_memory(ctx, segment.memory) == nullptr) {
      u64 offset = 0;
      if (!eval_const_expr(ctx, segment.offset, &offset, &budget)) return no_value(budget);
      const MemoryInst& memory = *ctx.memories[segment.memory];
      const u64 size = segment.end - segment.begin;
      if (offset > memory.size_bytes || size > memory.size_bytes - offset) {
        return init_trap(ctx, TrapKind::kOutOfBoundsMemoryAccess);
      }
      budget.note_work(size);
      if (size > 0) std::memcpy(memory.base + offset, module.bytes.data() + segment.begin, size);
    }
    drop_data(ctx, i);
  }
  return {};
}

// --- Stages ----------------------------------------------------------------------------------------------------------

// References to functions are needed by the initialisers, so their FuncInsts come first.
Result<void> make_func_insts(Ctx& ctx) {
  const Module& module = *ctx.module;
  const size_t count = module.func_types.size();
  ctx.func_insts = static_cast<FuncInst*>(std::aligned_alloc(alignof(FuncInst), (count + 1) * sizeof(FuncInst)));
  if (ctx.func_insts == nullptr) return out_of_memory();
  for (size_t i = 0; i < count; ++i) ctx.func_insts[i] = FuncInst{&module.codes[i], &ctx};
  return {};
}

Result<void> init_globals(Ctx& ctx, InitBudget& budget) {
  const Module& module = *ctx.module;
  for (u32 i = module.imported_globals; i < module.globals.size(); ++i) {
    if (!eval_const_expr(ctx, module.globals[i].init, ctx.globals + module.global_offsets[i], &budget)) {
      return no_value(budget);
    }
  }
  return {};
}

Result<void> make_tables(Ctx& ctx, TableInst* storage, InitBudget& budget) {
  const Module& module = *ctx.module;
  for (u32 i = module.imported_tables; i < module.tables.size(); ++i) {
    const Table& table = module.tables[i];
    u64 init = 0;
    if (table.has_init && !eval_const_expr(ctx, table.init, &init, &budget)) return no_value(budget);
    auto* instance = new (storage++) TableInst{};
    ctx.tables[i] = instance;
    if (!create_table(ctx, *instance, table.type, init, image_of_table(ctx, i), budget)) {
      return fail(ErrorCode::kResourceLimit, Error::kNoOffset,
                  fmt::format("table of {} elements", table.type.limits.min));
    }
  }
  return {};
}

Result<void> make_memories(Ctx& ctx, MemoryInst* storage, InitBudget& budget) {
  const Module& module = *ctx.module;
  for (u32 i = module.imported_memories; i < module.memories.size(); ++i) {
    auto* instance = new (storage++) MemoryInst{};
    const MemoryImage* const image = image_of_memory(ctx, i);
    // Whenever it is copied.
    if (image != nullptr) budget.note_work(memory_images(module).memories[i - module.imported_memories].bytes);
    if (!create_memory(ctx, *instance, i, image)) {
      return fail(ErrorCode::kResourceLimit, Error::kNoOffset,
                  fmt::format("memory of {} pages", module.memories[i].limits.min));
    }
    ctx.memories[i] = instance;
  }
  return {};
}

void make_tags(Ctx& ctx, TagInst* storage) {
  const Module& module = *ctx.module;
  for (u32 i = module.imported_tags; i < module.tags.size(); ++i) {
    ctx.tags[i] = new (storage++) TagInst{.type = module.tags[i], .index = i};
  }
}

void join_ring(ExecContext& exec, Ctx& ctx) {
  if (exec.ctx == nullptr) {
    ctx.next = &ctx;
    exec.ctx = &ctx;
  } else {
    ctx.next = exec.ctx->next;
    exec.ctx->next = &ctx;
  }
}

void leave_ring(Ctx& ctx) {
  Ctx* before = &ctx;
  while (before->next != &ctx) before = before->next;
  before->next = ctx.next;
  if (ctx.exec->ctx == &ctx) ctx.exec->ctx = before == &ctx ? nullptr : before;
}

}  // namespace

size_t instance_bytes(const Module& module) noexcept { return Layout(module).total; }

Result<Ctx*> instantiate(void* block, const Module& module, ExecContext& exec, std::span<const ExternValue> imports,
                         bool shared_store) noexcept {
  VM_DCHECK(reinterpret_cast<u64>(block) % alignof(Ctx) == 0);
  const Layout layout(module);
  auto* bytes = static_cast<u8*>(block);
  std::memset(bytes + sizeof(Ctx), 0, layout.total - sizeof(Ctx));
  Ctx& ctx = *new (block) Ctx{};
  ctx.exec = &exec;
  ctx.module = &module;
  ctx.stack_limit = exec.stack_limit;
  ctx.globals = reinterpret_cast<u64*>(bytes + layout.globals);
  if (module.imported_globals > 0) ctx.imported_globals = reinterpret_cast<u64**>(bytes + layout.imported_globals);
  if (!module.tables.empty()) ctx.tables = reinterpret_cast<TableInst**>(bytes + layout.tables);
  if (!module.memories.empty()) ctx.memories = reinterpret_cast<MemoryInst**>(bytes + layout.memories);
  if (!module.tags.empty()) ctx.tags = reinterpret_cast<const TagInst**>(bytes + layout.tags);
  if (layout.needs_imported_funcs)
    ctx.imported_funcs = reinterpret_cast<const FuncInst**>(bytes + layout.imported_funcs);
  if (layout.dropped_words > 0) ctx.dropped = reinterpret_cast<u64*>(bytes + layout.dropped);
  join_ring(exec, ctx);

  InitBudget budget(module);
  budget.note_work(layout.total);
  const auto build = [&]() -> Result<void> {
    VM_TRY(link(ctx, imports));
    if (shared_store) VM_TRY(make_func_insts(ctx));
    make_tags(ctx, reinterpret_cast<TagInst*>(bytes + layout.own_tags));
    VM_TRY(init_globals(ctx, budget));
    VM_TRY(make_tables(ctx, reinterpret_cast<TableInst*>(bytes + layout.own_tables), budget));
    VM_TRY(make_memories(ctx, reinterpret_cast<MemoryInst*>(bytes + layout.own_memories), budget));
    VM_TRY(run_elem_segments(ctx, budget));
    VM_TRY(run_data_segments(ctx, budget));
    return {};
  };
  Result<void> built = build();
  exec.reductions -= static_cast<i64>(budget.work_bytes() / kBulkBytesPerReduction);
  if (!built) {
    // Functions of an instance that trapped halfway may already be in another instance's table.
    if (!shared_store || built.error().code != ErrorCode::kInitTrapped) destroy_instance(&ctx);
    return std::unexpected(std::move(built).error());
  }
  ctx.reload_memory();
  return &ctx;
}

void destroy_instance(Ctx* ctx) noexcept {
  const Module& module = *ctx->module;
  // Both arrays may be partly filled when instantiation failed.
  for (u32 i = module.imported_tables; i < module.tables.size(); ++i) {
    if (ctx->tables[i] != nullptr) destroy_table(*ctx, *ctx->tables[i]);
  }
  for (u32 i = module.imported_memories; i < module.memories.size(); ++i) {
    if (ctx->memories[i] != nullptr) destroy_memory(*ctx, *ctx->memories[i], i);
  }
  forget_all_elem_values(*ctx);
  std::free(ctx->func_insts);
  ctx->func_insts = nullptr;
  leave_ring(*ctx);
  // Nobody is left to hold a reference.
  if (ctx->exec->ctx == nullptr) gc::destroy_heap(*ctx->exec);
}

u64 func_ref(const Ctx& ctx, u32 func_index) noexcept {
  if (ctx.func_insts == nullptr) return make_ref(&ctx.module->codes[func_index]);
  // An imported function is the exporting instance's own: one function, one reference.
  const bool from_instance = ctx.imported_funcs != nullptr && func_index < ctx.module->imported_funcs &&
                             ctx.imported_funcs[func_index] != nullptr;
  return make_ref(from_instance ? ctx.imported_funcs[func_index] : &ctx.func_insts[func_index]);
}

}  // namespace lunabeam::vm
