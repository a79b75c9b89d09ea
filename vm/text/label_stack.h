// Labels of the blocks that are open where the instruction reader stands.
#pragma once

#include <string_view>
#include <unordered_map>
#include <vector>

#include "vm/base/check.h"
#include "vm/base/ints.h"
#include "vm/base/seeded_hash.h"

namespace lunabeam::vm::text {

// What may end the innermost block, or divide it.
enum class BlockKind : u8 { kPlain, kIf, kElse, kTry, kCatch, kCatchAll };

// Invariant 1: innermost_[name] is one more than the position of the innermost open label of that name, 0 when none is open.
// Names map to the innermost label only and each label remembers the one it hides: looking up, opening and closing cost the same at any depth.
class LabelStack {
 public:
  // name: empty for none.
  void open(std::string_view name, BlockKind kind) {
    u32 hidden = 0;
    if (!name.empty()) [[unlikely]] {
      u32& innermost = innermost_[name];
      hidden = innermost;
      innermost = size() + 1;
    }
    labels_.push_back({name, hidden, kind});
  }
  // REQUIRES: size() > 0.
  void close() {
    const Label& label = labels_.back();
    if (!label.name.empty()) [[unlikely]]
      innermost_[label.name] = label.hidden;
    labels_.pop_back();
  }
  // Number of labels between the place and the innermost one of this name. False: none is open.
  [[nodiscard]] bool find(std::string_view name, u32& depth) const {
    const auto it = innermost_.find(name);
    if (it == innermost_.end() || it->second == 0) return false;
    VM_DCHECK(it->second <= size());
    depth = size() - it->second;
    return true;
  }
  [[nodiscard]] u32 size() const { return static_cast<u32>(labels_.size()); }
  [[nodiscard]] std::string_view name() const { return labels_.back().name; }
  [[nodiscard]] BlockKind kind() const { return labels_.back().kind; }
  void set_kind(BlockKind kind) { labels_.back().kind = kind; }

 private:
  struct Label {
    std::string_view name;
    u32 hidden;
    BlockKind kind;
  };
  std::vector<Label> labels_;
  std::unordered_map<std::string_view, u32, SeededHash> innermost_;
};

}  // namespace lunabeam::vm::text
