// The only source of time in runtime and wasi. Real, or virtual: in deterministic mode time stands still while anything is
// runnable and jumps to the next timer when nothing is.
#pragma once

#include <atomic>

#include "vm/base/ints.h"

namespace lunabeam::runtime {

inline constexpr u64 kNsPerMs = 1'000'000;
inline constexpr u64 kNeverNs = ~u64{0};    // A deadline that is never reached.
inline constexpr u64 kForeverMs = ~u64{0};  // NONE64 of the ABI: no timeout.

// Threading: now functions may be called on any thread; advance_to by the owning scheduler only.
class Clock {
 public:
  virtual ~Clock() = default;
  // Nanoseconds since an arbitrary start; never goes back.
  [[nodiscard]] virtual u64 monotonic_ns() noexcept = 0;
  // Nanoseconds since 1970-01-01 UTC.
  [[nodiscard]] virtual u64 realtime_ns() noexcept = 0;
  [[nodiscard]] virtual bool is_virtual() const noexcept = 0;
  // Virtual clocks: time becomes max(now, monotonic_ns). Real clocks: no effect.
  virtual void advance_to(u64 monotonic_ns) noexcept = 0;

  // A counter of constant but unknown rate that costs a third of monotonic_ns(), for asking often whether something lasts long.
  // Not comparable between processors to the last digit.
  [[nodiscard]] virtual u64 cycles() noexcept { return monotonic_ns(); }
  // How far cycles() gets in ns; 0: not known (yet), or time must not matter.
  [[nodiscard]] virtual u64 cycles_in(u64 ns) noexcept { return is_virtual() ? 0 : ns; }
};

class RealClock final : public Clock {
 public:
  RealClock() noexcept;
  [[nodiscard]] u64 monotonic_ns() noexcept override;
  [[nodiscard]] u64 realtime_ns() noexcept override;
  [[nodiscard]] bool is_virtual() const noexcept override { return false; }
  void advance_to(u64) noexcept override {}
  [[nodiscard]] u64 cycles() noexcept override;
  // Known a millisecond after the clock was made.
  [[nodiscard]] u64 cycles_in(u64 ns) noexcept override;

 private:
  u64 start_ns_;
  u64 start_cycles_;
};

// Starts at 0 and at 2000-01-01 UTC.
class VirtualClock final : public Clock {
 public:
  static constexpr u64 kEpochRealtimeNs = 946'684'800ull * 1'000'000'000;
  [[nodiscard]] u64 monotonic_ns() noexcept override { return now_ns_.load(std::memory_order_relaxed); }
  [[nodiscard]] u64 realtime_ns() noexcept override { return kEpochRealtimeNs + monotonic_ns(); }
  [[nodiscard]] bool is_virtual() const noexcept override { return true; }
  void advance_to(u64 monotonic_ns) noexcept override {
    if (monotonic_ns > now_ns_.load(std::memory_order_relaxed)) now_ns_.store(monotonic_ns, std::memory_order_relaxed);
  }

 private:
  std::atomic<u64> now_ns_{0};  // Written by the one scheduler of deterministic mode. Relaxed: it orders nothing.
};

// now + ms, saturating; kForeverMs gives kNeverNs.
[[nodiscard]] constexpr u64 deadline_after_ms(u64 now_ns, u64 ms) {
  if (ms > (kNeverNs - now_ns) / kNsPerMs) return kNeverNs;
  return now_ns + ms * kNsPerMs;
}

}  // namespace lunabeam::runtime
