// lunatic::trap::catch (ABI document 2.9): calls back into the guest and answers 0 when that ends in a trap of any kind,
// proc_exit and fuel exhaustion included. The callee may park; a kill abandons the whole stack and is never caught.
#include <new>

#include "runtime/hostcalls/areas.h"
#include "runtime/hostcalls/bind.h"

namespace lunabeam::runtime::hostcalls {
namespace {

constexpr std::string_view kCatchExport = "_lunatic_catch_trap";

Outcome<u32> catch_trap(Process& self, Io io, u32 function, u32 pointer) {
  const vm::FuncCode* const callee = exported_function(self, kCatchExport, "ii:i");
  if (callee == nullptr) return Fault{"the module does not export the function _lunatic_catch_trap(i32, i32) -> i32"};
  auto* const op = new (std::nothrow) vm::HostOp;
  if (op == nullptr) return kOutOfMemory;
  vm::push_host_op(self.exec, op);
  self.exec.host_call.code = callee;
  io.words[0] = function;
  io.words[1] = pointer;
  return Calling{};
}

Outcome<u32> catch_returned(Process&, u32 result) { return result; }
Outcome<u32> catch_trapped(Process&) { return 0; }

constexpr vm::HostFunction kFunctions[] = {
    bind_calling<"trap", "catch", catch_trap, catch_returned, catch_trapped>(),
};

}  // namespace

std::span<const vm::HostFunction> trap_functions() { return kFunctions; }

}  // namespace lunabeam::runtime::hostcalls
