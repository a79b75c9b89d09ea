// Entering functions: room on the stack, translated code, frames from arguments in wasm order.
#include "vm/base/check.h"
#include "vm/interp/engine_state.h"
#include "vm/interp/translate.h"
#include "vm/type_registry.h"

namespace lunabeam::vm {

namespace interp {

bool make_room(ExecContext& exec, u64 words) noexcept {
  const u64 bytes = words * sizeof(u64);
  if (words > kMaxFrameWords || !exec.hooks->grow_stack(exec, bytes)) {
    exec.trap = Trap{.kind = TrapKind::kCallStackExhausted};
    return false;
  }
  // Invariant 1 of process_stack.h for calls: the operation that asked starts over and must find what it asked for.
  VM_CHECK(reinterpret_cast<u8*>(exec.fp) - bytes >= reinterpret_cast<u8*>(exec.stack_limit));
  VM_DCHECK(exec.ctx->stack_limit == exec.stack_limit);
  return true;
}

namespace {

// R1: translating a body costs its first caller 1 per so many bytes; code that another process of the module has had translated is
// free. Bodies of less than a slice's work cost nobody anything: what ordinary functions use must not depend on who was first.
constexpr u64 kFreeBodyBytes = 4096;
constexpr u64 kBodyBytesPerReduction = 8;

}  // namespace

Next make_code(ExecContext& exec, const FuncCode& callee) noexcept {
  const u64 bytes = body_bytes(callee);
  if (bytes > kFreeBodyBytes) exec.reductions -= static_cast<i64>(bytes / kBodyBytesPerReduction);
  if (bytes > kLargeBodyBytes && exec.hooks->translate_elsewhere != nullptr) {
    if (const HostFunction* const awaited = exec.hooks->translate_elsewhere(exec, callee)) {
      exec.resume = Resume::kHostCall;
      exec.parked = awaited;
      return Next::kParked;
    }
  }
  if (translate(callee) == nullptr) return raise(exec, TrapKind::kOutOfMemory);
  return exec.reductions < 0 ? tick(exec, Next::kGo) : Next::kGo;
}

void fill_frame(u64* fp, const FuncCode& code, const u64* args, u64 return_word) noexcept {
  fp[0] = reinterpret_cast<u64>(&code);
  clear_locals(fp, code);
  if (code.ref_params == 0) {
    for (u32 i = 0; i < code.num_params; ++i) fp[kSlotBase + i] = args[i];
  } else {
    u64* num = fp + kSlotBase;
    u64* ref = fp + kSlotBase + code.ref_base;
    for (const ValType type : TypeRegistry::global().func(code.type).params) {
      for (u32 i = 0; i < type.slots(); ++i) *(type.is_ref() ? ref : num)++ = *args++;
    }
  }
  fp[code.frame_words - 1] = return_word;
}

}  // namespace interp

bool push_entry(ExecContext& exec, Ctx& ctx, const FuncCode& code, std::span<const u64> args) noexcept {
  using namespace interp;
  VM_CHECK(exec.resume == Resume::kFinished);
  VM_CHECK(args.size() == code.num_params + code.ref_params);
  switch_ctx(exec, &ctx);
  exec.fp = reinterpret_cast<u64*>(exec.stack_hi);
  if (exec.fp - code.frame_words < exec.stack_limit && !make_room(exec, code.frame_words)) return false;
  exec.fp -= code.frame_words;
  fill_frame(exec.fp, code, args.data(), kReturnExit);
  save_ip(exec.fp, lazy_entry());
  exec.resume = Resume::kFrame;
  return true;
}

}  // namespace lunabeam::vm
