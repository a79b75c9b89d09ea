// Opening of preopened directories.
#include "runtime/shared_directory.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace lunabeam::runtime {

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
  fd_.store(fd, std::memory_order_release);
  return fd;
}

}  // namespace lunabeam::runtime
