// Lists of buffers in guest memory: of fd_read, fd_write and their kind.
#pragma once

#include <sys/uio.h>

#include <array>

#include "wasi/call.h"

namespace lunabeam::wasi {

// What a call looks at: the first kMaxListed entries of a list (the host takes no longer lists either). What is behind them stays
// unmoved, as after any partial transfer.
inline constexpr u32 kMaxListed = 1024;
// Most that one call may move, as in the host.
inline constexpr u64 kMaxTotalBytes = 0x7fff'f000;

// The sum of the lengths, at most kMaxTotalBytes. False: the list or a buffer is outside the memory.
[[nodiscard]] bool list_bytes(Process& process, u32 iovs_ptr, u32 count, u64& total_bytes) noexcept;

// A window of the transfer as pieces of guest memory; valid until the process runs on.
struct Pieces {
  static constexpr u32 kMax = 64;
  std::array<iovec, kMax> list;
  int count = 0;
  u64 total_bytes = 0;
};

// Bytes [skip_bytes, skip_bytes + limit_bytes) of the list, as far as they are in kMax pieces. REQUIRES: list_bytes() was true and
// the list has not changed.
void gather(Process& process, u32 iovs_ptr, u32 count, u64 skip_bytes, u64 limit_bytes, Pieces& out) noexcept;

// Charges the process for a copy (rule R1).
void charge_copy(Process& process, u64 bytes) noexcept;

}  // namespace lunabeam::wasi
