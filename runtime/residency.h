// Which pages of an address range hold data of their own: /proc/self/pagemap, bits "present" and "swapped". mincore would call a
// swapped page absent, and its bytes would come back in another process.
#pragma once

#include "vm/base/ints.h"

namespace lunabeam::runtime {

inline constexpr u64 kPageBytes = 4096;

// Threading: one worker's own: the answers stay in its buffer.
class ResidencyReader {
 public:
  // Opens pagemap unless `enabled` is false. available() tells whether it can be read here at all.
  explicit ResidencyReader(bool enabled) noexcept;
  ~ResidencyReader();
  ResidencyReader(const ResidencyReader&) = delete;
  ResidencyReader& operator=(const ResidencyReader&) = delete;

  [[nodiscard]] bool available() const noexcept { return file_ >= 0; }

  // Most pages of one read().
  static constexpr u64 kMaxPages = 4096;
  // Reads the state of `pages` pages from `begin` (page-aligned, at most kMaxPages), one system call. False: it can't be read.
  [[nodiscard]] bool read(const u8* begin, u64 pages) noexcept;
  // State of page i of the last read.
  [[nodiscard]] bool is_resident(u64 i) const noexcept { return entries_[i] >> 62 != 0; }

 private:
  int file_ = -1;
  u64* entries_ = nullptr;
};

}  // namespace lunabeam::runtime
