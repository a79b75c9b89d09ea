// Reports of failed processes.
#include "runtime/failure_log.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/log.h"
#include "runtime/name_registry.h"
#include "runtime/process.h"
#include "runtime/sched/scheduler.h"
#include "runtime/vm.h"
#include "vm/backtrace.h"
#include "vm/base/error.h"
#include "vm/base/printable.h"
#include "vm/symbolise.h"

namespace lunabeam::runtime {

namespace {

using Kind = vm::ExitReason::Kind;

LogLevel level_of(const vm::ExitReason& reason) {
  return reason.kind == Kind::kKilled || reason.kind == Kind::kLinkDied ? LogLevel::kInfo : LogLevel::kWarn;
}

std::string text_of_trap(const vm::Trap& trap) {
  if (trap.message != nullptr) return trap.message;
  std::string text(vm::text_of(trap.kind));
  if (trap.kind == vm::TrapKind::kUndefinedElement || trap.kind == vm::TrapKind::kUninitializedElement) {
    text += fmt::format(" {}", trap.operand);
  } else if (trap.kind == vm::TrapKind::kUncaughtException) {
    text += fmt::format(" (tag {})", trap.operand);
  }
  return text;
}

std::string memory_hint(std::string_view option, bool has_memory_limit) {
  return fmt::format(" (limit{}: {}{})", has_memory_limit ? "s" : "", option,
                     has_memory_limit ? ", --memory-limit" : "");
}

constexpr u64 kMostNames = 3;  // In one report.

u64 mix(u64 hash, u64 value) { return (hash ^ value) * 0x9E37'79B9'7F4A'7C15ull; }

u64 key_of(const Process& process) {
  const vm::Trap& trap = process.reason.trap;
  u64 key = mix(static_cast<u64>(process.reason.kind) + 1, static_cast<u64>(trap.kind));
  key = mix(key, reinterpret_cast<u64>(trap.message));
  key = mix(key, static_cast<u32>(trap.exit_code));
  key = mix(key, process.module->id);
  if (const vm::Backtrace* trace = vm::exec_backtrace(process.exec); trace != nullptr && trace->num_frames > 0) {
    key = mix(key, reinterpret_cast<u64>(trace->frames[0].ip));
  }
  return key;
}

std::string name_of(const Process& process) {
  std::string text = fmt::format("process {}", process.pid);
  const std::vector<std::string> names = process.registry->names_of({0, process.pid}, kMostNames);
  for (size_t i = 0; i < names.size(); ++i) text += (i == 0 ? " (" : ", ") + vm::printable(names[i]);
  if (!names.empty()) text += ')';
  return text;
}

}  // namespace

std::string describe(const vm::ExitReason& reason) {
  switch (reason.kind) {
    case Kind::kNormal: return {};
    case Kind::kExited: return fmt::format("exited with status {}", reason.trap.exit_code);
    case Kind::kTrapped: return "trap: " + text_of_trap(reason.trap);
    case Kind::kKilled: return "killed";
    case Kind::kLinkDied: return "link: a linked process failed";
    case Kind::kNoEntry: return "entry function missing, or of another type";
    case Kind::kMailboxFull: return "mailbox full";
  }
  return {};
}

std::string limit_hint(const vm::ExitReason& reason, bool has_memory_limit) {
  if (reason.kind == Kind::kMailboxFull) return " (limit: --max-mailbox)";
  if (reason.kind != Kind::kTrapped) return {};
  switch (reason.trap.kind) {
    case vm::TrapKind::kOutOfFuel: return " (limit: --max-fuel)";
    case vm::TrapKind::kCallStackExhausted: return memory_hint("--max-stack", has_memory_limit);
    case vm::TrapKind::kOutOfMemory: return memory_hint("--max-memory", has_memory_limit);
    default: return {};
  }
}

std::string limit_hint(std::string_view error, bool has_memory_limit) {
  if (!error.starts_with(vm::text_of(vm::ErrorCode::kResourceLimit))) return {};
  return memory_hint("--max-memory", has_memory_limit);
}

std::string backtrace_text(const vm::ExecContext& exec, u32 max_frames, u64& body_bytes) {
  std::string text;
  const vm::Backtrace* trace = vm::exec_backtrace(exec);
  if (trace == nullptr) return text;
  // Symbolising translates functions again: only what is shown.
  vm::Backtrace shown = *trace;
  shown.num_frames = std::min(shown.num_frames, max_frames);
  for (const std::string& line : vm::symbolise(shown, body_bytes)) {
    if (!text.empty()) text += '\n';
    text += line;
  }
  return text;
}

FailureLog::Cause& FailureLog::cause_of(const Process& process) noexcept {
  const u64 key = key_of(process);
  for (Cause& cause : causes_) {
    if (cause.key == key) return cause;
  }
  if (causes_.size() == kMaxCauses) {
    // The rarest one makes room: it has been reported in full, or nearly.
    Cause& rarest = *std::ranges::min_element(causes_, {}, &Cause::count);
    write_count(rarest);
    rarest = Cause{key, 0, process.reason};
    return rarest;
  }
  return causes_.emplace_back(Cause{key, 0, process.reason});
}

void FailureLog::report(const Process& process) noexcept {
  if (!log_enabled(level_of(process.reason))) return;
  Cause& cause = cause_of(process);
  if (++cause.count > kFullReports) return;
  std::string text = fmt::format("{} failed: {}", name_of(process), describe(process.reason));
  text += limit_hint(process.reason, process.scheduler->vm().budget().is_limited());
  if (process.links.size() != 0) text += fmt::format(" ({} linked)", process.links.size());
  if (process.reason.kind == Kind::kTrapped) {
    const u64 allowed = kFreeBodyBytes + process.scheduler->stats().reductions / kReductionsPerBodyByte;
    const u64 granted = std::min(kReportBodyBytes, allowed - std::min(allowed, body_bytes_));
    u64 left = granted;
    if (const std::string trace = backtrace_text(process.exec, kFrames, left); !trace.empty()) text += '\n' + trace;
    body_bytes_ += granted - left;
  }
  if (cause.count == kFullReports) text += "\n(more failures like this one are only counted)";
  log_line(text);
}

void FailureLog::write_count(const Cause& cause) noexcept {
  if (cause.count <= kFullReports) return;
  log_line(fmt::format("{} more processes failed: {}", cause.count - kFullReports, describe(cause.reason)));
}

void FailureLog::flush() noexcept {
  for (const Cause& cause : causes_) write_count(cause);
  causes_.clear();
}

}  // namespace lunabeam::runtime
