// The host-function protocol: Done, Park, Trap, Call; continuations nested to any depth; host operations destroyed exactly once.
#include "tests/unit/vm/interp_machine.h"
#include "vm/interp/engine_state.h"

namespace lunabeam::vm::interp {
namespace {

constexpr u16 kW = frame_words_for(8);

// Counts its lives.
struct CountedOp : HostOp {
  explicit CountedOp(i64 initial = 0) : value(initial) { ++alive; }
  ~CountedOp() override {
    --alive;
    ++destroyed;
  }
  i64 value;
  static inline int alive = 0;
  static inline int destroyed = 0;
};

// What the host functions below are told by the tests.
struct Script {
  const FuncCode* callee = nullptr;
  int parks = 0;  // How often a parking function is woken in vain.
  int cancels = 0;
  int trapped_calls = 0;
  int returned_calls = 0;
} script;

HostStatus call_callee(ExecContext& exec, u64* io) {
  exec.host_call.code = script.callee;
  push_host_op(exec, new CountedOp(static_cast<i64>(io[0])));
  return HostStatus::kCall;
}

// Calls the callee with its argument; result + 1000 * argument.
const HostFunction kCaller{.module = "t",
                           .name = "caller",
                           .signature = "I:I",
                           .call = &call_callee,
                           .returned =
                               [](ExecContext& exec, u64* io) {
                                 ++script.returned_calls;
                                 io[0] += 1000 * static_cast<u64>(static_cast<CountedOp*>(exec.host_ops)->value);
                                 return HostStatus::kDone;
                               },
                           .cost = 1};

// The same; a trap is answered with 7777.
const HostFunction kCatcher{.module = "t",
                            .name = "catch",
                            .signature = "I:I",
                            .call = &call_callee,
                            .returned = [](ExecContext&, u64*) { return HostStatus::kDone; },
                            .trapped =
                                [](ExecContext&, u64* io) {
                                  ++script.trapped_calls;
                                  io[0] = 7777;
                                  return HostStatus::kDone;
                                },
                            .cost = 1};

// A trap is passed on.
const HostFunction kRethrower{.module = "t",
                              .name = "rethrow",
                              .signature = "I:I",
                              .call = &call_callee,
                              .returned = [](ExecContext&, u64*) { return HostStatus::kDone; },
                              .trapped =
                                  [](ExecContext&, u64*) {
                                    ++script.trapped_calls;
                                    return HostStatus::kTrap;
                                  },
                              .cost = 1};

// Calls the callee as many times as its argument says; the sum of the results.
struct LoopOp : CountedOp {
  using CountedOp::CountedOp;
  u64 left = 0;
  u64 sum = 0;
};
HostStatus loop_on(ExecContext& exec, u64* io, u64 left, u64 sum) {
  auto* const op = new LoopOp;
  op->left = left;
  op->sum = sum;
  push_host_op(exec, op);
  exec.host_call.code = script.callee;
  io[0] = left;
  return HostStatus::kCall;
}
const HostFunction kLooper{.module = "t",
                           .name = "loop",
                           .signature = "I:I",
                           .call = [](ExecContext& exec, u64* io) { return loop_on(exec, io, io[0], 0); },
                           .returned =
                               [](ExecContext& exec, u64* io) {
                                 const auto* const op = static_cast<LoopOp*>(exec.host_ops);
                                 const u64 sum = op->sum + io[0];
                                 if (op->left > 1) return loop_on(exec, io, op->left - 1, sum);
                                 io[0] = sum;
                                 return HostStatus::kDone;
                               },
                           .cost = 1};

const HostFunction kParker{.module = "t",
                           .name = "park",
                           .signature = "I:I",
                           .call = [](ExecContext&, u64*) { return HostStatus::kPark; },
                           .resume =
                               [](ExecContext&, u64* io) {
                                 if (script.parks-- > 0) return HostStatus::kPark;
                                 io[0] = 5;
                                 return HostStatus::kDone;
                               },
                           .cancel = [](ExecContext&) { ++script.cancels; },
                           .cost = 1};

const HostFunction kTrapper{.module = "t",
                            .name = "trap",
                            .signature = "I:I",
                            .call =
                                [](ExecContext& exec, u64*) {
                                  exec.trap = Trap{.kind = TrapKind::kHost, .message = "as told"};
                                  return HostStatus::kTrap;
                                },
                            .cost = 1};

const HostFunction kSwap{.module = "t",
                         .name = "swap",
                         .signature = "Ii:iI",
                         .call =
                             [](ExecContext&, u64* io) {
                               std::swap(io[0], io[1]);
                               return HostStatus::kDone;
                             },
                         .cost = 3};

class HostCall : public BothDispatches {
 protected:
  void SetUp() override {
    BothDispatches::SetUp();
    script = Script{};
    CountedOp::alive = CountedOp::destroyed = 0;
    if (!IsSkipped()) machine_ = std::make_unique<InterpMachine>(GetParam());
  }
  void TearDown() override {
    machine_.reset();
    EXPECT_EQ(CountedOp::alive, 0);
  }
  // x -> function(x) + x, the call's result taken from the accumulator.
  FuncCode& caller_of(const HostFunction& function) {
    Code code;
    code.op(Special::call_host, 1, 1).word(reinterpret_cast<u64>(&function)).list({S(0)}, {0, S(1)});
    code.op(op_id(Opcode::i64_add, Form::kSA, Dest::kA), S(0), S(2));
    return machine_->add({.slots = 8, .params = 1, .result_types = {ValType::kI64}}, code.op(Special::ret_A, kW));
  }
  FuncCode& crasher() {
    return machine_->add({.slots = 8, .params = 1, .result_types = {ValType::kI64}}, Code().op(Special::unreachable));
  }
  FuncCode& doubler() {
    return machine_->add(
        {.slots = 8, .params = 1, .result_types = {ValType::kI64}},
        Code().op(op_id(Opcode::i64_add, Form::kSS, Dest::kS), S(0), S(0), S(1)).op(Special::ret_S, S(1), kW));
  }
  // The function that stands for a host function in tables.
  FuncCode& thunk_of(const HostFunction& function) {
    FuncCode& thunk = machine_->declare({.slots = 1, .params = 1, .result_types = {ValType::kI64}});
    thunk.host = &function;
    machine_->define(thunk, Code().op(Special::host_thunk));
    return thunk;
  }
  std::unique_ptr<InterpMachine> machine_;
};
BOTH_DISPATCHES(HostCall);

TEST_P(HostCall, results_go_to_their_slots_and_cost_is_charged) {
  InterpMachine& m = *machine_;
  Code code;
  code.op(Special::call_host, 2, 2).word(reinterpret_cast<u64>(&kSwap)).list({S(0), S(1)}, {0, S(2)});
  code.op(op_id(Opcode::i64_shl, Form::kAI, Dest::kA), 8, S(4))
      .op(op_id(Opcode::i64_add, Form::kSA, Dest::kA), S(3), S(4));
  FuncCode& function = m.add({.slots = 8, .params = 2, .result_types = {ValType::kI64}}, code.op(Special::ret_A, kW));
  EXPECT_EQ(m.call(function, {1, 2}), ExecStatus::kReturned);
  EXPECT_EQ(m.result(), 0x201u);
  EXPECT_EQ(m.chunk - m.reductions, 3);
}

TEST_P(HostCall, a_loop_of_host_calls_ticks_and_keeps_its_results) {
  InterpMachine& m = *machine_;
  for (const bool leave : {false, true}) {
    m.chunk = 0;
    m.ticks = 0;
    m.move_at_ticks = true;
    m.on_tick = leave ? std::function<i64()>([] { return i64{kTickLeave}; }) : nullptr;
    Code code;  // No branch back: ten calls in a row.
    for (int i = 0; i < 10; ++i) {
      code.op(Special::call_host, 2, 2).word(reinterpret_cast<u64>(&kSwap)).list({S(0), S(1)}, {0, S(2)});
      code.op(op_id(Opcode::i64_add, Form::kSA, Dest::kS), S(4), S(4));
    }
    FuncCode& function = m.add({.slots = 8, .params = 2, .locals = 6, .result_types = {ValType::kI64}},
                               code.op(Special::ret_S, S(4), kW));
    EXPECT_EQ(m.call(function, {1, 2}), ExecStatus::kReturned);
    EXPECT_EQ(m.result(), 20u);
    EXPECT_GE(m.ticks, 10u);
  }
}

TEST_P(HostCall, traps_of_host_functions_unwind) {
  EXPECT_EQ(machine_->call(caller_of(kTrapper), {1}), ExecStatus::kTrapped);
  EXPECT_EQ(machine_->trap.kind, TrapKind::kHost);
  EXPECT_STREQ(machine_->trap.message, "as told");
}

TEST_P(HostCall, a_park_leaves_and_resumes_until_it_is_done) {
  InterpMachine& m = *machine_;
  for (const bool through_thunk : {false, true}) {
    FuncCode& function = through_thunk ? thunk_of(kParker) : caller_of(kParker);
    script.parks = 2;
    m.push(function, {10});
    for (int i = 0; i < 3; ++i) {
      ASSERT_EQ(run(m, GetParam()), ExecStatus::kParked);
      EXPECT_EQ(m.resume, Resume::kHostCall);
      m.move(stack_capacity_bytes(m));  // Stacks of parked processes move.
    }
    ASSERT_EQ(run(m, GetParam()), ExecStatus::kReturned);
    EXPECT_EQ(m.result(), through_thunk ? 5u : 15u);
  }
  EXPECT_EQ(script.cancels, 0);
}

TEST_P(HostCall, calls_back_into_the_guest) {
  script.callee = &doubler();
  EXPECT_EQ(machine_->call(caller_of(kCaller), {21}), ExecStatus::kReturned);
  EXPECT_EQ(machine_->result(), 42u + 21'000 + 21);
  EXPECT_EQ(CountedOp::destroyed, 1);
  EXPECT_EQ(machine_->call(thunk_of(kCaller), {21}), ExecStatus::kReturned);
  EXPECT_EQ(machine_->result(), 42u + 21'000);
}

TEST_P(HostCall, a_host_function_may_call_again_from_its_continuation) {
  script.callee = &doubler();
  for (const i64 chunk : {i64{1000}, i64{0}}) {
    machine_->chunk = chunk;
    CountedOp::destroyed = 0;
    EXPECT_EQ(machine_->call(caller_of(kLooper), {100}), ExecStatus::kReturned);
    EXPECT_EQ(machine_->result(), 100u * 101 + 100);
    EXPECT_EQ(CountedOp::destroyed, 100);
  }
}

// rec(x) = x == 0 ? 0 : host(rec, x - 1) + 1, through the host at every level.
TEST_P(HostCall, callbacks_nest_deep_in_constant_c_stack) {
  InterpMachine& m = *machine_;
  FuncCode& rec = m.declare({.slots = 8, .params = 1, .result_types = {ValType::kI64}});
  Code code;
  code.op(branch_id(Opcode::i64_ne, Form::kSI, false), S(0), 0, 2).op(Special::ret_S, S(0), kW);
  code.op(op_id(Opcode::i64_sub, Form::kSI, Dest::kS), S(0), 1, S(2));
  code.op(Special::call_host, 1, 1).word(reinterpret_cast<u64>(&kCatcher)).list({S(2)}, {0, S(1)});
  code.op(op_id(Opcode::i64_add, Form::kAI, Dest::kA), 1, S(3)).op(Special::ret_A, kW);
  m.define(rec, std::move(code));
  script.callee = &rec;
#if defined(LUNABEAM_TORTURE)
  constexpr int kDepth = 5'000;
#else
  constexpr int kDepth = 50'000;
#endif
  EXPECT_EQ(m.call(rec, {kDepth}), ExecStatus::kReturned);
  EXPECT_EQ(m.result(), u64{kDepth});
  EXPECT_EQ(CountedOp::destroyed, kDepth);
  // Exhaustion deep inside is caught one level above.
  m.stack_cap_bytes = stack_capacity_bytes(m);
  m.chunk = 3;
  EXPECT_EQ(m.call(rec, {10'000'000}), ExecStatus::kReturned);
  EXPECT_EQ(m.trap.kind, TrapKind::kCallStackExhausted);
  EXPECT_EQ(script.trapped_calls, 1);
  EXPECT_GT(m.result(), 7777u);
}

TEST_P(HostCall, parks_inside_a_callback) {
  InterpMachine& m = *machine_;
  script.callee = &caller_of(kParker);
  m.push(caller_of(kCaller), {3});
  ASSERT_EQ(run(m, GetParam()), ExecStatus::kParked);
  EXPECT_EQ(CountedOp::alive, 1);
  m.move(2 * stack_capacity_bytes(m));
  ASSERT_EQ(run(m, GetParam()), ExecStatus::kReturned);
  EXPECT_EQ(m.result(), 5u + 3 + 3000 + 3);
}

TEST_P(HostCall, yields_inside_a_callback) {
  InterpMachine& m = *machine_;
  m.chunk = 0;
  m.on_tick = [] { return i64{kTickLeave}; };
  m.move_at_ticks = true;
  FuncCode& inner = caller_of(kSwap);
  static_cast<void>(inner);
  script.callee = &caller_of(kParker);
  m.push(caller_of(kCaller), {3});
  int parked = 0;
  for (;;) {
    const ExecStatus status = run(m, GetParam());
    m.reductions = 0;
    if (status == ExecStatus::kParked) ++parked;
    if (status == ExecStatus::kReturned) break;
    ASSERT_NE(status, ExecStatus::kTrapped);
  }
  EXPECT_EQ(parked, 1);
  EXPECT_EQ(m.result(), 5u + 3 + 3000 + 3);
}

TEST_P(HostCall, a_trap_in_a_callback_is_caught) {
  InterpMachine& m = *machine_;
  script.callee = &crasher();
  EXPECT_EQ(m.call(caller_of(kCatcher), {1}), ExecStatus::kReturned);
  EXPECT_EQ(m.result(), 7778u);
  EXPECT_EQ(m.trap.kind, TrapKind::kUnreachable);
  EXPECT_EQ(CountedOp::destroyed, 1);
  EXPECT_EQ(m.call(thunk_of(kCatcher), {1}), ExecStatus::kReturned);
  EXPECT_EQ(m.result(), 7777u);
}

TEST_P(HostCall, a_trap_passes_continuations_that_do_not_take_it) {
  InterpMachine& m = *machine_;
  script.callee = &crasher();
  EXPECT_EQ(m.call(caller_of(kCaller), {1}), ExecStatus::kTrapped);
  EXPECT_EQ(CountedOp::destroyed, 1);
  EXPECT_EQ(m.call(caller_of(kRethrower), {1}), ExecStatus::kTrapped);
  EXPECT_EQ(script.trapped_calls, 1);
  EXPECT_EQ(CountedOp::destroyed, 2);
  EXPECT_EQ(m.host_op_count, 0u);
  EXPECT_EQ(m.host_ops, nullptr);
}

TEST_P(HostCall, abandoning_destroys_operations_and_cancels_the_wait) {
  InterpMachine& m = *machine_;
  script.callee = &caller_of(kParker);
  m.push(caller_of(kCaller), {3});
  ASSERT_EQ(run(m, GetParam()), ExecStatus::kParked);
  abandon(m);
  EXPECT_EQ(CountedOp::destroyed, 1);
  EXPECT_EQ(script.cancels, 1);
  EXPECT_EQ(m.resume, Resume::kFinished);
  EXPECT_EQ(reinterpret_cast<u8*>(m.fp), m.stack_hi);
  abandon(m);
  EXPECT_EQ(script.cancels, 1);
}

TEST_P(HostCall, a_callback_that_does_not_fit_traps_into_its_host_function) {
  InterpMachine& m = *machine_;
  FuncCode& big = m.declare({.slots = 100'000, .params = 1, .result_types = {ValType::kI64}});
  m.define(big, Code().op(Special::unreachable));
  m.stack_cap_bytes = 65536;
  script.callee = &big;
  EXPECT_EQ(m.call(caller_of(kCatcher), {1}), ExecStatus::kReturned);
  EXPECT_EQ(m.result(), 7778u);
  EXPECT_EQ(m.trap.kind, TrapKind::kCallStackExhausted);
  EXPECT_EQ(m.call(caller_of(kCaller), {1}), ExecStatus::kTrapped);
  EXPECT_EQ(CountedOp::destroyed, 2);
}

TEST_P(HostCall, references_pass_through_thunks_in_wasm_order) {
  static const HostFunction kMix{.module = "t",
                                 .name = "mix",
                                 .signature = "IrI:rII",
                                 .call =
                                     [](ExecContext&, u64* io) {
                                       const u64 a = io[0], ref = io[1], b = io[2];
                                       io[0] = ref;
                                       io[1] = a + b;
                                       io[2] = a - b;
                                       return HostStatus::kDone;
                                     },
                                 .cost = 1};
  InterpMachine& m = *machine_;
  FuncCode& thunk = m.declare({.slots = 3,
                               .params = 2,
                               .ref_params = 1,
                               .refs = 1,
                               .param_types = {ValType::kI64, kFuncRef, ValType::kI64},
                               .result_types = {kFuncRef, ValType::kI64, ValType::kI64}});
  thunk.host = &kMix;
  m.define(thunk, Code().op(Special::host_thunk));
  EXPECT_EQ(m.call(thunk, {9, 0x40, 4}), ExecStatus::kReturned);
  EXPECT_EQ(m.result(0), 0x40u);
  EXPECT_EQ(m.result(1), 13u);
  EXPECT_EQ(m.result(2), 5u);
  Code code;
  code.constant(S(7), 0x80)
      .op(Special::call, 2, 1)
      .word(reinterpret_cast<u64>(&thunk))
      .list({S(0), S(1), S(7)}, {S(6), S(2)});
  code.op(op_id(Opcode::i64_mul, Form::kSS, Dest::kS), S(2), S(3), S(2))
      .op(op_id(Opcode::i64_add, Form::kSS, Dest::kS), S(2), S(6), S(2));
  FuncCode& caller =
      m.add({.slots = 8, .params = 2, .refs = 2, .result_types = {ValType::kI64}}, code.op(Special::ret_S, S(2), kW));
  EXPECT_EQ(m.call(caller, {9, 4}), ExecStatus::kReturned);
  EXPECT_EQ(m.result(), 13u * 5 + 0x80);
}

}  // namespace
}  // namespace lunabeam::vm::interp
