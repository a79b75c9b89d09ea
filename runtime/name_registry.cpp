// The name registry.
#include "runtime/name_registry.h"

namespace lunabeam::runtime {

void NameRegistry::link(Entry& entry, NodeAndPid process) {
  entry.process = process;
  Entry*& first = first_of_[process];
  entry.previous = nullptr;
  entry.next = first;
  if (first != nullptr) first->previous = &entry;
  first = &entry;
}

void NameRegistry::unlink(Entry& entry) {
  if (entry.next != nullptr) entry.next->previous = entry.previous;
  if (entry.previous != nullptr) {
    entry.previous->next = entry.next;
  } else if (entry.next != nullptr) {
    first_of_[entry.process] = entry.next;
  } else {
    first_of_.erase(entry.process);
  }
}

void NameRegistry::add(std::string_view name, NodeAndPid process) {
  const auto added = entries_.emplace(std::string(name), Entry{}).first;
  added->second.name = &added->first;
  link(added->second, process);
}

void NameRegistry::put(std::string_view name, NodeAndPid process) {
  const std::lock_guard guard(lock_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) {
    add(name, process);
    return;
  }
  unlink(found->second);
  link(found->second, process);
}

std::optional<NodeAndPid> NameRegistry::get(std::string_view name) const {
  const std::lock_guard guard(lock_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) return std::nullopt;
  return found->second.process;
}

void NameRegistry::remove(std::string_view name) {
  const std::lock_guard guard(lock_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) return;
  unlink(found->second);
  entries_.erase(found);
}

std::vector<std::string> NameRegistry::names_of(NodeAndPid process, u64 most) const {
  const std::lock_guard guard(lock_);
  std::vector<std::string> names;
  const auto first = first_of_.find(process);
  for (const Entry* entry = first == first_of_.end() ? nullptr : first->second; entry != nullptr && names.size() < most;
       entry = entry->next) {
    names.push_back(*entry->name);
  }
  return names;
}

u64 NameRegistry::size() const {
  const std::lock_guard guard(lock_);
  return entries_.size();
}

}  // namespace lunabeam::runtime
