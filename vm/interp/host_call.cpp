// Host functions that do more than answer at once (HostStatus), callbacks into the guest, and returns to frames that are not
// interpreter frames. Nothing here recurses: a host function that is asked again (`returned`, `trapped`) and answers is the next
// round of one loop, so that callbacks nest to any depth in constant C stack.
#include <cstring>

#include "vm/base/check.h"
#include "vm/interp/engine_state.h"
#include "vm/interp/host_ops.h"
#include "vm/interp/ops.h"
#include "vm/limits.h"
#include "vm/type_registry.h"

namespace lunabeam::vm::interp {

namespace {

#if defined(LUNABEAM_TORTURE)
constexpr bool kMovesAtEveryCall = true;
#else
constexpr bool kMovesAtEveryCall = false;
#endif

u32 words_of(char letter) { return letter == 'v' ? 2 : 1; }
bool is_reference(char letter) { return letter == 'r' || letter == 'e'; }

// Words of the results, by the letters behind the colon.
struct Results {
  u32 num = 0;
  u32 ref = 0;
};
Results results_of(const HostFunction& function) {
  Results results;
  for (const char letter : function.signature.substr(function.signature.find(':') + 1)) {
    (is_reference(letter) ? results.ref : results.num) += words_of(letter);
  }
  return results;
}

// Between wasm order and {no references..., references...}, in place, through the upper half of the transfer area.
static_assert(kTransferWords / 2 >= 2 * kMaxParams);
void split_results(const FuncCode& code, Results results, u64* values) {
  if (results.num == 0 || results.ref == 0) return;
  u64* const copy = values + kTransferWords / 2;
  std::memcpy(copy, values, (results.num + results.ref) * sizeof(u64));
  const u64* from = copy;
  u64* num = values;
  u64* ref = values + results.num;
  for (const ValType type : TypeRegistry::global().func(code.type).results) {
    for (u32 i = 0; i < type.slots(); ++i) *(type.is_ref() ? ref : num)++ = *from++;
  }
}
void join_results(const FuncCode& code, u32 nums, u32 refs, u64* values) {
  if (refs == 0 || nums == 0) return;
  u64* const copy = values + kTransferWords / 2;
  std::memcpy(copy, values, (nums + refs) * sizeof(u64));
  const u64* num = copy;
  const u64* ref = copy + nums;
  for (const ValType type : TypeRegistry::global().func(code.type).results) {
    for (u32 i = 0; i < type.slots(); ++i) *values++ = *(type.is_ref() ? ref : num)++;
  }
}

}  // namespace

HostAnswer pop_frame(ExecContext& exec, u32 num, u32 ref) noexcept {
  u64* fp = exec.fp;
  const FuncCode& code = *frame_function(fp);
  u64 word = frame_return_word(fp);
  fp += code.frame_words;
  while (word == kReturnRestore) {
    const auto* const frame = reinterpret_cast<const RestoreFrame*>(fp);
    switch_ctx(exec, frame->ctx);
    word = frame->return_word;
    fp += sizeof(RestoreFrame) / sizeof(u64);
  }
  exec.fp = fp;
  u64* const values = exec.transfer;
  switch (word) {
    case kReturnToInterp: {
      const Insn* const ip = saved_ip(fp);
      if (num != 0) std::memcpy(fp + result_operand(ip), values, num * sizeof(u64));
      if (ref != 0) std::memcpy(fp + ref_result_operand(ip), values + num, ref * sizeof(u64));
      return {num != 0 ? Next::kGoResult : ref != 0 ? Next::kGoRefResult : Next::kGo};
    }
    case kReturnHostCont: {
      join_results(code, num, ref, values);
      const HostContFrame frame = *reinterpret_cast<const HostContFrame*>(fp);
      exec.fp = fp + sizeof(HostContFrame) / sizeof(u64);
      switch_ctx(exec, frame.ctx);
      VM_CHECK(frame.function->returned != nullptr);
      const HostStatus status = frame.function->returned(exec, values);
      finish_host_op(exec, static_cast<u32>(frame.op_index));
      return {frame.function, status};
    }
    case kReturnExit:
      join_results(code, num, ref, values);
      VM_CHECK(exec.host_op_count == 0);
      exec.resume = Resume::kFinished;
      return {Next::kReturned};
    default: VM_UNREACHABLE("unknown return word");
  }
}

namespace {

// The results of a host function are in exec.transfer, in wasm order; the frame that called it is on top.
HostAnswer deliver(ExecContext& exec, const HostFunction& function) noexcept {
  const Results results = results_of(function);
  u64* const fp = exec.fp;
  if (const FuncCode& code = *frame_function(fp); code.host != nullptr) {  // A thunk: return from it.
    split_results(code, results, exec.transfer);
    return pop_frame(exec, results.num, results.ref);
  }
  VM_CHECK(results.ref == 0);
  if (results.num == 0) return {Next::kGo};  // Maybe not behind a call at all: ExecHooks::translate_elsewhere.
  std::memcpy(fp + result_operand(saved_ip(fp)), exec.transfer, results.num * sizeof(u64));
  return {Next::kGoResult};
}

// HostStatus::kCall.
HostAnswer call_back(ExecContext& exec, const HostFunction& function) noexcept {
  const FuncCode& code = *exec.host_call.code;
  VM_CHECK(exec.host_op_count > 0);
  constexpr u64 kContWords = sizeof(HostContFrame) / sizeof(u64);
  u64* fp = exec.fp - kContWords - code.frame_words;
  if (kMovesAtEveryCall || fp < exec.stack_limit) {
    // The arguments are in the transfer area, which the hook leaves alone: it belongs to the worker.
    if (!make_room(exec, kContWords + code.frame_words)) return trap_in_callback(exec, function);
    fp = exec.fp - kContWords - code.frame_words;
  }
  auto* const frame = reinterpret_cast<HostContFrame*>(fp + code.frame_words);
  *frame = HostContFrame{&function, exec.host_op_count - 1, exec.ctx, kReturnToInterp};
  fill_frame(fp, code, exec.transfer, kReturnHostCont);
  exec.fp = fp;
  const Insn* const start = code.code.load(std::memory_order_acquire);
  save_ip(fp, start);
  // Entry cost and code are published together, and charged together.
  if (start->op != op_id(Special::lazy)) exec.reductions -= code.entry_cost;
  return {Next::kGo};
}

Next settle(ExecContext& exec, HostAnswer answer) noexcept {
  while (answer.function != nullptr) {
    const HostFunction& function = *answer.function;
    switch (answer.status) {
      case HostStatus::kDone: answer = deliver(exec, function); break;
      case HostStatus::kPark:
        VM_CHECK(function.resume != nullptr);
        exec.resume = Resume::kHostCall;
        exec.parked = &function;
        return Next::kParked;
      case HostStatus::kTrap:
        answer = unwind(exec, function.call != nullptr ? TrapAt::kBehindCall : TrapAt::kOperation);
        break;
      case HostStatus::kCall: answer = call_back(exec, function); break;
    }
  }
  if (!leaves(answer.next) && exec.reductions < 0) return tick(exec, answer.next);
  return answer.next;
}

}  // namespace

void finish_host_op(ExecContext& exec, u32 index) noexcept {
  VM_CHECK(exec.host_op_count > index && exec.host_op_count <= index + 2);
  HostOp** link = &exec.host_ops;
  if (exec.host_op_count == index + 2)
    link = &(*link)->below;  // The answer is another callback: its operation is above.
  HostOp* const op = *link;
  *link = op->below;
  --exec.host_op_count;
  delete op;
}

void drop_host_ops(ExecContext& exec, u32 keep) noexcept {
  while (exec.host_op_count > keep) {
    HostOp* const op = exec.host_ops;
    exec.host_ops = op->below;
    --exec.host_op_count;
    delete op;
  }
}

Next host_answered(ExecContext& exec, const HostFunction& function, HostStatus status) noexcept {
  return settle(exec, {&function, status});
}

Next call_from_thunk(ExecContext& exec) noexcept {
  u64* const fp = exec.fp;
  const FuncCode& thunk = *frame_function(fp);
  const HostFunction& function = *thunk.host;
  u64* const io = exec.transfer;
  if (thunk.ref_params == 0) {
    std::memcpy(io, fp + kSlotBase, thunk.num_params * sizeof(u64));
  } else {
    const u64* num = fp + kSlotBase;
    const u64* ref = fp + kSlotBase + thunk.ref_base;
    u64* to = io;
    for (const ValType type : TypeRegistry::global().func(thunk.type).params) {
      for (u32 i = 0; i < type.slots(); ++i) *to++ = *(type.is_ref() ? ref : num)++;
    }
  }
  exec.reductions -= function.cost;
  return settle(exec, {&function, function.call(exec, io)});
}

Next return_values(ExecContext& exec, u32 num, u32 ref) noexcept { return settle(exec, pop_frame(exec, num, ref)); }

Next return_single(ExecContext& exec) noexcept {
  const std::vector<ValType>& results = TypeRegistry::global().func(frame_function(exec.fp)->type).results;
  const bool ref = results.size() == 1 && results[0].is_ref();
  return return_values(exec, ref ? 0 : 1, ref ? 1 : 0);
}

Next raise(ExecContext& exec) noexcept { return settle(exec, unwind(exec, TrapAt::kOperation)); }

Next raise(ExecContext& exec, TrapKind kind, u64 operand) noexcept {
  exec.trap = Trap{.kind = kind, .operand = operand};
  return raise(exec);
}

}  // namespace lunabeam::vm::interp
