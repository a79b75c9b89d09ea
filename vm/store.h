// A single-threaded embedder of the engine, for tests and the runner of the official scripts: one ExecContext with one instance,
// or several that import from each other; malloc for stacks and memories. The runtime has its own embedder.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vm/base/error.h"
#include "vm/instance.h"
#include "vm/interp/interp.h"
#include "vm/module.h"

namespace lunabeam::vm {

// How an invocation ended.
struct Outcome {
  enum class Kind : u8 { kReturned, kTrapped, kThrown, kNoExport };
  Kind kind = Kind::kNoExport;
  std::vector<u64> values;       // kReturned: slots, one per result (v128: two). kThrown: of the payload.
  std::vector<ValType> types;    // kReturned: of the results. kThrown: of the payload.
  const TagInst* tag = nullptr;  // kThrown: an exception that nothing caught.
  Trap trap;                     // kTrapped; kThrown: kUncaughtException.
  u64 reductions = 0;            // Charged by this invocation.

  [[nodiscard]] bool returned() const { return kind == Kind::kReturned; }
  // Stack exhaustion is a class of its own in the official scripts.
  [[nodiscard]] bool exhausted() const { return kind == Kind::kTrapped && trap.kind == TrapKind::kCallStackExhausted; }
};

struct StoreOptions {
  bool shared = true;  // Several instances: references are FuncInst* (rule P3).
  u64 stack_cap_bytes = u64{1} << 20;
  // An invocation that is charged more traps where that is noticed first, whatever the chunks: out of fuel. 0: none.
  u64 reduction_limit = 0;
  u64 memory_limit_bytes = u64{4} << 30;  // Of all memories and private tables together.
  Dispatch dispatch = kDefaultDispatch;
  // Reductions between two ticks, and whether each tick leaves run(); torture builds always leave.
  i64 chunk_reductions = 0;  // 0 = kChunkReductions; torture builds take a small one.
  bool yield_at_every_tick = false;
};

class Store {
 public:
  explicit Store(StoreOptions options = {});
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Builds an instance and runs its start function. Imports that the module has not bound to host functions are looked up among
  // the registered instances. Errors: those of vm::instantiate, kStartTrapped (trap() says why), kUnknownImport.
  // The Ctx lives as long as the store, also when instantiation trapped halfway (it may have leaked into shared tables).
  // REQUIRES: one instance at most when !options.shared.
  [[nodiscard]] Result<Ctx*> instantiate(std::shared_ptr<Module> module);

  // Makes the exports of `instance` importable as `name`; a later registration replaces an earlier one. nullptr: forgets the name.
  void register_instance(std::string name, Ctx* instance);
  // Instantiates and registers the official scripts' host module "spectest" (fact sheet, section 4). Its functions do nothing.
  [[nodiscard]] Result<void> add_spectest(FeatureSet features = FeatureSet::supported());
  // The rows behind spectest's functions; static data. Modules loaded against them are bound directly.
  [[nodiscard]] static std::span<const HostFunction> spectest_functions();

  // Calls an exported function; args are slots in parameter order. REQUIRES: the arguments fit the type.
  [[nodiscard]] Outcome invoke(Ctx& instance, std::string_view name, std::span<const u64> args = {});
  [[nodiscard]] Outcome invoke(Ctx& instance, u32 func_index, std::span<const u64> args = {});
  // Reads an exported global.
  [[nodiscard]] Outcome get_global(Ctx& instance, std::string_view name);

  [[nodiscard]] const Trap& trap() const;
  [[nodiscard]] ExecContext& exec();
  [[nodiscard]] u64 stack_moves() const;  // Blocks that the stack has lived in, less one.
  [[nodiscard]] u64 ticks() const;
  [[nodiscard]] u64 used_bytes() const;  // Memories and private tables, against memory_limit_bytes.

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// What `instance` exports as `item`, to link another instance against.
[[nodiscard]] ExternValue export_value(const Ctx& instance, const Export& item) noexcept;

}  // namespace lunabeam::vm
