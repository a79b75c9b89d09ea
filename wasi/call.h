// Binding of WASI functions: plain C++ functions from typed arguments to an Errno become HostEntry rows. Guest addresses are checked
// in 64-bit arithmetic; an address outside the memory is a trap, as in the host we replace.
#pragma once

#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

#include "runtime/guest_memory.h"
#include "runtime/process.h"
#include "vm/host_function.h"
#include "wasi/errno.h"

namespace lunabeam::wasi {

using runtime::Process;

// What a WASI function answers: an errno for the guest, or one of the other outcomes of the host-function protocol.
struct Outcome {
  vm::HostStatus status = vm::HostStatus::kDone;
  Errno error = Errno::kSuccess;

  Outcome(Errno e) : error(e) {}            // NOLINT(google-explicit-constructor): functions return errnos.
  Outcome(vm::HostStatus s) : status(s) {}  // NOLINT(google-explicit-constructor): ... or statuses.
};

// Raises the trap of an address outside the guest's memory.
[[nodiscard]] inline Outcome out_of_bounds(Process& process) {
  return runtime::trap(process, vm::TrapKind::kOutOfBoundsMemoryAccess);
}

// Little-endian value at an address; false when it is outside the memory.
template <class T>
[[nodiscard]] bool store(Process& process, u64 address, T value) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  if (address > UINT32_MAX) return false;
  const auto bytes = runtime::guest_bytes(process, static_cast<u32>(address), sizeof value);
  if (!bytes) return false;
  std::memcpy(bytes->data(), &value, sizeof value);
  return true;
}
template <class T>
[[nodiscard]] bool load(Process& process, u64 address, T& value) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  if (address > UINT32_MAX) return false;
  const auto bytes = runtime::guest_bytes(process, static_cast<u32>(address), sizeof value);
  if (!bytes) return false;
  std::memcpy(&value, bytes->data(), sizeof value);
  return true;
}

// Charges time spent outside the guest, so that a loop of calls is preempted like any other (rule R1).
inline void charge_reductions(Process& process, u64 reductions) noexcept {
  process.exec.reductions -= static_cast<i64>(reductions);
}
// A system call, and bytes that it copies.
inline constexpr u64 kSyscallReductions = 64;
inline constexpr u64 kSyscallBytesPerReduction = 32;

namespace detail {

template <auto Function, class... Args, size_t... I>
vm::HostStatus invoke(vm::ExecContext& exec, u64* io, Outcome (*)(Process&, Args...), std::index_sequence<I...>) {
  const Outcome outcome = Function(runtime::process_of(exec), static_cast<Args>(io[I])...);
  if (outcome.status == vm::HostStatus::kDone) io[0] = static_cast<u64>(outcome.error);
  return outcome.status;
}

template <class... Args>
constexpr size_t arity(Outcome (*)(Process&, Args...)) {
  return sizeof...(Args);
}

}  // namespace detail

// HostEntry of `Outcome f(Process&, u32 a, u64 b, ...)`.
template <auto Function>
vm::HostStatus entry(vm::ExecContext& exec, u64* io) {
  return detail::invoke<Function>(exec, io, Function, std::make_index_sequence<detail::arity(Function)>{});
}

}  // namespace lunabeam::wasi
