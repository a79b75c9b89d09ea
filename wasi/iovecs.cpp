// Reading lists of buffers.
#include "wasi/iovecs.h"

#include <algorithm>

namespace lunabeam::wasi {
namespace {

constexpr u64 kEntryBytes = 8;  // u32 address, u32 length.

}  // namespace

bool list_bytes(Process& process, u32 iovs_ptr, u32 count, u64& total_bytes) noexcept {
  total_bytes = 0;
  charge_reductions(process, std::min(count, kMaxListed) / 16);
  for (u32 i = 0; i < std::min(count, kMaxListed); ++i) {
    u32 address = 0;
    u32 length = 0;
    const u64 entry_ptr = u64{iovs_ptr} + i * kEntryBytes;
    if (!load(process, entry_ptr, address) || !load(process, entry_ptr + 4, length)) return false;
    if (!runtime::guest_bytes(process, address, length)) return false;
    total_bytes = std::min(total_bytes + length, kMaxTotalBytes);
  }
  return true;
}

void gather(Process& process, u32 iovs_ptr, u32 count, u64 skip_bytes, u64 limit_bytes, Pieces& out) noexcept {
  out.count = 0;
  out.total_bytes = 0;
  for (u32 i = 0; i < std::min(count, kMaxListed) && out.total_bytes < limit_bytes; ++i) {
    u32 address = 0;
    u32 length = 0;
    const u64 entry_ptr = u64{iovs_ptr} + i * kEntryBytes;
    if (!load(process, entry_ptr, address) || !load(process, entry_ptr + 4, length)) return;
    if (length <= skip_bytes) {
      skip_bytes -= length;
      continue;
    }
    const auto bytes = runtime::guest_bytes(process, address, length);
    if (!bytes || out.count == static_cast<int>(Pieces::kMax)) return;
    const u64 take_bytes = std::min(length - skip_bytes, limit_bytes - out.total_bytes);
    out.list[static_cast<size_t>(out.count++)] = iovec{bytes->data() + skip_bytes, take_bytes};
    out.total_bytes += take_bytes;
    skip_bytes = 0;
  }
}

void charge_copy(Process& process, u64 bytes) noexcept {
  charge_reductions(process, bytes / kSyscallBytesPerReduction);
}

}  // namespace lunabeam::wasi
