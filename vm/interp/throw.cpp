// Exceptions: making one, finding who catches it, and going on there.
//
// A throw changes nothing before its handler is found. The search only reads frames, from the thrower's upwards; it pays for each and
// may be left at a tick between two of them, with what it has found out in the ExecContext (search_words, search_ctx) and the stack as
// it was. Landing is one step: the frame of the handler becomes the top one, which pops all below it at once.
//
// Invariant 1: at a throw, and in every frame above it, all that code behind a handler can see is in slots (invariant 3 of
//              translate_function.h): nothing is restored but fp, ip and the instance.
// Invariant 2: no host operation is pending below the handler's frame: a search ends at a host continuation frame, where an exception
//              is a trap (rule P12), as it is at the bottom of the stack.
#include "vm/base/check.h"
#include "vm/gc/heap.h"
#include "vm/interp/catch_table.h"
#include "vm/interp/engine_state.h"
#include "vm/reductions.h"
#include "vm/type_registry.h"

namespace lunabeam::vm::interp {

namespace {

// Between the payload in the order of the tag's parameters and the two classes of slots.
void split_payload(const TagInst& tag, const u64* words, u64* num, u64* ref) {
  for (const ValType type : TypeRegistry::global().func(tag.type).params) {
    for (u32 i = 0; i < type.slots(); ++i) *(type.is_ref() ? ref : num)++ = *words++;
  }
}
void join_payload(const TagInst& tag, const u64* num, const u64* ref, u64* words) {
  for (const ValType type : TypeRegistry::global().func(tag.type).params) {
    for (u32 i = 0; i < type.slots(); ++i) *words++ = *(type.is_ref() ? ref : num)++;
  }
}

Next start_search(ExecContext& exec, u64 exception) {
  exec.exception = exception;
  exec.search_words = 0;
  exec.search_ctx = exec.ctx;
  return find_handler(exec);
}

// Goes on at `entry` of the frame's function.
void land(ExecContext& exec, u64* fp, Ctx* ctx, const CatchEntry& entry) {
  const u64 exception = exec.exception;
  if (entry.tag != kNoCatch) {
    split_payload(*gc::exception_tag(exception), gc::exception_words(exception), fp + entry.home[0],
                  fp + entry.home[1]);
  }
  if (entry.exception != kNoCatch) fp[entry.exception] = exception;
  exec.exception = 0;
  exec.fp = fp;
  switch_ctx(exec, ctx);
  save_ip(fp, frame_function(fp)->storage + entry.target);
}

}  // namespace

Next throw_exception(ExecContext& exec) noexcept {
  const Insn* const ip = saved_ip(exec.fp);
  u32 tag_index;
  u32 from[2];
  std::memcpy(&tag_index, ip + 1, sizeof tag_index);
  std::memcpy(from, ip + 2, sizeof from);
  const TagInst& tag = *exec.ctx->tags[tag_index];
  const FuncShape& shape = TypeRegistry::global().func_shape(tag.type);
  const u32 words = shape.param_slots + shape.param_refs;
  const u64 exception = gc::allocate_exception(exec, &tag, tag.type, words);
  if (exception == 0) return raise(exec, TrapKind::kOutOfMemory);
  // Only now: the collector may have moved what the references mean.
  join_payload(tag, exec.fp + from[0], exec.fp + from[1], gc::exception_words(exception));
  exec.reductions -= bulk_cost(words * sizeof(u64));
  return start_search(exec, exception);
}

Next throw_ref(ExecContext& exec) noexcept {
  const u64 exception = exec.fp[saved_ip(exec.fp)->f[0]];
  if (exception == 0) return raise(exec, TrapKind::kNullExceptionReference);
  return start_search(exec, exception);
}

Next find_handler(ExecContext& exec) noexcept {
  const TagInst* const tag = gc::exception_tag(exec.exception);
  for (;;) {
    u64* fp = exec.fp + exec.search_words;
    const FuncCode& code = *frame_function(fp);
    u64 looked = 0;
    if (code.catches != nullptr) {
      // Of the thrower the ip is at the operation, of all others behind the call.
      const auto at = static_cast<u32>(saved_ip(fp) - code.storage) - (exec.search_words == 0 ? 0 : 1);
      const CatchEntry* const entry = code.catches->find(at, exec.search_ctx->tags, tag, looked);
      if (entry != nullptr) {
        exec.reductions -= search_cost(looked);
        land(exec, fp, exec.search_ctx, *entry);
        return exec.reductions < 0 ? tick(exec, Next::kGo) : Next::kGo;
      }
    }
    exec.reductions -= search_cost(looked);
    u64 word = frame_return_word(fp);
    fp += code.frame_words;
    while (word == kReturnRestore) {
      const auto* const frame = reinterpret_cast<const RestoreFrame*>(fp);
      exec.search_ctx = frame->ctx;
      word = frame->return_word;
      fp += sizeof(RestoreFrame) / sizeof(u64);
    }
    if (word != kReturnToInterp) return raise(exec, TrapKind::kUncaughtException, tag->index);
    exec.search_words = static_cast<u64>(fp - exec.fp);
    if (exec.reductions < 0) {
      const Next next = tick(exec, Next::kSearch);
      if (next != Next::kSearch) return next;
    }
  }
}

}  // namespace lunabeam::vm::interp
