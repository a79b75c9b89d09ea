// What one function catches: made by the translator beside the code and read only when an exception is thrown, so that entering and
// leaving a try costs nothing. One block of memory, linear in the body, freed with the function's code.
//
// The code is cut into segments of words that the same ranges enclose. A range (try_table, first arm of a legacy try) has a list of
// entries, its catch clauses, and names the range that is asked next. An entry is a branch to its label without an instruction: the
// thrower puts the payload where a branch would carry it (translate_control.h, Control::home) and goes on at the target.
#pragma once

#include <span>
#include <string>

#include "vm/base/ints.h"

namespace lunabeam::vm {
struct TagInst;
}

namespace lunabeam::vm::interp {

inline constexpr u32 kNoCatch = 0xFFFF'FFFF;  // No range, entry, tag or operand.

struct CatchSegment {
  u32 word;   // First word of the code; it ends where the next one begins.
  u32 range;  // The innermost range around it, or kNoCatch.
};
struct CatchRange {
  u32 first;  // First entry, or kNoCatch.
  u32 outer;  // The range that is asked next: the enclosing one, or the one that a delegate names; or kNoCatch.
};
struct CatchEntry {
  u32 tag = kNoCatch;        // Tag of the module; kNoCatch catches everything, and takes no payload.
  u32 target = 0;            // Where the code goes on.
  u32 home[2] = {0, 0};      // Operands that the payload goes to: its first non-reference, its first reference.
  u32 exception = kNoCatch;  // Operand that the exception goes to, or kNoCatch.
  u32 next = kNoCatch;       // Next entry of the range.
};

// Invariant 1: segments ascend by `word`, without equal neighbours; the words before the first one are in no range.
// Invariant 2: `outer` leads to a range that encloses this one, so that the chain ends.
struct CatchTable {
  u32 num_segments = 0;
  u32 num_ranges = 0;
  u32 num_entries = 0;
  u32 unused = 0;

  [[nodiscard]] CatchSegment* segments() { return reinterpret_cast<CatchSegment*>(this + 1); }
  [[nodiscard]] CatchRange* ranges() { return reinterpret_cast<CatchRange*>(segments() + num_segments); }
  [[nodiscard]] CatchEntry* entries() { return reinterpret_cast<CatchEntry*>(ranges() + num_ranges); }
  [[nodiscard]] const CatchSegment* segments() const { return const_cast<CatchTable*>(this)->segments(); }
  [[nodiscard]] const CatchRange* ranges() const { return const_cast<CatchTable*>(this)->ranges(); }
  [[nodiscard]] const CatchEntry* entries() const { return const_cast<CatchTable*>(this)->entries(); }

  // The innermost range around a word of the code, or kNoCatch. Logarithmic.
  [[nodiscard]] u32 range_at(u32 word) const noexcept;
  // The first entry, from the innermost range around `word` outwards, that catches `tag`; tags: those of the frame's instance.
  // `looked` is increased by the number of ranges and entries looked at. nullptr: the function does not catch it there.
  [[nodiscard]] const CatchEntry* find(u32 word, const TagInst* const* tags, const TagInst* tag,
                                       u64& looked) const noexcept;
};

// One line per segment with its entries, for listings.
[[nodiscard]] std::string listing(const CatchTable& table);

}  // namespace lunabeam::vm::interp
