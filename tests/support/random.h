// The random numbers of tests: the same seed, or the same choices, give the same sequence everywhere.
#pragma once

#include <span>

#include "vm/base/ints.h"

namespace lunabeam::tests {

// splitmix64; or a fuzzer's bytes, as long as there are any: then a change of a byte is a change of one choice.
class Random {
 public:
  explicit Random(u64 seed) : state_(seed) {}
  explicit Random(std::span<const u8> choices) : state_(choices.size()), choices_(choices) {}

  u64 next() { return choices_.empty() ? generate() : take(8); }
  // 0 .. n-1.
  u32 below(u32 n) {
    if (choices_.empty()) return static_cast<u32>(generate() % n);
    return static_cast<u32>(take(n <= 256 ? 1 : 4) % n);
  }
  bool chance(u32 percent) { return below(100) < percent; }

 private:
  u64 generate() {
    u64 z = state_ += 0x9E37'79B9'7F4A'7C15;
    z = (z ^ z >> 30) * 0xBF58'476D'1CE4'E5B9;
    z = (z ^ z >> 27) * 0x94D0'49BB'1331'11EB;
    return z ^ z >> 31;
  }
  u64 take(size_t bytes) {
    u64 value = 0;
    for (; bytes > 0 && !choices_.empty(); --bytes, choices_ = choices_.subspan(1)) value = value << 8 | choices_[0];
    return value;
  }

  u64 state_;
  std::span<const u8> choices_;
};

}  // namespace lunabeam::tests
