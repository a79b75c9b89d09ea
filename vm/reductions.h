// Reduction weights (rules R1-R4). One reduction is roughly one function call. All weights are static and the same in every
// tier: the number of reductions that a program takes does not depend on how it is executed.
#pragma once

#include "vm/base/ints.h"

namespace lunabeam::vm {

inline constexpr i64 kSliceReductions = 4000;         // R2: what a process may use before another one runs.
inline constexpr i64 kChunkReductions = 512;          // R2: handed out in chunks; each expiry is a tick.
inline constexpr u64 kOpsPerReduction = 256;          // R1.
inline constexpr u64 kBulkStepBytes = 64 * 1024;      // R3: bulk operations do at most this much between two ticks.
inline constexpr u64 kBulkBytesPerReduction = 128;    // R1.
inline constexpr u64 kReductionsPerFuelUnit = 10000;  // R4.
inline constexpr u64 kAtomicWaitReductions = 512;     // R1: a wait that would block gives up the rest of its chunk.

// R1: entry of a function, from the number of its operators outside loops and of its frame slots.
[[nodiscard]] constexpr u32 entry_cost(u64 ops_outside_loops, u64 slots) {
  return static_cast<u32>(1 + (ops_outside_loops + slots) / kOpsPerReduction);
}
// R1: a taken back-edge, from the number of operators of that loop outside its inner loops.
[[nodiscard]] constexpr u32 back_edge_cost(u64 ops_in_loop) {
  return static_cast<u32>(1 + ops_in_loop / kOpsPerReduction);
}
// R1: one step of a bulk operation. bytes <= kBulkStepBytes. For tables, bytes = elements * 8; for arrays, what the elements take.
[[nodiscard]] constexpr i64 bulk_step_cost(u64 bytes) { return static_cast<i64>(1 + bytes / kBulkBytesPerReduction); }

// R1: for a thrown exception, each frame that is searched for a handler, from the number of ranges and clauses looked at in it.
inline constexpr u64 kClausesPerReduction = 16;
[[nodiscard]] constexpr i64 search_cost(u64 clauses) { return static_cast<i64>(1 + clauses / kClausesPerReduction); }

// R1: a bulk operation that is done in one go.
[[nodiscard]] constexpr i64 bulk_cost(u64 bytes) {
  return static_cast<i64>((bytes + kBulkStepBytes - 1) / kBulkStepBytes + bytes / kBulkBytesPerReduction);
}

}  // namespace lunabeam::vm
