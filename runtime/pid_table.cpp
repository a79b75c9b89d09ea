// The pid table: 512-process leaves under three inner levels of 8,192 children. The root is the highest inner level.
//
// A leaf counts its processes. When it becomes empty and no fresh pid can fall into it, it is closed (its count becomes kClosed,
// which stops concurrent inserts) and unlinked under the structure lock; the same for inner nodes below the root.
#include "runtime/pid_table.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

#include "vm/base/check.h"

namespace lunabeam::runtime {

namespace {

constexpr u32 kClosed = 0x8000'0000;

}  // namespace

// One node; `slots` holds Process* in leaves and Node* elsewhere.
struct PidTable::Node {
  Retired retired;
  std::atomic<u32> count{0};  // Occupied slots. Leaves: changed by any thread. Inner nodes: under structure_lock_.
  u32 slot_count = 0;
  std::atomic<void*>* slots() { return reinterpret_cast<std::atomic<void*>*>(this + 1); }

  static u64 size_bytes(u32 slot_count) { return sizeof(Node) + slot_count * sizeof(std::atomic<void*>); }
  // Inner nodes are mappings of their own: most have few children, and the system gives pages for those only.
  static Node* create(u32 bits) noexcept {
    const u32 count = 1u << bits;
    void* block = nullptr;
    if (bits == kLeafBits) {
      block = std::calloc(1, size_bytes(count));
    } else {
      block = mmap(nullptr, size_bytes(count), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (block == MAP_FAILED) block = nullptr;
    }
    VM_CHECK(block != nullptr);
    auto* node = new (block) Node;
    node->slot_count = count;
    return node;
  }
  static void destroy(Node* node) noexcept {
    if (node->slot_count == 1u << kLeafBits) {
      std::free(node);
    } else {
      munmap(node, size_bytes(node->slot_count));
    }
  }
  static void reclaim(Retired& retired, void*) noexcept { destroy(reinterpret_cast<Node*>(&retired)); }
  void retire(EpochParticipant& epoch) noexcept {
    retired.reclaim = &reclaim;
    epoch.retire(retired);
  }
};

namespace {

// Slot of pid in an inner node; level 1 is directly above the leaves.
constexpr u64 inner_index(u64 pid, u32 level, u32 leaf_bits, u32 inner_bits) {
  return (pid >> (leaf_bits + (level - 1) * inner_bits)) & ((u64{1} << inner_bits) - 1);
}

}  // namespace

PidTable::~PidTable() { free_tree(root_.load(std::memory_order_relaxed), kInnerLevels); }

void PidTable::free_tree(Node* node, u32 level) noexcept {
  if (node == nullptr) return;
  if (level > 0) {
    u32 left = node->count.load(std::memory_order_relaxed);
    for (u32 i = 0; left > 0; ++i) {
      auto* child = static_cast<Node*>(node->slots()[i].load(std::memory_order_relaxed));
      if (child == nullptr) continue;
      free_tree(child, level - 1);
      --left;
    }
  }
  Node::destroy(node);
}

PidTable::Node* PidTable::leaf_of(u64 pid) const noexcept {
  if (pid >> kPidBits != 0) return nullptr;
  Node* node = root_.load(std::memory_order_acquire);
  for (u32 level = kInnerLevels; level > 0 && node != nullptr; --level) {
    node = static_cast<Node*>(
        node->slots()[inner_index(pid, level, kLeafBits, kInnerBits)].load(std::memory_order_acquire));
  }
  return node;
}

Process* PidTable::find(u64 pid) const noexcept {
  Node* leaf = leaf_of(pid);
  if (leaf == nullptr) return nullptr;
  return static_cast<Process*>(leaf->slots()[pid & ((1u << kLeafBits) - 1)].load(std::memory_order_acquire));
}

PidTable::Node* PidTable::make_leaf(u64 pid) noexcept {
  const std::lock_guard guard(structure_lock_);
  Node* node = root_.load(std::memory_order_relaxed);
  if (node == nullptr) {
    node = Node::create(kInnerBits);
    root_.store(node, std::memory_order_release);
  }
  for (u32 level = kInnerLevels; level > 0; --level) {
    std::atomic<void*>& slot = node->slots()[inner_index(pid, level, kLeafBits, kInnerBits)];
    auto* child = static_cast<Node*>(slot.load(std::memory_order_relaxed));
    if (child == nullptr) {
      child = Node::create(level == 1 ? kLeafBits : kInnerBits);
      slot.store(child, std::memory_order_release);
      node->count.fetch_add(1, std::memory_order_relaxed);
    }
    node = child;
  }
  return node;
}

void PidTable::insert(u64 pid, Process* process) noexcept {
  VM_CHECK(pid >> kPidBits == 0);
  for (;;) {
    Node* leaf = leaf_of(pid);
    if (leaf == nullptr) leaf = make_leaf(pid);
    // Claim a place before storing: a leaf that is being closed refuses, and is looked up again.
    u32 count = leaf->count.load(std::memory_order_relaxed);
    bool claimed = false;
    while (count != kClosed && !claimed) {
      claimed =
          leaf->count.compare_exchange_weak(count, count + 1, std::memory_order_acq_rel, std::memory_order_relaxed);
    }
    if (!claimed) continue;
    leaf->slots()[pid & ((1u << kLeafBits) - 1)].store(process, std::memory_order_release);
    size_.fetch_add(1, std::memory_order_relaxed);
    // Of two processes, one that comes and looks for one that goes, and the other, at least one finds out (hear_of_dead_peers).
    fence_behind_update();
    return;
  }
}

void PidTable::erase(u64 pid, EpochParticipant& epoch) noexcept {
  Node* leaf = leaf_of(pid);
  VM_CHECK(leaf != nullptr);
  leaf->slots()[pid & ((1u << kLeafBits) - 1)].store(nullptr, std::memory_order_release);
  size_.fetch_sub(1, std::memory_order_relaxed);
  const bool was_last = leaf->count.fetch_sub(1, std::memory_order_acq_rel) == 1;
  fence_behind_update();  // The process is retired next, and looks for others (insert).
  const bool is_behind = pid >> kLeafBits != next_pid_.load(std::memory_order_relaxed) >> kLeafBits;
  if (was_last && is_behind) {
    drop_leaf(pid, epoch);
  } else if (!is_behind && pid >> kLeafBits != 0) {
    // The leaf before the current one may have become empty while pids were still handed out from it.
    const u64 previous = ((pid >> kLeafBits) - 1) << kLeafBits;
    if (Node* before = leaf_of(previous); before != nullptr && before->count.load(std::memory_order_relaxed) == 0) {
      drop_leaf(previous, epoch);
    }
  }
}

void PidTable::drop_leaf(u64 pid, EpochParticipant& epoch) noexcept {
  const std::lock_guard guard(structure_lock_);
  Node* path[kInnerLevels + 1] = {};
  path[kInnerLevels] = root_.load(std::memory_order_relaxed);
  for (u32 level = kInnerLevels; level > 0; --level) {
    if (path[level] == nullptr) return;
    path[level - 1] = static_cast<Node*>(
        path[level]->slots()[inner_index(pid, level, kLeafBits, kInnerBits)].load(std::memory_order_relaxed));
  }
  Node* leaf = path[0];
  if (leaf == nullptr) return;  // Another thread was faster.
  u32 expected = 0;
  if (!leaf->count.compare_exchange_strong(expected, kClosed, std::memory_order_acq_rel)) return;
  for (u32 level = 1; level <= kInnerLevels; ++level) {
    (void)path[level]->slots()[inner_index(pid, level, kLeafBits, kInnerBits)].exchange(nullptr,
                                                                                        std::memory_order_release);
    fence_behind_update();
    path[level - 1]->retire(epoch);
    const bool is_empty = path[level]->count.fetch_sub(1, std::memory_order_relaxed) == 1;
    if (!is_empty || level == kInnerLevels) return;
  }
}

}  // namespace lunabeam::runtime
