// What the engine knows of a process (rule P1): its stack, its instance, its reduction counter, its pending requests, and the
// hooks by which the engine asks its embedder. First member of the runtime's process block; vm::Store has one too. `vm` knows
// nothing of schedulers or mailboxes.
//
// Threading: everything but `pending` is owned by the thread that runs the process at the moment.
#pragma once

#include <atomic>

#include "vm/backtrace.h"
#include "vm/base/ints.h"
#include "vm/host_function.h"
#include "vm/memory.h"
#include "vm/trap.h"

namespace lunabeam::vm {

struct Ctx;
struct ExecContext;

namespace gc {
class RootScope;
struct SpaceHeader;
}  // namespace gc

// Where the spaces of garbage-collected heaps come from. All noexcept; called only by the thread that runs `exec`.
struct HeapProvider {
  // `bytes` of uninitialised memory, 8-byte aligned; charged already, by charge_bytes. nullptr: memory is exhausted.
  u8* (*allocate)(ExecContext& exec, u64 bytes) noexcept;
  void (*free)(ExecContext& exec, u8* space, u64 bytes) noexcept;
};

// Answers of ExecHooks::tick below zero.
enum TickAnswer : i64 {
  kTickLeave = -1,  // Suspend here: run() returns ExecStatus::kYielded.
  kTickTrap = -2,   // ExecContext::trap was set (out of fuel): raise it here.
};

// Asked by the engine, answered by the embedder. All noexcept.
struct ExecHooks {
  // The reduction counter fell below zero; `reductions` is its value (0 > reductions). Every live value is in frame slots and
  // exec.fp is current. Answers the new counter (>= 0) or a TickAnswer. The overdraft must be charged by the embedder.
  i64 (*tick)(ExecContext& exec, i64 reductions) noexcept;
  // Makes room for at least need_bytes below exec.fp: moves the stack, updates stack_lo/hi/limit and fp here and the copy of
  // stack_limit in every instance of the process. False: the cap is reached, nothing changed.
  bool (*grow_stack)(ExecContext& exec, u64 need_bytes) noexcept;
  MemoryProvider memory;
  // Bytes the process may still allocate for a table that becomes private or grows, or for its heap; accounts them when true is returned.
  bool (*charge_bytes)(ExecContext& exec, i64 bytes) noexcept;
  HeapProvider heap;
  // `code`, whose body is large (translate.h), is called for the first time, and charged for. Answers on whom to park the process while the
  // body is translated elsewhere: its `resume` says kDone when the call may be tried again. nullptr: translate it here and now. A null
  // hook always does.
  const HostFunction* (*translate_elsewhere)(ExecContext& exec, const struct FuncCode& code) noexcept = nullptr;
};

// How a suspended process goes on when run() is called next.
enum class Resume : u8 {
  kFrame,  // The top frame is an interpreter frame with a valid saved ip.
  kHostCall,  // Parked in a host function: call parked->resume; the top frame's saved ip is behind the call, if there is one.
  kFinished,  // Nothing to run.
  kCallDone,  // As kFrame, behind a host call that is done: its first result, in slot d, goes to the accumulators ...
  kRefCallDone,  // ... a reference, in slot dref.
  kSearch,       // In the middle of a search for a handler: ExecContext::exception is being thrown by the top frame.
};

// Owns a Backtrace. Not a std::unique_ptr: whoever embeds an ExecContext as its first member relies on standard layout.
class BacktraceOwner {
 public:
  BacktraceOwner() = default;
  BacktraceOwner(const BacktraceOwner&) = delete;
  BacktraceOwner& operator=(const BacktraceOwner&) = delete;
  ~BacktraceOwner() { reset(); }
  void reset(Backtrace* backtrace = nullptr) noexcept;
  [[nodiscard]] Backtrace* get() const { return backtrace_; }

 private:
  Backtrace* backtrace_ = nullptr;
};

struct ExecContext {
  // --- Stack. Grows down. stack_lo <= stack_limit <= fp < stack_hi; both ends 16-byte aligned. ---
  u64* fp = nullptr;           // Top frame while suspended or inside a hook or host call; stale while guest code runs.
  u64* stack_limit = nullptr;  // No frame may begin below: stack_lo + kStackHeadroomBytes.
  u8* stack_lo = nullptr;
  u8* stack_hi = nullptr;

  Ctx* ctx = nullptr;  // Instance that the top frame belongs to.
  const ExecHooks* hooks = nullptr;
  u64* transfer = nullptr;  // The worker's transfer area, kTransferWords words; set before run().

  // Reductions left in the current chunk; in a register while guest code runs, here while suspended or in a hook or host call.
  i64 reductions = 0;

  // Requests from other threads (kill, suspend, signals waiting), looked at by the tick hook. Bits are the embedder's.
  // Set with release by any thread; read with acquire by the owner.
  std::atomic<u32> pending{0};

  Resume resume = Resume::kFinished;
  const HostFunction* parked = nullptr;  // Resume::kHostCall.

  // The last two unequal types that an indirect call found to match: callee's << 32 | expected. Both are types of modules that live as
  // long as this context. 0 is no such pair.
  u64 matched_types = 0;

  // HostStatus::kCall: what to call.
  struct {
    const struct FuncCode* code = nullptr;
  } host_call;
  HostOp* host_ops = nullptr;  // LIFO; its depth is host_op_count.
  u32 host_op_count = 0;

  // --- Garbage-collected heap (gc/heap.h): all null until the first allocation. ---
  u8* heap_next = nullptr;  // The next object goes here ...
  u8* heap_end = nullptr;   // ... if it ends here at the latest.
  gc::SpaceHeader* heap = nullptr;
  const gc::RootScope* roots = nullptr;  // LIFO of references on the C stack.

  // The exception that is being thrown, a root of the collector, until it is caught or becomes a trap; then that of the trap
  // kUncaughtException until another trap or throw. Null: none.
  u64 exception = 0;
  // How far the search for its handler is: the frame to look at next, and its instance.
  u64 search_words = 0;  // From fp to that frame.
  Ctx* search_ctx = nullptr;

  Trap trap;                 // Set by whoever raises one; valid while it is being handled.
  BacktraceOwner backtrace;  // Of the last trap; allocated when there is one. See backtrace.h.
};

// Space below the limit that stubs and leaf frames may use without a check (engine.md 2.4).
inline constexpr u64 kStackHeadroomBytes = 256;

// Host functions: pushes the operation that the guest callee of a kCall will return to.
inline void push_host_op(ExecContext& exec, HostOp* op) {
  op->below = exec.host_ops;
  exec.host_ops = op;
  ++exec.host_op_count;
}

}  // namespace lunabeam::vm
