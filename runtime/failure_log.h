// Log lines about processes that failed: id, names, cause and, for traps, the innermost frames. A crowd of processes that die in
// the same way is reported in full a few times and counted from then on, so that neither the terminal nor symbolisation is
// flooded. Kills and deaths by a link have been somebody's decision: they are logged at level info only.
#pragma once

#include <string>
#include <vector>

#include "vm/base/ints.h"
#include "vm/exit_reason.h"

namespace lunabeam::vm {
struct ExecContext;
}  // namespace lunabeam::vm

namespace lunabeam::runtime {

struct Process;

// "trap: integer divide by zero", "killed", "exited with status 3"; empty for a normal end.
[[nodiscard]] std::string describe(const vm::ExitReason& reason);
// The backtrace of the last trap, one frame per line, at most max_frames lines; empty without one.
[[nodiscard]] std::string backtrace_text(const vm::ExecContext& exec, u32 max_frames);

// Owned by one scheduler.
class FailureLog {
 public:
  static constexpr u64 kFullReports = 5;  // Per cause.
  static constexpr u32 kFrames = 8;       // Per report.

  // process.reason is a failure; backtrace and module are still there.
  void report(const Process& process) noexcept;
  // Writes how many reports were left out, and forgets all causes.
  void flush() noexcept;

 private:
  // What makes two failures the same: kind, trap and place.
  struct Cause {
    u64 key = 0;
    u64 count = 0;
    vm::ExitReason reason;
  };
  static constexpr size_t kMaxCauses = 64;
  [[nodiscard]] Cause& cause_of(const Process& process) noexcept;
  static void write_count(const Cause& cause) noexcept;

  std::vector<Cause> causes_;
};

}  // namespace lunabeam::runtime
