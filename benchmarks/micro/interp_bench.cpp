// The interpreter by itself: what dispatch, calls, host calls, ticks and traps cost. Code is assembled by hand, so that a figure stands for
// the operations it names and nothing else.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <cstring>
#include <deque>
#include <initializer_list>
#include <vector>

#include "vm/exec_context.h"
#include "vm/frame.h"
#include "vm/instance.h"
#include "vm/interp/fusion.h"
#include "vm/interp/interp.h"
#include "vm/interp/ops.h"
#include "vm/process_stack.h"
#include "vm/reductions.h"
#include "vm/type_registry.h"

namespace lunabeam::vm::interp {
namespace {

constexpr u16 slot(u32 index) { return static_cast<u16>(kSlotBase + index); }
constexpr u32 kSlots = 8;
constexpr u16 kWords = frame_words_for(kSlots);
constexpr u32 kRounds = 10'000;

struct Words {
  Words& op(u16 id, u16 f0 = 0, u16 f1 = 0, u16 f2 = 0) {
    list.push_back(Insn{id, {f0, f1, f2}});
    return *this;
  }
  Words& op(Special id, u16 f0 = 0, u16 f1 = 0, u16 f2 = 0) { return op(op_id(id), f0, f1, f2); }
  Words& word(u64 value) {
    list.push_back(std::bit_cast<Insn>(value));
    return *this;
  }
  std::vector<Insn> list;
};

// A process with 64 KiB of memory.
class Bench : public ExecContext {
 public:
  Bench() {
    hooks = &kHooks;
    transfer_.resize(kTransferWords);
    transfer = transfer_.data();
    instance_.exec = this;
    instance_.next = &instance_;
    ctx = &instance_;
    auto* lo = static_cast<u8*>(std::aligned_alloc(16, kStackBytes));
    attach_stack(*this, lo, lo + kStackBytes);
    bytes_.resize(65536);
    memory_.base = bytes_.data();
    memory_.size_bytes = memory_.max_bytes = bytes_.size();
    instance_.memories = memories_;
    instance_.reload_memory();
  }
  ~Bench() {
    abandon(*this);
    std::free(stack_lo);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  FuncCode& declare(u32 params) {
    FuncCode& code = functions_.emplace_back();
    code.num_params = params;
    code.zero_words = kSlots - params;
    code.num_slots = code.ref_base = kSlots;
    code.frame_words = kWords;
    const FuncType type{std::vector<ValType>(params, ValType::kI64), {ValType::kI64}};
    code.type = TypeRegistry::global().intern(type).value();
    return code;
  }
  void define(FuncCode& code, Words words, bool fused) {
    bodies_.push_back(std::move(words.list));
    if (fused) fuse(bodies_.back());
    code.code.store(bodies_.back().data(), std::memory_order_release);
  }
  // Body kRounds times, then a return.
  FuncCode& loop(Words body, bool fused) {
    FuncCode& code = declare(1);
    const auto back = static_cast<u16>(-static_cast<i32>(body.list.size()) - 1);
    body.op(op_id(Opcode::i32_sub, Form::kSI, Dest::kS), slot(0), 1, slot(0));
    body.op(branch_id(Opcode::i32_ne, Form::kSI, true), slot(0), 0, back);
    body.op(Special::ret_S, slot(1), kWords);
    define(code, std::move(body), fused);
    return code;
  }
  ExecStatus call(const FuncCode& code, u64 argument, Dispatch dispatch) {
    const u64 args[] = {argument};
    if (!push_entry(*this, instance_, code, args)) std::abort();
    reductions = kChunkReductions;
    return run(*this, dispatch);
  }

 private:
  static constexpr u64 kStackBytes = 1 << 20;
  static i64 tick(ExecContext&, i64 left) noexcept {
    while (left < 0) left += kChunkReductions;
    return left;
  }
  static bool grow(ExecContext&, u64) noexcept { return false; }
  static bool allocate(ExecContext&, MemoryInst&, u64, const MemoryImage*, u64) noexcept { return false; }
  static bool grow_memory(ExecContext&, MemoryInst&, u64) noexcept { return false; }
  static void free_memory(ExecContext&, MemoryInst&, u64) noexcept {}
  static bool charge(ExecContext&, i64) noexcept { return true; }
  static constexpr ExecHooks kHooks{&tick, &grow, {&allocate, &grow_memory, &free_memory}, &charge, {}};

  Ctx instance_;
  std::vector<u64> transfer_;
  std::vector<u8> bytes_;
  MemoryInst memory_;
  MemoryInst* memories_[1] = {&memory_};
  std::deque<FuncCode> functions_;
  std::deque<std::vector<Insn>> bodies_;
};

void run_loop(benchmark::State& state, Words body, u32 operations, Dispatch dispatch = Dispatch::kTail,
              bool fused = false) {
  if (!has_dispatch(dispatch)) {
    state.SkipWithError("not in this build");
    return;
  }
  Bench bench;
  FuncCode& code = bench.loop(std::move(body), fused);
  for (auto _ : state) {
    if (bench.call(code, kRounds, dispatch) != ExecStatus::kReturned) state.SkipWithError("trapped");
  }
  state.SetItemsProcessed(state.iterations() * kRounds * operations);
}

Words additions() {
  Words body;
  for (u16 i = 0; i < 16; ++i) {
    body.op(op_id(Opcode::i32_add, Form::kSS, Dest::kS), slot(1 + i % 4), slot(2 + i % 3), slot(1 + i % 5));
  }
  return body;
}
Words chain() {
  Words body;
  for (int i = 0; i < 8; ++i) {
    body.op(op_id(Opcode::i32_add, Form::kSI, Dest::kA), slot(1), 3, slot(7))
        .op(op_id(Opcode::i32_xor, Form::kAS, Dest::kS), slot(2), slot(1));
  }
  return body;
}

void BM_Additions(benchmark::State& state) { run_loop(state, additions(), 16); }
void BM_AdditionsStep(benchmark::State& state) { run_loop(state, additions(), 16, Dispatch::kStep); }
void BM_Chain(benchmark::State& state) { run_loop(state, chain(), 16); }
void BM_ChainFused(benchmark::State& state) { run_loop(state, chain(), 16, Dispatch::kTail, true); }
void BM_EmptyLoop(benchmark::State& state) { run_loop(state, {}, 1); }
void BM_EmptyLoopFused(benchmark::State& state) { run_loop(state, {}, 1, Dispatch::kTail, true); }
void BM_LoadStore(benchmark::State& state) {
  Words body;
  body.op(op_id(Opcode::i32_load, LoadForm::kS, Dest::kA), slot(1), 16, slot(2))
      .op(op_id(Opcode::i32_store, StoreForm::kSA), slot(1), 32);
  run_loop(state, std::move(body), 2);
}
BENCHMARK(BM_Additions);
BENCHMARK(BM_AdditionsStep);
BENCHMARK(BM_Chain);
BENCHMARK(BM_ChainFused);
BENCHMARK(BM_EmptyLoop);
BENCHMARK(BM_EmptyLoopFused);
BENCHMARK(BM_LoadStore);

// Call and return of a function with one parameter and seven locals to clear.
void BM_Call(benchmark::State& state) {
  Bench bench;
  FuncCode& callee = bench.declare(1);
  bench.define(callee, Words().op(Special::ret_S, slot(0), kWords), false);
  Words body;
  body.op(Special::call_1, slot(0)).word(reinterpret_cast<u64>(&callee) | u64{slot(1)} << 48);
  FuncCode& code = bench.loop(std::move(body), false);
  for (auto _ : state) benchmark::DoNotOptimize(bench.call(code, kRounds, kDefaultDispatch));
  state.SetItemsProcessed(state.iterations() * kRounds);
}
BENCHMARK(BM_Call);

const HostFunction kNothing{.module = "bench", .name = "nothing", .signature = "I:I", .call = [](ExecContext&, u64*) {
                              return HostStatus::kDone;
                            }};

void BM_HostCall(benchmark::State& state) {
  Bench bench;
  Words body;
  body.op(Special::call_host, 1, 1).word(reinterpret_cast<u64>(&kNothing)).op(slot(0), 0, 0, slot(1));
  FuncCode& code = bench.loop(std::move(body), false);
  for (auto _ : state) benchmark::DoNotOptimize(bench.call(code, kRounds, kDefaultDispatch));
  state.SetItemsProcessed(state.iterations() * kRounds);
}
BENCHMARK(BM_HostCall);

// A process that crashes eight frames deep: unwinding and backtrace.
void BM_Trap(benchmark::State& state) {
  Bench bench;
  FuncCode& deep = bench.declare(1);
  Words body;
  body.op(branch_id(Opcode::i32_ne, Form::kSI, false), slot(0), 0, 2).op(Special::unreachable);
  body.op(op_id(Opcode::i32_sub, Form::kSI, Dest::kS), slot(0), 1, slot(2));
  body.op(Special::call_1, slot(2))
      .word(reinterpret_cast<u64>(&deep) | u64{slot(1)} << 48)
      .op(Special::ret_S, slot(1), kWords);
  bench.define(deep, std::move(body), false);
  for (auto _ : state) {
    if (bench.call(deep, 7, kDefaultDispatch) != ExecStatus::kTrapped) state.SkipWithError("did not trap");
  }
}
BENCHMARK(BM_Trap);

}  // namespace
}  // namespace lunabeam::vm::interp
