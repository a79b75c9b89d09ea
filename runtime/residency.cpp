// Reading /proc/self/pagemap.
#include "runtime/residency.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "vm/base/check.h"

namespace lunabeam::runtime {

ResidencyReader::ResidencyReader(bool enabled) noexcept {
  if (!enabled || sysconf(_SC_PAGESIZE) != static_cast<long>(kPageBytes)) return;
  entries_ = static_cast<u64*>(std::malloc(kMaxPages * sizeof(u64)));
  if (entries_ == nullptr) return;
  file_ = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (file_ < 0) return;
  // Some sandboxes offer the file and answer nothing, or lie: the page of a live stack variable must be there.
  const u64 here = reinterpret_cast<u64>(__builtin_frame_address(0));
  if (!read(reinterpret_cast<const u8*>(here & ~(kPageBytes - 1)), 1) || !is_resident(0)) {
    close(file_);
    file_ = -1;
  }
}

ResidencyReader::~ResidencyReader() {
  if (file_ >= 0) close(file_);
  std::free(entries_);
}

bool ResidencyReader::read(const u8* begin, u64 pages) noexcept {
  VM_DCHECK(pages <= kMaxPages && reinterpret_cast<u64>(begin) % kPageBytes == 0);
  const size_t bytes = pages * sizeof(u64);
  const auto offset = static_cast<off_t>(reinterpret_cast<u64>(begin) / kPageBytes * sizeof(u64));
  return pread(file_, entries_, bytes, offset) == static_cast<ssize_t>(bytes);
}

}  // namespace lunabeam::runtime
