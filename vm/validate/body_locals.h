// The locals of a body: their types, and which of those without a default are set (fact sheet 7.2, "locals").
//
// A body of a dozen bytes may declare fifty thousand locals. Beyond a prefix they are therefore kept as the runs they are declared
// as, unless somebody asks for a list of all.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "vm/decode/structure.h"
#include "vm/types.h"

namespace lunabeam::vm {

class BodyLocals {
 public:
  // Starts a new body. `runs` must outlive it. list_all: types() has every local, else a prefix.
  void reset(std::span<const ValType> params, std::span<const LocalRun> runs, bool list_all) {
    types_.assign(params.begin(), params.end());
    unset_.clear();
    undo_.clear();
    runs_ = runs;
    num_params_ = params.size();
    count_ = num_params_ + (runs.empty() ? 0 : runs.back().end);
    const u64 listed = list_all ? count_ : std::min<u64>(count_, num_params_ + kListedLocals);
    for (const LocalRun& run : runs) {
      const u64 end = num_params_ + run.end;
      if (types_.size() < listed) types_.resize(std::min(end, listed), run.type);
      if (!run.type.is_defaultable()) {
        // Everything before is set: parameters are, and locals with a default.
        unset_.resize(end - static_cast<u64>(run_size(run)), false);
        unset_.resize(end, true);
      }
    }
  }

  [[nodiscard]] u64 count() const { return count_; }
  // All locals, parameters first, or a prefix (reset).
  [[nodiscard]] std::span<const ValType> types() const { return types_; }
  // REQUIRES: local < count().
  [[nodiscard]] ValType type(u32 local) const {
    if (local < types_.size()) [[likely]]
      return types_[local];
    return std::ranges::upper_bound(runs_, local - num_params_, {}, &LocalRun::end)->type;
  }

  [[nodiscard]] bool is_set(u32 local) const { return local >= unset_.size() || !unset_[local]; }
  void set(u32 local) {
    if (is_set(local)) [[likely]]
      return;
    unset_[local] = false;
    undo_.push_back(local);
  }
  // What was set since `height` is unset again: at the end of a block and at its else.
  [[nodiscard]] u32 undo_height() const { return static_cast<u32>(undo_.size()); }
  void undo_to(u32 height) {
    for (; undo_.size() > height; undo_.pop_back()) unset_[undo_.back()] = true;
  }

 private:
  static constexpr u64 kListedLocals = 256;

  [[nodiscard]] u64 run_size(const LocalRun& run) const {
    return run.end - (&run == runs_.data() ? 0 : (&run - 1)->end);
  }

  std::vector<ValType> types_;
  std::vector<bool> unset_;  // Up to the last local without a default.
  std::vector<u32> undo_;
  std::span<const LocalRun> runs_;
  u64 num_params_ = 0;
  u64 count_ = 0;
};

}  // namespace lunabeam::vm
