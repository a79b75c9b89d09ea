// lunatic::process: compile_module and drop_module (ABI document 2.5). Loading decodes and validates; function bodies are
// translated at their first call. The work is linear in the module's bytes and charged to the process; that of large modules is done
// by the pool for modules, while the process is parked.
#include <fmt/format.h>

#include <atomic>
#include <memory>
#include <new>
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

// What a module takes of the VM's memory limit, its bytes and all that is made of them, as long as anybody refers to it.
class ModuleCharge final : public vm::ModuleBudget {
 public:
  explicit ModuleCharge(MemoryBudget& budget) noexcept : budget_(budget) {}
  ~ModuleCharge() override { budget_.refund(charged_bytes_.load(std::memory_order_relaxed)); }

  [[nodiscard]] bool charge(u64 bytes) noexcept override {
    if (!budget_.charge(bytes)) return false;
    charged_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    return true;
  }

 private:
  MemoryBudget& budget_;
  std::atomic<u64> charged_bytes_{0};
};

constexpr const char* kMemoryLimit = "resource limit exceeded: the memory limit of the VM";

// Up to here the scheduler loads and drops a module itself: about half a millisecond's work. So it does in deterministic mode.
constexpr u64 kSmallModuleBytes = 64 * 1024;

bool is_small(const Process& self, u64 module_bytes) {
  return module_bytes <= kSmallModuleBytes || self.scheduler->options().deterministic;
}

using LoadResult = vm::Result<std::shared_ptr<const vm::Module>>;

// The last reference to a module, on its way to where its destruction delays nobody: a million types take a second.
class DropRequest final : public BlockingRequest {
 public:
  explicit DropRequest(std::shared_ptr<const vm::Module> module) noexcept : module_(std::move(module)) {}
  void run() noexcept override { module_.reset(); }

 private:
  std::shared_ptr<const vm::Module> module_;
};

// A reference that stands for all that guests get to a large module: whoever drops the last of them leaves the rest to the pool.
// REQUIRES: the guests' references do not outlive the VM.
std::shared_ptr<const vm::Module> dropped_elsewhere(Vm& vm, std::shared_ptr<const vm::Module> module) {
  const vm::Module* const plain = module.get();
  return {plain, [&vm, owner = std::move(module)](const vm::Module*) mutable noexcept {
            std::unique_ptr<DropRequest> request(new (std::nothrow) DropRequest(std::move(owner)));
            if (request != nullptr) vm.module_pool().submit_detached(std::move(request));
          }};
}

// A module on its way through the pool.
class LoadRequest final : public BlockingRequest {
 public:
  LoadRequest(Vm& vm, std::vector<u8> bytes, std::string name, std::unique_ptr<ModuleCharge> charge)
      : vm_(vm), charge_(std::move(charge)), bytes_(std::move(bytes)), name_(std::move(name)) {}
  void run() noexcept override {
    result = vm_.load(std::move(bytes_), std::move(name_), std::move(charge_));
    if (result) *result = dropped_elsewhere(vm_, *std::move(result));
  }

  LoadResult result;

 private:
  Vm& vm_;
  std::unique_ptr<ModuleCharge> charge_;
  std::vector<u8> bytes_;
  std::string name_;
};

struct LoadWait final : WaitOp {
  BlockingHandle handle;
  Out<u64> id_out;
};

// The end of a load.
Outcome<u32> loaded(Process& self, LoadResult result, Out<u64> id_out) {
  if (!result) return fail_with(self, result.error().message(), id_out);
  const auto id = self.resources->modules.add(*std::move(result));
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
  auto charge = std::make_unique<ModuleCharge>(vm.budget());
  if (!charge->charge(bytes->size())) return fail_with(self, kMemoryLimit, id_out);
  std::vector<u8> copy(bytes->begin(), bytes->end());
  std::string name = fmt::format("module of process {}", self.pid);
  if (is_small(self, copy.size())) {
    return loaded(self, vm.load(std::move(copy), std::move(name), std::move(charge)), id_out);
  }
  auto* const wait = new LoadWait;
  wait->id_out = id_out;
  begin_wait(self, kNeverNs);
  self.wait.op = wait;
  wait->handle = vm.module_pool().submit(
      std::make_unique<LoadRequest>(vm, std::move(copy), std::move(name), std::move(charge)), self, self.wait.epoch);
  return Parked{};
}

Outcome<u32> compile_module_resume(Process& self) {
  auto& wait = static_cast<LoadWait&>(*self.wait.op);
  if (!wait.handle.is_finished()) return Parked{};
  const std::unique_ptr<BlockingRequest> taken = wait.handle.take();
  auto& request = static_cast<LoadRequest&>(*taken);
  const Out<u64> id_out = wait.id_out;
  end_wait(self);
  return loaded(self, std::move(request.result), id_out);
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
