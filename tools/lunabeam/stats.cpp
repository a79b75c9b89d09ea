// Tables of figures.
#include "tools/lunabeam/stats.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <cstring>

namespace lunabeam::tools {
namespace {

using runtime::SchedulerStats;
using runtime::WorkerStats;

constexpr u64 kSampleTimeoutMs = 500;

// A figure of /proc/self/status in KiB, 0 when it cannot be read.
u64 own_status_kib(const char* key) {
  u64 value = 0;
  if (std::FILE* file = std::fopen("/proc/self/status", "re")) {
    char line[256];
    while (std::fgets(line, sizeof line, file) != nullptr) {
      if (std::strncmp(line, key, std::strlen(key)) == 0) {
        unsigned long long kib = 0;
        if (std::sscanf(line + std::strlen(key), ": %llu", &kib) == 1) value = kib;
        break;
      }
    }
    std::fclose(file);
  }
  return value;
}

void add_line(std::string& text, std::string_view name, u64 value, std::string_view unit = "") {
  text += fmt::format("{:<22}{:>16}{}{}\n", name, value, unit.empty() ? "" : " ", unit);
}

void add_totals(std::string& text, const SchedulerStats& s) {
  add_line(text, "processes spawned", s.spawned);
  add_line(text, "processes at peak", s.peak_processes);
  add_line(text, "messages sent", s.messages_sent);
  add_line(text, "timers fired", s.timers_fired);
  add_line(text, "reductions", s.reductions);
  add_line(text, "slices", s.slices);
  add_line(text, "preemptions", s.preemptions);
}

// One line for each worker that has answered.
void add_workers(std::string& text, const std::vector<std::optional<WorkerStats>>& workers) {
  text += fmt::format("{:<7}{:>11}{:>10}{:>10}{:>18}{:>13}{:>11}{:>11}{:>11}{:>9}\n", "worker", "processes", "runnable",
                      "timers", "reductions", "slices", "given", "received", "woken out", "sleeps");
  for (size_t i = 0; i < workers.size(); ++i) {
    if (!workers[i]) {
      text += fmt::format("{:<7} no answer: busy in a host call\n", i);
      continue;
    }
    const WorkerStats& w = *workers[i];
    const SchedulerStats& s = w.scheduler;
    text += fmt::format("{:<7}{:>11}{:>10}{:>10}{:>18}{:>13}{:>11}{:>11}{:>11}{:>9}\n", i, w.home_processes, w.runnable,
                        w.timers, s.reductions, s.slices, s.given, s.received, s.posted, s.sleeps);
  }
}

// What is allocated now, by kind and size.
void add_memory(std::string& text, const std::vector<std::optional<WorkerStats>>& workers, u64 used_bytes) {
  runtime::BlockPool::Stats blocks;
  runtime::MemoryPool::Stats memories;
  i64 messages = 0;
  for (const auto& w : workers) {
    if (!w) continue;
    for (u32 i = 0; i < runtime::BlockPool::kClasses; ++i) {
      blocks.classes[i].block_bytes = w->blocks.classes[i].block_bytes;
      blocks.classes[i].live_blocks += w->blocks.classes[i].live_blocks;
    }
    blocks.chunks += w->blocks.chunks;
    memories.live_memories += w->memories.live_memories;
    memories.own_mappings += w->memories.own_mappings;
    memories.hot_slots += w->memories.hot_slots;
    memories.resident_bytes += w->memories.resident_bytes;
    messages += w->live_messages;
    used_bytes -= w->advance_bytes;
  }
  add_line(text, "memory charged", used_bytes / 1024, "KiB");
  for (const auto& of_class : blocks.classes) {
    if (of_class.live_blocks == 0) continue;
    text += fmt::format("{:<22}{:>16} KiB in {} of {} bytes\n", "  blocks", of_class.live_bytes() / 1024,
                        of_class.live_blocks, of_class.block_bytes);
  }
  add_line(text, "  block chunks", blocks.chunks * 2048, "KiB");
  add_line(text, "  linear memories", static_cast<u64>(memories.live_memories));
  add_line(text, "    mapped alone", static_cast<u64>(memories.own_mappings));
  add_line(text, "    kept for reuse", memories.hot_slots);
  add_line(text, "      resident", memories.resident_bytes / 1024, "KiB");
  add_line(text, "  messages", static_cast<u64>(messages));
  add_line(text, "resident", own_status_kib("VmRSS"), "KiB");
  add_line(text, "resident at peak", own_status_kib("VmHWM"), "KiB");
  add_line(text, "page tables", own_status_kib("VmPTE"), "KiB");
}

void print_running(runtime::Vm& vm) {
  const auto workers = vm.sample(kSampleTimeoutMs);
  SchedulerStats sum;
  i64 live = 0;
  for (const auto& worker : workers) {
    if (!worker) continue;
    sum.add(worker->scheduler);
    live += worker->scheduler.live_processes;
  }
  std::string text = "--- lunabeam stats (running)\n";
  add_line(text, "processes alive", static_cast<u64>(live));
  add_totals(text, sum);
  add_workers(text, workers);
  add_memory(text, workers, vm.budget().used_bytes());
  std::fputs(text.c_str(), stderr);
}

}  // namespace

void print_stats(runtime::Vm& vm) {
  std::vector<std::optional<WorkerStats>> workers;
  for (const WorkerStats& worker : vm.worker_stats()) workers.emplace_back(worker);
  std::string text = "--- lunabeam stats\n";
  add_totals(text, vm.stats().scheduler);
  add_workers(text, workers);
  add_memory(text, workers, vm.budget().used_bytes());
  for (const auto& entry : vm.metrics().entries()) text += "metric " + runtime::to_string(entry) + '\n';
  if (const u64 dropped = vm.metrics().dropped(); dropped != 0) add_line(text, "metrics dropped", dropped);
  std::fputs(text.c_str(), stderr);
}

void block_stats_signal() noexcept {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

StatsOnSignal::StatsOnSignal(runtime::Vm& vm) noexcept : vm_(vm) {
  block_stats_signal();
  has_thread_ = pthread_create(&thread_, nullptr, &wait_for_signals, this) == 0;
}

StatsOnSignal::~StatsOnSignal() {
  if (!has_thread_) return;
  ends_.store(true, std::memory_order_release);
  pthread_kill(thread_, SIGUSR1);
  pthread_join(thread_, nullptr);
}

void* StatsOnSignal::wait_for_signals(void* self) noexcept {
  auto& stats = *static_cast<StatsOnSignal*>(self);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  for (;;) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0 || stats.ends_.load(std::memory_order_acquire)) return nullptr;
    print_running(stats.vm_);
  }
}

}  // namespace lunabeam::tools
