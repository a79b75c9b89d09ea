// lunatic::process::*config* and lunatic::wasi (ABI document 2.5, 2.10, 4.4): what a spawned process may do and use.
#include <cstdlib>
#include <string>

#include "runtime/config.h"
#include "runtime/hostcalls/areas.h"
#include "runtime/hostcalls/bind.h"
#include "runtime/hostcalls/resources.h"
#include "runtime/vm.h"

namespace lunabeam::runtime::hostcalls {
namespace {

constexpr Fault kUnknownConfig{"unknown config id"};
constexpr Fault kConfigFull{"the texts of the config are too long"};

// Arguments, variables and directories of one config, together.
constexpr u64 kMaxConfigBytes = u64{4} << 20;

ConfigRef* find_config(Process& self, u64 id) {
  return self.resources == nullptr ? nullptr : self.resources->configs.find(id);
}

Outcome<u64> create_config(Process& self) {
  if (!self.config->can_create_configs) return kNotAllowedId;
  Resources* resources = resources_of(self);
  if (resources == nullptr) return kOutOfMemory;
  if (resources->configs.size() >= kMaxTableEntries) return kTableFull;
  ConfigRef config = ConfigRef::create();
  if (!config || !config.charge(self.scheduler->vm().budget(), sizeof(Config))) return kOutOfMemory;
  // The bound of mailboxes is the VM's: no guest lifts it.
  if (self.config->max_mailbox != 0) {
    Config* const writable = config.writable();
    if (writable == nullptr) return kOutOfMemory;
    writable->max_mailbox = self.config->max_mailbox;
  }
  const auto id = resources->configs.add(std::move(config));
  if (!id) return kOutOfMemory;
  return *id;
}

Outcome<void> drop_config(Process& self, u64 id) {
  if (self.resources == nullptr || !self.resources->configs.take(id)) return kUnknownConfig;
  return Done{};
}

// --- Getters and setters ---

template <auto kField, class Value>
Outcome<Value> get(Process& self, u64 id) {
  const ConfigRef* config = find_config(self, id);
  if (config == nullptr) return kUnknownConfig;
  return static_cast<Value>((**config).*kField);
}

template <auto kField, class Value>
Outcome<void> set(Process& self, u64 id, Value value) {
  ConfigRef* config = find_config(self, id);
  if (config == nullptr) return kUnknownConfig;
  Config* const writable = config->writable();
  if (writable == nullptr) return kOutOfMemory;
  using Field = std::remove_reference_t<decltype(writable->*kField)>;
  if constexpr (std::is_same_v<Field, bool>) {
    writable->*kField = value != 0;
  } else {
    writable->*kField = value;
  }
  return Done{};
}

// --- What WASI will see ---

// What an entry costs besides its bytes.
constexpr u64 kEntryBytes = 64;

u64 text_bytes(const Config& config) {
  u64 size_bytes = kEntryBytes * (config.arguments.size() + config.environment.size() + config.preopens.size());
  for (const std::string& argument : config.arguments) size_bytes += argument.size();
  for (const auto& [key, value] : config.environment) size_bytes += key.size() + value.size();
  for (const Preopen& preopen : config.preopens) size_bytes += preopen.host_path.size() + preopen.guest_path.size();
  return size_bytes;
}

// Calls add(config) when the config exists and has room for added_bytes.
template <class Add>
Outcome<void> extend(Process& self, u64 id, u64 added_bytes, Add add) {
  ConfigRef* config = find_config(self, id);
  if (config == nullptr) return kUnknownConfig;
  const u64 size_bytes = text_bytes(**config);
  if (size_bytes + kEntryBytes + added_bytes > kMaxConfigBytes) return kConfigFull;
  charge_work(self, size_bytes + added_bytes);
  Config* const writable = config->writable();
  if (writable == nullptr || !config->charge(self.scheduler->vm().budget(), kEntryBytes + added_bytes))
    return kOutOfMemory;
  add(*writable);
  return Done{};
}

Outcome<void> add_environment_variable(Process& self, u64 id, GuestText key, GuestText value) {
  return extend(self, id, key.text.size() + value.text.size(),
                [&](Config& config) { config.environment.emplace_back(key.text, value.text); });
}

Outcome<void> add_command_line_argument(Process& self, u64 id, GuestText argument) {
  return extend(self, id, argument.text.size(), [&](Config& config) { config.arguments.emplace_back(argument.text); });
}

// "~" stands for the home directory of whoever runs the VM, alone or in front of a path.
std::string host_path_of(std::string_view path) {
  const char* const home = std::getenv("HOME");
  if (home == nullptr || !path.starts_with('~') || (path.size() > 1 && path[1] != '/')) return std::string(path);
  return std::string(home).append(path.substr(1));
}

Outcome<void> preopen_dir(Process& self, u64 id, GuestText path) {
  std::string host_path = host_path_of(path.text);
  return extend(self, id, path.text.size() + host_path.size(), [&](Config& config) {
    config.preopens.push_back({.host_path = std::move(host_path), .guest_path = std::string(path.text)});
  });
}

constexpr vm::HostFunction kFunctions[] = {
    bind<"process", "create_config", create_config>(),
    bind<"process", "drop_config", drop_config>(),
    bind<"process", "config_set_max_memory", set<&Config::max_memory_bytes, u64>>(),
    bind<"process", "config_get_max_memory", get<&Config::max_memory_bytes, u64>>(),
    bind<"process", "config_set_max_fuel", set<&Config::max_fuel, u64>>(),
    bind<"process", "config_get_max_fuel", get<&Config::max_fuel, u64>>(),
    bind<"process", "config_can_compile_modules", get<&Config::can_compile_modules, u32>>(),
    bind<"process", "config_set_can_compile_modules", set<&Config::can_compile_modules, u32>>(),
    bind<"process", "config_can_create_configs", get<&Config::can_create_configs, u32>>(),
    bind<"process", "config_set_can_create_configs", set<&Config::can_create_configs, u32>>(),
    bind<"process", "config_can_spawn_processes", get<&Config::can_spawn_processes, u32>>(),
    bind<"process", "config_set_can_spawn_processes", set<&Config::can_spawn_processes, u32>>(),
    bind<"wasi", "config_add_environment_variable", add_environment_variable>(),
    bind<"wasi", "config_add_command_line_argument", add_command_line_argument>(),
    bind<"wasi", "config_preopen_dir", preopen_dir>(),
};

}  // namespace

std::span<const vm::HostFunction> config_functions() { return kFunctions; }

}  // namespace lunabeam::runtime::hostcalls
