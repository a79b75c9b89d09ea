// Reading and writing the standard streams of the host program. They are shared with the program that started the VM, whose
// descriptors are left as they are (never made non-blocking): a process whose stream is not ready parks and looks again with growing
// pauses, so that no scheduler waits for a terminal or a pipe. Output that is captured (runtime/output_capture.h) waits for nobody.
#pragma once

#include "wasi/call.h"

namespace lunabeam::wasi {

// REQUIRES: host_fd is 0, 1 or 2; the list lies in the memory and moved_ptr is the address of a u32.
[[nodiscard]] Outcome stream_read(Process& process, int host_fd, u32 iovs_ptr, u32 count, u32 moved_ptr);
[[nodiscard]] Outcome stream_write(Process& process, int host_fd, u32 iovs_ptr, u32 count, u32 moved_ptr);
// Looks again. REQUIRES: the process is parked in the function's first half.
[[nodiscard]] Outcome stream_read_resume(Process& process);
[[nodiscard]] Outcome stream_write_resume(Process& process);

// Whether what the process writes to this stream stays in memory.
[[nodiscard]] bool is_captured(const Process& process, int host_fd) noexcept;
// Whether the stream is a terminal to the guest.
[[nodiscard]] bool is_terminal(const Process& process, int host_fd) noexcept;

// Whether reading or writing (POLLIN, POLLOUT) would not wait.
[[nodiscard]] bool is_ready(int host_fd, short events) noexcept;

}  // namespace lunabeam::wasi
