// fd_read, fd_write, fd_pread, fd_pwrite. Reads of regular files are tried without waiting first: what is in the page cache is copied
// straight into the guest's memory. Everything else goes through the blocking pool in windows, so that neither a slow disk nor a
// large transfer holds a scheduler; a transfer of a regular file is complete unless the file ends or an error comes.
#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "runtime/sched/scheduler.h"
#include "runtime/vm.h"
#include "wasi/charged_bytes.h"
#include "wasi/fd_access.h"
#include "wasi/file_call.h"
#include "wasi/functions.h"
#include "wasi/iovecs.h"
#include "wasi/streams.h"

namespace lunabeam::wasi {
namespace {

constexpr u64 kInlineBytes = 64 * 1024;   // Longer reads go to the pool even when cached.
constexpr u64 kWindowBytes = 128 * 1024;  // Of a transfer through the pool.
constexpr i64 kAtPosition = -1;           // Offset: where the file's own position is.

struct Transfer {
  FileRef file = {};
  bool is_write = false;
  u16 flags = 0;  // The descriptor's.
  i64 offset = kAtPosition;
  u32 iovs_ptr = 0;
  u32 count = 0;
  u32 moved_ptr = 0;
  u64 total_bytes = 0;
  u64 moved_bytes = 0;
};

// Flags of preadv2 and pwritev2 for one transfer.
int host_flags(const Transfer& t) {
  if (!t.is_write) return 0;
  if ((t.flags & kSync) != 0) return RWF_SYNC;
  return (t.flags & kDsync) != 0 ? RWF_DSYNC : 0;
}

class TransferCall final : public FileCall {
 public:
  TransferCall(Transfer&& transfer, ChargedBytes&& buffer) noexcept
      : t_(std::move(transfer)), buffer_(std::move(buffer)) {}

  void run() noexcept override {
    const int fd = t_.file->host_fd();
    const iovec window{buffer_.data(), window_bytes_};
    const off_t offset =
        t_.offset == kAtPosition ? -1 : static_cast<off_t>(static_cast<u64>(t_.offset) + t_.moved_bytes);
    do {
      result_ = t_.is_write ? pwritev2(fd, &window, 1, offset, host_flags(t_)) : preadv2(fd, &window, 1, offset, 0);
    } while (result_ < 0 && errno == EINTR);
    error_ = result_ < 0 ? errno : 0;
  }

  Next finish(Process& process, Outcome& outcome) noexcept override {
    if (result_ < 0) {
      if (error_ == EAGAIN && !t_.file->facts.is_seekable && t_.moved_bytes == 0 && (t_.flags & kNonblock) == 0) {
        return Next::kLater;
      }
      outcome = t_.moved_bytes != 0 ? answer(process) : Outcome(from_host_errno(error_));
      return Next::kDone;
    }
    const auto moved = static_cast<u64>(result_);
    if (!t_.is_write) copy_out(process, moved);
    t_.moved_bytes += moved;
    charge_copy(process, moved);
    if (moved < window_bytes_ || t_.moved_bytes == t_.total_bytes || !t_.file->facts.is_seekable) {
      outcome = answer(process);
      return Next::kDone;
    }
    prepare(process);
    return Next::kAgain;
  }

  void await_ready() noexcept override {
    pollfd asked{.fd = t_.file->host_fd(), .events = static_cast<short>(t_.is_write ? POLLOUT : POLLIN), .revents = 0};
    (void)poll(&asked, 1, -1);
  }

  // The next window; of a write, with its bytes. Owner.
  void prepare(Process& process) noexcept {
    window_bytes_ = std::min(t_.total_bytes - t_.moved_bytes, buffer_.size_bytes());
    if (!t_.is_write) return;
    u64 copied = 0;
    for_pieces(process, window_bytes_, [&](u8* piece, u64 size) {
      std::memcpy(buffer_.data() + copied, piece, size);
      copied += size;
    });
    window_bytes_ = copied;
  }

 private:
  void copy_out(Process& process, u64 bytes) {
    u64 copied = 0;
    for_pieces(process, bytes, [&](u8* piece, u64 size) {
      std::memcpy(piece, buffer_.data() + copied, size);
      copied += size;
    });
  }

  // The guest's memory behind the next `bytes` of the transfer.
  template <class Visit>
  void for_pieces(Process& process, u64 bytes, Visit visit) {
    for (u64 done = 0; done < bytes;) {
      Pieces pieces;
      gather(process, t_.iovs_ptr, t_.count, t_.moved_bytes + done, bytes - done, pieces);
      if (pieces.count == 0) return;
      for (int i = 0; i < pieces.count; ++i) {
        const iovec& piece = pieces.list[static_cast<size_t>(i)];
        visit(static_cast<u8*>(piece.iov_base), piece.iov_len);
      }
      done += pieces.total_bytes;
    }
  }

  Outcome answer(Process& process) {
    if (!store<u32>(process, t_.moved_ptr, static_cast<u32>(t_.moved_bytes))) return out_of_bounds(process);
    return Errno::kSuccess;
  }

