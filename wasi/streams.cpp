// fd_* on the standard streams. Writes and reads go straight to the host's descriptor; one that would block parks the process and
// looks again with growing pauses, so that no scheduler ever waits for a terminal or a pipe.
#include "wasi/streams.h"

#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <new>

#include "runtime/sched/clock.h"
#include "runtime/sched/scheduler.h"
#include "runtime/wait.h"
#include "wasi/functions.h"

namespace lunabeam::wasi {
namespace {

// filetype of preview 1.
enum FileType : u8 { kUnknown = 0, kCharacterDevice = 2 };
enum Rights : u64 { kRightRead = u64{1} << 1, kRightWrite = u64{1} << 6, kRightPoll = u64{1} << 27 };
enum FdFlags : u16 { kAppend = 1 };

// Most that one call moves: partial transfers are legal, and a call must not hold the scheduler.
constexpr u64 kMaxTransferBytes = 1 << 20;
// What fits for certain into a pipe or terminal that poll(2) calls writable: more could block in the middle.
constexpr u64 kSureTransferBytes = PIPE_BUF;
constexpr u32 kMaxBuffers = 64;
// Most entries of a list that one call looks at: a list may begin with any number of empty ones.
constexpr u32 kMaxListEntries = 16 * 1024;
constexpr u64 kFirstPauseMs = 1;
constexpr u64 kLongestPauseMs = 16;

// Reads the guest's buffer list; false when the list or a buffer is outside the memory. Gathers up to kMaxTransferBytes.
bool gather(Process& p, u32 iovs_ptr, u32 count, std::array<iovec, kMaxBuffers>& out, int& used, u64& total) {
  used = 0;
  total = 0;
  count = std::min(count, kMaxListEntries);
  for (u32 i = 0; i < count; ++i) {
    u32 address = 0;
    u32 length = 0;
    const u64 entry_ptr = u64{iovs_ptr} + u64{i} * 8;
    if (!load(p, entry_ptr, address) || !load(p, entry_ptr + 4, length)) return false;
    const auto bytes = runtime::guest_bytes(p, address, length);
    if (!bytes) return false;
    if (length == 0 || used == static_cast<int>(kMaxBuffers) || total == kMaxTransferBytes) {
      if (used == static_cast<int>(kMaxBuffers) || total == kMaxTransferBytes) break;
      continue;
    }
    const u64 take = std::min<u64>(length, kMaxTransferBytes - total);
    out[static_cast<size_t>(used++)] = iovec{bytes->data(), take};
    total += take;
  }
  charge_reductions(p, kSyscallReductions + count / 16 + total / kSyscallBytesPerReduction);
  return true;
}

// Nothing but empty buffers was found, and there are more.
bool is_too_long(u32 count, int used) { return used == 0 && count > kMaxListEntries; }

bool is_terminal(int fd) { return isatty(fd) == 1; }

Outcome check_open(Process& p, u32 fd, Errno answer) { return Streams::host_fd(p, fd) < 0 ? Errno::kBadF : answer; }

// True when reading or writing (`events`) would wait now. In deterministic mode time is virtual and does not pass while the world
// outside thinks: there the call waits for it.
bool would_wait(const Process& p, int host_fd, short events) {
  if (p.scheduler->options().deterministic) return false;
  pollfd asked{.fd = host_fd, .events = events, .revents = 0};
  return poll(&asked, 1, 0) == 0;
}

bool is_regular_file(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

void shorten(std::array<iovec, kMaxBuffers>& buffers, int& used, u64 limit_bytes) {
  u64 total = 0;
  for (int i = 0; i < used; ++i) {
    iovec& buffer = buffers[static_cast<size_t>(i)];
    buffer.iov_len = std::min<u64>(buffer.iov_len, limit_bytes - total);
    total += buffer.iov_len;
    if (total == limit_bytes) used = i + 1;
  }
}

// Parks until the next look at a descriptor that is not ready.
vm::HostStatus pause_before_next_look(Process& p, u32 fd, u32 iovs_ptr, u32 count, u32 moved_ptr, u64 pause_ms) {
  (void)runtime::sleep_begin(p, pause_ms);
  p.wait.args[0] = u64{fd} | u64{count} << 2 | pause_ms << 40;
  p.wait.args[1] = u64{iovs_ptr} | u64{moved_ptr} << 32;
  return vm::HostStatus::kPark;
}

Outcome read_step(Process& p, u32 fd, u32 iovs_ptr, u32 count, u32 nread_ptr, u64 pause_ms) {
  const int host_fd = Streams::host_fd(p, fd);
  if (host_fd < 0) return Errno::kBadF;
  std::array<iovec, kMaxBuffers> buffers;
  int used = 0;
  u64 total = 0;
  if (!gather(p, iovs_ptr, count, buffers, used, total)) return out_of_bounds(p);
  if (is_too_long(count, used)) return Errno::kInval;
  ssize_t got = 0;
  if (used > 0) {
    if (would_wait(p, host_fd, POLLIN)) return pause_before_next_look(p, fd, iovs_ptr, count, nread_ptr, pause_ms);
    do {
      got = readv(host_fd, buffers.data(), used);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return from_host_errno(errno);
  }
  if (!store<u32>(p, nread_ptr, static_cast<u32>(got))) return out_of_bounds(p);
  return Errno::kSuccess;
}

Outcome write_step(Process& p, u32 fd, u32 iovs_ptr, u32 count, u32 nwritten_ptr, u64 pause_ms) {
  const int host_fd = Streams::host_fd(p, fd);
  if (host_fd < 0) return Errno::kBadF;
  std::array<iovec, kMaxBuffers> buffers;
  int used = 0;
  u64 total = 0;
  if (!gather(p, iovs_ptr, count, buffers, used, total)) return out_of_bounds(p);
  if (!runtime::guest_bytes(p, nwritten_ptr, 4)) return out_of_bounds(p);
  if (is_too_long(count, used)) return Errno::kInval;
  ssize_t written = 0;
  if (used > 0) {
    if (would_wait(p, host_fd, POLLOUT)) {
      return pause_before_next_look(p, fd, iovs_ptr, count, nwritten_ptr, pause_ms);
    }
    if (total > kSureTransferBytes && !is_regular_file(host_fd)) shorten(buffers, used, kSureTransferBytes);
    do {
      written = writev(host_fd, buffers.data(), used);
    } while (written < 0 && errno == EINTR);
    if (written < 0) return from_host_errno(errno);
  }
  (void)store<u32>(p, nwritten_ptr, static_cast<u32>(written));
  return Errno::kSuccess;
}

// Looks again at what a parked read or write waits for.
template <auto Step>
vm::HostStatus look_again(vm::ExecContext& exec, u64* io) {
  Process& p = runtime::process_of(exec);
  const u64 note = p.wait.args[0];
  const u64 addresses = p.wait.args[1];
  if (runtime::sleep_resume(p) == runtime::WaitStatus::kPark) return vm::HostStatus::kPark;
  const u64 pause_ms = std::min(note >> 40 << 1, kLongestPauseMs);
  const Outcome outcome = Step(p, static_cast<u32>(note & 3), static_cast<u32>(addresses), static_cast<u32>(note >> 2),
                               static_cast<u32>(addresses >> 32), pause_ms);
  if (outcome.status == vm::HostStatus::kDone) io[0] = static_cast<u64>(outcome.error);
  return outcome.status;
}

}  // namespace

int Streams::host_fd(const runtime::Process& process, u32 fd) {
  if (fd >= kCount) return -1;
  const auto* own = static_cast<const Streams*>(process.embedder.data);
  return own == nullptr ? static_cast<int>(fd) : own->host_fds_[fd];
}

Streams* Streams::writable(runtime::Process& process) {
  if (process.embedder.data == nullptr) {
    auto* made = new (std::nothrow) Streams;
    if (made == nullptr) return nullptr;
    process.embedder.data = made;
    process.embedder.destroy = [](void* data) noexcept { delete static_cast<Streams*>(data); };
  }
  return static_cast<Streams*>(process.embedder.data);
}

// The list's length travels through a 38-bit note while a call is parked; no memory holds a longer list.
Outcome fd_write(Process& p, u32 fd, u32 iovs_ptr, u32 count, u32 nwritten_ptr) {
  return write_step(p, fd, iovs_ptr, count, nwritten_ptr, kFirstPauseMs);
}

vm::HostStatus fd_write_resume(vm::ExecContext& exec, u64* io) { return look_again<&write_step>(exec, io); }

Outcome fd_read(Process& p, u32 fd, u32 iovs_ptr, u32 count, u32 nread_ptr) {
  return read_step(p, fd, iovs_ptr, count, nread_ptr, kFirstPauseMs);
}

vm::HostStatus fd_read_resume(vm::ExecContext& exec, u64* io) { return look_again<&read_step>(exec, io); }

Outcome fd_close(Process& p, u32 fd) {
  if (Streams::host_fd(p, fd) < 0) return Errno::kBadF;
  Streams* own = Streams::writable(p);
  if (own == nullptr) return Errno::kNoMem;
  own->close(fd);
  return Errno::kSuccess;
}

Outcome fd_renumber(Process& p, u32 from, u32 to) {
  if (Streams::host_fd(p, from) < 0 || Streams::host_fd(p, to) < 0) return Errno::kBadF;
  Streams* own = Streams::writable(p);
  if (own == nullptr) return Errno::kNoMem;
  own->renumber(from, to);
  return Errno::kSuccess;
}

Outcome fd_fdstat_get(Process& p, u32 fd, u32 stat_ptr) {
  const int host_fd = Streams::host_fd(p, fd);
  if (host_fd < 0) return Errno::kBadF;
  // fdstat: u8 filetype, u16 flags at 2, u64 rights at 8 and 16.
  const auto bytes = runtime::guest_bytes(p, stat_ptr, 24);
  if (!bytes) return out_of_bounds(p);
  std::memset(bytes->data(), 0, bytes->size());
  (*bytes)[0] = is_terminal(host_fd) ? kCharacterDevice : kUnknown;
  const u64 rights = (host_fd == 0 ? kRightRead : kRightWrite) | kRightPoll;
  charge_reductions(p, kSyscallReductions);
  (*bytes)[2] = host_fd == 0 ? 0 : kAppend;
  std::memcpy(bytes->data() + 8, &rights, sizeof rights);
  std::memcpy(bytes->data() + 16, &rights, sizeof rights);
  return Errno::kSuccess;
}

Outcome fd_filestat_get(Process& p, u32 fd, u32 stat_ptr) {
  const int host_fd = Streams::host_fd(p, fd);
  if (host_fd < 0) return Errno::kBadF;
  // filestat: u64 dev, u64 ino, u8 filetype, u64 nlink at 24, size, atim, mtim, ctim.
  const auto bytes = runtime::guest_bytes(p, stat_ptr, 64);
  if (!bytes) return out_of_bounds(p);
  std::memset(bytes->data(), 0, bytes->size());
  (*bytes)[16] = is_terminal(host_fd) ? kCharacterDevice : kUnknown;
  return Errno::kSuccess;
}

Outcome fd_fdstat_set_flags(Process& p, u32 fd, u32 /*flags*/) { return check_open(p, fd, Errno::kNotSup); }
Outcome fd_fdstat_set_rights(Process& p, u32 fd, u64 /*base*/, u64 /*inheriting*/) {
  return check_open(p, fd, Errno::kSuccess);
}
Outcome fd_advise(Process& p, u32 fd, u64 /*offset*/, u64 /*length*/, u32 /*advice*/) {
  return check_open(p, fd, Errno::kSpipe);
}
Outcome fd_allocate(Process& p, u32 fd, u64 /*offset*/, u64 /*length*/) { return check_open(p, fd, Errno::kNotSup); }
Outcome fd_datasync(Process& p, u32 fd) { return check_open(p, fd, Errno::kSuccess); }
Outcome fd_sync(Process& p, u32 fd) { return check_open(p, fd, Errno::kSuccess); }
Outcome fd_filestat_set_size(Process& p, u32 fd, u64 /*size*/) { return check_open(p, fd, Errno::kInval); }
Outcome fd_filestat_set_times(Process& p, u32 fd, u64 /*atime*/, u64 /*mtime*/, u32 /*flags*/) {
  return check_open(p, fd, Errno::kNotSup);
}
Outcome fd_pread(Process& p, u32 fd, u32 /*iovs*/, u32 /*count*/, u64 /*offset*/, u32 /*nread*/) {
  return check_open(p, fd, Errno::kSpipe);
}
Outcome fd_pwrite(Process& p, u32 fd, u32 /*iovs*/, u32 /*count*/, u64 /*offset*/, u32 /*nwritten*/) {
  return check_open(p, fd, Errno::kSpipe);
}
Outcome fd_prestat_get(Process& p, u32 fd, u32 /*stat*/) { return check_open(p, fd, Errno::kNotSup); }
Outcome fd_prestat_dir_name(Process& p, u32 fd, u32 /*path*/, u32 /*length*/) {
  return check_open(p, fd, Errno::kNotDir);
}
Outcome fd_readdir(Process& p, u32 fd, u32 /*buffer*/, u32 /*length*/, u64 /*cookie*/, u32 /*used*/) {
  return check_open(p, fd, Errno::kNotDir);
}
Outcome fd_seek(Process& p, u32 fd, u64 /*offset*/, u32 /*whence*/, u32 /*position*/) {
  return check_open(p, fd, Errno::kSpipe);
}
Outcome fd_tell(Process& p, u32 fd, u32 /*position*/) { return check_open(p, fd, Errno::kSpipe); }

}  // namespace lunabeam::wasi
