#include "vm/base/seeded_hash.h"

#include <sys/random.h>

#include <ctime>

namespace lunabeam::vm {
namespace {

constexpr u64 kPrimeA = 0x9E37'79B9'7F4A'7C15;
constexpr u64 kPrimeB = 0xD6E8'FEB8'6659'FD93;

// Folds the 128-bit product: every bit of both factors reaches the result.
u64 fold(u64 a, u64 b) noexcept {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<u64>(product) ^ static_cast<u64>(product >> 64);
}

u64 draw_seed() noexcept {
  u64 seed = 0;
  if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != static_cast<ssize_t>(sizeof seed)) {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    seed = fold(static_cast<u64>(now.tv_nsec) + kPrimeA, reinterpret_cast<u64>(&now) ^ kPrimeB);
  }
  return seed;
}

}  // namespace

u64 hash_seed() noexcept {
  static const u64 seed = draw_seed();
  return seed;
}

u64 seeded_hash(std::string_view text) noexcept {
  const u64 seed = hash_seed();
  u64 hash = seed ^ text.size() * kPrimeA;
  const char* cur = text.data();
  size_t left = text.size();
  while (left >= 8) {
    u64 word;
    __builtin_memcpy(&word, cur, 8);
    hash = fold(hash ^ word, kPrimeB ^ seed);
    cur += 8;
    left -= 8;
  }
  u64 tail = 0;
  if (left > 0) __builtin_memcpy(&tail, cur, left);
  return fold(hash ^ tail, kPrimeA | 1);
}

}  // namespace lunabeam::vm
