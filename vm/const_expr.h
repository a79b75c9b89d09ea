// Evaluation of constant expressions (spec 3.0, "Constant Expressions"; fact sheet 7.3) over an instance whose earlier globals are
// already set. Iterative; time and memory linear in the expression's bytes.
#pragma once

#include "vm/instance.h"
#include "vm/module.h"

namespace lunabeam::vm {

// What the making of one instance may write and has cost. A few bytes of a module name an object or a table of any size, and an
// instance is made in one go: so there is a bound.
class InitBudget {
 public:
  // Of objects and of first values of tables, beside the bytes of the module.
  static constexpr u64 kMaxBytes = u64{16} << 20;

  explicit InitBudget(const Module& module) noexcept : bytes_left_(kMaxBytes + module.bytes.size()) {}

  // `bytes` are about to be written that the module does not contain. False: that would be too many.
  [[nodiscard]] bool take(u64 bytes) noexcept {
    if (bytes > bytes_left_) {
      exceeded_ = true;
      return false;
    }
    bytes_left_ -= bytes;
    note_work(bytes);
    return true;
  }
  [[nodiscard]] bool exceeded() const noexcept { return exceeded_; }
  // Work to be charged: as much as writing `bytes` takes.
  void note_work(u64 bytes) noexcept { work_bytes_ += bytes; }
  [[nodiscard]] u64 work_bytes() const noexcept { return work_bytes_; }

 private:
  u64 bytes_left_;
  u64 work_bytes_ = 0;
  bool exceeded_ = false;
};

// ConstExpr::Kind::kGeneral. Use eval_const_expr.
[[nodiscard]] bool eval_general_const_expr(const Ctx& ctx, const ConstExpr& expr, u64* out,
                                           InitBudget* budget) noexcept;

// Writes the value as slots to out[0 .. expr.type.slots()). References are in the representation of ctx's process (rule P3).
// REQUIRES: the module is validated; imports and the globals that the expression may name are set; ctx.func_insts is set.
// budget: pays for what kGeneral does; may be nullptr where the expression is known to be of another kind.
// May collect (gc/heap.h). False: the budget is exceeded; no memory for an object, or for the operands of an absurdly deep expression.
[[nodiscard]] inline bool eval_const_expr(const Ctx& ctx, const ConstExpr& expr, u64* out,
                                          InitBudget* budget) noexcept {
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
  return eval_general_const_expr(ctx, expr, out, budget);
}

}  // namespace lunabeam::vm
