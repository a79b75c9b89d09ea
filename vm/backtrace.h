// Where a process trapped: the innermost frames, as raw addresses taken in passing, turned into text only when somebody asks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "vm/func_code.h"

namespace lunabeam::vm {

struct ExecContext;

// Threading: owned by the ExecContext. Valid as long as the modules of its frames are.
struct Backtrace {
  static constexpr u32 kMaxFrames = 64;
  struct Frame {
    const FuncCode* code;
    const Insn* ip;  // Inside the instruction that trapped, or that called the frame below.
  };
  u32 num_frames = 0;    // Stored; innermost first.
  u64 total_frames = 0;  // Of the stack, kCountedFrames at most.
  static constexpr u64 kCountedFrames = 1000;
  Frame frames[kMaxFrames];
};

// Records the frames of exec's stack, top first. Called while the frames are there; replaces an earlier record.
// behind_call: the top frame's saved ip is behind a call, as in all others, not at the operation that trapped.
// Cost: one visit per frame, one allocation per ExecContext in its lifetime. Out of memory: no record.
void capture_backtrace(ExecContext& exec, bool behind_call) noexcept;

// The record of exec's last trap; nullptr when it never trapped (or trapped by proc_exit only).
[[nodiscard]] const Backtrace* exec_backtrace(const ExecContext& exec) noexcept;

// One line per frame, innermost first: "#0 function [module.wasm+0x1a2b]" (byte offset of the operator in the module's file), or
// "#0 function [module.wasm]" where there is no offset (imported functions). A last line says how many frames are left out.
// Cost: translates each function once more to find the offsets, however many frames it has.
[[nodiscard]] std::vector<std::string> symbolise(const Backtrace& backtrace);

}  // namespace lunabeam::vm
