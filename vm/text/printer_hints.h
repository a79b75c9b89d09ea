// Branch hints: the custom section `metadata.code.branch_hint` as annotations of the operators that it means. Its offsets then stay
// right when a body is encoded otherwise than it was.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "vm/text/printer_outline.h"

namespace lunabeam::vm::text {

struct BranchHint {
  u32 func;
  u32 offset;  // Of the operator, from the beginning of the function's body.
  u8 value;    // 0 unlikely, 1 likely.
};

struct BranchHints {
  std::vector<BranchHint> hints;  // Sorted by function, then offset.
  size_t custom;                  // Index of the section in Outline::customs.
};

// The hints of a module, nullopt when text with annotations would not read back to the same section in the same place: then it is a
// custom section like any other. Whether each hint stands before a branch, the bodies will tell.
[[nodiscard]] std::optional<BranchHints> read_branch_hints(std::span<const u8> bytes, const Outline& outline);

}  // namespace lunabeam::vm::text
