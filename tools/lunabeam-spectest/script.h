// Reads scripts: the `.wast` files of the official test suite (fact sheet 3.1).
#pragma once

#include <string_view>

#include "tools/lunabeam-spectest/commands.h"

namespace lunabeam::spectest {

// Source to commands, in order; a source that is a bare list of module fields is one module. Text modules are read with the script, so
// a syntax error in one of them is one of the script; `quote` and `binary` modules are only unescaped.
// `(script $x? cmd*)` stands for its commands; `input`, `output`, `thread` and `wait` become commands of kind kUnsupported.
// Nothing is recursive; time and memory are linear in source.size().
// Errors: malformed ones with a byte offset into the source.
[[nodiscard]] vm::Result<Script> read_script(std::string_view source);

}  // namespace lunabeam::spectest
