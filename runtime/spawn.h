// Making processes (ABI document 4.5, 4.6). A module with a start section runs it in the child, on the child's budget, while the
// caller is parked; only then does the child enter the process table.
//
// Rule P9: the child goes to the tail of its parent's queue; no other scheduler sees it before the parent's slice ends.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "runtime/config.h"
#include "runtime/name_registry.h"
#include "vm/module.h"
#include "vm/types.h"

namespace lunabeam::runtime {

struct Process;
struct Environment;
class Scheduler;

// One parameter of an entry function: i32, i64 or v128, little-endian, `high` for v128 only.
struct SpawnParam {
  vm::ValType type;
  u64 low = 0;
  u64 high = 0;
};

struct SpawnRequest {
  ConfigRef config = {};
  std::shared_ptr<const vm::Module> module = {};
  std::string_view function;  // Looked up in the child: a missing one is a failure of the child, not of the spawn.
  std::span<const SpawnParam> params = {};
  i64 link_tag = 0;                        // != 0: link; the parent is told this tag when the child dies.
  const std::string_view* name = nullptr;  // get_or_spawn: register under this name, unless somebody was faster.
};

enum class SpawnStatus : u8 {
  kSpawned,    // result.pid.
  kNameTaken,  // result.existing; no process was made (get_or_spawn).
  kFailed,     // result.error: instantiation failed or the start section trapped.
  kPark,       // The start section runs: return HostStatus::kPark, with resume calling spawn_resume.
};

struct SpawnResult {
  u64 pid = 0;
  NodeAndPid existing;
  std::string error;
};

// Permissions, ids and encodings have been checked by the caller (host function). process.wait.args are the caller's to use
// between kPark and the end of spawn_resume; the host function's cancel must be &cancel_wait.
// Module and config of the request become the child's.
// REQUIRES: parent.state == kRunning and no start section runs in it.
[[nodiscard]] SpawnStatus spawn(Process& parent, SpawnRequest&& request, SpawnResult& result) noexcept;
[[nodiscard]] SpawnStatus spawn_resume(Process& parent, SpawnResult& result) noexcept;

// The first process of a tree. Its start section, if any, runs before its entry function in the process itself: the id is
// valid at once. 0: instantiation failed, `error` says why.
[[nodiscard]] u64 spawn_root(Scheduler& scheduler, Environment& environment, NameRegistry& registry,
                             SpawnRequest&& request, std::string& error) noexcept;

// --- For the scheduler ---
// The start section of `process` (process.spawner != nullptr) has returned, or trapped with exec.trap. Afterwards the process is
// gone, or waits for its spawner, or (a root) is in a run queue or doomed; the caller does not touch it again.
void start_section_ended(Process& process, bool trapped) noexcept;
// The process, which is not in the pid table yet, was killed or told of a link's death inside its start section, or its spawner has
// died: frees it and tells the spawner, if there is one.
void start_section_died(Process& process) noexcept;
// The process ends before its start section does: undoes what ties it to its spawner.
void forget_spawner(Process& process) noexcept;

}  // namespace lunabeam::runtime
