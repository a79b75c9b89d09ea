// Structs, arrays, i31 and casts.
//
// Unreachable while Feature::kGc is off: the validator rejects their operators.
#include "vm/interp/translate_values.h"

namespace lunabeam::vm::interp {

void FunctionTranslator::ref_eq(u64) { VM_UNREACHABLE("ref.eq"); }
void FunctionTranslator::ref_test(u64, ValType) { VM_UNREACHABLE("ref.test"); }
void FunctionTranslator::ref_cast(u64, ValType) { VM_UNREACHABLE("ref.cast"); }
void FunctionTranslator::br_on_cast(u64, Opcode, u32, ValType, ValType) { VM_UNREACHABLE("br_on_cast"); }
void FunctionTranslator::ref_i31(u64) { VM_UNREACHABLE("ref.i31"); }
void FunctionTranslator::i31_get(u64, Opcode) { VM_UNREACHABLE("i31.get"); }
void FunctionTranslator::any_convert_extern(u64, ValType) { VM_UNREACHABLE("any.convert_extern"); }
void FunctionTranslator::extern_convert_any(u64, ValType) { VM_UNREACHABLE("extern.convert_any"); }
void FunctionTranslator::struct_new(u64, TypeId) { VM_UNREACHABLE("struct.new"); }
void FunctionTranslator::struct_new_default(u64, TypeId) { VM_UNREACHABLE("struct.new_default"); }
void FunctionTranslator::struct_get(u64, Opcode, TypeId, u32) { VM_UNREACHABLE("struct.get"); }
void FunctionTranslator::struct_set(u64, TypeId, u32) { VM_UNREACHABLE("struct.set"); }
void FunctionTranslator::array_new(u64, TypeId) { VM_UNREACHABLE("array.new"); }
void FunctionTranslator::array_new_default(u64, TypeId) { VM_UNREACHABLE("array.new_default"); }
void FunctionTranslator::array_new_fixed(u64, TypeId, u32) { VM_UNREACHABLE("array.new_fixed"); }
void FunctionTranslator::array_new_data(u64, TypeId, u32) { VM_UNREACHABLE("array.new_data"); }
void FunctionTranslator::array_new_elem(u64, TypeId, u32) { VM_UNREACHABLE("array.new_elem"); }
void FunctionTranslator::array_get(u64, Opcode, TypeId) { VM_UNREACHABLE("array.get"); }
void FunctionTranslator::array_set(u64, TypeId) { VM_UNREACHABLE("array.set"); }
void FunctionTranslator::array_len(u64) { VM_UNREACHABLE("array.len"); }
void FunctionTranslator::array_fill(u64, TypeId) { VM_UNREACHABLE("array.fill"); }
void FunctionTranslator::array_copy(u64, TypeId, TypeId) { VM_UNREACHABLE("array.copy"); }
void FunctionTranslator::array_init_data(u64, TypeId, u32) { VM_UNREACHABLE("array.init_data"); }
void FunctionTranslator::array_init_elem(u64, TypeId, u32) { VM_UNREACHABLE("array.init_elem"); }

}  // namespace lunabeam::vm::interp
