// path_open. Rights decide how the host opens the file: what a guest may not do with a descriptor, the host's descriptor cannot do.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/sched/scheduler.h"
#include "runtime/vm.h"
#include "wasi/fd_access.h"
#include "wasi/file_call.h"
#include "wasi/filestat.h"
#include "wasi/functions.h"
#include "wasi/guest_path.h"
#include "wasi/resolve.h"

namespace lunabeam::wasi {
namespace {

constexpr u64 kReadingRights = kFdRead | kFdReaddir;
constexpr u64 kWritingRights = kFdWrite | kFdAllocate | kFdFilestatSetSize;

struct OpenRequest {
  u64 rights = 0;  // Asked for, and allowed by the directory.
  u64 inheriting = 0;
  u32 lookup_flags = 0;
  u32 oflags = 0;
  u16 fdflags = 0;
};

// What was opened; closed again when nobody takes it (the process has died).
struct Opened {
  Errno error = Errno::kSuccess;
  int fd = -1;
  FileFacts facts = {};

  Opened() noexcept = default;
  Opened(Opened&& other) noexcept : error(other.error), fd(std::exchange(other.fd, -1)), facts(other.facts) {}
  Opened& operator=(Opened&& other) noexcept {
    std::swap(error, other.error);
    std::swap(fd, other.fd);
    std::swap(facts, other.facts);
    return *this;
  }
  ~Opened() {
    if (fd >= 0) close(fd);
  }
};

int host_flags(const OpenRequest& request) {
  // Never waiting, also for FIFOs: what is not ready is looked at again. Regular files and directories do not care.
  int flags = O_NONBLOCK | O_NOCTTY;
  if ((request.lookup_flags & kSymlinkFollow) == 0) flags |= O_NOFOLLOW;
  if ((request.oflags & kCreat) != 0) flags |= O_CREAT;
  if ((request.oflags & kExcl) != 0) flags |= O_EXCL;
  if ((request.oflags & kTrunc) != 0) flags |= O_TRUNC;
  if ((request.fdflags & kAppend) != 0) flags |= O_APPEND;
  return flags;
}

int access_mode(const OpenRequest& request) {
  const bool writes = (request.rights & kWritingRights) != 0 || (request.oflags & kTrunc) != 0;
  if (!writes) return O_RDONLY;
  return (request.rights & kReadingRights) != 0 ? O_RDWR : O_WRONLY;
}

// -errno, or the descriptor. open(flags) opens the path in one way or another.
template <class Open>
int open_as_asked(const OpenRequest& request, Open open) {
  const int flags = host_flags(request);
  const bool wants_writing = (request.rights & kFdWrite) != 0;
  if ((request.oflags & kDirectory) != 0) {
    const int fd = open(flags | O_RDONLY | O_DIRECTORY);
    if (fd < 0 || !wants_writing) return fd;
    close(fd);
    return -EISDIR;
  }
  const int fd = open(flags | access_mode(request));
  // A directory that was not called one: rights which only files have are left out, unless one was meant for writing.
  const bool may_be_directory = !wants_writing && (request.oflags & (kCreat | kTrunc)) == 0;
  if (fd != -EISDIR || !may_be_directory) return fd;
  return open(flags | O_RDONLY | O_DIRECTORY);
}

void note_type(Opened& opened, const OpenRequest& request, mode_t mode) {
  opened.facts.type = file_type_of(mode);
  opened.facts.is_seekable = S_ISREG(mode) || S_ISBLK(mode);
  opened.facts.is_writable = !S_ISDIR(mode) && access_mode(request) != O_RDONLY;
}

Opened open_file(OpenFile& directory, const char* path, const OpenRequest& request) {
  Opened opened;
  const int dir = directory.host_fd();
  opened.fd = dir < 0 ? dir : open_as_asked(request, [&](int flags) { return open_beneath(dir, path, flags, 0666); });
  struct stat status;
  if (opened.fd < 0) {
    opened.error = from_host_errno(-opened.fd);
  } else if (fstat(opened.fd, &status) != 0) {
    opened.error = from_host_errno(errno);
  } else {
    note_type(opened, request, status.st_mode);
    if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) {
      opened.facts.local_device = runtime::local_device_of(opened.fd);
    }
  }
  return opened;
}

// Opens what can be opened without waiting: names that the kernel remembers, in a local file system. False: it may have to wait.
bool open_cached(const OpenFile& directory, const char* path, const OpenRequest& request, Opened& opened) {
  const int dir = directory.known_fd();
  if (dir < 0 || directory.local_device() == 0 || (request.oflags & (kCreat | kTrunc)) != 0) return false;
  opened.fd = open_as_asked(request, [&](int flags) { return open_beneath_cached(dir, path, flags); });
  if (opened.fd == -EAGAIN) return false;
  if (opened.fd < 0) {
    opened.error = from_host_errno(-opened.fd);
    return true;
  }
  struct stat status;
  if (!stat_local(opened.fd, directory.local_device(), status)) {
    close(std::exchange(opened.fd, -1));
    return false;
  }
  note_type(opened, request, status.st_mode);
  if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) opened.facts.local_device = directory.local_device();
  return true;
}

