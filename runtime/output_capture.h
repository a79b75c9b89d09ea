// What the processes of an environment write to their standard streams, kept instead of handed to the host's: for test runners (ABI
// document 6.3). Standard output and error of a process are one stream; every process has its own.
//
// Threading: any thread.
#pragma once

#include <sys/uio.h>

#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "vm/base/ints.h"

namespace lunabeam::runtime {

class OutputCapture {
 public:
  struct Stream {
    u64 pid = 0;
    std::string text;
  };

  // What is kept of all streams together, and how many of them: a guest can write for ever. The rest is only counted.
  static constexpr u64 kMaxBytes = u64{16} << 20;
  static constexpr u64 kMaxStreams = 4096;

  // echoes: what is written goes to the host's streams too.
  explicit OutputCapture(bool echoes) noexcept : echoes_(echoes) {}

  [[nodiscard]] bool echoes() const { return echoes_; }
  // Adds the first `size_bytes` of the pieces to the stream of process `pid`.
  void append(u64 pid, std::span<const iovec> pieces, u64 size_bytes) noexcept;
  // The streams so far, the root's first if it has written.
  [[nodiscard]] std::vector<Stream> streams() const;
  // Bytes that were not kept.
  [[nodiscard]] u64 lost_bytes() const;

 private:
  const bool echoes_;
  mutable std::mutex lock_;
  // Under lock_.
  std::unordered_map<u64, std::string> texts_;
  u64 kept_bytes_ = 0;
  u64 lost_bytes_ = 0;
};

}  // namespace lunabeam::runtime
