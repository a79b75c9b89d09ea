// Opening below a directory: openat2, or the walk.
#include "wasi/resolve.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>
#include <string_view>

namespace lunabeam::wasi {
namespace {

constexpr int kMaxLinks = 40;      // As in the kernel.
constexpr size_t kMaxDepth = 256;  // Directories the walk is inside of at a time: each holds a descriptor.
constexpr int kMaxRetries = 128;   // openat2 gives up when somebody renames while it looks at `..`.

int open_quietly(int dir, const char* name, int flags, mode_t mode) {
  int fd;
  do {
    fd = openat(dir, name, flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd < 0 ? -errno : fd;
}

// Whether openat2 is there: ENOSYS, or EPERM from filters that know nothing of it.
bool has_openat2() {
  enum : u8 { kUnknown, kYes, kNo };
  static std::atomic<u8> known{kUnknown};
  const u8 answer = known.load(std::memory_order_relaxed);
  if (answer != kUnknown) return answer == kYes;
  const int fd = open_beneath_kernel(AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0);
  if (fd >= 0) close(fd);
  // Any other error is one about the working directory.
  const bool is_there = fd != -ENOSYS && fd != -EPERM && fd != -EINVAL && fd != -E2BIG;
  known.store(is_there ? kYes : kNo, std::memory_order_relaxed);
  return is_there;
}

bool is_link(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 && S_ISLNK(status.st_mode);
}

// The walk's state: the directories it is inside of, and what is left of the path.
class Walk {
 public:
  Walk(int root, const char* path) : root_(root) { error_ = set_rest(path, ""); }
  ~Walk() {
    while (depth_ > 0) pop();
  }
  Walk(const Walk&) = delete;
  Walk& operator=(const Walk&) = delete;

  int open(int flags, mode_t mode) {
    while (error_ == 0) {
      if (*at_ == 0) return open_here(flags, mode);
      const bool is_last = take_component();
      if (error_ != 0) break;
      if (std::strcmp(component_, ".") == 0) continue;
      if (std::strcmp(component_, "..") == 0) {
        if (depth_ == 0) return -EPERM;
        pop();
        continue;
      }
      if (!is_last) {
        enter();
        continue;
      }
      const int fd = open_last(flags, mode);
      if (fd != kAgain) return fd;
    }
    return -error_;
  }

 private:
  static constexpr int kAgain = INT_MIN;

  [[nodiscard]] int top() const { return depth_ == 0 ? root_ : dirs_[depth_ - 1]; }
  void pop() { close(dirs_[--depth_]); }

  // What is left becomes `first` and, behind it, `second`. errno.
  int set_rest(std::string_view first, std::string_view second) {
    if (first.empty()) return ENOENT;
    if (first.front() == '/') return EPERM;
    if (first.size() + 1 + second.size() >= sizeof rest_) return ENAMETOOLONG;
    // `second` may lie in rest_.
    std::memmove(rest_ + first.size() + 1, second.data(), second.size());
    std::memcpy(rest_, first.data(), first.size());
    rest_[first.size()] = '/';
    rest_[first.size() + 1 + second.size()] = 0;
    if (second.empty()) rest_[first.size()] = 0;
    at_ = rest_;
    return 0;
  }

  // Moves the next component to component_; true: nothing but slashes is behind it (trailing_slash_).
  bool take_component() {
    const size_t length = std::strcspn(at_, "/");
    if (length > NAME_MAX) {
      error_ = ENAMETOOLONG;
      return false;
    }
    std::memcpy(component_, at_, length);
    component_[length] = 0;
    at_ += length;
    trailing_slash_ = *at_ == '/';
    at_ += std::strspn(at_, "/");
    return *at_ == 0;
  }

  // Splices a link's text in front of what is left.
  void follow(std::string_view text) {
    if (++links_ > kMaxLinks) {
      error_ = ELOOP;
      return;
    }
    // `rest_` moves, `text` is elsewhere. A slash behind the link stays.
    const bool only_slash = *at_ == 0 && trailing_slash_;
    error_ = set_rest(text, only_slash ? std::string_view("./") : std::string_view(at_));
  }

  void enter() {
    const int fd = open_quietly(top(), component_, O_PATH | O_NOFOLLOW, 0);
    if (fd < 0) {
      error_ = -fd;
      return;
    }
    struct stat status;
    if (fstat(fd, &status) != 0) {
      error_ = errno;
    } else if (S_ISLNK(status.st_mode)) {
      char text[PATH_MAX];
      const ssize_t length = readlinkat(fd, "", text, sizeof text);
      if (length < 0) {
        error_ = errno;
      } else {
        follow({text, static_cast<size_t>(length)});
      }
    } else if (!S_ISDIR(status.st_mode)) {
      error_ = ENOTDIR;
    } else if (depth_ == kMaxDepth) {
      error_ = ENAMETOOLONG;
    } else {
      dirs_[depth_++] = fd;
      return;
    }
    close(fd);
  }

  // The path ends in `.`, `..` or was spliced away: the directory itself.
  int open_here(int flags, mode_t mode) {
    if ((flags & O_CREAT) != 0) return (flags & O_EXCL) != 0 ? -EEXIST : -EISDIR;
    return open_quietly(top(), ".", flags, mode);
  }

  int open_last(int flags, mode_t mode) {
    const bool exclusive = (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
    if (trailing_slash_ && (flags & O_CREAT) != 0) return -EISDIR;
    const bool follows = !exclusive && ((flags & O_NOFOLLOW) == 0 || trailing_slash_);
    if (trailing_slash_) flags |= O_DIRECTORY;
    for (int tries = 0; tries < kMaxRetries; ++tries) {
      if (follows) {
        char text[PATH_MAX];
        const ssize_t length = readlinkat(top(), component_, text, sizeof text);
        if (length >= 0) {
          follow({text, static_cast<size_t>(length)});
          return error_ != 0 ? -error_ : kAgain;
        }
        if (errno != EINVAL && errno != ENOENT) return -errno;
      }
      const int fd = open_quietly(top(), component_, flags | O_NOFOLLOW, mode);
      if (!follows) return fd;
      if (fd >= 0) {
        // O_PATH opens a link that has come up meanwhile.
        if ((flags & O_PATH) == 0 || !is_link(fd)) return fd;
        close(fd);
      } else if (fd != -ELOOP && (fd != -ENOTDIR || !became_link())) {
        return fd;
      }
    }
    return -ELOOP;
  }

  bool became_link() {
    struct stat status;
    return fstatat(top(), component_, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode);
  }

  const int root_;
  int error_ = 0;
  int links_ = 0;
  bool trailing_slash_ = false;
  size_t depth_ = 0;
  const char* at_ = rest_;
  int dirs_[kMaxDepth];
  char rest_[PATH_MAX];
  char component_[NAME_MAX + 1];
};

}  // namespace

int open_beneath_kernel(int dir, const char* path, int flags, mode_t mode) noexcept {
  open_how how{};
  how.flags = static_cast<u64>(static_cast<u32>(flags | O_CLOEXEC));
  // openat2 refuses a mode where nothing can be created.
  how.mode = (flags & O_CREAT) != 0 ? mode : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  for (int tries = 0;; ++tries) {
    const long fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
    if (fd >= 0) return static_cast<int>(fd);
    if (errno == EXDEV) return -EPERM;
    if ((errno != EAGAIN && errno != EINTR) || tries == kMaxRetries) return -errno;
    sched_yield();
  }
}

int open_beneath_cached(int dir, const char* path, int flags) noexcept {
  if (!has_openat2()) return -EAGAIN;
  open_how how{};
  how.flags = static_cast<u64>(static_cast<u32>(flags | O_CLOEXEC));
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_CACHED;
  const long fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
  if (fd >= 0) return static_cast<int>(fd);
  switch (errno) {
    case EXDEV: return -EPERM;
    case EINTR:
    case EINVAL: return -EAGAIN;  // Kernels before 5.12 do not know RESOLVE_CACHED.
    default: return -errno;
  }
}

int open_beneath_walk(int dir, const char* path, int flags, mode_t mode) noexcept {
  Walk walk(dir, path);
  return walk.open(flags, mode);
}

int open_beneath(int dir, const char* path, int flags, mode_t mode) noexcept {
  return has_openat2() ? open_beneath_kernel(dir, path, flags, mode) : open_beneath_walk(dir, path, flags, mode);
}

ParentPath::ParentPath(int dir, const char* path) noexcept {
  const std::string_view whole(path);
  const size_t end = whole.find_last_not_of('/');
  if (whole.empty() || end == std::string_view::npos || whole.front() == '/') {
    error_ = whole.empty() ? ENOENT : EPERM;
    return;
  }
  const size_t slash = whole.rfind('/', end);
  name_ = slash == std::string_view::npos ? path : path + slash + 1;
  const std::string_view last = whole.substr(static_cast<size_t>(name_ - path), end + 1 - (name_ - path));
  names_directory_ = end + 1 != whole.size() || last == "." || last == "..";
  if (last == "..") {
    const int fd = open_beneath(dir, path, O_PATH | O_DIRECTORY);
    if (fd < 0) {
      error_ = -fd;
      return;
    }
    close(fd);
  }
  if (slash == std::string_view::npos) {
    fd_ = dir;
    return;
  }
  char parent[PATH_MAX];
  std::memcpy(parent, path, slash);
  parent[slash] = 0;
  const int fd = open_beneath(dir, parent, O_PATH | O_DIRECTORY);
  if (fd < 0) {
    error_ = -fd;
    return;
  }
  fd_ = fd;
  owned_ = true;
}

ParentPath::~ParentPath() {
  if (owned_) close(fd_);
}

}  // namespace lunabeam::wasi