// The descriptor in the guest's table. The host's is opened.fd as long as nobody has taken it over.
Outcome deliver(Process& process, const OpenRequest& request, u32 fd_ptr, Opened& opened) {
  if (opened.error != Errno::kSuccess) return opened.error;
  OpenFile* const file = OpenFile::create(process.scheduler->vm().budget(), opened.fd, opened.facts);
  if (file == nullptr) return Errno::kNoMem;
  opened.fd = -1;
  const bool is_directory = opened.facts.type == FileType::kDirectory;
  const u64 possible = is_directory ? kDirectoryRights : opened.facts.is_seekable ? kFileRights : kUnseekableRights;
  Descriptor descriptor;
  descriptor.kind = is_directory ? Descriptor::Kind::kDirectory : Descriptor::Kind::kFile;
  descriptor.flags = request.fdflags;
  descriptor.rights = request.rights & possible;
  descriptor.inheriting = request.inheriting;
  descriptor.file = FileRef(file);
  FdTable* const table = FdTable::of(process);
  if (table == nullptr) return Errno::kNoMem;
  u32 fd = 0;
  const Errno error = table->add(std::move(descriptor), fd);
  if (error != Errno::kSuccess) return error;
  return store<u32>(process, fd_ptr, fd) ? Outcome(Errno::kSuccess) : out_of_bounds(process);
}

}  // namespace

Outcome path_open(Process& p, u32 fd, u32 dirflags, u32 path, u32 length, u32 oflags, u64 rights, u64 inheriting,
                  u32 fdflags, u32 fd_ptr) {
  u64 needed = kPathOpen;
  if ((oflags & kCreat) != 0) needed |= kPathCreateFile;
  if ((oflags & kTrunc) != 0) needed |= kPathFilestatSetSize;
  const Descriptor* directory = nullptr;
  Errno error = check_directory(p, fd, needed, directory);
  if (error != Errno::kSuccess) return error;
  if ((dirflags & ~u32{kSymlinkFollow}) != 0 || (oflags & ~u32{kAllOFlags}) != 0 ||
      (fdflags & ~u32{kAllFdFlags}) != 0) {
    return Errno::kInval;
  }
  if ((oflags & kDirectory) != 0 && (oflags & (kCreat | kExcl | kTrunc)) != 0) return Errno::kInval;
  if (!runtime::guest_bytes(p, fd_ptr, sizeof(u32))) return out_of_bounds(p);
  GuestPath guest_path;
  const Outcome read = guest_path.read(p, path, length);
  if (read.status != vm::HostStatus::kDone || read.error != Errno::kSuccess) return read;
  const OpenRequest request{.rights = rights & directory->inheriting,
                            .inheriting = inheriting & directory->inheriting,
                            .lookup_flags = dirflags,
                            .oflags = oflags,
                            .fdflags = static_cast<u16>(fdflags)};
  // Keeps the directory open whatever the table becomes.
  FileRef file = directory->file;
  FdTable* const table = FdTable::of(p);
  error = table == nullptr ? Errno::kNoMem : table->check_room();
  if (error != Errno::kSuccess) return error;
  Opened opened;
  if (open_cached(*file.operator->(), guest_path.c_str(), request, opened)) {
    charge_reductions(p, 4 * kSyscallReductions);
    return deliver(p, request, fd_ptr, opened);
  }
  return start_work(
      p,
      [file = std::move(file), guest_path = std::move(guest_path), request]() noexcept {
        return open_file(*file.operator->(), guest_path.c_str(), request);
      },
      [request, fd_ptr](Process& process, Opened& result) noexcept {
        return deliver(process, request, fd_ptr, result);
      });
}

}  // namespace lunabeam::wasi
