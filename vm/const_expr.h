// Evaluation of constant expressions (spec 3.0, "Constant Expressions"; fact sheet 7.3) over an instance whose earlier globals are
// already set. Iterative; time and memory linear in the expression's bytes.
#pragma once

#include "vm/instance.h"
#include "vm/module.h"

namespace lunabeam::vm {

// ConstExpr::Kind::kGeneral. Use eval_const_expr.
[[nodiscard]] bool eval_general_const_expr(const Ctx& ctx, const ConstExpr& expr, u64* out) noexcept;

// Writes the value as slots to out[0 .. expr.type.slots()). References are in the representation of ctx's process (rule P3).
// REQUIRES: the module is validated; imports and the globals that the expression may name are set; ctx.func_insts is set.
// May collect (gc/heap.h). False: no memory for an object, or for the operands of an absurdly deep expression.
[[nodiscard]] inline bool eval_const_expr(const Ctx& ctx, const ConstExpr& expr, u64* out) noexcept {
  switch (expr.kind) {
    case ConstExpr::Kind::kValue:
      *out = expr.value;
      if (expr.type == ValType::kV128) out[1] = expr.high;
      return true;
    case ConstExpr::Kind::kRefFunc: *out = func_ref(ctx, static_cast<u32>(expr.value)); return true;
    case ConstExpr::Kind::kGlobalGet: {
      const u64* global = ctx.globals + ctx.module->global_offsets[expr.value];
      for (u32 i = 0; i < expr.type.slots(); ++i) out[i] = global[i];
      return true;
    }
    case ConstExpr::Kind::kGeneral: break;
  }
  return eval_general_const_expr(ctx, expr, out);
}

}  // namespace lunabeam::vm
