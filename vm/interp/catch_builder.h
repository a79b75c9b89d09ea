// The catch table of a function while it is being translated. Allocates nothing before the first try.
#pragma once

#include "vm/interp/catch_table.h"
#include "vm/interp/translate_control.h"

namespace lunabeam::vm::interp {

class CatchBuilder {
 public:
  // A new range without entries, in front of `outer`. kNoCatch: out of memory, failed() from here on.
  [[nodiscard]] u32 add_range(u32 outer) noexcept;
  void set_outer(u32 range, u32 outer) noexcept {
    if (range != kNoCatch && !failed()) ranges_[range].range.outer = outer;
  }
  // Appends to the entries of the range; answers the entry's index.
  u32 add_entry(u32 range, const CatchEntry& entry) noexcept;
  void set_target(u32 entry, u32 target) noexcept {
    if (!failed()) entries_[entry].target = target;
  }
  // From this word of the code on, `range` is the innermost one. Words ascend.
  void begin_segment(u32 word, u32 range) noexcept;

  [[nodiscard]] bool failed() const noexcept {
    return failed_ || segments_.failed() || ranges_.failed() || entries_.failed();
  }
  // The table as one block from malloc; null when no range has an entry. False: out of memory.
  [[nodiscard]] bool finish(CatchTable*& out) noexcept;

 private:
  struct Range {
    CatchRange range;
    u32 last;  // Its last entry.
  };

  Buffer<CatchSegment> segments_;
  Buffer<Range> ranges_;
  Buffer<CatchEntry> entries_;
  bool is_open_ = false;
  bool failed_ = false;
};

}  // namespace lunabeam::vm::interp
