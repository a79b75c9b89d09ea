// fd_filestat_*, fd_allocate, fd_advise, fd_sync, fd_datasync: calls on an open file that may wait for its disk.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "wasi/fd_access.h"
#include "wasi/file_call.h"
#include "wasi/filestat.h"
#include "wasi/functions.h"
#include "wasi/streams.h"

namespace lunabeam::wasi {
namespace {

Errno answer_of(int result) { return result == 0 ? Errno::kSuccess : from_host_errno(errno); }

// fd < 0: -errno.
StatResult stat_of(int fd) {
  StatResult result;
  result.error = fd < 0 ? from_host_errno(-fd) : answer_of(fstat(fd, &result.status));
  return result;
}

// Runs work(host descriptor) in the pool; its result is an Errno.
template <class Work>
Outcome start_on(Process& process, const Descriptor& descriptor, Work work) {
  return start_work(process, [file = descriptor.file, work]() noexcept {
    const int fd = file->host_fd();
    return fd < 0 ? from_host_errno(-fd) : work(fd);
  });
}

// What only a file can do; a standard stream answers `of_stream`.
template <class Work>
Outcome on_file(Process& process, u32 fd, u64 rights, Errno of_stream, Work work) {
  const Descriptor* descriptor = nullptr;
  const Errno error = check_file(process, fd, rights, descriptor);
  if (error != Errno::kSuccess) return error;
  if (is_stream(descriptor)) return of_stream;
  return start_on(process, *descriptor, work);
}

// A directory that is shared has a descriptor that knows its name only.
int synchronise(int fd, bool is_shared, int (*call)(int)) {
  if (!is_shared) return call(fd);
  const int opened = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) return -1;
  const int result = call(opened);
  const int error = errno;
  close(opened);
  errno = error;
  return result;
}

Outcome start_sync(Process& process, u32 fd, u64 rights, int (*call)(int)) {
  const Descriptor* descriptor = nullptr;
  const Errno error = check_any(process, fd, rights, descriptor);
  if (error != Errno::kSuccess) return error;
  if (is_stream(descriptor)) return Errno::kSuccess;
  return start_on(process, *descriptor, [is_shared = descriptor->file->is_shared(), call](int host_fd) noexcept {
    return answer_of(synchronise(host_fd, is_shared, call));
  });
}

// advice of preview 1 -> POSIX_FADV_*.
constexpr int kAdvice[] = {POSIX_FADV_NORMAL,   POSIX_FADV_SEQUENTIAL, POSIX_FADV_RANDOM,
                           POSIX_FADV_WILLNEED, POSIX_FADV_DONTNEED,   POSIX_FADV_NOREUSE};

bool fits_off_t(u64 value) { return value <= static_cast<u64>(INT64_MAX); }

}  // namespace

Outcome fd_filestat_get(Process& p, u32 fd, u32 stat_ptr) {
  const Descriptor* descriptor = nullptr;
  const Errno error = check_any(p, fd, kFdFilestatGet, descriptor);
  if (error != Errno::kSuccess) return error;
  const auto bytes = runtime::guest_bytes(p, stat_ptr, kFilestatBytes);
  if (!bytes) return out_of_bounds(p);
  if (is_stream(descriptor)) {
    charge_reductions(p, kSyscallReductions);
    const FileType type = is_terminal(p, descriptor->stream) ? FileType::kCharacterDevice : FileType::kUnknown;
    std::memset(bytes->data(), 0, bytes->size());
    (*bytes)[16] = static_cast<u8>(type);
    return Errno::kSuccess;
  }
  if (const int known = descriptor->file->known_fd(); known >= 0 && descriptor->file->local_device() != 0) {
    charge_reductions(p, kSyscallReductions);
    return store_filestat(p, stat_ptr, stat_of(known));
  }
  return start_work(
      p, [file = descriptor->file]() noexcept { return stat_of(file->host_fd()); },
      [stat_ptr](Process& process, const StatResult& result) noexcept {
        return store_filestat(process, stat_ptr, result);
      });
}

Outcome fd_filestat_set_size(Process& p, u32 fd, u64 size) {
  return on_file(p, fd, kFdFilestatSetSize, Errno::kInval, [size](int host_fd) noexcept {
    return fits_off_t(size) ? answer_of(ftruncate(host_fd, static_cast<off_t>(size))) : Errno::kInval;
  });
}

Outcome fd_filestat_set_times(Process& p, u32 fd, u64 atime, u64 mtime, u32 flags) {
  const Descriptor* descriptor = nullptr;
  const Errno error = check_any(p, fd, kFdFilestatSetTimes, descriptor);
  if (error != Errno::kSuccess) return error;
  if (is_stream(descriptor)) return Errno::kNotSup;
  NewTimes times;
  const Errno bad_flags = read_times(atime, mtime, flags, times);
  if (bad_flags != Errno::kSuccess) return bad_flags;
  return start_on(p, *descriptor, [times](int host_fd) noexcept { return set_times(host_fd, times); });
}

Outcome fd_allocate(Process& p, u32 fd, u64 offset, u64 length) {
  return on_file(p, fd, kFdAllocate, Errno::kNotSup, [offset, length](int host_fd) noexcept {
    if (!fits_off_t(offset) || !fits_off_t(length)) return Errno::kInval;
    return answer_of(fallocate(host_fd, 0, static_cast<off_t>(offset), static_cast<off_t>(length)));
  });
}

Outcome fd_advise(Process& p, u32 fd, u64 offset, u64 length, u32 advice) {
  return on_file(p, fd, kFdAdvise, Errno::kSpipe, [offset, length, advice](int host_fd) noexcept {
    if (advice >= std::size(kAdvice) || !fits_off_t(offset) || !fits_off_t(length)) return Errno::kInval;
    // Answers the error instead of setting errno.
    return from_host_errno(
        posix_fadvise(host_fd, static_cast<off_t>(offset), static_cast<off_t>(length), kAdvice[advice]));
  });
}

Outcome fd_sync(Process& p, u32 fd) { return start_sync(p, fd, kFdSync, &fsync); }
Outcome fd_datasync(Process& p, u32 fd) { return start_sync(p, fd, kFdDatasync, &fdatasync); }

}  // namespace lunabeam::wasi
