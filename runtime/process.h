// The process: control block, instance context and first stack in one block of the pool. What host functions see of a process.
//
// Layout of the block: Process | Ctx with its globals and tables | first stack (to the end of the block).
//
// Threading: owned by its current scheduler. Other threads reach a process through the pid table while inside an epoch and
// touch `signals` and `exec.pending` only; one that wins SignalQueue's wake also reads `scheduler` and hands it over there.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "runtime/config.h"
#include "runtime/links.h"
#include "runtime/mailbox.h"
#include "runtime/resource_table.h"
#include "runtime/sched/epoch.h"
#include "runtime/signal.h"
#include "runtime/stack.h"
#include "runtime/wait.h"
#include "vm/exec_context.h"
#include "vm/exit_reason.h"
#include "vm/instance.h"
#include "vm/interp/interp.h"
#include "vm/reductions.h"

namespace lunabeam::runtime {

struct Environment;
struct GuestTimer;
struct SpawnWait;
class NameRegistry;
class Scheduler;

// Bits of ExecContext::pending.
enum PendingBit : u32 {
  kPendingKill = 1,  // A kill signal is queued: leave at the next tick.
};

enum class ProcessState : u8 {
  kStarting,  // Its module's start function runs; not in the pid table yet, may not spawn.
  kRunning,   // Alive: in a run queue, running, or parked.
  kExiting,   // Out of the pid table; telling links and monitors in batches.
  kDead,      // Waits for the end of its grace period.
};

// Reference to a guest timer; dropping it does not cancel the timer.
class GuestTimerRef {
 public:
  GuestTimerRef() noexcept = default;
  explicit GuestTimerRef(GuestTimer* timer) noexcept : timer_(timer) {}
  GuestTimerRef(GuestTimerRef&& other) noexcept : timer_(std::exchange(other.timer_, nullptr)) {}
  GuestTimerRef& operator=(GuestTimerRef&& other) noexcept {
    std::swap(timer_, other.timer_);
    return *this;
  }
  ~GuestTimerRef() { reset(); }
  void reset() noexcept;
  [[nodiscard]] GuestTimer* get() const { return timer_; }
  // The reference is the caller's.
  [[nodiscard]] GuestTimer* detach() noexcept { return std::exchange(timer_, nullptr); }

 private:
  GuestTimer* timer_ = nullptr;
};

// How many timers of a process are pending: it makes and cancels them, but they fire on any worker, maybe after its death. So what
// has fired is counted in a block of its own, which the last one frees.
struct FiredTimers;
class PendingTimers {
 public:
  PendingTimers() noexcept = default;
  ~PendingTimers();
  PendingTimers(const PendingTimers&) = delete;
  PendingTimers& operator=(const PendingTimers&) = delete;

  [[nodiscard]] u64 count() const noexcept;
  // For a timer that is being made. nullptr: memory exhausted.
  [[nodiscard]] FiredTimers* fired() noexcept;
  void made() noexcept { ++made_; }
  void cancelled() noexcept { --made_; }

 private:
  FiredTimers* fired_ = nullptr;
  i64 made_ = 0;  // Less those cancelled.
};

// Resource tables (ABI document 4.3); a process that uses none has none. Sockets and SQLite objects join when they exist.
struct Resources {
  ResourceTable<ConfigRef> configs;
  ResourceTable<std::shared_ptr<const vm::Module>> modules;
  ResourceTable<GuestTimerRef> timers;
  ResourceTable<std::string> errors;
  PendingTimers pending_timers;
  u64 timer_sweep_size = 16;  // Fired timers are swept out of the table when it reaches this size.
};

// State that a layer above keeps per process (wasi), made at first use and destroyed with the process's other resources.
struct EmbedderSlot {
  void* data = nullptr;
  void (*destroy)(void* data) noexcept = nullptr;
};

// Invariant 1: `exec` is at offset 0 (rule P1): process_of(exec) is a cast.
// Invariant 2: state == kRunning <=> the pid table maps pid to this process (except for the moment of the change itself).
// Invariant 3: a process is in at most one run queue, and in none while signals.is_parked().
struct Process {
  vm::ExecContext exec;

