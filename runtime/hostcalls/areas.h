// The bound functions of each area, for registry.cpp. Static data, rows of functions.def with status kFull or kNoPeers.
#pragma once

#include <span>

#include "vm/host_function.h"

namespace lunabeam::runtime::hostcalls {

[[nodiscard]] std::span<const vm::HostFunction> error_functions();
[[nodiscard]] std::span<const vm::HostFunction> message_functions();
[[nodiscard]] std::span<const vm::HostFunction> timer_functions();
[[nodiscard]] std::span<const vm::HostFunction> module_functions();
[[nodiscard]] std::span<const vm::HostFunction> config_functions();  // process::config_*, wasi::config_*
[[nodiscard]] std::span<const vm::HostFunction> spawn_functions();
[[nodiscard]] std::span<const vm::HostFunction> process_functions();
[[nodiscard]] std::span<const vm::HostFunction> name_functions();
[[nodiscard]] std::span<const vm::HostFunction> version_functions();
[[nodiscard]] std::span<const vm::HostFunction> metric_functions();
[[nodiscard]] std::span<const vm::HostFunction> trap_functions();
[[nodiscard]] std::span<const vm::HostFunction> distributed_functions();

}  // namespace lunabeam::runtime::hostcalls
