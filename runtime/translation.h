// The first call of a function whose body is large: a thread of the pool for modules translates it while the caller is parked (engine.md 0.1,
// Loading).
#pragma once

#include "vm/exec_context.h"
#include "vm/func_code.h"

namespace lunabeam::runtime {

// ExecHooks::translate_elsewhere. Answers nullptr when memory is exhausted: the engine may have better luck.
// Threading: the process's owner.
[[nodiscard]] const vm::HostFunction* translate_in_pool(vm::ExecContext& exec, const vm::FuncCode& code) noexcept;

}  // namespace lunabeam::runtime