  Transfer t_;
  ChargedBytes buffer_;
  u64 window_bytes_ = 0;
  ssize_t result_ = 0;
  int error_ = 0;
};

Outcome start_transfer(Process& process, Transfer&& transfer) {
  const u64 bytes = std::min(transfer.total_bytes - transfer.moved_bytes, kWindowBytes);
  ChargedBytes buffer = ChargedBytes::allocate(process.scheduler->vm().budget(), bytes);
  if (!buffer) return Errno::kNoMem;
  std::unique_ptr<TransferCall> call(new (std::nothrow) TransferCall(std::move(transfer), std::move(buffer)));
  if (call != nullptr) call->prepare(process);
  return start(process, std::move(call));
}

// What can be read without waiting. True: `outcome` is the answer. Else the rest, behind t.moved_bytes, has to be waited for.
bool read_inline(Process& process, Transfer& t, Outcome& outcome) {
  const int fd = t.file->host_fd();
  while (t.moved_bytes < t.total_bytes) {
    Pieces pieces;
    gather(process, t.iovs_ptr, t.count, t.moved_bytes, t.total_bytes - t.moved_bytes, pieces);
    const off_t offset = t.offset == kAtPosition ? -1 : static_cast<off_t>(static_cast<u64>(t.offset) + t.moved_bytes);
    charge_reductions(process, kSyscallReductions);
    const ssize_t got = preadv2(fd, pieces.list.data(), pieces.count, offset, RWF_NOWAIT);
    if (got == 0) break;
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EOPNOTSUPP) return false;
      if (t.moved_bytes != 0) break;
      outcome = from_host_errno(errno);
      return true;
    }
    t.moved_bytes += static_cast<u64>(got);
    charge_copy(process, static_cast<u64>(got));
  }
  (void)store<u32>(process, t.moved_ptr, static_cast<u32>(t.moved_bytes));
  outcome = Errno::kSuccess;
  return true;
}

Outcome transfer_file(Process& process, const Descriptor& descriptor, Transfer&& t) {
  if (t.total_bytes == 0) {
    (void)store<u32>(process, t.moved_ptr, 0);
    return Errno::kSuccess;
  }
  t.file = descriptor.file;
  t.flags = descriptor.flags;
  Outcome outcome = Errno::kSuccess;
  const bool may_be_cached =
      !t.is_write && t.file->facts.type == FileType::kRegularFile && t.total_bytes <= kInlineBytes;
  if (may_be_cached && read_inline(process, t, outcome)) return outcome;
  return start_transfer(process, std::move(t));
}

// The common part of all four: rights, the guest's list.
Outcome transfer(Process& process, u32 fd, Transfer&& t) {
  const u64 rights = (t.is_write ? kFdWrite : kFdRead) | (t.offset == kAtPosition ? u64{0} : u64{kFdSeek});
  const Descriptor* descriptor = nullptr;
  const Errno error = check_file(process, fd, rights, descriptor);
  if (error != Errno::kSuccess) return error;
  if (is_stream(descriptor) && t.offset != kAtPosition) return Errno::kSpipe;
  if (!list_bytes(process, t.iovs_ptr, t.count, t.total_bytes)) return out_of_bounds(process);
  if (!runtime::guest_bytes(process, t.moved_ptr, sizeof(u32))) return out_of_bounds(process);
  // Nothing but empty buffers, and there are more: no end would be in sight.
  if (t.total_bytes == 0 && t.count > kMaxListed) return Errno::kInval;
  if (!is_stream(descriptor)) return transfer_file(process, *descriptor, std::move(t));
  if ((rights & ~descriptor->rights) != 0) return Errno::kBadF;
  return t.is_write ? stream_write(process, descriptor->stream, t.iovs_ptr, t.count, t.moved_ptr)
                    : stream_read(process, descriptor->stream, t.iovs_ptr, t.count, t.moved_ptr);
}

// A parked read or write: of a stream, or in a FileCall.
template <auto StreamResume>
vm::HostStatus resume(vm::ExecContext& exec, u64* io) {
  Process& process = runtime::process_of(exec);
  const Outcome outcome = process.wait.op == nullptr ? StreamResume(process) : resume_file_call(process);
  if (outcome.status == vm::HostStatus::kDone) io[0] = static_cast<u64>(outcome.error);
  return outcome.status;
}

}  // namespace

Outcome fd_read(Process& p, u32 fd, u32 iovs_ptr, u32 count, u32 nread_ptr) {
  return transfer(p, fd, {.iovs_ptr = iovs_ptr, .count = count, .moved_ptr = nread_ptr});
}

vm::HostStatus fd_read_resume(vm::ExecContext& exec, u64* io) { return resume<&stream_read_resume>(exec, io); }

Outcome fd_write(Process& p, u32 fd, u32 iovs_ptr, u32 count, u32 nwritten_ptr) {
  return transfer(p, fd, {.is_write = true, .iovs_ptr = iovs_ptr, .count = count, .moved_ptr = nwritten_ptr});
}

vm::HostStatus fd_write_resume(vm::ExecContext& exec, u64* io) { return resume<&stream_write_resume>(exec, io); }

Outcome fd_pread(Process& p, u32 fd, u32 iovs_ptr, u32 count, u64 offset, u32 nread_ptr) {
  if (offset > static_cast<u64>(INT64_MAX)) return FdTable::find(p, fd) == nullptr ? Errno::kBadF : Errno::kInval;
  return transfer(p, fd,
                  {.offset = static_cast<i64>(offset), .iovs_ptr = iovs_ptr, .count = count, .moved_ptr = nread_ptr});
}

Outcome fd_pwrite(Process& p, u32 fd, u32 iovs_ptr, u32 count, u64 offset, u32 nwritten_ptr) {
  if (offset > static_cast<u64>(INT64_MAX)) return FdTable::find(p, fd) == nullptr ? Errno::kBadF : Errno::kInval;
  return transfer(p, fd,
                  {.is_write = true,
                   .offset = static_cast<i64>(offset),
                   .iovs_ptr = iovs_ptr,
                   .count = count,
                   .moved_ptr = nwritten_ptr});
}

}  // namespace lunabeam::wasi
