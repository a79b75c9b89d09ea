// The code words of a function while it is being translated: a growable array whose failures are remembered instead of
// reported at every write, so that the translator's hot path has one check per operator.
#pragma once

#include <cstdlib>
#include <cstring>

#include "vm/base/check.h"
#include "vm/func_code.h"

namespace lunabeam::vm::interp {

// Invariant 1: after a successful open(), kSlackWords may be pushed behind every reserve() that fits in them, even when memory
//              is exhausted: then the words written last are overwritten, and failed() tells that nothing of them is of use.
class CodeBuffer {
 public:
  static constexpr u32 kSlackWords = 64;

  CodeBuffer() = default;
  CodeBuffer(const CodeBuffer&) = delete;
  CodeBuffer& operator=(const CodeBuffer&) = delete;
  ~CodeBuffer() { std::free(words_); }

  // First allocation. False: out of memory.
  [[nodiscard]] bool open(u32 expected_words) noexcept {
    capacity_ = expected_words + 2 * kSlackWords;
    words_ = static_cast<Insn*>(std::malloc(u64{capacity_} * sizeof(Insn)));
    return words_ != nullptr;
  }

  // Room for `more` words. False: memory is exhausted and `more` words cannot be written; never for more <= kSlackWords.
  bool reserve(u32 more) noexcept {
    if (capacity_ - size_ >= more) [[likely]]
      return true;
    return grow(more);
  }

  void push(Insn word) noexcept {
    VM_DCHECK(size_ < capacity_);
    words_[size_++] = word;
  }
  void truncate(u32 size) noexcept {
    VM_DCHECK(size <= size_ || failed_);
    size_ = size;
  }

  [[nodiscard]] Insn& operator[](u32 index) noexcept {
    VM_DCHECK(index < capacity_);
    return words_[index];
  }
  [[nodiscard]] Insn* data() noexcept { return words_; }
  [[nodiscard]] u32 size() const noexcept { return size_; }
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  void fail() noexcept { failed_ = true; }

 private:
  [[gnu::cold, gnu::noinline]] bool grow(u32 more) noexcept {
    const u64 wanted = u64{capacity_} + capacity_ / 2 + more;
    // Positions are signed 32-bit distances.
    auto* words =
        failed_ || wanted > 0x7FFF'FFFF ? nullptr : static_cast<Insn*>(std::realloc(words_, wanted * sizeof(Insn)));
    if (words == nullptr) {
      failed_ = true;
      size_ = 0;
      return more <= capacity_;
    }
    words_ = words;
    capacity_ = static_cast<u32>(wanted);
    return true;
  }

  Insn* words_ = nullptr;
  u32 size_ = 0;
  u32 capacity_ = 0;
  bool failed_ = false;
};

}  // namespace lunabeam::vm::interp
