// wasi_snapshot_preview1 (ABI document, section 6): the 46 functions as rows for the import universe. Calls that wait suspend the
// process, never the scheduler.
#pragma once

#include <span>

#include "vm/host_function.h"

namespace lunabeam::wasi {

// Static rows; any thread.
[[nodiscard]] std::span<const vm::HostFunction> preview1_functions();

}  // namespace lunabeam::wasi
