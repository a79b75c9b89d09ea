// Allocation of control signals.
#include "runtime/signal.h"

#include <new>

#include "vm/base/check.h"

namespace lunabeam::runtime {

ControlSignal* new_control_signal(SignalKind kind, u64 pid, i64 tag, u8 detail) noexcept {
  auto* signal = new (std::nothrow) ControlSignal(kind);
  VM_CHECK(signal != nullptr);  // The VM's own exhaustion: a death notice cannot be refused.
  signal->pid = pid;
  signal->tag = tag;
  signal->detail = detail;
  return signal;
}

void free_control_signal(ControlSignal* signal) noexcept { delete signal; }

}  // namespace lunabeam::runtime
