// path_*, except path_open: calls on names in directories. All run in the blocking pool, below their directory (resolve.h).
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>

#include "runtime/sched/scheduler.h"
#include "runtime/vm.h"
#include "wasi/charged_bytes.h"
#include "wasi/fd_access.h"
#include "wasi/file_call.h"
#include "wasi/filestat.h"
#include "wasi/functions.h"
#include "wasi/guest_path.h"
#include "wasi/resolve.h"

namespace lunabeam::wasi {
namespace {

Errno answer_of(int result) { return result == 0 ? Errno::kSuccess : from_host_errno(errno); }

// A directory of the guest and a path in it, ready for the pool.
struct Place {
  FileRef directory = {};
  GuestPath path = {};

  // Anything but kSuccess is the call's answer.
  Outcome read(Process& process, u32 fd, u64 rights, u32 path_ptr, u32 length) {
    const Descriptor* descriptor = nullptr;
    const Errno error = check_directory(process, fd, rights, descriptor);
    if (error != Errno::kSuccess) return error;
    directory = descriptor->file;
    return path.read(process, path_ptr, length);
  }
};

bool is_answer(const Outcome& outcome) {
  return outcome.status != vm::HostStatus::kDone || outcome.error != Errno::kSuccess;
}

// Runs act(ParentPath&) in the pool: an errno of the host, or an Errno.
template <class Act>
Errno in_parent(const Place& place, Act act) {
  const int dir = place.directory->host_fd();
  if (dir < 0) return from_host_errno(-dir);
  const ParentPath parent(dir, place.path.c_str());
  return parent.error() != 0 ? from_host_errno(parent.error()) : act(parent);
}

template <class Act>
Outcome start_in_parent(Process& process, u32 fd, u64 rights, u32 path_ptr, u32 length, Act act) {
  Place place;
  const Outcome read = place.read(process, fd, rights, path_ptr, length);
  if (is_answer(read)) return read;
  return start_work(process, [place = std::move(place), act]() noexcept { return in_parent(place, act); });
}

// Opens what a path names without opening it for anything: -errno.
int open_name(const Place& place, bool follows) {
  const int dir = place.directory->host_fd();
  return dir < 0 ? dir : open_beneath(dir, place.path.c_str(), O_PATH | (follows ? 0 : O_NOFOLLOW));
}

StatResult stat_of(const Place& place, bool follows) {
  StatResult result;
  const int fd = open_name(place, follows);
  if (fd < 0) {
    result.error = from_host_errno(-fd);
    return result;
  }
  result.error = answer_of(fstat(fd, &result.status));
  close(fd);
  return result;
}

// The same for names that the kernel remembers, in a local file system. False: it may have to wait.
bool stat_cached(const Place& place, bool follows, StatResult& result) {
  const int dir = place.directory->known_fd();
  if (dir < 0 || place.directory->local_device() == 0) return false;
  const int fd = open_beneath_cached(dir, place.path.c_str(), O_PATH | (follows ? 0 : O_NOFOLLOW));
  if (fd == -EAGAIN) return false;
  if (fd < 0) {
    result.error = from_host_errno(-fd);
    return true;
  }
  const bool known = stat_local(fd, place.directory->local_device(), result.status);
  close(fd);
  return known;
}

// What path_readlink brings back.
struct LinkText {
  Errno error = Errno::kSuccess;
  ChargedBytes text = {};
  u64 length_bytes = 0;
};

// A link's source: a name with a slash behind it means a directory, and those have no links.
Errno link_error_of_directory(const Place& place) {
  const int fd = open_name(place, true);
  if (fd < 0) return from_host_errno(-fd);
  struct stat status;
  const bool is_directory = fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
  close(fd);
  return is_directory ? Errno::kPerm : Errno::kNotDir;
}

// Runs act(old parent, new parent) in the pool.
template <class Act>
Errno between(const Place& from, const Place& to, Act act) {
  return in_parent(from, [&](const ParentPath& old_parent) {
    return in_parent(to, [&](const ParentPath& new_parent) { return act(old_parent, new_parent); });
  });
}

}  // namespace

Outcome path_create_directory(Process& p, u32 fd, u32 path, u32 length) {
  return start_in_parent(p, fd, kPathCreateDirectory, path, length, [](const ParentPath& parent) noexcept {
    return answer_of(mkdirat(parent.fd(), parent.name(), 0777));
  });
}

Outcome path_remove_directory(Process& p, u32 fd, u32 path, u32 length) {
  return start_in_parent(p, fd, kPathRemoveDirectory, path, length, [](const ParentPath& parent) noexcept {
    return answer_of(unlinkat(parent.fd(), parent.name(), AT_REMOVEDIR));
  });
}

Outcome path_unlink_file(Process& p, u32 fd, u32 path, u32 length) {
  return start_in_parent(p, fd, kPathUnlinkFile, path, length, [](const ParentPath& parent) noexcept {
    return answer_of(unlinkat(parent.fd(), parent.name(), 0));
  });
}

Outcome path_filestat_get(Process& p, u32 fd, u32 flags, u32 path, u32 length, u32 stat_ptr) {
  Place place;
  const Outcome read = place.read(p, fd, kPathFilestatGet, path, length);
  if (is_answer(read)) return read;
  if ((flags & ~u32{kSymlinkFollow}) != 0) return Errno::kInval;
  if (!runtime::guest_bytes(p, stat_ptr, kFilestatBytes)) return out_of_bounds(p);
  StatResult known;
  if (stat_cached(place, (flags & kSymlinkFollow) != 0, known)) {
    charge_reductions(p, 4 * kSyscallReductions);
    return store_filestat(p, stat_ptr, known);
  }
  return start_work(
      p, [place = std::move(place), flags]() noexcept { return stat_of(place, (flags & kSymlinkFollow) != 0); },
      [stat_ptr](Process& process, const StatResult& result) noexcept {
        return store_filestat(process, stat_ptr, result);
      });
}

Outcome path_filestat_set_times(Process& p, u32 fd, u32 flags, u32 path, u32 length, u64 atime, u64 mtime,
                                u32 fst_flags) {
  Place place;
  const Outcome read = place.read(p, fd, kPathFilestatSetTimes, path, length);
  if (is_answer(read)) return read;
  if ((flags & ~u32{kSymlinkFollow}) != 0) return Errno::kInval;
  NewTimes times;
  const Errno error = read_times(atime, mtime, fst_flags, times);
  if (error != Errno::kSuccess) return error;
  return start_work(p, [place = std::move(place), flags, times]() noexcept {
    const int opened = open_name(place, (flags & kSymlinkFollow) != 0);
    if (opened < 0) return from_host_errno(-opened);
    const Errno answer = set_times(opened, times);
    close(opened);
    return answer;
  });
}

Outcome path_link(Process& p, u32 old_fd, u32 flags, u32 old_path, u32 old_length, u32 new_fd, u32 new_path,
                  u32 new_length) {
  Place from;
  Place to;
  Outcome read = from.read(p, old_fd, kPathLinkSource, old_path, old_length);
  if (!is_answer(read)) read = to.read(p, new_fd, kPathLinkTarget, new_path, new_length);
  if (is_answer(read)) return read;
  // A link to what a link points at could be a link to anything.
  if (flags != 0) return Errno::kInval;
  return start_work(p, [from = std::move(from), to = std::move(to)]() noexcept {
    return between(from, to, [&from](const ParentPath& old_parent, const ParentPath& new_parent) {
      if (old_parent.names_directory()) return link_error_of_directory(from);
      return answer_of(linkat(old_parent.fd(), old_parent.name(), new_parent.fd(), new_parent.name(), 0));
    });
  });
}

Outcome path_rename(Process& p, u32 fd, u32 old_path, u32 old_length, u32 new_fd, u32 new_path, u32 new_length) {
  Place from;
  Place to;
  Outcome read = from.read(p, fd, kPathRenameSource, old_path, old_length);
  if (!is_answer(read)) read = to.read(p, new_fd, kPathRenameTarget, new_path, new_length);
  if (is_answer(read)) return read;
  return start_work(p, [from = std::move(from), to = std::move(to)]() noexcept {
    return between(from, to, [](const ParentPath& old_parent, const ParentPath& new_parent) {
      return answer_of(renameat(old_parent.fd(), old_parent.name(), new_parent.fd(), new_parent.name()));
    });
  });
}

Outcome path_symlink(Process& p, u32 old_path, u32 old_length, u32 fd, u32 new_path, u32 new_length) {
  Place place;
  GuestPath text;
  Outcome read = place.read(p, fd, kPathSymlink, new_path, new_length);
  if (!is_answer(read)) read = text.read(p, old_path, old_length);
  if (is_answer(read)) return read;
  // Nobody could follow it here, and whoever can, outside, should not be led by a guest.
  if (text.c_str()[0] == '/') return Errno::kPerm;
  return start_work(p, [place = std::move(place), text = std::move(text)]() noexcept {
    return in_parent(place, [&text](const ParentPath& parent) {
      return answer_of(symlinkat(text.c_str(), parent.fd(), parent.name()));
    });
  });
}

Outcome path_readlink(Process& p, u32 fd, u32 path, u32 length, u32 buffer_ptr, u32 buffer_length, u32 used_ptr) {
  Place place;
  const Outcome read = place.read(p, fd, kPathReadlink, path, length);
  if (is_answer(read)) return read;
  if (!runtime::guest_bytes(p, buffer_ptr, buffer_length) || !runtime::guest_bytes(p, used_ptr, sizeof(u32))) {
    return out_of_bounds(p);
  }
  ChargedBytes text = ChargedBytes::allocate(p.scheduler->vm().budget(), PATH_MAX);
  if (!text) return Errno::kNoMem;
  // NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDeleteLeaks): the call owns both callables, and the text with them.
  return start_work(
      p,
      [place = std::move(place), text = std::move(text)]() mutable noexcept {
        LinkText result;
        const int opened = open_name(place, false);
        if (opened < 0) {
          result.error = from_host_errno(-opened);
          return result;
        }
        // ENOENT here means that it is no link.
        const ssize_t got = readlinkat(opened, "", reinterpret_cast<char*>(text.data()), PATH_MAX);
        if (got < 0) {
          result.error = errno == ENOENT ? Errno::kInval : from_host_errno(errno);
        } else {
          result.length_bytes = static_cast<u64>(got);
          result.text = std::move(text);
        }
        close(opened);
        return result;
      },
      [buffer_ptr, buffer_length, used_ptr](Process& process, const LinkText& result) noexcept -> Outcome {
        if (result.error != Errno::kSuccess) return result.error;
        const u64 used_bytes = std::min<u64>(result.length_bytes, buffer_length);
        const auto buffer = runtime::guest_bytes(process, buffer_ptr, used_bytes);
        if (!buffer || !store<u32>(process, used_ptr, static_cast<u32>(used_bytes))) return out_of_bounds(process);
        std::memcpy(buffer->data(), result.text.data(), used_bytes);
        return Errno::kSuccess;
      });
}

}  // namespace lunabeam::wasi
