// The host-function protocol (rules P1, P8; engine.md 2.4). A host function runs on the scheduler's C stack, never on a process
// stack, and never calls guest code natively: it returns a status, so that a process can be suspended in any state.
#pragma once

#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "vm/base/ints.h"
#include "vm/types.h"

namespace lunabeam::vm {

struct ExecContext;

enum class HostStatus : u8 {
  kDone,  // Results are in io[0..]. Guest code goes on.
  kPark,  // The process waits. Nothing of the C++ activation survives; the embedder noted what it waits for. When the process
          // runs again, `resume` is called with a fresh io.
  kTrap,  // ExecContext::trap says why.
  kCall,  // Call the guest function in ExecContext::host_call with its arguments in io[0..]; a HostOp was pushed. When it returns,
          // `returned` is called with its results in io[0..]; when it traps, `trapped`.
};

// io: the worker's transfer area (kTransferWords words): arguments on entry, one word per parameter (v128: two), results on
// kDone, arguments of the callee on kCall. It is dead at every safepoint: nothing in it survives a park or a call (rule P5).
// The guest's memory may have moved after every park and call: re-read ExecContext::ctx->mem0.
using HostEntry = HostStatus (*)(ExecContext& exec, u64* io);

// Twice what any list of values takes (1,000 of two words): some are put into another order through the upper half.
inline constexpr u32 kTransferWords = 4096;

// One row of the import universe; static data of the embedder.
struct HostFunction {
  std::string_view module;
  std::string_view name;
  // Types as letters, like in opcodes.def: "Iii:i" = (i64 i32 i32) -> i32.
  std::string_view signature;
  HostEntry call = nullptr;      // Null: not called but awaited in the middle of an operation (ExecHooks).
  HostEntry resume = nullptr;    // Woken after kPark. Null: never parks.
  HostEntry returned = nullptr;  // The guest callee of kCall returned. Null: never calls.
  HostEntry trapped = nullptr;  // The guest callee of kCall trapped (ExecContext::trap). Null: the trap passes through.
  void (*cancel)(ExecContext& exec) =
      nullptr;   // The parked call will not be resumed: forget the wait. Null: nothing to forget.
  u32 cost = 1;  // Reductions charged per call (rule R1).
};

// A host operation that is waiting for a guest callee: what the C++ activation would have held. Destroyed when the callee has
// returned or trapped, or when the frame is unwound or its process dies. Kept in ExecContext as a LIFO.
struct HostOp {
  HostOp* below = nullptr;
  virtual ~HostOp() = default;
};

// Host functions by (module, name, type): overloads differ in type. Immutable once modules are being loaded against it.
class HostRegistry {
 public:
  // Rows must outlive the registry. REQUIRES: no two rows have the same key.
  void add(std::span<const HostFunction> rows);

  enum class Match : u8 { kNone, kOtherType, kExact };
  // Looks up by name and type; *found is set on kExact.
  [[nodiscard]] Match find(std::string_view module, std::string_view name, const FuncType& type,
                           const HostFunction** found) const;
  [[nodiscard]] std::span<const HostFunction* const> all() const { return rows_; }

 private:
  std::vector<const HostFunction*> rows_;
  std::unordered_multimap<std::string_view, const HostFunction*> by_name_;
};

// Parses "Iii:i". REQUIRES: letters i I f F v and r (funcref) e (externref).
[[nodiscard]] FuncType parse_signature(std::string_view signature);

}  // namespace lunabeam::vm
