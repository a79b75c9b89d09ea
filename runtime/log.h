// The VM's own log: one line per event on standard error, off below a level. LUNABEAM_LOG, else RUST_LOG, sets the level: a word
// (error, warn, info, debug, trace, off), alone or as `lunatic=debug` in a comma-separated list; default warn.
//
// Threading: any thread. A line is one write(2).
#pragma once

#include <string_view>

#include "vm/base/ints.h"

namespace lunabeam::runtime {

// ORDER: later ones include earlier ones.
enum class LogLevel : u8 { kOff, kError, kWarn, kInfo, kDebug, kTrace };

[[nodiscard]] LogLevel log_level() noexcept;
void set_log_level(LogLevel level) noexcept;
[[nodiscard]] inline bool log_enabled(LogLevel level) noexcept { return level <= log_level(); }
// The level that a variable's value asks for; kWarn when it names none for us.
[[nodiscard]] LogLevel parse_log_level(std::string_view value) noexcept;

// Writes "<text>\n". Call only if log_enabled(level).
void log_line(std::string_view text) noexcept;

}  // namespace lunabeam::runtime
