// Allocation of control signals.
#include "runtime/signal.h"

#include <new>

#include "runtime/links.h"
#include "runtime/memory_account.h"
#include "vm/base/check.h"

namespace lunabeam::runtime {

namespace {

u64 charged_bytes(SignalKind kind) {
  switch (kind) {
    case SignalKind::kWake: return 0;
    case SignalKind::kLink:
    case SignalKind::kMonitor: return sizeof(ControlSignal) + PidMap::kMostBytesPerEntry;
    default: return sizeof(ControlSignal);
  }
}

ControlSignal* make(SignalKind kind, u64 pid, i64 tag, u8 detail) {
  auto* signal = new (std::nothrow) ControlSignal(kind);
  if (signal == nullptr) return nullptr;
  signal->pid = pid;
  signal->tag = tag;
  signal->detail = detail;
  return signal;
}

}  // namespace

ControlSignal* new_request(MemoryAccount& account, SignalKind kind, u64 pid, i64 tag, u8 detail) noexcept {
  if (!account.charge(charged_bytes(kind))) return nullptr;
  ControlSignal* signal = make(kind, pid, tag, detail);
  if (signal == nullptr) account.release(charged_bytes(kind));
  return signal;
}

ControlSignal* new_notice(MemoryAccount& account, SignalKind kind, u64 pid, i64 tag, u8 detail) noexcept {
  account.charge_anyway(charged_bytes(kind));
  ControlSignal* signal = make(kind, pid, tag, detail);
  VM_CHECK(signal != nullptr);  // The VM's own exhaustion.
  return signal;
}

ControlSignal* new_wake(u32 wait_epoch) noexcept {
  ControlSignal* signal = make(SignalKind::kWake, 0, 0, 0);
  VM_CHECK(signal != nullptr);  // The VM's own exhaustion.
  signal->wait_epoch = wait_epoch;
  return signal;
}

void free_control_signal(MemoryAccount& account, ControlSignal* signal) noexcept {
  if (signal == nullptr) return;
  account.release(charged_bytes(signal->kind));
  delete signal;
}

void free_wake(ControlSignal* signal) noexcept {
  VM_DCHECK(signal->kind == SignalKind::kWake);
  delete signal;
}

}  // namespace lunabeam::runtime
