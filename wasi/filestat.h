// Attributes of files: filestat of preview 1 from stat(2), and setting times.
#pragma once

#include <sys/stat.h>

#include "wasi/call.h"
#include "wasi/file_types.h"

namespace lunabeam::wasi {

inline constexpr u64 kFilestatBytes = 64;

// What a call that asks for attributes brings back.
struct StatResult {
  Errno error = Errno::kSuccess;
  struct stat status = {};
};

// Writes the filestat at stat_ptr, or answers result.error.
[[nodiscard]] Outcome store_filestat(Process& process, u32 stat_ptr, const StatResult& result) noexcept;

// Attributes of a file that was opened without waiting, if they too can be had so: it is on the local device `device`.
[[nodiscard]] bool stat_local(int fd, u64 device, struct stat& status) noexcept;

// New times, as FstFlags say. kInval: flags that contradict each other or mean nothing.
struct NewTimes {
  timespec times[2] = {};  // Access, modification; as for utimensat.
};
[[nodiscard]] Errno read_times(u64 atime_ns, u64 mtime_ns, u32 flags, NewTimes& out) noexcept;

// Sets the times of what `fd`, which may be O_PATH, refers to. May block.
[[nodiscard]] Errno set_times(int fd, const NewTimes& times) noexcept;

}  // namespace lunabeam::wasi
