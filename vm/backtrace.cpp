#include "vm/backtrace.h"

#include <fmt/format.h>

#include <new>

#include "vm/base/printable.h"
#include "vm/exec_context.h"
#include "vm/frame.h"
#include "vm/host_function.h"
#include "vm/interp/translate.h"
#include "vm/module.h"
#include "vm/symbolise.h"

namespace lunabeam::vm {

void BacktraceOwner::reset(Backtrace* backtrace) noexcept {
  delete backtrace_;
  backtrace_ = backtrace;
}

void capture_backtrace(ExecContext& exec, bool behind_call) noexcept {
  if (exec.backtrace.get() == nullptr) exec.backtrace.reset(new (std::nothrow) Backtrace);
  Backtrace* const trace = exec.backtrace.get();
  if (trace == nullptr) return;
  trace->num_frames = 0;
  trace->total_frames = 0;
  const u64* fp = exec.fp;
  while (trace->total_frames < Backtrace::kCountedFrames) {
    const FuncCode* const code = frame_function(fp);
    ++trace->total_frames;
    if (trace->num_frames < Backtrace::kMaxFrames) {
      const auto* const ip = reinterpret_cast<const Insn*>(fp[1]);
      trace->frames[trace->num_frames++] = {code, behind_call ? ip - 1 : ip};
    }
    behind_call = true;
    u64 word = frame_return_word(fp);
    fp += code->frame_words;
    for (bool between = true; between;) {
      switch (word) {
        case kReturnRestore:
          word = reinterpret_cast<const RestoreFrame*>(fp)->return_word;
          fp += sizeof(RestoreFrame) / sizeof(u64);
          break;
        case kReturnHostCont:
          word = reinterpret_cast<const HostContFrame*>(fp)->return_word;
          fp += sizeof(HostContFrame) / sizeof(u64);
          break;
        case kReturnExit: return;
        default: between = false; break;
      }
    }
  }
}

const Backtrace* exec_backtrace(const ExecContext& exec) noexcept { return exec.backtrace.get(); }

namespace {

// Of each frame. A function is translated once, however many frames it has, and not at all where body_bytes do not last for it.
std::vector<u64> offsets_of(const Backtrace& backtrace, u64& body_bytes) {
  std::vector<u64> offsets(backtrace.num_frames, Error::kNoOffset);
  std::vector<bool> done(backtrace.num_frames, false);
  for (u32 first = 0; first < backtrace.num_frames; ++first) {
    const FuncCode& code = *backtrace.frames[first].code;
    if (done[first] || code.host != nullptr) continue;
    std::vector<u32> frames;
    std::vector<const Insn*> ips;
    for (u32 i = first; i < backtrace.num_frames; ++i) {
      if (backtrace.frames[i].code != &code) continue;
      done[i] = true;
      frames.push_back(i);
      ips.push_back(backtrace.frames[i].ip);
    }
    const FuncBody& body = code.module->bodies[code.func_index - code.module->imported_funcs];
    if (body.end - body.begin > body_bytes) continue;
    body_bytes -= body.end - body.begin;
    const std::vector<u64> found = wasm_offsets_of(code, ips);
    for (size_t i = 0; i < frames.size(); ++i) offsets[frames[i]] = found[i];
  }
  return offsets;
}

}  // namespace

std::vector<std::string> symbolise(const Backtrace& backtrace) {
  u64 unlimited = ~u64{0};
  return symbolise(backtrace, unlimited);
}

std::vector<std::string> symbolise(const Backtrace& backtrace, u64& body_bytes) {
  std::vector<std::string> lines;
  const std::vector<u64> offsets = offsets_of(backtrace, body_bytes);
  for (u32 i = 0; i < backtrace.num_frames; ++i) {
    const Backtrace::Frame& frame = backtrace.frames[i];
    const Module& module = *frame.code->module;
    const std::string name = printable(module.function_name(frame.code->func_index));
    const std::string_view file =
        module.file_name.empty() ? std::string_view("module") : std::string_view(module.file_name);
    const u64 offset = offsets[i];
    lines.push_back(offset == Error::kNoOffset ? fmt::format("#{} {} [{}]", i, name, file)
                                               : fmt::format("#{} {} [{}+0x{:x}]", i, name, file, offset));
  }
  if (backtrace.total_frames > backtrace.num_frames) {
    const bool all = backtrace.total_frames < Backtrace::kCountedFrames;
    lines.push_back(
        fmt::format("... and {}{} more", all ? "" : "at least ", backtrace.total_frames - backtrace.num_frames));
  }
  return lines;
}

}  // namespace lunabeam::vm
