// Typed function references.
//
// Unreachable while Feature::kTypedFunctionReferences is off: the validator rejects their operators.
#include "vm/interp/translate_values.h"

namespace lunabeam::vm::interp {

void FunctionTranslator::ref_as_non_null(u64, ValType) { VM_UNREACHABLE("ref.as_non_null"); }
void FunctionTranslator::br_on_null(u64, u32) { VM_UNREACHABLE("br_on_null"); }
void FunctionTranslator::br_on_non_null(u64, u32) { VM_UNREACHABLE("br_on_non_null"); }
void FunctionTranslator::call_ref(u64, TypeId, const FuncType&) { VM_UNREACHABLE("call_ref"); }
void FunctionTranslator::return_call_ref(u64, TypeId, const FuncType&) { VM_UNREACHABLE("return_call_ref"); }

}  // namespace lunabeam::vm::interp
