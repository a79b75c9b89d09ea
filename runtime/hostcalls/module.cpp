// lunatic::process: compile_module and drop_module (ABI document 2.5). Loading decodes and validates; function bodies are
// translated at their first call. The work is linear in the module's bytes and charged to the process; that of large modules is done
// by the blocking pool, while the process is parked.
#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/hostcalls/areas.h"
#include "runtime/hostcalls/bind.h"
#include "runtime/hostcalls/resources.h"
#include "runtime/vm.h"

namespace lunabeam::runtime::hostcalls {
namespace {

// Largest module a guest may load. Guests with all their debug information are below 40 MB.
constexpr u64 kMaxModuleBytes = u64{128} << 20;

// A module that counts towards the VM's memory limit as long as a table or a message refers to it.
struct AccountedModule {
  std::shared_ptr<const vm::Module> module;
  MemoryBudget* budget;
  u64 bytes;

  ~AccountedModule() { budget->refund(bytes); }
};

u64 function_table_bytes(const vm::Module& module) {
  return module.bodies.size() * (sizeof(vm::FuncCode) + sizeof(vm::FuncBody));
}

constexpr const char* kMemoryLimit = "resource limit exceeded: the memory limit of the VM";

// Up to here the scheduler loads a module itself: about half a millisecond's work. So it does in deterministic mode.
constexpr u64 kLoadHereBytes = 64 * 1024;

using LoadResult = vm::Result<std::shared_ptr<const vm::Module>>;

// A module on its way through the pool. Charged: its bytes.
class LoadRequest final : public BlockingRequest {
 public:
  LoadRequest(Vm& vm, std::vector<u8> bytes, std::string name)
      : charged_bytes(bytes.size()), vm_(vm), bytes_(std::move(bytes)), name_(std::move(name)) {}
  ~LoadRequest() override { vm_.budget().refund(charged_bytes); }
  void run() noexcept override { result = vm_.load(std::move(bytes_), std::move(name_)); }

  u64 charged_bytes;  // 0: somebody has taken the charge over.
  LoadResult result;

 private:
  Vm& vm_;
  std::vector<u8> bytes_;
  std::string name_;
};

struct LoadWait final : WaitOp {
  BlockingHandle handle;
  Out<u64> id_out;
};

// The end of a load. Takes the charge of charged_bytes over.
Outcome<u32> loaded(Process& self, LoadResult result, u64 charged_bytes, Out<u64> id_out) {
  MemoryBudget& budget = self.scheduler->vm().budget();
  if (!result) {
    budget.refund(charged_bytes);
    return fail_with(self, result.error().message(), id_out);
  }
  const u64 table_bytes = function_table_bytes(**result);
  if (!budget.charge(table_bytes)) {
    budget.refund(charged_bytes);
    return fail_with(self, kMemoryLimit, id_out);
  }
  auto owner = std::make_shared<AccountedModule>(std::move(*result), &budget, charged_bytes + table_bytes);
  const vm::Module* const module = owner->module.get();
  const auto id = self.resources->modules.add(std::shared_ptr<const vm::Module>(std::move(owner), module));
  if (!id) return kOutOfMemory;
  if (!id_out.write(self, *id)) return kOutOfBounds;
  return kOk;
}

Outcome<u32> compile_module(Process& self, GuestRange source, Out<u64> id_out) {
  if (!self.config->can_compile_modules) return kNotAllowed;
  const auto bytes = source.bytes(self);
  if (!bytes || !id_out.is_valid(self)) return kOutOfBounds;
  Resources* resources = resources_of(self);
  if (resources == nullptr) return kOutOfMemory;
  if (resources->modules.size() >= kMaxTableEntries) return kTableFull;
  if (bytes->size() > kMaxModuleBytes) {
    return fail_with(self, fmt::format("implementation limit exceeded: a module of {} bytes", bytes->size()), id_out);
  }
  charge_work(self, bytes->size());

  Vm& vm = self.scheduler->vm();
  if (!vm.budget().charge(bytes->size())) return fail_with(self, kMemoryLimit, id_out);
  std::vector<u8> copy(bytes->begin(), bytes->end());
  std::string name = fmt::format("module of process {}", self.pid);
  if (copy.size() <= kLoadHereBytes || self.scheduler->options().deterministic) {
    return loaded(self, vm.load(std::move(copy), std::move(name)), bytes->size(), id_out);
  }
  auto* const wait = new LoadWait;
  wait->id_out = id_out;
  begin_wait(self, kNeverNs);
  self.wait.op = wait;
  wait->handle = vm.blocking_pool().submit(std::make_unique<LoadRequest>(vm, std::move(copy), std::move(name)), self,
                                           self.wait.epoch);
  return Parked{};
}

Outcome<u32> compile_module_resume(Process& self) {
  auto& wait = static_cast<LoadWait&>(*self.wait.op);
  if (!wait.handle.is_finished()) return Parked{};
  const std::unique_ptr<BlockingRequest> taken = wait.handle.take();
  auto& request = static_cast<LoadRequest&>(*taken);
  const Out<u64> id_out = wait.id_out;
  end_wait(self);
  return loaded(self, std::move(request.result), std::exchange(request.charged_bytes, 0), id_out);
}

Outcome<void> drop_module(Process& self, u64 module_id) {
  if (self.resources == nullptr || !self.resources->modules.take(module_id)) return Fault{"unknown module id"};
  return Done{};
}

constexpr vm::HostFunction kFunctions[] = {
    bind_waiting<"process", "compile_module", compile_module, compile_module_resume>(),
    bind<"process", "drop_module", drop_module>(),
};

}  // namespace

std::span<const vm::HostFunction> module_functions() { return kFunctions; }

}  // namespace lunabeam::runtime::hostcalls
