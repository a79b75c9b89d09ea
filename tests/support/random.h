// The random numbers of tests: the same seed gives the same sequence everywhere.
#pragma once

#include "vm/base/ints.h"

namespace lunabeam::tests {

// splitmix64.
class Random {
 public:
  explicit Random(u64 seed) : state_(seed) {}
  u64 next() {
    u64 z = state_ += 0x9E37'79B9'7F4A'7C15;
    z = (z ^ z >> 30) * 0xBF58'476D'1CE4'E5B9;
    z = (z ^ z >> 27) * 0x94D0'49BB'1331'11EB;
    return z ^ z >> 31;
  }
  // 0 .. n-1.
  u32 below(u32 n) { return static_cast<u32>(next() % n); }
  bool chance(u32 percent) { return below(100) < percent; }

 private:
  u64 state_;
};

}  // namespace lunabeam::tests
