// Streams in memory.
#include "runtime/output_capture.h"

#include <algorithm>

namespace lunabeam::runtime {

void OutputCapture::append(u64 pid, std::span<const iovec> pieces, u64 size_bytes) noexcept {
  const std::lock_guard guard(lock_);
  const auto known = texts_.find(pid);
  u64 room = known == texts_.end() && texts_.size() >= kMaxStreams ? 0 : kMaxBytes - kept_bytes_;
  std::string* text = nullptr;
  for (const iovec& piece : pieces) {
    const u64 offered = std::min<u64>(piece.iov_len, size_bytes);
    const u64 kept = std::min(offered, room);
    size_bytes -= offered;
    room -= kept;
    lost_bytes_ += offered - kept;
    if (kept == 0) continue;
    if (text == nullptr) text = known == texts_.end() ? &texts_[pid] : &known->second;
    text->append(static_cast<const char*>(piece.iov_base), kept);
    kept_bytes_ += kept;
  }
}

std::vector<OutputCapture::Stream> OutputCapture::streams() const {
  std::vector<Stream> all;
  {
    const std::lock_guard guard(lock_);
    for (const auto& [pid, text] : texts_) all.push_back({pid, text});
  }
  std::ranges::sort(all, {}, &Stream::pid);
  return all;
}

u64 OutputCapture::lost_bytes() const {
  const std::lock_guard guard(lock_);
  return lost_bytes_;
}

}  // namespace lunabeam::runtime
