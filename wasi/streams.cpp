// Transfers from and to the standard streams.
#include "wasi/streams.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "runtime/environment.h"
#include "runtime/sched/scheduler.h"
#include "runtime/wait.h"
#include "wasi/iovecs.h"

namespace lunabeam::wasi {
namespace {

// Most that one call moves: partial transfers are legal, and a call must not hold the scheduler.
constexpr u64 kMaxTransferBytes = 1 << 20;
// What fits for certain into a pipe or terminal that poll(2) calls writable: more could block in the middle.
constexpr u64 kSureTransferBytes = PIPE_BUF;
constexpr u64 kFirstPauseMs = 1;
constexpr u64 kLongestPauseMs = 16;

// In deterministic mode time is virtual and does not pass while the world outside thinks: there the call waits for it.
bool would_wait(const Process& process, int host_fd, short events) {
  return !process.scheduler->options().deterministic && !is_ready(host_fd, events);
}

bool is_regular_file(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

// Parks until the next look. The list's length was bounded before: it fits its bits.
vm::HostStatus pause_before_next_look(Process& process, int host_fd, u32 iovs_ptr, u32 count, u32 moved_ptr,
                                      u64 pause_ms) {
  (void)runtime::sleep_begin(process, pause_ms);
  process.wait.args[0] = static_cast<u64>(host_fd) | u64{count} << 2 | pause_ms << 40;
  process.wait.args[1] = u64{iovs_ptr} | u64{moved_ptr} << 32;
  return vm::HostStatus::kPark;
}

// REQUIRES: the process writes.
void note_output(Process& process, const Pieces& pieces, u64 size_bytes) {
  runtime::OutputCapture* const output = process.environment->output;
  if (output == nullptr) return;
  output->append(process.pid, {pieces.list.data(), static_cast<size_t>(pieces.count)}, size_bytes);
}

Outcome store_captured(Process& process, const Pieces& pieces, u32 moved_ptr) {
  charge_copy(process, pieces.total_bytes);
  note_output(process, pieces, pieces.total_bytes);
  (void)store<u32>(process, moved_ptr, static_cast<u32>(pieces.total_bytes));
  return Errno::kSuccess;
}

template <short Events, auto Transfer>
Outcome step(Process& process, int host_fd, u32 iovs_ptr, u32 count, u32 moved_ptr, u64 pause_ms) {
  Pieces pieces;
  gather(process, iovs_ptr, count, 0, kMaxTransferBytes, pieces);
  ssize_t moved = 0;
  if (pieces.total_bytes > 0) {
    if (is_captured(process, host_fd)) return store_captured(process, pieces, moved_ptr);
    charge_reductions(process, kSyscallReductions);
    if (would_wait(process, host_fd, Events)) {
      return pause_before_next_look(process, host_fd, iovs_ptr, count, moved_ptr, pause_ms);
    }
    if (Events == POLLOUT && pieces.total_bytes > kSureTransferBytes && !is_regular_file(host_fd)) {
      gather(process, iovs_ptr, count, 0, kSureTransferBytes, pieces);
    }
    do {
      moved = Transfer(host_fd, pieces.list.data(), pieces.count);
    } while (moved < 0 && errno == EINTR);
    if (moved < 0) return from_host_errno(errno);
    charge_copy(process, static_cast<u64>(moved));
    if (Events == POLLOUT) note_output(process, pieces, static_cast<u64>(moved));
  }
  (void)store<u32>(process, moved_ptr, static_cast<u32>(moved));
  return Errno::kSuccess;
}

template <auto Step>
Outcome look_again(Process& process) {
  const u64 note = process.wait.args[0];
  const u64 addresses = process.wait.args[1];
  if (runtime::sleep_resume(process) == runtime::WaitStatus::kPark) return vm::HostStatus::kPark;
  const u64 pause_ms = std::min(note >> 40 << 1, kLongestPauseMs);
  return Step(process, static_cast<int>(note & 3), static_cast<u32>(addresses), static_cast<u32>(note >> 2),
              static_cast<u32>(addresses >> 32), pause_ms);
}

constexpr auto kReadStep = &step<POLLIN, &readv>;
constexpr auto kWriteStep = &step<POLLOUT, &writev>;

}  // namespace

bool is_captured(const Process& process, int host_fd) noexcept {
  const runtime::OutputCapture* const output = process.environment->output;
  return host_fd != 0 && output != nullptr && !output->echoes();
}

bool is_terminal(const Process& process, int host_fd) noexcept {
  return (host_fd == 0 || process.environment->output == nullptr) && isatty(host_fd) == 1;
}

bool is_ready(int host_fd, short events) noexcept {
  pollfd asked{.fd = host_fd, .events = events, .revents = 0};
  return poll(&asked, 1, 0) != 0;
}

Outcome stream_read(Process& process, int host_fd, u32 iovs_ptr, u32 count, u32 moved_ptr) {
  return kReadStep(process, host_fd, iovs_ptr, std::min(count, kMaxListed), moved_ptr, kFirstPauseMs);
}

Outcome stream_write(Process& process, int host_fd, u32 iovs_ptr, u32 count, u32 moved_ptr) {
  return kWriteStep(process, host_fd, iovs_ptr, std::min(count, kMaxListed), moved_ptr, kFirstPauseMs);
}

Outcome stream_read_resume(Process& process) { return look_again<kReadStep>(process); }
Outcome stream_write_resume(Process& process) { return look_again<kWriteStep>(process); }

}  // namespace lunabeam::wasi
