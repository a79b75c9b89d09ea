// Register code as text, for tests and people.
#pragma once

#include <string>
#include <string_view>

#include "vm/base/ints.h"
#include "vm/func_code.h"

namespace lunabeam::vm::interp {

// Name of an operation: "i32.add.SS>A" (row, operand form, destination), "i32.lt_s.SI?back" (compare-branch), "mov" (special), and for a
// fused one its parts joined by " + ". "?" when there is none with this id.
[[nodiscard]] std::string_view op_name(u16 id);

// One line per instruction: word index, name, and the u16 fields of its words in decimal (the extension words in hexadecimal).
// Behind them, one line per range of words that handlers are around (catch_table.h). Empty for a function that was not translated. The parts of a fused operation are listed one by one behind its name.
[[nodiscard]] std::string listing(const FuncCode& code);
[[nodiscard]] std::string listing(const Insn* code, u32 words);

}  // namespace lunabeam::vm::interp
