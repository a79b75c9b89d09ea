// Names -> processes: one registry per root process, inherited by all its local descendants (ABI document 4.6). Entries outlive
// their process, as lunatic's do; names may point to processes of other nodes.
//
// Threading: any thread; a short lock inside every call, never held while guest code runs.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "vm/base/ints.h"
#include "vm/base/seeded_hash.h"

namespace lunabeam::runtime {

struct NodeAndPid {
  u64 node = 0;
  u64 pid = 0;
  friend bool operator==(const NodeAndPid&, const NodeAndPid&) = default;
};

class NameRegistry {
 public:
  // Inserts or overwrites; ids are not validated.
  void put(std::string_view name, NodeAndPid process);
  // Inserts unless the name is taken; the entry that was there, nullopt when inserted. `before` is called, under the lock, when the
  // name is free: who finds the name finds what was done there.
  template <class Before>
  [[nodiscard]] std::optional<NodeAndPid> put_if_absent(std::string_view name, NodeAndPid process, Before before) {
    const std::lock_guard guard(lock_);
    if (const auto found = entries_.find(name); found != entries_.end()) return found->second.process;
    before();
    add(name, process);
    return std::nullopt;
  }
  [[nodiscard]] std::optional<NodeAndPid> put_if_absent(std::string_view name, NodeAndPid process) {
    return put_if_absent(name, process, [] {});
  }
  [[nodiscard]] std::optional<NodeAndPid> get(std::string_view name) const;
  void remove(std::string_view name);
  // Names under which a process is registered, in no order; for log lines.
  [[nodiscard]] std::vector<std::string> names_of(NodeAndPid process, u64 most = ~u64{0}) const;
  [[nodiscard]] u64 size() const;

 private:
  // Guests put any numbers they like, so these are hashed like a name.
  struct ProcessHash {
    size_t operator()(const NodeAndPid& process) const noexcept {
      static_assert(sizeof process == 2 * sizeof(u64));
      return vm::seeded_hash({reinterpret_cast<const char*>(&process), sizeof process});
    }
  };
  // Entries of one process form a list, so that an entry leaves it in constant time however many names its process has.
  struct Entry {
    NodeAndPid process;
    const std::string* name = nullptr;  // The entry's own key.
    Entry* previous = nullptr;
    Entry* next = nullptr;
  };
  void add(std::string_view name, NodeAndPid process);
  void link(Entry& entry, NodeAndPid process);
  void unlink(Entry& entry);

  mutable std::mutex lock_;
  std::unordered_map<std::string, Entry, vm::SeededHash, std::equal_to<>> entries_;  // Its nodes do not move.
  std::unordered_map<NodeAndPid, Entry*, ProcessHash> first_of_;
};

}  // namespace lunabeam::runtime
