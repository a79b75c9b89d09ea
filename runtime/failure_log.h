// Log lines about processes that failed: id, names, cause and, for traps, the innermost frames. A crowd of processes that die in
// the same way is reported in full a few times and counted from then on, so that neither the terminal nor symbolisation is
// flooded. Kills and deaths by a link have been somebody's decision: they are logged at level info only.
#pragma once

#include <string>
#include <string_view>
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
// Names the options of `lunabeam run` behind the limit that the failure has met: " (limit: --max-stack)"; empty where it met none.
// has_memory_limit: all processes together have one too. For the VM's own reports: what guests are told is describe().
[[nodiscard]] std::string limit_hint(const vm::ExitReason& reason, bool has_memory_limit);
// Of the error that a process could not be made for.
[[nodiscard]] std::string limit_hint(std::string_view error, bool has_memory_limit);
// The backtrace of the last trap, one frame per line, at most max_frames lines; empty without one. body_bytes: what vm::symbolise
// may take.
[[nodiscard]] std::string backtrace_text(const vm::ExecContext& exec, u32 max_frames, u64& body_bytes);

// Owned by one scheduler.
class FailureLog {
 public:
  static constexpr u64 kFullReports = 5;  // Per cause.
  static constexpr u32 kFrames = 8;       // Per report.
  // Bytes of function bodies that are translated once more for the offsets in reports: for one, and for all of them together
  // beside a share in what the scheduler does. Reports without offsets remain.
  static constexpr u64 kReportBodyBytes = 64 * 1024;
  static constexpr u64 kFreeBodyBytes = u64{1} << 20;
  static constexpr u64 kReductionsPerBodyByte = 4;

  // process.reason is a failure; backtrace and module are still there.
  void report(const Process& process) noexcept;
  // Bytes of bodies translated so far.
  [[nodiscard]] u64 body_bytes() const noexcept { return body_bytes_; }
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
  u64 body_bytes_ = 0;
};

}  // namespace lunabeam::runtime
