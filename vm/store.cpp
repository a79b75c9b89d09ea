// The single-threaded embedder: hooks over malloc, import resolution, invocation.
#include "vm/store.h"

#include <sys/mman.h>

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <unordered_map>
#include <utility>

#include "vm/base/check.h"
#include "vm/gc/heap.h"
#include "vm/process_stack.h"
#include "vm/reductions.h"
#include "vm/spectest.h"
#include "vm/type_registry.h"

namespace lunabeam::vm {
namespace {

#if defined(LUNABEAM_TORTURE)
constexpr bool kTorture = true;
constexpr i64 kDefaultChunk = 7;
#else
constexpr bool kTorture = false;
constexpr i64 kDefaultChunk = kChunkReductions;
#endif

u64 slots_of(std::span<const ValType> types) {
  u64 slots = 0;
  for (const ValType type : types) slots += type.slots();
  return slots;
}

}  // namespace

ExternValue export_value(const Ctx& instance, const Export& item) noexcept {
  const Module& module = *instance.module;
  ExternValue value;
  value.kind = item.kind;
  switch (item.kind) {
    case ExternKind::kFunc:
      VM_CHECK(instance.func_insts != nullptr);
      value.func = func_inst_of(func_ref(instance, item.index));
      value.func_type = value.func->code->type;
      value.host = value.func->code->host;
      break;
    // The types of the table and the memory themselves: an import may have been declared with wider limits.
    case ExternKind::kTable: {
      const TableInst& table = *(value.table = instance.tables[item.index]);
      value.table_type = TableType{table.type, Limits{table.size, table.max, table.has_max, table.address_type}};
      break;
    }
    case ExternKind::kMemory: {
      const MemoryInst& memory = *(value.memory = instance.memories[item.index]);
      value.memory_type.page_size_log2 = memory.page_size_log2;
      value.memory_type.limits = Limits{memory.pages(), memory.max_pages, memory.has_max, memory.address_type};
      value.memory_type.shared = memory.shared;
      break;
    }
    case ExternKind::kGlobal: {
      u64* owner = item.index < module.imported_globals ? instance.imported_globals[item.index] : nullptr;
      value.global = owner != nullptr ? owner : instance.globals + module.global_offsets[item.index];
      value.global_type = module.globals[item.index].type;
      break;
    }
    case ExternKind::kTag: value.tag = instance.tags[item.index]; break;
  }
  return value;
}

struct Store::Impl : ExecContext {
  struct Instance {
    std::shared_ptr<Module> module;
    void* block;
    Ctx* ctx;
  };

