#include "vm/interp/catch_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace lunabeam::vm::interp {

u32 CatchTable::range_at(u32 word) const noexcept {
  const CatchSegment* const begin = segments();
  const CatchSegment* const behind = std::upper_bound(
      begin, begin + num_segments, word, [](u32 at, const CatchSegment& segment) { return at < segment.word; });
  return behind == begin ? kNoCatch : behind[-1].range;
}

const CatchEntry* CatchTable::find(u32 word, const TagInst* const* tags, const TagInst* tag,
                                   u64& looked) const noexcept {
  for (u32 range = range_at(word); range != kNoCatch; range = ranges()[range].outer) {
    ++looked;
    for (u32 at = ranges()[range].first; at != kNoCatch; at = entries()[at].next) {
      ++looked;
      const CatchEntry& entry = entries()[at];
      if (entry.tag == kNoCatch || tags[entry.tag] == tag) return &entry;
    }
  }
  return nullptr;
}

std::string listing(const CatchTable& table) {
  std::string text;
  const auto out = std::back_inserter(text);
  for (u32 i = 0; i < table.num_segments; ++i) {
    const CatchSegment& segment = table.segments()[i];
    if (segment.range == kNoCatch) continue;
    fmt::format_to(out, "catch {}..", segment.word);
    if (i + 1 < table.num_segments) fmt::format_to(out, "{}", table.segments()[i + 1].word);
    // Those of enclosing ranges are listed with the segments of their own.
    const CatchRange& range = table.ranges()[segment.range];
    fmt::format_to(out, "  range {}", segment.range);
    if (range.outer != kNoCatch) fmt::format_to(out, ", then {}", range.outer);
    for (u32 at = range.first; at != kNoCatch; at = table.entries()[at].next) {
      const CatchEntry& entry = table.entries()[at];
      if (entry.tag == kNoCatch) {
        fmt::format_to(out, " | all -> {}", entry.target);
      } else {
        fmt::format_to(out, " | tag {} -> {} payload {} {}", entry.tag, entry.target, entry.home[0], entry.home[1]);
      }
      if (entry.exception != kNoCatch) fmt::format_to(out, " exception {}", entry.exception);
    }
    text += '\n';
  }
  return text;
}

}  // namespace lunabeam::vm::interp
