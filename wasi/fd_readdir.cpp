// fd_readdir. A cookie is the position that the file system gives the entry behind (d_off): it stays valid while entries come and go,
// and a listing can go on from any of them.
#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "runtime/sched/scheduler.h"
#include "runtime/vm.h"
#include "wasi/charged_bytes.h"
#include "wasi/fd_access.h"
#include "wasi/file_call.h"
#include "wasi/filestat.h"
#include "wasi/functions.h"
#include "wasi/iovecs.h"

namespace lunabeam::wasi {
namespace {

constexpr u64 kWindowBytes = 64 * 1024;  // Of a listing through the pool.
constexpr size_t kHostBytes = 16 * 1024;

// As getdents64(2) writes it.
struct HostEntry {
  u64 d_ino;
  i64 d_off;
  u16 d_reclen;
  u8 d_type;
  char d_name[];
};

// dirent of preview 1; the name follows.
struct GuestEntry {
  u64 next;
  u64 inode;
  u32 name_bytes;
  u8 type;
  u8 zero[3];
};
static_assert(sizeof(GuestEntry) == 24);

// The type of an entry whose file system does not tell it.
FileType type_of(int dir, const HostEntry& entry) {
  if (entry.d_type != DT_UNKNOWN) return file_type_of(DTTOIF(entry.d_type));
  struct stat status;
  return fstatat(dir, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? file_type_of(status.st_mode)
                                                                       : FileType::kUnknown;
}

class ReaddirCall final : public FileCall {
 public:
  ReaddirCall(FileRef file, ChargedBytes buffer, u64 cookie, u32 buffer_ptr, u32 length, u32 used_ptr) noexcept
      : file_(std::move(file)),
        buffer_(std::move(buffer)),
        cookie_(cookie),
        buffer_ptr_(buffer_ptr),
        length_(length),
        used_ptr_(used_ptr) {}

  void run() noexcept override {
    produced_ = 0;
    int fd = file_->host_fd();
    // Many processes share a preopened directory: each listing has a position of its own.
    const bool owned = fd >= 0 && file_->is_shared();
    if (owned) fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
      error_ = from_host_errno(owned ? errno : -fd);
      return;
    }
    error_ = list(fd);
    if (owned) close(fd);
  }

  Next finish(Process& process, Outcome& outcome) noexcept override {
    if (error_ != Errno::kSuccess && used_ == 0) {
      outcome = error_;
      return Next::kDone;
    }
    const auto bytes = runtime::guest_bytes(process, buffer_ptr_, length_);
    if (!bytes) {
      outcome = out_of_bounds(process);
      return Next::kDone;
    }
    std::memcpy(bytes->data() + used_, buffer_.data(), produced_);
    charge_copy(process, produced_);
    used_ += produced_;
    if (!at_end_ && used_ < length_ && error_ == Errno::kSuccess) return Next::kAgain;
    outcome =
        store<u32>(process, used_ptr_, static_cast<u32>(used_)) ? Outcome(Errno::kSuccess) : out_of_bounds(process);
    return Next::kDone;
  }

 private:
  Errno list(int fd) {
    if (cookie_ > static_cast<u64>(INT64_MAX) || lseek(fd, static_cast<off_t>(cookie_), SEEK_SET) < 0) {
      return Errno::kInval;
    }
    struct stat own;
    if (fstat(fd, &own) != 0) return from_host_errno(errno);
    alignas(HostEntry) u8 entries[kHostBytes];
    for (;;) {
      const long got = syscall(SYS_getdents64, fd, entries, sizeof entries);
      if (got < 0) return from_host_errno(errno);
      if (got == 0) {
        at_end_ = true;
        return Errno::kSuccess;
      }
      for (long at = 0; at < got;) {
        const auto& entry = *reinterpret_cast<const HostEntry*>(entries + at);
        at += entry.d_reclen;
        if (!append(fd, entry, own.st_ino)) return Errno::kSuccess;
      }
    }
  }

  // False: the window is full.
  bool append(int fd, const HostEntry& entry, u64 own_inode) {
    const size_t name_bytes = std::strlen(entry.d_name);
    // What is above the directory is nothing of the guest's.
    const bool is_parent = std::strcmp(entry.d_name, "..") == 0;
    const GuestEntry header{.next = static_cast<u64>(entry.d_off),
                            .inode = is_parent ? own_inode : entry.d_ino,
                            .name_bytes = static_cast<u32>(name_bytes),
                            .type = static_cast<u8>(type_of(fd, entry)),
                            .zero = {}};
    const u64 left_bytes = length_ - used_;
    const u64 window_bytes = std::min(left_bytes, buffer_.size_bytes());
    const bool fits = produced_ + sizeof header + name_bytes <= window_bytes;
    // An entry that is cut off tells the guest that there is more; in the middle of its buffer there is a further window instead.
    if (!fits && window_bytes < left_bytes) return false;
    put(&header, sizeof header, window_bytes);
    put(entry.d_name, name_bytes, window_bytes);
    if (fits) cookie_ = header.next;
    return fits;
  }

  void put(const void* from, u64 size, u64 window_bytes) {
    const u64 take = std::min(size, window_bytes - produced_);
    std::memcpy(buffer_.data() + produced_, from, take);
    produced_ += take;
  }

  const FileRef file_;
  const ChargedBytes buffer_;
  u64 cookie_;
  const u32 buffer_ptr_;
  const u32 length_;
  const u32 used_ptr_;
  u64 used_ = 0;      // In the guest's buffer.
  u64 produced_ = 0;  // In ours, by the last run.
  bool at_end_ = false;
  Errno error_ = Errno::kSuccess;
};

}  // namespace

Outcome fd_readdir(Process& p, u32 fd, u32 buffer_ptr, u32 length, u64 cookie, u32 used_ptr) {
  const Descriptor* descriptor = nullptr;
  const Errno error = check_directory(p, fd, kFdReaddir, descriptor);
  if (error != Errno::kSuccess) return error;
  if (!runtime::guest_bytes(p, buffer_ptr, length) || !runtime::guest_bytes(p, used_ptr, sizeof(u32))) {
    return out_of_bounds(p);
  }
  const u64 window_bytes = std::clamp<u64>(length, 1, kWindowBytes);
  ChargedBytes buffer = ChargedBytes::allocate(p.scheduler->vm().budget(), window_bytes);
  if (!buffer) return Errno::kNoMem;
  return start(p, std::unique_ptr<FileCall>(new (std::nothrow) ReaddirCall(descriptor->file, std::move(buffer), cookie,
                                                                           buffer_ptr, length, used_ptr)));
}

}  // namespace lunabeam::wasi
