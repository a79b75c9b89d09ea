#include "vm/interp/catch_builder.h"

#include <cstdlib>
#include <new>

namespace lunabeam::vm::interp {

u32 CatchBuilder::add_range(u32 outer) noexcept {
  if (!is_open_) {
    is_open_ = segments_.open(8) && ranges_.open(8) && entries_.open(8);
    failed_ = !is_open_;
  }
  if (failed()) return kNoCatch;
  ranges_.push({.range = {.first = kNoCatch, .outer = outer}, .last = kNoCatch});
  return failed() ? kNoCatch : ranges_.size() - 1;
}

u32 CatchBuilder::add_entry(u32 range, const CatchEntry& entry) noexcept {
  if (range == kNoCatch || failed()) return 0;
  entries_.push(entry);
  if (failed()) return 0;
  const u32 index = entries_.size() - 1;
  Range& owner = ranges_[range];
  (owner.last == kNoCatch ? owner.range.first : entries_[owner.last].next) = index;
  owner.last = index;
  return index;
}

void CatchBuilder::begin_segment(u32 word, u32 range) noexcept {
  if (!is_open_ || failed()) return;
  // A segment without words goes, and then perhaps a boundary between equal neighbours.
  if (segments_.size() != 0 && segments_[segments_.size() - 1].word == word) segments_.pop();
  const u32 before = segments_.size() == 0 ? kNoCatch : segments_[segments_.size() - 1].range;
  if (before != range) segments_.push({.word = word, .range = range});
}

bool CatchBuilder::finish(CatchTable*& out) noexcept {
  out = nullptr;
  if (failed()) return false;
  if (!is_open_ || entries_.size() == 0) return true;
  void* const block = std::malloc(sizeof(CatchTable) + segments_.size() * sizeof(CatchSegment) +
                                  ranges_.size() * sizeof(CatchRange) + entries_.size() * sizeof(CatchEntry));
  if (block == nullptr) return false;
  auto* const table = new (block)
      CatchTable{.num_segments = segments_.size(), .num_ranges = ranges_.size(), .num_entries = entries_.size()};
  for (u32 i = 0; i < segments_.size(); ++i) table->segments()[i] = segments_[i];
  for (u32 i = 0; i < ranges_.size(); ++i) table->ranges()[i] = ranges_[i].range;
  for (u32 i = 0; i < entries_.size(); ++i) table->entries()[i] = entries_[i];
  out = table;
  return true;
}

}  // namespace lunabeam::vm::interp
