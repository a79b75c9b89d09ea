// The name registry.
#include "runtime/name_registry.h"

namespace lunabeam::runtime {

void NameRegistry::unindex(u64 pid, const std::string* name) {
  auto [first, last] = names_by_pid_.equal_range(pid);
  for (auto it = first; it != last; ++it) {
    if (it->second == name) {
      names_by_pid_.erase(it);
      return;
    }
  }
}

void NameRegistry::put(std::string_view name, NodeAndPid process) {
  const std::lock_guard guard(lock_);
  auto entry = entries_.find(name);
  if (entry == entries_.end()) {
    entry = entries_.emplace(std::string(name), process).first;
  } else {
    unindex(entry->second.pid, &entry->first);
    entry->second = process;
  }
  names_by_pid_.emplace(process.pid, &entry->first);
}

std::optional<NodeAndPid> NameRegistry::put_if_absent(std::string_view name, NodeAndPid process) {
  const std::lock_guard guard(lock_);
  if (const auto entry = entries_.find(name); entry != entries_.end()) return entry->second;
  const auto entry = entries_.emplace(std::string(name), process).first;
  names_by_pid_.emplace(process.pid, &entry->first);
  return std::nullopt;
}

std::optional<NodeAndPid> NameRegistry::get(std::string_view name) const {
  const std::lock_guard guard(lock_);
  const auto entry = entries_.find(name);
  if (entry == entries_.end()) return std::nullopt;
  return entry->second;
}

void NameRegistry::remove(std::string_view name) {
  const std::lock_guard guard(lock_);
  const auto entry = entries_.find(name);
  if (entry == entries_.end()) return;
  unindex(entry->second.pid, &entry->first);
  entries_.erase(entry);
}

std::vector<std::string> NameRegistry::names_of(NodeAndPid process) const {
  const std::lock_guard guard(lock_);
  std::vector<std::string> names;
  auto [first, last] = names_by_pid_.equal_range(process.pid);
  for (auto it = first; it != last; ++it) {
    const auto entry = entries_.find(*it->second);
    if (entry->second == process) names.push_back(entry->first);
  }
  return names;
}

u64 NameRegistry::size() const {
  const std::lock_guard guard(lock_);
  return entries_.size();
}

}  // namespace lunabeam::runtime
