// Type definitions: `(type ...)` and `(rec ...)` fields.
#pragma once

#include "vm/text/module_context.h"

namespace lunabeam::vm::text {

// Reads those of the fields from the cursor to the token `last` that define types, in order; REQUIRES that bind_field_names has walked
// the same fields. Writes the type section but for implicit types, which only the other fields bring.
[[nodiscard]] bool read_type_fields(ModuleContext& context, u32 last);

// Appends the types that type uses without an index have added.
void write_implicit_types(ModuleContext& context);

}  // namespace lunabeam::vm::text
