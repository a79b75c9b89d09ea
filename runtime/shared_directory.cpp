// Opening of preopened directories.
#include "runtime/shared_directory.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

namespace lunabeam::runtime {

u64 local_device_of(int fd) noexcept {
  struct statfs file_system;
  struct stat status;
  if (fstatfs(fd, &file_system) != 0) return 0;
  switch (static_cast<u32>(file_system.f_type)) {
    case EXT4_SUPER_MAGIC:
    case XFS_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC:
    case F2FS_SUPER_MAGIC:
    case TMPFS_MAGIC:
    case OVERLAYFS_SUPER_MAGIC: break;
    default: return 0;
  }
  return fstat(fd, &status) == 0 ? static_cast<u64>(status.st_dev) : 0;
}

SharedDirectory::~SharedDirectory() {
  const int fd = fd_.load(std::memory_order_relaxed);
  if (fd >= 0) close(fd);
}

int SharedDirectory::descriptor() noexcept {
  int fd = fd_.load(std::memory_order_acquire);
  if (fd >= 0) return fd;
  const std::lock_guard lock(mutex_);
  fd = fd_.load(std::memory_order_relaxed);
  if (fd >= 0) return fd;
  do {
    fd = open(host_path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return -errno;
  local_device_ = local_device_of(fd);
  fd_.store(fd, std::memory_order_release);
  return fd;
}

}  // namespace lunabeam::runtime
