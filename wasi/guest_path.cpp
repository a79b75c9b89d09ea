// Reading paths.
#include "wasi/guest_path.h"

#include <climits>

#include "runtime/sched/scheduler.h"
#include "runtime/vm.h"

namespace lunabeam::wasi {

Outcome GuestPath::read(Process& process, u32 address, u32 length) noexcept {
  const auto bytes = runtime::guest_bytes(process, address, length);
  if (!bytes) return out_of_bounds(process);
  if (length == 0) return Errno::kNoEnt;
  if (length >= PATH_MAX) return Errno::kNameTooLong;
  if (!runtime::is_utf8(*bytes)) return Errno::kIlSeq;
  if (std::memchr(bytes->data(), 0, length) != nullptr) return Errno::kInval;
  bytes_ = ChargedBytes::allocate(process.scheduler->vm().budget(), u64{length} + 1);
  if (!bytes_) return Errno::kNoMem;
  std::memcpy(bytes_.data(), bytes->data(), length);
  bytes_.data()[length] = 0;
  return Errno::kSuccess;
}

}  // namespace lunabeam::wasi
