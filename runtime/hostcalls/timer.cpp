// lunatic::timer (ABI document 2.3).
#include <utility>

#include "runtime/hostcalls/areas.h"
#include "runtime/hostcalls/bind.h"
#include "runtime/hostcalls/resources.h"
#include "runtime/timers.h"

namespace lunabeam::runtime::hostcalls {
namespace {

// Servers keep one per client: more than of other resources.
constexpr u64 kMaxTimers = 1'048'576;

Outcome<u64> send_after(Process& self, u64 pid, u64 delay_ms) {
  if (self.scratch == nullptr) return Fault{"there is no message in the scratch area"};
  if (!has_room_for_timer(self, kMaxTimers)) return kTableFull;
  const u64 id = runtime::send_after(self, pid, std::exchange(self.scratch, nullptr), delay_ms);
  if (id == ~u64{0}) return kOutOfMemory;
  return id;
}

Outcome<u32> cancel_timer(Process& self, u64 timer_id) { return u32{runtime::cancel_timer(self, timer_id)}; }

constexpr vm::HostFunction kFunctions[] = {
    bind<"timer", "send_after", send_after>(),
    bind<"timer", "cancel_timer", cancel_timer>(),
};

}  // namespace

std::span<const vm::HostFunction> timer_functions() { return kFunctions; }

}  // namespace lunabeam::runtime::hostcalls
