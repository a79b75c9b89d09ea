// lunatic::registry (ABI document 2.6, 4.6): names of processes. Entries outlive their process, as the guest library expects.
#include "runtime/environment.h"
#include "runtime/hostcalls/areas.h"
#include "runtime/hostcalls/bind.h"
#include "runtime/hostcalls/resources.h"
#include "runtime/name_registry.h"

namespace lunabeam::runtime::hostcalls {
namespace {

constexpr u32 kFound = 0;
constexpr u32 kNotFound = 1;  // Nothing is written.

Outcome<void> put(Process& self, GuestText name, u64 node, u64 pid) {
  if (const auto problem = name_problem(self, name.text)) return *problem;
  self.registry->put(name.text, {.node = node, .pid = pid});
  if (node == kOwnNode && pid == self.pid) self.has_name = true;
  return Done{};
}

Outcome<u32> get(Process& self, GuestText name, Out<u64> node_out, Out<u64> pid_out) {
  const auto process = self.registry->get(name.text);
  if (!process) return kNotFound;
  if (!node_out.is_valid(self) || !pid_out.is_valid(self)) return kOutOfBounds;
  if (!node_out.write(self, process->node) || !pid_out.write(self, process->pid)) return kOutOfBounds;
  return kFound;
}

Outcome<void> remove(Process& self, GuestText name) {
  self.registry->remove(name.text);
  return Done{};
}

constexpr vm::HostFunction kFunctions[] = {
    bind<"registry", "put", put>(),
    bind<"registry", "get", get>(),
    bind<"registry", "remove", remove>(),
};

}  // namespace

std::span<const vm::HostFunction> name_functions() { return kFunctions; }

}  // namespace lunabeam::runtime::hostcalls
