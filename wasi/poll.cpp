// poll_oneoff: clocks suspend the process until the first deadline; descriptors are looked at when the call begins and, with
// growing pauses, while it waits.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/sched/clock.h"
#include "runtime/sched/scheduler.h"
#include "runtime/wait.h"
#include "wasi/fd_access.h"
#include "wasi/functions.h"
#include "wasi/streams.h"

namespace lunabeam::wasi {
namespace {

using runtime::kNeverNs;

// subscription: u64 userdata, u8 tag at 8; clock: u32 id at 16, u64 timeout at 24, u64 precision at 32, u16 flags at 40;
// fd_read, fd_write: u32 fd at 16.
constexpr u64 kSubscriptionBytes = 48;
// event: u64 userdata, u16 errno at 8, u8 type at 10, u64 nbytes at 16, u16 flags at 24.
constexpr u64 kEventBytes = 32;
constexpr u16 kAbsoluteTime = 1;
constexpr u64 kLookAgainNs = 4'000'000;  // Between two looks at a descriptor.
// Most subscriptions of one call, which looks at all of them in one go; and most descriptors it asks the host about.
constexpr u32 kMaxSubscriptions = 16 * 1024;
constexpr u32 kMaxAsked = 1024;

enum EventType : u8 { kClock = 0, kFdRead = 1, kFdWrite = 2 };
enum ClockId : u32 { kRealtime = 0, kMonotonic = 1 };

struct Subscription {
  u64 userdata = 0;
  u8 type = 0;
  u32 id = 0;  // Clock or descriptor.
  u64 timeout_ns = 0;
  u16 flags = 0;
};

// REQUIRES: the list was checked to lie inside the memory.
Subscription subscription_at(Process& p, u32 in_ptr, u32 index) {
  const u8* at = p.memory->base + in_ptr + u64{index} * kSubscriptionBytes;
  Subscription s;
  std::memcpy(&s.userdata, at, 8);
  std::memcpy(&s.type, at + 8, 1);
  std::memcpy(&s.id, at + 16, 4);
  std::memcpy(&s.timeout_ns, at + 24, 8);
  std::memcpy(&s.flags, at + 40, 2);
  return s;
}

void write_event(Process& p, u32 out_ptr, u32 index, const Subscription& s, Errno error, u64 bytes) {
  u8* at = p.memory->base + out_ptr + u64{index} * kEventBytes;
  const auto code = static_cast<u16>(error);
  std::memset(at, 0, kEventBytes);
  std::memcpy(at, &s.userdata, 8);
  std::memcpy(at + 8, &code, 2);
  std::memcpy(at + 10, &s.type, 1);
  std::memcpy(at + 16, &bytes, 8);
}

// When a clock subscription is due, on the scheduler's monotonic clock; error for clocks that cannot be waited for.
Errno deadline_of(const Subscription& s, bool only_one, u64 start_ns, u64& deadline_ns) {
  deadline_ns = kNeverNs;
  if ((s.flags & kAbsoluteTime) != 0) {
    if (s.id == kRealtime) return Errno::kNotSup;
    if (s.id != kMonotonic) return Errno::kInval;
    deadline_ns = s.timeout_ns;
    return Errno::kSuccess;
  }
  if (!only_one && s.id != kRealtime && s.id != kMonotonic) return Errno::kInval;
  deadline_ns = s.timeout_ns > kNeverNs - start_ns ? kNeverNs : start_ns + s.timeout_ns;
  return Errno::kSuccess;
}

struct Readiness {
  bool ready = false;
  Errno error = Errno::kSuccess;
  u64 bytes = 0;
};

// What is left of a file behind its position, as far as the host knows without asking a disk.
u64 readable_bytes(int host_fd) {
  struct statx status;
  if (statx(host_fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_SIZE, &status) != 0) return 0;
  const off_t at = lseek(host_fd, 0, SEEK_CUR);
  return at < 0 || static_cast<u64>(at) > status.stx_size ? 0 : status.stx_size - static_cast<u64>(at);
}

// Asks the host, for the standard streams once per look, however many subscriptions there are.
class DescriptorLook {
 public:
  Readiness readiness(Process& p, const Subscription& s) {
    const Descriptor* const descriptor = FdTable::find(p, s.id);
    if (descriptor == nullptr || descriptor->kind == Descriptor::Kind::kDirectory) {
      return {.ready = true, .error = Errno::kBadF};
    }
    if ((descriptor->rights & kPollFdReadwrite) == 0) return {.ready = true, .error = Errno::kNotCapable};
    const bool reads = s.type == kFdRead;
    if (is_stream(descriptor)) {
      Known& known = known_[reads ? 0 : 1][static_cast<size_t>(descriptor->stream)];
      if (known == Known::kNo && !reads && is_captured(p, descriptor->stream)) known = Known::kReady;
      if (known == Known::kNo) known = ask(p, descriptor->stream, reads) ? Known::kReady : Known::kBusy;
      return {.ready = known == Known::kReady, .bytes = 1};
    }
    if (++asked_ > kMaxAsked) return {.ready = true, .error = Errno::kNoBufs};
    const int host_fd = descriptor->file->host_fd();
    if (!descriptor->file->facts.is_seekable) return {.ready = ask(p, host_fd, reads), .bytes = 1};
    charge_reductions(p, kSyscallReductions);
    return {.ready = true, .bytes = reads ? readable_bytes(host_fd) : 1};
  }

