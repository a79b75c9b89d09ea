#include "wasi/preview1.h"

#include <array>

#include "runtime/wait.h"
#include "wasi/file_call.h"
#include "wasi/functions.h"

namespace lunabeam::wasi {
namespace {

// proc_exit has no result; its row takes the raw entry, all others the typed ones.
template <auto Function>
constexpr vm::HostEntry entry_of() {
  if constexpr (std::is_same_v<decltype(Function), vm::HostEntry>) {
    return Function;
  } else {
    return &entry<Function>;
  }
}

// Whether a function may park in the blocking pool; preview1.def.
enum class Kind : u8 { kDirect, kFile };

// How a parked call goes on; null for the many that never park.
constexpr vm::HostEntry resume_of(std::string_view name, Kind kind) {
  if (name == "poll_oneoff") return &poll_oneoff_resume;
  if (name == "fd_read") return &fd_read_resume;
  if (name == "fd_write") return &fd_write_resume;
  if (name == "random_get") return &random_get_resume;
  if (name == "sched_yield") return &sched_yield_resume;
  return kind == Kind::kFile ? &file_call_resume : nullptr;
}

// The text of the trap that functions raise (call.h), which alone would say neither that a host function did nor which one.
#define WASI_FUNCTION(name, signature, kind) \
  constexpr char trap_of_##name[] = "wasi_snapshot_preview1::" #name ": out of bounds memory access";
#include "wasi/preview1.def"

void name_trap(vm::Trap& trap, const char* text) noexcept {
  if (trap.kind == vm::TrapKind::kOutOfBoundsMemoryAccess && trap.message == nullptr) trap.message = text;
}

// kEntry, or null when it is; names its trap.
template <vm::HostEntry kEntry, const char* kText>
constexpr vm::HostEntry named() {
  if constexpr (kEntry == nullptr) {
    return nullptr;
  } else {
    return [](vm::ExecContext& exec, u64* io) {
      const vm::HostStatus status = kEntry(exec, io);
      if (status == vm::HostStatus::kTrap) [[unlikely]]
        name_trap(exec.trap, kText);
      return status;
    };
  }
}

constexpr std::array kRows = {
#define WASI_FUNCTION(name, signature, kind)                                                  \
  vm::HostFunction{"wasi_snapshot_preview1",                                                  \
                   #name,                                                                     \
                   signature,                                                                 \
                   named<entry_of<&name>(), trap_of_##name>(),                                \
                   named<resume_of(#name, Kind::kind), trap_of_##name>(),                     \
                   nullptr,                                                                   \
                   nullptr,                                                                   \
                   resume_of(#name, Kind::kind) != nullptr ? &runtime::cancel_wait : nullptr, \
                   1},
#include "wasi/preview1.def"
};

}  // namespace

std::span<const vm::HostFunction> preview1_functions() { return kRows; }

}  // namespace lunabeam::wasi
