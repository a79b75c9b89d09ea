// pid -> process: a radix tree of atomic pointers (rule P7). Pids count up and are never reused, so that nodes whose pids are
// all dead are given back.
//
// Threading: find() is lock-free on any thread inside an epoch. insert() and erase() may run on any thread inside an epoch and
// take the structure lock only when a node comes or goes, once per 512 pids. Memory order: insert releases the process, find
// acquires it.
#pragma once

#include <atomic>
#include <mutex>

#include "runtime/sched/epoch.h"
#include "vm/base/ints.h"

namespace lunabeam::runtime {

struct Process;

class PidTable {
 public:
  PidTable() noexcept = default;
  // REQUIRES: no reader is left.
  ~PidTable();
  PidTable(const PidTable&) = delete;
  PidTable& operator=(const PidTable&) = delete;

  // A fresh pid: 1, 2, 3, ... An id is consumed even when its process never comes to life.
  [[nodiscard]] u64 allocate_pid() noexcept { return next_pid_.fetch_add(1, std::memory_order_relaxed); }
  // nullptr: unknown, dead or not yet alive. The process stays valid until the caller leaves its epoch.
  [[nodiscard]] Process* find(u64 pid) const noexcept;
  // REQUIRES: pid came from allocate_pid and is not in the table. Aborts when the VM itself is out of memory.
  void insert(u64 pid, Process* process) noexcept;
  // REQUIRES: pid is in the table.
  void erase(u64 pid, EpochParticipant& epoch) noexcept;
  // Processes in the table.
  [[nodiscard]] u64 size() const noexcept { return size_.load(std::memory_order_relaxed); }

 private:
  struct Node;
  static constexpr u32 kLeafBits = 9;
  static constexpr u32 kInnerBits = 13;
  static constexpr u32 kInnerLevels = 3;
  static constexpr u32 kPidBits =
      kLeafBits + kInnerLevels * kInnerBits;  // 48: nine years at a million spawns per second.

  [[nodiscard]] Node* leaf_of(u64 pid) const noexcept;
  [[nodiscard]] Node* make_leaf(u64 pid) noexcept;
  void drop_leaf(u64 pid, EpochParticipant& epoch) noexcept;
  static void free_tree(Node* node, u32 level) noexcept;

  std::atomic<Node*> root_{nullptr};
  std::atomic<u64> next_pid_{1};
  std::atomic<u64> size_{0};
  std::mutex structure_lock_;
};

}  // namespace lunabeam::runtime
