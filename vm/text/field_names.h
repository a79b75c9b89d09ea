// The first pass over a module: gives every definition its index and binds its identifier, so that all later passes may refer forward.
#pragma once

#include "vm/text/module_context.h"

namespace lunabeam::vm::text {

// Walks the fields from the cursor to the token `last`; looks at their heads only. Custom sections are read on the way.
// Fails on anything but forms of known fields, on duplicate identifiers, imports behind definitions, a second start, annotations that
// stand where they must not.
[[nodiscard]] bool bind_field_names(ModuleContext& context, u32 last);

}  // namespace lunabeam::vm::text
