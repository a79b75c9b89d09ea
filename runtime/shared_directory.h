// A directory of the host that guests may use (preopen). It is opened once, when something in it is first used, and shared by
// every process whose config lists it: spawning opens nothing.
#pragma once

#include <atomic>
#include <mutex>
#include <string>

#include "vm/base/ints.h"

namespace lunabeam::runtime {

// The device of an open file whose file system keeps what it knows about open files in memory: asking for attributes waits for
// nobody. 0: another one (a network's, one of user space), or it cannot be told. May block.
[[nodiscard]] u64 local_device_of(int fd) noexcept;

// Threading: any thread. The descriptor lives as long as the object.
class SharedDirectory {
 public:
  // A relative path is relative to the working directory of the VM.
  explicit SharedDirectory(std::string host_path) : host_path_(std::move(host_path)) {}
  ~SharedDirectory();
  SharedDirectory(const SharedDirectory&) = delete;
  SharedDirectory& operator=(const SharedDirectory&) = delete;

  // The descriptor (O_PATH), or -errno. A failure is not remembered: the directory may be made later. Opening may block: not for
  // scheduler threads, except before the VM runs.
  [[nodiscard]] int descriptor() noexcept;
  // The descriptor if it is open, else -1. Never blocks.
  [[nodiscard]] int known_descriptor() const noexcept { return fd_.load(std::memory_order_acquire); }
  // local_device_of() the descriptor. REQUIRES: known_descriptor() >= 0 was seen.
  [[nodiscard]] u64 local_device() const noexcept { return local_device_; }

 private:
  const std::string host_path_;
  std::mutex mutex_;         // Held while opening.
  u64 local_device_ = 0;     // Written before fd_.
  std::atomic<int> fd_{-1};  // Written once, with release.
};

}  // namespace lunabeam::runtime
