// The official scripts' host module "spectest" (fact sheet, section 4) for vm::Store: host functions that do nothing, and a
// module that exports them beside its globals, table and memory.
#pragma once

#include <span>
#include <vector>

#include "vm/base/ints.h"
#include "vm/feature.h"
#include "vm/host_function.h"

namespace lunabeam::vm {

// The print functions; static data.
[[nodiscard]] std::span<const HostFunction> spectest_functions();
// The module's bytes; its function imports are the rows of spectest_functions(). `table64` is there when `features` has 64-bit tables,
// `shared_memory` when it has threads and several memories.
[[nodiscard]] std::vector<u8> spectest_module(FeatureSet features = FeatureSet::supported());

}  // namespace lunabeam::vm
