// The two dispatch loops (machine.h), as interp.cpp enters them.
#pragma once

#include "vm/interp/engine_state.h"

namespace lunabeam::vm::interp {

// Runs from the top frame's saved ip until something leaves. REQUIRES: !leaves(next), exec.reductions >= 0.
namespace tail {
[[nodiscard]] ExecStatus run_loop(ExecContext& exec, Next next) noexcept;
}
namespace step {
[[nodiscard]] ExecStatus run_loop(ExecContext& exec, Next next) noexcept;
}

}  // namespace lunabeam::vm::interp
