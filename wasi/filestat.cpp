// Conversion of attributes and times.
#include "wasi/filestat.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <cstdio>

namespace lunabeam::wasi {
namespace {

constexpr u64 kNsPerSecond = 1'000'000'000;

u64 ns_of(const timespec& time) {
  // Times before 1970 have no number in preview 1.
  if (time.tv_sec < 0) return 0;
  return static_cast<u64>(time.tv_sec) * kNsPerSecond + static_cast<u64>(time.tv_nsec);
}

timespec time_of(u64 ns, bool set, bool now) {
  if (now) return {.tv_sec = 0, .tv_nsec = UTIME_NOW};
  if (!set) return {.tv_sec = 0, .tv_nsec = UTIME_OMIT};
  return {.tv_sec = static_cast<time_t>(ns / kNsPerSecond), .tv_nsec = static_cast<long>(ns % kNsPerSecond)};
}

}  // namespace

Outcome store_filestat(Process& process, u32 stat_ptr, const StatResult& result) noexcept {
  if (result.error != Errno::kSuccess) return result.error;
  const auto bytes = runtime::guest_bytes(process, stat_ptr, kFilestatBytes);
  if (!bytes) return out_of_bounds(process);
  // u64 dev, u64 ino, u8 filetype at 16, u64 nlink at 24, size, atim, mtim, ctim.
  const struct stat& status = result.status;
  const u64 fields[] = {static_cast<u64>(status.st_dev),
                        static_cast<u64>(status.st_ino),
                        static_cast<u64>(file_type_of(status.st_mode)),
                        static_cast<u64>(status.st_nlink),
                        static_cast<u64>(status.st_size),
                        ns_of(status.st_atim),
                        ns_of(status.st_mtim),
                        ns_of(status.st_ctim)};
  static_assert(sizeof fields == kFilestatBytes);
  std::memcpy(bytes->data(), fields, sizeof fields);
  return Errno::kSuccess;
}

bool stat_local(int fd, u64 device, struct stat& status) noexcept {
  // On another device, mounted below, this answers what is remembered and asks nobody.
  struct statx known;
  if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &known) != 0) return false;
  if (makedev(known.stx_dev_major, known.stx_dev_minor) != device) return false;
  return fstat(fd, &status) == 0;
}

Errno read_times(u64 atime_ns, u64 mtime_ns, u32 flags, NewTimes& out) noexcept {
  if ((flags & ~u32{kAllFstFlags}) != 0) return Errno::kInval;
  const bool atim = (flags & kAtim) != 0;
  const bool atim_now = (flags & kAtimNow) != 0;
  const bool mtim = (flags & kMtim) != 0;
  const bool mtim_now = (flags & kMtimNow) != 0;
  if ((atim && atim_now) || (mtim && mtim_now)) return Errno::kInval;
  out.times[0] = time_of(atime_ns, atim, atim_now);
  out.times[1] = time_of(mtime_ns, mtim, mtim_now);
  return Errno::kSuccess;
}

Errno set_times(int fd, const NewTimes& times) noexcept {
  if (futimens(fd, times.times) == 0) return Errno::kSuccess;
  if (errno != EBADF) return from_host_errno(errno);
  if (utimensat(fd, "", times.times, AT_EMPTY_PATH) == 0) return Errno::kSuccess;
  if (errno != EINVAL) return from_host_errno(errno);
  // Kernels before 5.8 take no O_PATH descriptor here, but its name.
  char name[32];
  (void)std::snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  return utimensat(AT_FDCWD, name, times.times, 0) == 0 ? Errno::kSuccess : from_host_errno(errno);
}

}  // namespace lunabeam::wasi
