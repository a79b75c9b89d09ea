#include "runtime/hostcalls/metric_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace lunabeam::runtime {

Metric* MetricTable::find_or_add(std::string_view name, MetricKind kind) {
  Map& map = metrics_[static_cast<size_t>(kind)];
  if (const auto found = map.find(name); found != map.end()) return &found->second;
  if (name.size() > kMaxNameBytes || map.size() >= kMaxMetrics) {
    ++dropped_;
    return nullptr;
  }
  return &map.emplace(std::string(name), Metric{.kind = kind}).first->second;
}

void MetricTable::add_to_counter(std::string_view name, u64 value) {
  const std::lock_guard guard(lock_);
  if (Metric* metric = find_or_add(name, MetricKind::kCounter)) metric->count += value;
}

void MetricTable::set_gauge(std::string_view name, f64 value) {
  const std::lock_guard guard(lock_);
  if (Metric* metric = find_or_add(name, MetricKind::kGauge)) metric->value = value;
}

void MetricTable::add_to_gauge(std::string_view name, f64 value) {
  const std::lock_guard guard(lock_);
  if (Metric* metric = find_or_add(name, MetricKind::kGauge)) metric->value += value;
}

void MetricTable::record(std::string_view name, f64 value) {
  const std::lock_guard guard(lock_);
  Metric* const metric = find_or_add(name, MetricKind::kHistogram);
  if (metric == nullptr) return;
  metric->minimum = metric->count == 0 ? value : std::min(metric->minimum, value);
  metric->maximum = metric->count == 0 ? value : std::max(metric->maximum, value);
  metric->value += value;
  ++metric->count;
}

std::vector<MetricTable::Entry> MetricTable::entries() const {
  std::vector<Entry> entries;
  {
    const std::lock_guard guard(lock_);
    for (const Map& map : metrics_) {
      for (const auto& [name, metric] : map) entries.push_back({name, metric});
    }
  }
  std::ranges::sort(entries, [](const Entry& a, const Entry& b) {
    return a.name != b.name ? a.name < b.name : a.metric.kind < b.metric.kind;
  });
  return entries;
}

u64 MetricTable::dropped() const {
  const std::lock_guard guard(lock_);
  return dropped_;
}

std::string to_string(const MetricTable::Entry& entry) {
  const Metric& metric = entry.metric;
  switch (metric.kind) {
    case MetricKind::kCounter: return fmt::format("{} {}", entry.name, metric.count);
    case MetricKind::kGauge: return fmt::format("{} {}", entry.name, metric.value);
    case MetricKind::kHistogram: break;
  }
  return fmt::format("{} count {} sum {} min {} max {}", entry.name, metric.count, metric.value, metric.minimum,
                     metric.maximum);
}

}  // namespace lunabeam::runtime
