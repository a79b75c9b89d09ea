// Types constant expressions (spec 3.0, "Constant Expressions"; fact sheet 7.3) and evaluates the commonest forms.
#pragma once

#include <vector>

#include "vm/decode/operator_reader.h"
#include "vm/module.h"

namespace lunabeam::vm {

class ConstExprValidator {
 public:
  ConstExprValidator(const Module& module, std::vector<bool>& declared);

  // Checks that `expr` has type `expected`, seeing the globals [0, visible_globals), and sets its kind, type and value. Functions
  // that it names become declared.
  [[nodiscard]] Result<void> validate(ConstExpr& expr, ValType expected, u32 visible_globals);

 private:
  [[nodiscard]] bool check(const Operator& op, u32 visible_globals);
  [[nodiscard]] bool check_binary(ValType type);
  [[nodiscard]] bool check_object(const Operator& op);
  [[nodiscard]] bool check_conversion(const Operator& op);
  [[nodiscard]] bool pop(ValType expected);
  [[nodiscard]] bool error(ErrorCode code, std::string detail = {}) {
    return reader_.fail(code, pc_, std::move(detail));
  }

  const Module& module_;
  std::vector<bool>& declared_;
  DeferredError deferred_;
  Reader reader_;
  TypeReader types_;
  OperatorReader operators_;
  std::vector<ValType> stack_;
  ConstExpr* expr_ = nullptr;
  u32 pc_ = 0;
  u32 operators_read_ = 0;
};

}  // namespace lunabeam::vm
