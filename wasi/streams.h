// The standard streams of a process: descriptors 0, 1 and 2 of the host program. A process starts with all three; it may close
// and renumber them for itself. Only a process that does so owns a table; all others cost nothing.
#pragma once

#include <array>

#include "runtime/process.h"

namespace lunabeam::wasi {

class Streams {
 public:
  static constexpr u32 kCount = 3;

  // The host's descriptor behind the guest's, or -1 when it is not open in this process.
  [[nodiscard]] static int host_fd(const runtime::Process& process, u32 fd);
  // The process's own table, made at first use. nullptr: memory exhausted.
  [[nodiscard]] static Streams* writable(runtime::Process& process);

  void close(u32 fd) { host_fds_[fd] = -1; }
  // Moves `from` over `to`; both are open.
  void renumber(u32 from, u32 to) {
    host_fds_[to] = host_fds_[from];
    if (from != to) host_fds_[from] = -1;
  }

 private:
  std::array<int, kCount> host_fds_ = {0, 1, 2};
};

}  // namespace lunabeam::wasi
