// A directory of the host that guests may use (preopen). It is opened once, when something in it is first used, and shared by
// every process whose config lists it: spawning opens nothing.
#pragma once

#include <atomic>
#include <mutex>
#include <string>

namespace lunabeam::runtime {

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

 private:
  const std::string host_path_;
  std::mutex mutex_;         // Held while opening.
  std::atomic<int> fd_{-1};  // Written once, with release.
};

}  // namespace lunabeam::runtime
