// Items of element segments. Most are functions or null, whose expressions are evaluated where they are needed. An item that makes an
// object is evaluated once, when its segment is instantiated (spec 3.0, "Instantiation"): every use gets the same object. So passive segments
// with such items keep their values in the instance, seen by the collector, until they are dropped.
#pragma once

#include "vm/instance.h"

namespace lunabeam::vm {

class InitBudget;

// Evaluates the passive segment `elem` if it has items that need it. False: the process's limit, memory or the budget is exhausted.
[[nodiscard]] bool evaluate_elem_segment(Ctx& ctx, u32 elem, InitBudget& budget) noexcept;

// Drops the values, if there are any.
void forget_elem_values(Ctx& ctx, u32 elem) noexcept;
// ... of all segments: the end of the instance.
void forget_all_elem_values(Ctx& ctx) noexcept;

// The value of one item of a segment that was evaluated, if it needed to be. Never allocates.
[[nodiscard]] u64 elem_item(const Ctx& ctx, u32 elem, u64 index) noexcept;

}  // namespace lunabeam::vm
