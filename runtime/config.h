// What a process may do and how much it may use (ABI document 4.4). Shared read-only by all processes spawned with it; a
// guest changes a config through its table entry, which copies it first when a process already shares it.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/shared_directory.h"
#include "vm/base/ints.h"

namespace lunabeam::runtime {

// A directory the guest may use: `--dir HOST[::GUEST]`, config_preopen_dir.
struct Preopen {
  std::string host_path;
  std::string guest_path;
  // One for all copies of the config.
  std::shared_ptr<SharedDirectory> directory = std::make_shared<SharedDirectory>(host_path);
};

// Defaults are those of create_config; Vm::root_config() gives the root's.
struct Config {
  u64 max_memory_bytes = 4'294'967'295;
  u64 max_fuel = 0;     // Units of 10,000 reductions (rule R4); 0 = unlimited.
  u64 max_mailbox = 0;  // Unread messages; 0 = unlimited. Inherited: no host function sets it.
  bool can_compile_modules = false;
  bool can_create_configs = false;
  bool can_spawn_processes = false;
  std::vector<std::string> arguments;                            // The first one is argv[0].
  std::vector<std::pair<std::string, std::string>> environment;  // In order, duplicates kept.
  std::vector<Preopen> preopens;
};

class MemoryBudget;

// Counted reference to a config. Invariant 1: a config with more than one reference is never changed.
class ConfigRef {
 public:
  ConfigRef() noexcept = default;
  // nullptr-like when memory is exhausted.
  [[nodiscard]] static ConfigRef create() noexcept;
  ConfigRef(const ConfigRef& other) noexcept : shared_(other.shared_) {
    if (shared_ != nullptr) shared_->references.fetch_add(1, std::memory_order_relaxed);
  }
  ConfigRef(ConfigRef&& other) noexcept : shared_(std::exchange(other.shared_, nullptr)) {}
  ConfigRef& operator=(ConfigRef other) noexcept {
    std::swap(shared_, other.shared_);
    return *this;
  }
  ~ConfigRef() { reset(); }
  void reset() noexcept;

  [[nodiscard]] explicit operator bool() const { return shared_ != nullptr; }
  [[nodiscard]] const Config& operator*() const { return shared_->config; }
  [[nodiscard]] const Config* operator->() const { return &shared_->config; }
  // Charges bytes that the guest is about to add; refunded with the config. False: the limit is reached.
  // REQUIRES: this is the only reference (writable() was called).
  [[nodiscard]] bool charge(MemoryBudget& budget, u64 size_bytes) noexcept;
  // The config for writing: this reference gets a copy of its own when others share it. nullptr: memory or the limit
  // exhausted.
  [[nodiscard]] Config* writable() noexcept;

 private:
  struct Shared {
    std::atomic<u32> references{1};
    Config config;
    MemoryBudget* budget = nullptr;  // nullptr: a config that no guest has made, which costs nobody.
    u64 charged_bytes = 0;
    ~Shared();
  };
  Shared* shared_ = nullptr;
};

}  // namespace lunabeam::runtime