  // --- Identity; constant once the process is in the pid table. ---
  u64 pid = 0;
  Environment* environment = nullptr;
  NameRegistry* registry = nullptr;
  // The current scheduler: whose queue it is in, or was in last. Changes only while it is runnable, by who has it in hand; ordered
  // for wakers by the park's release and the wake's acquire.
  Scheduler* scheduler = nullptr;
  std::shared_ptr<const vm::Module> module;
  ConfigRef config;
  vm::MemoryInst* memory = nullptr;  // The export `memory`, or nullptr.

  // --- Communication. ---
  SignalQueue signals;
  Mailbox mailbox;
  Message* scratch = nullptr;  // The scratch area.
  PidMap links;                // Peer -> tag that the peer is told when we die.
  Monitors* monitors = nullptr;
  Wait wait;

  // --- Rare. ---
  Resources* resources = nullptr;
  EmbedderSlot embedder;
  SpawnWait* spawner = nullptr;  // While its start function runs: what comes next, and who waits for it.

  // --- Accounting. ---
  i64 chunk = 0;                          // Reductions that exec.reductions was last set to.
  i64 slice_left = 0;                     // Reductions of the slice behind this chunk.
  i64 round_left = vm::kSliceReductions;  // Until it counts as spent (run_lanes.h); a turn fills it up.
  i64 fuel_left = INT64_MAX;              // Reductions; INT64_MAX = unlimited (rule R4).
  u64 reductions = 0;                     // Used so far.
  u64 charged_bytes = 0;                  // Tables charged to the VM's limit.
  ProcessStack stack;

  // --- State. ---
  ProcessState state = ProcessState::kStarting;
  bool die_when_link_dies = true;
  bool is_root = false;
  bool has_name = false;            // Was ever registered: log lines look its names up.
  bool stack_noted = false;         // Its stack use was noted for rule P6.
  bool doomed = false;              // `reason` is final: exits instead of running on.
  bool ctx_is_separate = false;     // The context did not fit the block.
  bool memory_is_reserved = false;  // Its memories get their bytes when it runs for the first time.
  bool timer_moves = false;         // On its way to another scheduler, which arms wait.timer again.
  u8 home = 0;  // The worker whose pool gave its block, and whose list of all processes it is in. Constant.
  u8 woken_by =
      0;  // The worker that posted it last; balance::kNoWorker: another thread; balance::kGiven: it was given away.
  u32 block_bytes = 0;
  u64 stack_hint_key = 0;
  vm::ExitReason reason;

  // --- Lists. ---
  Process* all_prev = nullptr;  // Every process of the home scheduler.
  Process* all_next = nullptr;
  Process* inbox_next = nullptr;  // In another scheduler's inbox or, at the very end, in its home's list of the dead.
  Retired retired;

  [[nodiscard]] vm::Ctx* ctx() const { return exec.ctx; }
};

static_assert(std::is_standard_layout_v<Process> && offsetof(Process, exec) == 0);

[[nodiscard]] inline Process& process_of(vm::ExecContext& exec) { return reinterpret_cast<Process&>(exec); }

// The resource tables, made at first use. nullptr: memory exhausted.
[[nodiscard]] Resources* resources_of(Process& process) noexcept;
// Adds an error; its id. ~0: memory exhausted.
[[nodiscard]] u64 add_error(Process& process, std::string text) noexcept;
// Replaces the scratch message, destroying the old one with what is in it. message may be nullptr.
void set_scratch(Process& process, Message* message) noexcept;

// Raises a guest fault from a host function: `return trap(process, "lunatic::error::drop: unknown error id");`
// REQUIRES: message is a string literal.
[[nodiscard]] inline vm::HostStatus trap(Process& process, const char* message) noexcept {
  process.exec.trap = vm::Trap{.kind = vm::TrapKind::kHost, .message = message};
  return vm::HostStatus::kTrap;
}
[[nodiscard]] inline vm::HostStatus trap(Process& process, vm::TrapKind kind) noexcept {
  process.exec.trap = vm::Trap{.kind = kind};
  return vm::HostStatus::kTrap;
}

// The exported function `name` if its type is (params) -> (results), written as in HostFunction::signature: "ii:i". nullptr: no such export, or another type. For HostStatus::kCall.
[[nodiscard]] const vm::FuncCode* exported_function(const Process& process, std::string_view name,
                                                    std::string_view signature) noexcept;

}  // namespace lunabeam::runtime
