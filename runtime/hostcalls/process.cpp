// lunatic::process: sleeping, identity, links, monitors, kill (ABI document 2.5, 4.8). None of them traps for an unknown process.
#include "runtime/environment.h"
#include "runtime/hostcalls/areas.h"
#include "runtime/hostcalls/bind.h"
#include "runtime/signals.h"

namespace lunabeam::runtime::hostcalls {
namespace {

Outcome<void> sleep_outcome(WaitStatus status) {
  if (status == WaitStatus::kPark) return Parked{};
  return Done{};
}

// 0 ms is a yield.
Outcome<void> sleep_ms(Process& self, u64 ms) { return sleep_outcome(sleep_begin(self, ms)); }
Outcome<void> sleep_ms_resume(Process& self) { return sleep_outcome(sleep_resume(self)); }

Outcome<void> die_when_link_dies(Process& self, u32 flag) {
  if (!set_die_when_link_dies(self, flag != 0)) return kOutOfMemory;
  return Done{};
}

Outcome<u64> process_id(Process& self) { return self.pid; }
Outcome<u64> environment_id(Process& self) { return self.environment->id; }

Outcome<void> link(Process& self, i64 tag, u64 pid) {
  if (!runtime::link(self, tag, pid)) return kOutOfMemory;
  return Done{};
}

Outcome<void> unlink(Process& self, u64 pid) {
  if (!runtime::unlink(self, pid)) return kOutOfMemory;
  return Done{};
}

Outcome<void> monitor(Process& self, u64 pid) {
  if (!runtime::monitor(self, pid)) return kOutOfMemory;
  return Done{};
}

Outcome<void> stop_monitoring(Process& self, u64 pid) {
  if (!runtime::stop_monitoring(self, pid)) return kOutOfMemory;
  return Done{};
}

Outcome<void> kill(Process& self, u64 pid) {
  if (!runtime::kill(self, pid)) return kOutOfMemory;
  return Done{};
}

Outcome<u32> exists(Process& self, u64 pid) { return u32{runtime::exists(self, pid)}; }

constexpr vm::HostFunction kFunctions[] = {
    bind_waiting<"process", "sleep_ms", sleep_ms, sleep_ms_resume>(),
    bind<"process", "die_when_link_dies", die_when_link_dies>(),
    bind<"process", "process_id", process_id>(),
    bind<"process", "environment_id", environment_id>(),
    bind<"process", "link", link>(),
    bind<"process", "unlink", unlink>(),
    bind<"process", "monitor", monitor>(),
    bind<"process", "stop_monitoring", stop_monitoring>(),
    bind<"process", "kill", kill>(),
    bind<"process", "exists", exists>(),
};

}  // namespace

std::span<const vm::HostFunction> process_functions() { return kFunctions; }

}  // namespace lunabeam::runtime::hostcalls
