// Bytes to Module (spec 3.0, "Binary Format", "Modules"). Decoding is complete before anything is validated: the suite tells
// malformed modules from invalid ones exactly.
//
// Bodies are the one exception in time, not in effect: typing a body reads all its operators anyway, so their structure is only
// walked here when the module is going to be rejected (find_malformed_body), and a malformed body then takes precedence.
#pragma once

#include <optional>

#include "vm/decode/source_map.h"
#include "vm/module.h"

namespace lunabeam::vm {

// Fills `module` (whose bytes and features are set) from its bytes: everything that stands in sections, except FuncBody's
// slot counts, the kinds of constant expressions and names. Registers the module's types: ~Module releases them.
// Errors: malformed ones. What is invalid already is in map.deferred.
[[nodiscard]] Result<void> decode_module(Module& module, SourceMap& map);

// The first malformed body at or behind bodies[first], if there is one. Linear in the size of the bodies.
[[nodiscard]] std::optional<Error> find_malformed_body(const Module& module, const SourceMap& map, size_t first);

}  // namespace lunabeam::vm
