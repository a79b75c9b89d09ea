// Paths of guests: resolved below an open directory so that nothing leads out of it. Neither `..` nor absolute or relative links nor
// the magic links of /proc do, whatever anybody renames or relinks meanwhile.
//
// openat2(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS) does it in one system call. Where the system does not offer that (older kernels,
// sandboxes that hide it), a walk does: every component is opened relative to the descriptor of the one before and never followed
// by the kernel; a link's text is spliced into what is left of the path; `..` goes back to the descriptor the walk came from.
//
// Threading: any thread; calls may block. Results are descriptors or -errno; a path that would leave the directory is -EPERM.
#pragma once

#include <sys/types.h>

#include "vm/base/ints.h"

namespace lunabeam::wasi {

// open(2) below `dir`; flags as there (O_NOFOLLOW: a link at the end is not followed; O_CLOEXEC is added). `path` is terminated by
// 0, not empty, shorter than PATH_MAX.
[[nodiscard]] int open_beneath(int dir, const char* path, int flags, mode_t mode = 0) noexcept;

// The same without waiting for any disk, as far as what the kernel remembers of names will do: -EAGAIN where it does not (and where
// there is no openat2). Not for O_CREAT and O_TRUNC.
[[nodiscard]] int open_beneath_cached(int dir, const char* path, int flags) noexcept;

// The two ways by themselves, for tests. -ENOSYS: the system has no openat2.
[[nodiscard]] int open_beneath_kernel(int dir, const char* path, int flags, mode_t mode) noexcept;
[[nodiscard]] int open_beneath_walk(int dir, const char* path, int flags, mode_t mode) noexcept;

// A path split for the calls that act on a name in a directory (mkdirat, unlinkat, ...).
// Invariant 1: `name` has one component; slashes at its end are kept, because they say that a directory is meant. Such calls never
// follow a link there and refuse `.` and `..`.
class ParentPath {
 public:
  // Resolves all but the last component. A last component `..` is refused when it leads out of `dir`.
  ParentPath(int dir, const char* path) noexcept;
  ~ParentPath();
  ParentPath(const ParentPath&) = delete;
  ParentPath& operator=(const ParentPath&) = delete;

  [[nodiscard]] int error() const { return error_; }  // errno, 0: fine.
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] const char* name() const { return name_; }
  // What a lookup of the name would follow or leave: slashes at the end, `.` and `..` mean the directory itself.
  [[nodiscard]] bool names_directory() const { return names_directory_; }

 private:
  int fd_ = -1;
  bool owned_ = false;
  bool names_directory_ = false;
  int error_ = 0;
  const char* name_ = nullptr;  // Within the path.
};

}  // namespace lunabeam::wasi