  explicit Impl(StoreOptions store_options) : options(store_options) {
    hooks = &kHooks;
    transfer_area.resize(kTransferWords);
    transfer = transfer_area.data();
    chunk = options.chunk_reductions != 0 ? options.chunk_reductions : kDefaultChunk;
    // Small, so that growth is part of everything that runs here.
    u8* const lo = make_stack(kMinStackBytes);
    VM_CHECK(lo != nullptr);
    attach_stack(*this, lo, lo + kMinStackBytes);
  }
  ~Impl() {
    while (!instances.empty()) {
      destroy_instance(instances.back().ctx);
      std::free(instances.back().block);
      instances.pop_back();
    }
    free_stack(stack_lo, stack_capacity_bytes(*this));
    if (spare_stack != nullptr) munmap(spare_stack, spare_bytes);
    VM_CHECK(used_bytes == 0);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  static Impl& of(ExecContext& exec) { return static_cast<Impl&>(exec); }

  // --- Stacks ---
  // Torture builds look in a stack for addresses of itself (process_stack.cpp), and slots that have not been written hold what was there
  // before: references into spaces that malloc may have given away again. So stacks have mappings of their own there.

  u8* make_stack(u64 bytes) noexcept {
    if (!kTorture) return static_cast<u8*>(std::aligned_alloc(16, bytes));
    if (bytes == spare_bytes) {
      spare_bytes = 0;
      return std::exchange(spare_stack, nullptr);
    }
    void* const base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return base == MAP_FAILED ? nullptr : static_cast<u8*>(base);
  }
  void free_stack(u8* lo, u64 bytes) noexcept {
    if (!kTorture) {
      std::free(lo);
      return;
    }
    if (spare_stack != nullptr) munmap(spare_stack, spare_bytes);
    spare_stack = lo;
    spare_bytes = bytes;
  }

  // --- Hooks ---

  // Never beyond the limit, so that the first tick behind it comes at the same place whatever the chunks are.
  [[nodiscard]] i64 next_chunk() const noexcept {
    if (options.reduction_limit == 0) return chunk;
    return static_cast<i64>(std::min(static_cast<u64>(chunk), options.reduction_limit - granted));
  }

  static i64 tick(ExecContext& exec, i64 reductions) noexcept {
    Impl& store = of(exec);
    ++store.ticks;
    // The overdraft is taken out of the next chunks.
    while (reductions < 0) {
      const i64 next = store.next_chunk();
      if (next == 0) {
        exec.trap = Trap{.kind = TrapKind::kOutOfFuel};
        exec.reductions = reductions;
        return kTickTrap;
      }
      reductions += next;
      store.granted += static_cast<u64>(next);
    }
    if (!kTorture && !store.options.yield_at_every_tick) return reductions;
    store.reductions_at_resume = reductions;
    return kTickLeave;
  }

  static bool grow_stack(ExecContext& exec, u64 need_bytes) noexcept {
    Impl& store = of(exec);
    const u64 capacity = stack_capacity_bytes(exec);
    u64 size_bytes = capacity;
    if (!stack_has_room(exec, need_bytes)) {
      size_bytes = grown_stack_bytes(capacity, used_stack_bytes(exec), need_bytes, store.options.stack_cap_bytes);
      if (size_bytes == 0) return false;
    } else if (!kTorture || !torture_moves_stack(used_stack_bytes(exec), store.torture_count)) {
      return true;
    }
    u8* const lo = store.make_stack(size_bytes);
    if (lo == nullptr) return stack_has_room(exec, need_bytes);
    u8* const old = exec.stack_lo;
    move_stack(exec, lo, lo + size_bytes);
    poison_stack(old, old + capacity);
    store.free_stack(old, capacity);
    ++store.stack_moves;
    return true;
  }

  static bool charge_bytes(ExecContext& exec, i64 bytes) noexcept {
    Impl& store = of(exec);
    if (bytes > 0 && static_cast<u64>(bytes) > store.options.memory_limit_bytes - store.used_bytes) return false;
    store.used_bytes += static_cast<u64>(bytes);
    return true;
  }

  static bool allocate_memory(ExecContext& exec, MemoryInst& memory, u64 size_bytes, const MemoryImage* image,
                              u64) noexcept {
    if (!charge_bytes(exec, static_cast<i64>(size_bytes))) return false;
    // Exactly as large as the guest may touch: the address sanitizer then checks the engine's bounds.
    memory.base = static_cast<u8*>(std::calloc(std::max<u64>(size_bytes, 1), 1));
    if (memory.base == nullptr) {
      (void)charge_bytes(exec, -static_cast<i64>(size_bytes));
      return false;
    }
    memory.size_bytes = memory.capacity_bytes = size_bytes;
    for (u32 i = 0; image != nullptr && i < image->num_runs; ++i) {
      std::memcpy(memory.base + image->runs[i].offset, image->runs[i].bytes, image->runs[i].size);
    }
    return true;
  }
  static bool grow_memory(ExecContext& exec, MemoryInst& memory, u64 new_size_bytes) noexcept {
    const u64 added = new_size_bytes - memory.size_bytes;
    if (!charge_bytes(exec, static_cast<i64>(added))) return false;
    auto* base = static_cast<u8*>(std::realloc(memory.base, new_size_bytes));
    if (base == nullptr) {
      (void)charge_bytes(exec, -static_cast<i64>(added));
      return false;
    }
    std::memset(base + memory.size_bytes, 0, added);
    memory.base = base;
    memory.size_bytes = memory.capacity_bytes = new_size_bytes;
    return true;
  }
  static void free_memory(ExecContext& exec, MemoryInst& memory, u64) noexcept {
    (void)charge_bytes(exec, -static_cast<i64>(memory.size_bytes));
    std::free(memory.base);
  }

  static u8* allocate_space(ExecContext&, u64 bytes) noexcept { return static_cast<u8*>(std::malloc(bytes)); }
  static void free_space(ExecContext&, u8* space, u64) noexcept { std::free(space); }

  static constexpr ExecHooks kHooks = {
      .tick = tick,
      .grow_stack = grow_stack,
      .memory = {.allocate = allocate_memory, .grow = grow_memory, .free = free_memory},
      .charge_bytes = charge_bytes,
      .heap = {.allocate = allocate_space, .free = free_space},
  };

  // --- Linking ---

  // One value per import; those bound to host functions stay empty.
  Result<std::vector<ExternValue>> resolve(const Module& module) {
    std::vector<ExternValue> values(module.imports.size());
    for (size_t i = 0; i < module.imports.size(); ++i) {
      const Import& import = module.imports[i];
      if (import.kind == ExternKind::kFunc && module.host_imports[import.index] != nullptr) continue;
      const auto provider = registered.find(import.module);
      const Export* const found =
          provider != registered.end() ? provider->second->module->find_export(import.name) : nullptr;
      if (found == nullptr) {
        return fail(ErrorCode::kUnknownImport, import.offset,
                    fmt::format("`{}::{}` has not been defined", import.module, import.name));
      }
      values[i] = export_value(*provider->second, *found);
    }
    return values;
  }

  // --- Running ---

  Outcome call(const FuncCode& code, Ctx& instance, std::span<const u64> args) {
    const FuncType& type = TypeRegistry::global().func(code.type);
    VM_CHECK(args.size() == slots_of(type.params));
    granted = 0;
    reductions = next_chunk();
    granted = static_cast<u64>(reductions);
    Outcome outcome;
    if (code.host != nullptr) {
      std::ranges::copy(args, transfer);
      ctx = &instance;
      const HostStatus status = code.host->call(*this, transfer);
      VM_CHECK(status == HostStatus::kDone || status == HostStatus::kTrap);
      outcome.kind = status == HostStatus::kDone ? Outcome::Kind::kReturned : Outcome::Kind::kTrapped;
    } else if (push_entry(*this, instance, code, args)) {
      outcome.kind = run_to_end() ? Outcome::Kind::kReturned : Outcome::Kind::kTrapped;
    } else {
      trap = Trap{.kind = TrapKind::kCallStackExhausted};
      outcome.kind = Outcome::Kind::kTrapped;
    }
    if (outcome.kind == Outcome::Kind::kReturned) {
      outcome.values.assign(transfer, transfer + slots_of(type.results));
      outcome.types = type.results;
    } else {
      outcome.trap = trap;
      if (trap.kind == TrapKind::kUncaughtException) take_exception(outcome);
    }
    outcome.reductions = granted - static_cast<u64>(reductions);
    return outcome;
  }

  void take_exception(Outcome& outcome) {
    outcome.kind = Outcome::Kind::kThrown;
    outcome.tag = gc::exception_tag(exception);
    outcome.types = TypeRegistry::global().func(outcome.tag->type).params;
    const u64* const words = gc::exception_words(exception);
    outcome.values.assign(words, words + slots_of(outcome.types));
    exception = 0;
  }

  // False: trapped.
  bool run_to_end() {
    for (;;) {
      switch (run(*this, options.dispatch)) {
        case ExecStatus::kReturned: VM_CHECK(used_stack_bytes(*this) == 0); return true;
        case ExecStatus::kTrapped: VM_CHECK(used_stack_bytes(*this) == 0); return false;
        case ExecStatus::kYielded: reductions = reductions_at_resume; break;
        case ExecStatus::kParked: VM_UNREACHABLE("a host function of a store parked");
      }
    }
  }

  const StoreOptions options;
  std::vector<u64> transfer_area;
  std::vector<Instance> instances;
  std::unordered_map<std::string, Ctx*> registered;
  i64 chunk = 0;
  i64 reductions_at_resume = 0;
  u64 granted = 0;
  u64 used_bytes = 0;
  u64 ticks = 0;
  u64 stack_moves = 0;
  u32 torture_count = 0;
  u8* spare_stack = nullptr;  // Torture builds: the last one that was freed.
  u64 spare_bytes = 0;
};

Store::Store(StoreOptions options) : impl_(std::make_unique<Impl>(options)) {}
Store::~Store() = default;

Result<Ctx*> Store::instantiate(std::shared_ptr<Module> module) {
  Impl& impl = *impl_;
  VM_CHECK(impl.options.shared || impl.instances.empty());
  VM_ASSIGN(const std::vector<ExternValue> imports, impl.resolve(*module));
  void* block = std::aligned_alloc(alignof(Ctx), instance_bytes(*module));
  VM_CHECK(block != nullptr);
  Result<Ctx*> built = vm::instantiate(block, *module, impl, imports, impl.options.shared);
  if (!built && !(impl.options.shared && built.error().code == ErrorCode::kInitTrapped)) {
    std::free(block);
    return built;
  }
  impl.instances.push_back({module, block, static_cast<Ctx*>(block)});
  if (!built || !module->has_start) return built;
  if (const Outcome started = invoke(**built, module->start_func); !started.returned()) {
    return fail(ErrorCode::kStartTrapped, Error::kNoOffset, std::string(text_of(started.trap.kind)));
  }
  return built;
}

void Store::register_instance(std::string name, Ctx* instance) {
  if (instance == nullptr) {
    impl_->registered.erase(name);
  } else {
    impl_->registered.insert_or_assign(std::move(name), instance);
  }
}

std::span<const HostFunction> Store::spectest_functions() { return vm::spectest_functions(); }

Result<void> Store::add_spectest(FeatureSet features) {
  HostRegistry hosts;
  hosts.add(vm::spectest_functions());
  VM_ASSIGN(std::shared_ptr<Module> module, Module::load(spectest_module(features), &hosts, features));
  VM_ASSIGN(Ctx* const instance, instantiate(std::move(module)));
  register_instance("spectest", instance);
  return {};
}

Outcome Store::invoke(Ctx& instance, std::string_view name, std::span<const u64> args) {
  const Export* item = instance.module->find_export(name, ExternKind::kFunc);
  return item != nullptr ? invoke(instance, item->index, args) : Outcome{};
}

Outcome Store::invoke(Ctx& instance, u32 func_index, std::span<const u64> args) {
  if (instance.func_insts == nullptr) return impl_->call(instance.module->codes[func_index], instance, args);
  const FuncInst* function = func_inst_of(func_ref(instance, func_index));
  return impl_->call(*function->code, *function->ctx, args);
}

Outcome Store::get_global(Ctx& instance, std::string_view name) {
  const Export* item = instance.module->find_export(name, ExternKind::kGlobal);
  if (item == nullptr) return {};
  const ExternValue global = export_value(instance, *item);
  Outcome outcome;
  outcome.kind = Outcome::Kind::kReturned;
  outcome.types = {global.global_type.type};
  outcome.values.assign(global.global, global.global + global.global_type.type.slots());
  return outcome;
}

const Trap& Store::trap() const { return impl_->trap; }
ExecContext& Store::exec() { return *impl_; }
u64 Store::stack_moves() const { return impl_->stack_moves; }
u64 Store::ticks() const { return impl_->ticks; }
u64 Store::used_bytes() const { return impl_->used_bytes; }

}  // namespace lunabeam::vm
