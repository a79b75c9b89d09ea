// Figures about a VM for a person to read: --stats at the end of a run, SIGUSR1 during it.
#pragma once

#include <pthread.h>

#include <atomic>

#include "runtime/vm.h"

namespace lunabeam::tools {

// To standard error. REQUIRES: no worker of the VM runs.
void print_stats(runtime::Vm& vm);

// From here on SIGUSR1 waits for somebody who prints figures, on this thread and those it makes, instead of ending the program.
void block_stats_signal() noexcept;

// While it exists, SIGUSR1 prints figures of the running VM, gathered by a thread of its own: no worker stops for it.
// REQUIRES: made on the thread that will run the root, before run_root; the signal stays blocked there.
class StatsOnSignal {
 public:
  explicit StatsOnSignal(runtime::Vm& vm) noexcept;
  ~StatsOnSignal();
  StatsOnSignal(const StatsOnSignal&) = delete;
  StatsOnSignal& operator=(const StatsOnSignal&) = delete;

 private:
  static void* wait_for_signals(void* self) noexcept;

  runtime::Vm& vm_;
  pthread_t thread_ = {};
  bool has_thread_ = false;
  std::atomic<bool> ends_{false};  // Release by the owner, acquire by the thread.
};

}  // namespace lunabeam::tools
