// Level and output of the log.
#include "runtime/log.h"

#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <optional>

namespace lunabeam::runtime {

namespace {

constexpr u8 kUnset = 0xFF;
std::atomic<u8> current_level{kUnset};  // Relaxed: a setting, not a synchronisation.

std::optional<LogLevel> level_of(std::string_view word) {
  if (word == "off") return LogLevel::kOff;
  if (word == "error") return LogLevel::kError;
  if (word == "warn") return LogLevel::kWarn;
  if (word == "info") return LogLevel::kInfo;
  if (word == "debug") return LogLevel::kDebug;
  if (word == "trace") return LogLevel::kTrace;
  return std::nullopt;
}

LogLevel level_from_environment() {
  for (const char* name : {"LUNABEAM_LOG", "RUST_LOG"}) {
    if (const char* value = std::getenv(name); value != nullptr) return parse_log_level(value);
  }
  return LogLevel::kWarn;
}

}  // namespace

LogLevel parse_log_level(std::string_view value) noexcept {
  std::optional<LogLevel> general;
  std::optional<LogLevel> ours;
  while (!value.empty()) {
    const size_t comma = value.find(',');
    const std::string_view item = value.substr(0, comma);
    value = comma == std::string_view::npos ? std::string_view() : value.substr(comma + 1);
    const size_t equals = item.find('=');
    if (equals == std::string_view::npos) {
      if (const auto level = level_of(item)) general = level;
    } else if (const std::string_view target = item.substr(0, equals);
               target == "lunatic" || target == "lunabeam" || target == "lunatic_process") {
      if (const auto level = level_of(item.substr(equals + 1))) ours = level;
    }
  }
  if (ours) return *ours;
  return general ? *general : LogLevel::kWarn;
}

LogLevel log_level() noexcept {
  u8 level = current_level.load(std::memory_order_relaxed);
  if (level == kUnset) {
    level = static_cast<u8>(level_from_environment());
    current_level.store(level, std::memory_order_relaxed);
  }
  return static_cast<LogLevel>(level);
}

void set_log_level(LogLevel level) noexcept { current_level.store(static_cast<u8>(level), std::memory_order_relaxed); }

void log_line(std::string_view text) noexcept {
  char newline = '\n';
  const iovec parts[2] = {{const_cast<char*>(text.data()), text.size()}, {&newline, 1}};
  // What cannot be written is lost: a log must not take its program down.
  [[maybe_unused]] const ssize_t written = writev(STDERR_FILENO, parts, 2);
}

}  // namespace lunabeam::runtime
