// The custom section `name` (spec 3.0, appendix "Custom Sections"). Whatever is wrong with it, the module is not: reading stops
// at the first thing that does not fit, and keeps what it has.
#pragma once

#include "vm/decode/source_map.h"
#include "vm/module.h"

namespace lunabeam::vm {

// Fills module.names. REQUIRES: the module is decoded (indices of functions that it does not have are ignored).
void decode_names(Module& module, const SourceMap& map);

}  // namespace lunabeam::vm
