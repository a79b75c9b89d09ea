// What guests report through lunatic::metrics (ABI document 2.8): one table for the whole VM, printed by --stats.
//
// Threading: any thread; a short lock inside every call.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "vm/base/ints.h"
#include "vm/base/seeded_hash.h"

namespace lunabeam::runtime {

enum class MetricKind : u8 { kCounter, kGauge, kHistogram };

struct Metric {
  MetricKind kind = MetricKind::kCounter;
  u64 count = 0;    // kCounter: the value. kHistogram: observations.
  f64 value = 0;    // kGauge: the value. kHistogram: sum.
  f64 minimum = 0;  // kHistogram, meaningful when count > 0.
  f64 maximum = 0;
};

class MetricTable {
 public:
  // Bounds of what guests can make the host keep. What does not fit is counted by dropped().
  static constexpr u64 kMaxMetrics = 4096;
  static constexpr u64 kMaxNameBytes = 512;

  // A name is a metric of its own in each kind.
  void add_to_counter(std::string_view name, u64 value);
  void set_gauge(std::string_view name, f64 value);
  void add_to_gauge(std::string_view name, f64 value);
  void record(std::string_view name, f64 value);

  struct Entry {
    std::string name;
    Metric metric;
  };
  // Sorted by name, then kind.
  [[nodiscard]] std::vector<Entry> entries() const;
  [[nodiscard]] u64 dropped() const;

 private:
  using Map = std::unordered_map<std::string, Metric, vm::SeededHash, std::equal_to<>>;

  // nullptr: it does not fit. REQUIRES: lock_ is held.
  [[nodiscard]] Metric* find_or_add(std::string_view name, MetricKind kind);

  mutable std::mutex lock_;
  Map metrics_[3];  // By kind.
  u64 dropped_ = 0;
};

// One line: `requests 12`, `load 0.5`, `latency_ms count 3 sum 12.5 min 1 max 9`.
[[nodiscard]] std::string to_string(const MetricTable::Entry& entry);

}  // namespace lunabeam::runtime
