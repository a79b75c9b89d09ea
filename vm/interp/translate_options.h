// Switches of the translator, for tests: every combination gives code with the same behaviour and the same reductions, but for what the
// collector charges: which dead references still lie in slots depends on the code.
#pragma once

#include "vm/func_code.h"

namespace lunabeam::vm::interp {

struct TranslateOptions {
  bool peepholes = true;       // Off: every value is stored to its home at once.
  bool short_branches = true;  // Off: no branch with a 16-bit offset.
  bool fusion = true;          // Off: base operations only.

  friend bool operator==(const TranslateOptions&, const TranslateOptions&) = default;
};

// The same as vm::translate, with options. A function that was translated already stays as it is.
[[nodiscard]] const Insn* translate_with(const FuncCode& code, TranslateOptions options) noexcept;

}  // namespace lunabeam::vm::interp
