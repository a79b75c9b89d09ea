// What the table knows of a descriptor: closing, renumbering, flags, rights, positions, preopened names. Nothing here waits for a disk,
// except closing a file that was written, and positions relative to the end of one that is not local.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "wasi/fd_access.h"
#include "wasi/file_call.h"
#include "wasi/functions.h"
#include "wasi/streams.h"

namespace lunabeam::wasi {
namespace {

enum Whence : u32 { kSet = 0, kCur = 1, kEnd = 2 };

// Drops a reference where a close may wait. The descriptor is gone whatever happens.
Outcome drop(Process& process, FileRef file) {
  if (!file || file->is_shared()) return Errno::kSuccess;
  if (file->closes_at_once()) {
    charge_reductions(process, kSyscallReductions);
    return Errno::kSuccess;
  }
  const Outcome outcome = start_work(process, [held = std::move(file)]() mutable noexcept {
    held = FileRef();
    return Errno::kSuccess;
  });
  return outcome.status == vm::HostStatus::kDone ? Outcome(Errno::kSuccess) : outcome;
}

struct Position {
  Errno error = Errno::kSuccess;
  u64 offset = 0;
};

Position move_position(int fd, i64 offset, int whence) {
  const off_t at = lseek(fd, offset, whence);
  if (at < 0) return {.error = from_host_errno(errno)};
  return {.offset = static_cast<u64>(at)};
}

Outcome store_position(Process& process, u32 position_ptr, const Position& position) {
  if (position.error != Errno::kSuccess) return position.error;
  if (!store<u64>(process, position_ptr, position.offset)) return out_of_bounds(process);
  return Errno::kSuccess;
}

FileType type_of(const Process& process, const Descriptor& descriptor) {
  if (!is_stream(&descriptor)) return descriptor.file->facts.type;
  return is_terminal(process, descriptor.stream) ? FileType::kCharacterDevice : FileType::kUnknown;
}

}  // namespace

Outcome fd_close(Process& p, u32 fd) {
  if (FdTable::find_writable(p, fd) == nullptr) {
    return FdTable::find(p, fd) == nullptr ? Errno::kBadF : Errno::kNoMem;
  }
  return drop(p, FdTable::of(p)->remove(fd));
}

Outcome fd_renumber(Process& p, u32 from, u32 to) {
  if (FdTable::find(p, from) == nullptr || FdTable::find(p, to) == nullptr) return Errno::kBadF;
  if (from == to) return Errno::kSuccess;
  FdTable* const table = FdTable::of(p);
  if (table == nullptr) return Errno::kNoMem;
  return drop(p, table->move(from, to));
}

Outcome fd_fdstat_get(Process& p, u32 fd, u32 stat_ptr) {
  const Descriptor* const descriptor = FdTable::find(p, fd);
  if (descriptor == nullptr) return Errno::kBadF;
  // fdstat: u8 filetype, u16 flags at 2, u64 rights at 8, u64 inheriting rights at 16.
  const auto bytes = runtime::guest_bytes(p, stat_ptr, 24);
  if (!bytes) return out_of_bounds(p);
  if (is_stream(descriptor)) charge_reductions(p, kSyscallReductions);
  std::memset(bytes->data(), 0, bytes->size());
  (*bytes)[0] = static_cast<u8>(type_of(p, *descriptor));
  std::memcpy(bytes->data() + 2, &descriptor->flags, 2);
  std::memcpy(bytes->data() + 8, &descriptor->rights, 8);
  std::memcpy(bytes->data() + 16, &descriptor->inheriting, 8);
  return Errno::kSuccess;
}

Outcome fd_fdstat_set_flags(Process& p, u32 fd, u32 flags) {
  const Descriptor* known = nullptr;
  const Errno error = check_file(p, fd, kFdFdstatSetFlags, known);
  if (error != Errno::kSuccess) return error;
  if (is_stream(known)) return Errno::kNotSup;
  if ((flags & ~u32{kAllFdFlags}) != 0) return Errno::kInval;
  // The host's descriptor is always non-blocking (path_open.cpp), and the flags of synchronous writing go with each write.
  charge_reductions(p, kSyscallReductions);
  const int host_flags = O_NONBLOCK | ((flags & kAppend) != 0 ? O_APPEND : 0);
  if (fcntl(known->file->host_fd(), F_SETFL, host_flags) != 0) return from_host_errno(errno);
  FdTable::find_writable(p, fd)->flags = static_cast<u16>(flags);
  return Errno::kSuccess;
}

Outcome fd_fdstat_set_rights(Process& p, u32 fd, u64 base, u64 inheriting) {
  const Descriptor* const known = FdTable::find(p, fd);
  if (known == nullptr) return Errno::kBadF;
  if ((base & ~known->rights) != 0 || (inheriting & ~known->inheriting) != 0) return Errno::kNotCapable;
  Descriptor* const descriptor = FdTable::find_writable(p, fd);
  if (descriptor == nullptr) return Errno::kNoMem;
  descriptor->rights = base;
  descriptor->inheriting = inheriting;
  return Errno::kSuccess;
}

Outcome fd_seek(Process& p, u32 fd, u64 offset, u32 whence, u32 position_ptr) {
  const bool only_tells = whence == kCur && offset == 0;
  const Descriptor* descriptor = nullptr;
  Errno error = check_file(p, fd, only_tells ? kFdTell : kFdSeek, descriptor);
  if (error == Errno::kNotCapable && only_tells) error = check_file(p, fd, kFdSeek, descriptor);
  if (error != Errno::kSuccess) return error;
  if (is_stream(descriptor)) return Errno::kSpipe;
  if (whence > kEnd) return Errno::kInval;
  if (!runtime::guest_bytes(p, position_ptr, sizeof(u64))) return out_of_bounds(p);
  charge_reductions(p, kSyscallReductions);
  if (whence != kEnd || descriptor->file->facts.local_device != 0) {
    const int host_whence = whence == kSet ? SEEK_SET : whence == kCur ? SEEK_CUR : SEEK_END;
    return store_position(p, position_ptr,
                          move_position(descriptor->file->host_fd(), static_cast<i64>(offset), host_whence));
  }
  return start_work(
      p,
      [file = descriptor->file, offset]() noexcept {
        return move_position(file->host_fd(), static_cast<i64>(offset), SEEK_END);
      },
      [position_ptr](Process& process, const Position& position) noexcept {
        return store_position(process, position_ptr, position);
      });
}

Outcome fd_tell(Process& p, u32 fd, u32 position_ptr) {
  const Descriptor* descriptor = nullptr;
  const Errno error = check_file(p, fd, kFdTell, descriptor);
  if (error != Errno::kSuccess) return error;
  if (is_stream(descriptor)) return Errno::kSpipe;
  charge_reductions(p, kSyscallReductions);
  return store_position(p, position_ptr, move_position(descriptor->file->host_fd(), 0, SEEK_CUR));
}

Outcome fd_prestat_get(Process& p, u32 fd, u32 stat_ptr) {
  const Descriptor* const descriptor = FdTable::find(p, fd);
  if (descriptor == nullptr) return Errno::kBadF;
  if (descriptor->preopen < 0) return Errno::kNotSup;
  // prestat: u8 tag (0: directory), u32 length of the name at 4.
  const auto bytes = runtime::guest_bytes(p, stat_ptr, 8);
  if (!bytes) return out_of_bounds(p);
  const auto length = static_cast<u32>(p.config->preopens[static_cast<size_t>(descriptor->preopen)].guest_path.size());
  std::memset(bytes->data(), 0, bytes->size());
  std::memcpy(bytes->data() + 4, &length, sizeof length);
  return Errno::kSuccess;
}

Outcome fd_prestat_dir_name(Process& p, u32 fd, u32 path_ptr, u32 length) {
  const Descriptor* const descriptor = FdTable::find(p, fd);
  if (descriptor == nullptr) return Errno::kBadF;
  if (descriptor->preopen < 0) return Errno::kNotDir;
  const std::string& name = p.config->preopens[static_cast<size_t>(descriptor->preopen)].guest_path;
  if (name.size() > length) return Errno::kNameTooLong;
  const auto bytes = runtime::guest_bytes(p, path_ptr, name.size());
  if (!bytes) return out_of_bounds(p);
  std::memcpy(bytes->data(), name.data(), name.size());
  return Errno::kSuccess;
}

}  // namespace lunabeam::wasi
