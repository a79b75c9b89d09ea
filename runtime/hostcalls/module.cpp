// lunatic::process: compile_module and drop_module (ABI document 2.5). Loading decodes and validates; function bodies are
// translated at their first call. The work is linear in the module's bytes and charged to the process.
#include <fmt/format.h>

#include <memory>
#include <new>
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
  const char* const kMemoryLimit = "resource limit exceeded: the memory limit of the VM";
  u64 charged_bytes = bytes->size();
  if (!vm.budget().charge(charged_bytes)) return fail_with(self, kMemoryLimit, id_out);
  auto loaded = vm.load({bytes->begin(), bytes->end()}, fmt::format("module of process {}", self.pid));
  if (!loaded) {
    vm.budget().refund(charged_bytes);
    return fail_with(self, loaded.error().message(), id_out);
  }
  const u64 table_bytes = function_table_bytes(**loaded);
  if (!vm.budget().charge(table_bytes)) {
    vm.budget().refund(charged_bytes);
    return fail_with(self, kMemoryLimit, id_out);
  }
  charged_bytes += table_bytes;
  auto owner = std::make_shared<AccountedModule>(std::move(*loaded), &vm.budget(), charged_bytes);
  const vm::Module* const module = owner->module.get();
  const auto id = resources->modules.add(std::shared_ptr<const vm::Module>(std::move(owner), module));
  if (!id) return kOutOfMemory;
  if (!id_out.write(self, *id)) return kOutOfBounds;
  return kOk;
}

Outcome<void> drop_module(Process& self, u64 module_id) {
  if (self.resources == nullptr || !self.resources->modules.take(module_id)) return Fault{"unknown module id"};
  return Done{};
}

constexpr vm::HostFunction kFunctions[] = {
    bind<"process", "compile_module", compile_module>(),
    bind<"process", "drop_module", drop_module>(),
};

}  // namespace

std::span<const vm::HostFunction> module_functions() { return kFunctions; }

}  // namespace lunabeam::runtime::hostcalls
