// Identifiers to indices, one space per kind of thing.
#pragma once

#include <optional>
#include <string_view>
#include <unordered_map>

#include "vm/base/ints.h"
#include "vm/base/seeded_hash.h"

namespace lunabeam::vm::text {

// Names point into the token buffer. Hash is seeded: hostile sources cannot make look-ups slow.
class IndexSpace {
 public:
  // Gives the next index to `name` (empty optional: unnamed). False: the name is taken.
  [[nodiscard]] bool define(std::optional<std::string_view> name) {
    const u32 index = size_++;
    return !name || names_.try_emplace(*name, index).second;
  }
  // Gives the next `count` indices to nameless things.
  void skip(u32 count) { size_ += count; }
  [[nodiscard]] std::optional<u32> find(std::string_view name) const {
    const auto it = names_.find(name);
    if (it == names_.end()) return std::nullopt;
    return it->second;
  }
  [[nodiscard]] u32 size() const { return size_; }
  [[nodiscard]] const std::unordered_map<std::string_view, u32, SeededHash>& names() const { return names_; }
  void clear() {
    names_.clear();
    size_ = 0;
  }

 private:
  std::unordered_map<std::string_view, u32, SeededHash> names_;
  u32 size_ = 0;
};

}  // namespace lunabeam::vm::text
