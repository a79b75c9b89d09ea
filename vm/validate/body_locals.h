// The locals of a body: their types, and which of those without a default are set (fact sheet 7.2, "locals").
#pragma once

#include <vector>

#include "vm/types.h"

namespace lunabeam::vm {

class BodyLocals {
 public:
  void clear() {
    types_.clear();
    unset_.clear();
    undo_.clear();
    tracks_ = false;
  }
  void add_param(ValType type) { types_.push_back(type); }
  void add(ValType type) {
    if (!type.is_defaultable()) {
      unset_.resize(types_.size() + 1, false);
      unset_.back() = true;
      tracks_ = true;
    }
    types_.push_back(type);
  }

  [[nodiscard]] const std::vector<ValType>& types() const { return types_; }
  [[nodiscard]] bool is_set(u32 local) const { return !tracks_ || local >= unset_.size() || !unset_[local]; }
  void set(u32 local) {
    if (is_set(local)) return;
    unset_[local] = false;
    undo_.push_back(local);
  }
  // What was set since `height` is unset again: at the end of a block and at its else.
  [[nodiscard]] u32 undo_height() const { return static_cast<u32>(undo_.size()); }
  void undo_to(u32 height) {
    for (; undo_.size() > height; undo_.pop_back()) unset_[undo_.back()] = true;
  }

 private:
  std::vector<ValType> types_;
  std::vector<bool> unset_;
  std::vector<u32> undo_;
  bool tracks_ = false;  // Some local has no default.
};

}  // namespace lunabeam::vm
