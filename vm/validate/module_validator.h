// Validates a decoded module (spec 3.0, "Validation", "Modules").
#pragma once

#include "vm/decode/source_map.h"
#include "vm/module.h"

namespace lunabeam::vm {

// Checks everything and fills in what is found on the way: FuncBody's slot counts, kinds and values of constant expressions.
// Errors: the first one; a body that is malformed takes precedence over whatever is invalid. Linear in the module's bytes.
[[nodiscard]] Result<void> validate_module(Module& module, const SourceMap& map);

}  // namespace lunabeam::vm