 private:
  enum class Known : u8 { kNo, kBusy, kReady };

  static bool ask(Process& p, int host_fd, bool reads) {
    charge_reductions(p, kSyscallReductions);
    return is_ready(host_fd, reads ? POLLIN : POLLOUT);
  }

  Known known_[2][FdTable::kStreams] = {};
  u32 asked_ = 0;
};

// One look: writes the events that are due. When none is, `next_ns` is when to look again.
Outcome look(Process& p, u32 in_ptr, u32 out_ptr, u32 count, u32 nevents_ptr, u64 start_ns, u64& next_ns) {
  if (!runtime::guest_bytes(p, in_ptr, u64{count} * kSubscriptionBytes) ||
      !runtime::guest_bytes(p, out_ptr, u64{count} * kEventBytes) || !runtime::guest_bytes(p, nevents_ptr, 4)) {
    return out_of_bounds(p);
  }
  const u64 now_ns = p.scheduler->clock().monotonic_ns();
  charge_reductions(p, count);
  DescriptorLook descriptors;
  u32 events = 0;
  next_ns = kNeverNs;
  for (u32 i = 0; i < count; ++i) {
    const Subscription s = subscription_at(p, in_ptr, i);
    if (s.type == kClock) {
      u64 deadline_ns = kNeverNs;
      const Errno error = deadline_of(s, count == 1, start_ns, deadline_ns);
      if (error != Errno::kSuccess) return error;
      if (deadline_ns <= now_ns) {
        write_event(p, out_ptr, events++, s, Errno::kSuccess, 0);
      } else {
        next_ns = std::min(next_ns, deadline_ns);
      }
    } else if (s.type == kFdRead || s.type == kFdWrite) {
      const Readiness readiness = descriptors.readiness(p, s);
      if (readiness.ready) {
        write_event(p, out_ptr, events++, s, readiness.error, readiness.bytes);
      } else {
        next_ns = std::min(next_ns, now_ns + kLookAgainNs);
      }
    } else {
      return Errno::kInval;
    }
  }
  if (events > 0) {
    (void)store<u32>(p, nevents_ptr, events);
    return Errno::kSuccess;
  }
  return vm::HostStatus::kPark;
}

}  // namespace

// While parked, wait.args note the call: start time, and where the guest's arguments are kept is the guest's own memory; the four
// addresses do not fit two words, so they live in an operation.
struct PollWait final : runtime::WaitOp {
  u32 in_ptr = 0;
  u32 out_ptr = 0;
  u32 count = 0;
  u32 nevents_ptr = 0;
  u64 start_ns = 0;
};

namespace {

Outcome poll_step(Process& p, const PollWait& call) {
  u64 next_ns = kNeverNs;
  const Outcome outcome = look(p, call.in_ptr, call.out_ptr, call.count, call.nevents_ptr, call.start_ns, next_ns);
  if (outcome.status != vm::HostStatus::kPark) return outcome;
  auto* op = new (std::nothrow) PollWait(call);
  if (op == nullptr) return Errno::kNoMem;
  (void)runtime::sleep_until_begin(p, next_ns);
  p.wait.op = op;
  return vm::HostStatus::kPark;
}

}  // namespace

Outcome poll_oneoff(Process& p, u32 in_ptr, u32 out_ptr, u32 count, u32 nevents_ptr) {
  if (count == 0 || count > kMaxSubscriptions) return Errno::kInval;
  PollWait call;
  call.in_ptr = in_ptr;
  call.out_ptr = out_ptr;
  call.count = count;
  call.nevents_ptr = nevents_ptr;
  call.start_ns = p.scheduler->clock().monotonic_ns();
  return poll_step(p, call);
}

vm::HostStatus poll_oneoff_resume(vm::ExecContext& exec, u64* io) {
  Process& p = runtime::process_of(exec);
  const PollWait call = *static_cast<const PollWait*>(p.wait.op);
  if (runtime::sleep_resume(p) == runtime::WaitStatus::kPark) return vm::HostStatus::kPark;
  const Outcome outcome = poll_step(p, call);
  if (outcome.status == vm::HostStatus::kDone) io[0] = static_cast<u64>(outcome.error);
  return outcome.status;
}

}  // namespace lunabeam::wasi
