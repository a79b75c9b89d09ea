// Calls, tail calls, stack growth, ticks and interruptible operations.
#include "vm/interp/interp.h"

#include <numeric>

#include "tests/unit/vm/interp_machine.h"
#include "vm/interp/engine_state.h"
#include "vm/reductions.h"

namespace lunabeam::vm::interp {
namespace {

class Interp : public BothDispatches {
 protected:
  void SetUp() override {
    BothDispatches::SetUp();
    if (!IsSkipped()) machine_ = std::make_unique<InterpMachine>(GetParam());
  }
  // sum(n) = n == 0 ? 0 : n + sum(n - 1), with a local and a temporary more than it needs.
  FuncCode& add_sum(u32 entry_cost = 1) {
    FuncCode& sum = machine_->declare({.slots = 7, .params = 1, .locals = 3, .result_types = {ValType::kI64}});
    sum.entry_cost = entry_cost;
    const u16 w = frame_words_for(7);
    Code code;
    code.op(branch_id(Opcode::i64_ne, Form::kSI, false), S(0), 0, 3);
    code.op(Special::ret_S, S(1), w);  // A cleared local.
    code.op(Special::unreachable);
    code.op(op_id(Opcode::i64_add, Form::kSI, Dest::kS), S(1), 1, S(1));  // 1, if the local was cleared.
    code.op(op_id(Opcode::i64_sub, Form::kSI, Dest::kS), S(0), 1, S(4));
    code.call(sum, {S(4)}, S(5));
    code.op(op_id(Opcode::i64_add, Form::kAS, Dest::kA), S(0), S(6));
    code.op(op_id(Opcode::i64_add, Form::kAS, Dest::kA), S(1), S(6));
    code.op(op_id(Opcode::i64_sub, Form::kAI, Dest::kA), 1, S(6));
    code.op(Special::ret_A, w);
    machine_->define(sum, std::move(code));
    return sum;
  }
  std::unique_ptr<InterpMachine> machine_;
};
BOTH_DISPATCHES(Interp);

TEST_P(Interp, recursion_200000_deep_grows_the_stack) {
#if defined(LUNABEAM_TORTURE)
  constexpr u64 kDepth = 20'000;  // The stack moves on the way down, again and again.
#else
  constexpr u64 kDepth = 200'000;
#endif
  FuncCode& sum = add_sum();
  EXPECT_EQ(machine_->call(sum, {kDepth}), ExecStatus::kReturned);
  EXPECT_EQ(machine_->result(), kDepth * (kDepth + 1) / 2);
  EXPECT_GT(machine_->growths, 8u);
  EXPECT_EQ(machine_->chunk - machine_->reductions, static_cast<i64>(kDepth));
  EXPECT_EQ(reinterpret_cast<u8*>(machine_->fp), machine_->stack_hi);
}

TEST_P(Interp, exhausted_stack_traps_and_leaves_the_process_usable) {
  FuncCode& sum = add_sum();
  machine_->stack_cap_bytes = 65536;
  EXPECT_EQ(machine_->call(sum, {200'000}), ExecStatus::kTrapped);
  EXPECT_EQ(machine_->trap.kind, TrapKind::kCallStackExhausted);
  ASSERT_NE(exec_backtrace(*machine_), nullptr);
  EXPECT_EQ(exec_backtrace(*machine_)->num_frames, Backtrace::kMaxFrames);
  EXPECT_GT(exec_backtrace(*machine_)->total_frames, 500u);
  EXPECT_EQ(machine_->call(sum, {100}), ExecStatus::kReturned);
  EXPECT_EQ(machine_->result(), 5050u);
}

TEST_P(Interp, frames_beyond_any_stack_exhaust_it_without_asking) {
  FuncCode& huge = machine_->declare({.slots = 16});
  huge.frame_words = static_cast<u32>(kMaxFrameWords) + 2;
  machine_->define(huge, Code().op(Special::unreachable));
  FuncCode& caller = machine_->add({.slots = 4}, Code().call(huge, {}, S(0)));
  EXPECT_EQ(machine_->call(caller), ExecStatus::kTrapped);
  EXPECT_EQ(machine_->trap.kind, TrapKind::kCallStackExhausted);
  EXPECT_EQ(machine_->growths, 0u);
}

TEST_P(Interp, a_tick_at_every_charge_changes_nothing) {
  // Chunks of every small length: each place that charges meets an empty counter.
  for (i64 chunk = 0; chunk < 12; ++chunk) {
    for (const bool leave : {false, true}) {
      InterpMachine& m = *(machine_ = std::make_unique<InterpMachine>(GetParam()));
      FuncCode& sum = add_sum(3);
      // calls sum(0) .. sum(9) in a loop and adds up.
      Code code;
      const u16 w = frame_words_for(8);
      code.op(Special::call_1, S(1)).word(reinterpret_cast<u64>(&sum) | u64{S(3)} << 48);
      code.op(op_id(Opcode::i64_add, Form::kSA, Dest::kS), S(2), S(2));
      code.op(op_id(Opcode::i64_add, Form::kSI, Dest::kS), S(1), 1, S(1));
      code.op(branch_id(Opcode::i64_lt_u, Form::kSI, true), S(1), 10, imm(-4));
      code.op(Special::ret_S, S(2), w);
      FuncCode& all = m.add({.slots = 8, .locals = 4, .result_types = {ValType::kI64}}, std::move(code));
      m.chunk = chunk;
      m.move_at_ticks = true;
      if (leave) m.on_tick = [] { return i64{kTickLeave}; };
      ASSERT_EQ(m.call(all), ExecStatus::kReturned);
      EXPECT_EQ(m.result(), 165u);
      EXPECT_GT(m.ticks, 0u);
      // 3 for each of the 55 calls, 9 back-edges: whatever the chunks are.
      const i64 granted = chunk * static_cast<i64>(1 + m.ticks);
      EXPECT_EQ(granted - m.reductions + m.overdraft, 55 * 3 + 9) << chunk;
    }
  }
}

TEST_P(Interp, a_tick_may_trap) {
  FuncCode& forever = machine_->add({.slots = 4}, Code().op32(Special::br_back, 0, 0));
  machine_->chunk = 1000;
  int left = 5;
  machine_->on_tick = [&]() -> i64 {
    if (--left > 0) return 1000;
    machine_->trap = Trap{.kind = TrapKind::kOutOfFuel};
    return kTickTrap;
  };
  EXPECT_EQ(machine_->call(forever), ExecStatus::kTrapped);
  EXPECT_EQ(machine_->trap.kind, TrapKind::kOutOfFuel);
  EXPECT_EQ(machine_->ticks, 5u);
}

TEST_P(Interp, charge_takes_what_it_says) {
  Code code;
  code.op32(Special::charge, 0, 700).op32(Special::charge, 0, 300).op(Special::ret_I, 5, frame_words_for(4));
  FuncCode& function = machine_->add({.slots = 4, .result_types = {ValType::kI32}}, std::move(code));
  machine_->chunk = 750;
  EXPECT_EQ(machine_->call(function), ExecStatus::kReturned);
  EXPECT_EQ(machine_->overdraft, 250);
}

TEST_P(Interp, references_travel_apart_from_numbers) {
  // callee(i64 a, ref r, i64 b) -> (ref, i64): r and a - b.
  const FunctionShape shape{.slots = 8,
                            .params = 2,
                            .locals = 1,
                            .ref_params = 1,
                            .refs = 3,
                            .param_types = {ValType::kI64, kFuncRef, ValType::kI64},
                            .result_types = {kFuncRef, ValType::kI64}};
  Code body;
  body.op(op_id(Opcode::i64_sub, Form::kSS, Dest::kS), S(0), S(1), S(3));
  // Other references are null on entry.
  body.op(op_id(Opcode::i64_add, Form::kSS, Dest::kS), S(3), S(6), S(3))
      .op(op_id(Opcode::i64_add, Form::kSS, Dest::kS), S(3), S(7), S(3));
  body.op(Special::ret_many, 1, 1, 0).list({S(3), S(5)});
  FuncCode& callee = machine_->add(shape, std::move(body));
  Code code;
  code.constant(S(5), 0xAAA0);
  code.op(Special::call, 2, 1).word(reinterpret_cast<u64>(&callee)).list({S(0), S(1), S(5)}, {S(6), S(2)});
  code.op(op_id(Opcode::i64_add, Form::kSS, Dest::kS), S(2), S(6), S(2)).op(Special::ret_S, S(2), frame_words_for(8));
  FuncCode& caller = machine_->add({.slots = 8, .params = 2, .result_types = {ValType::kI64}}, std::move(code));
  // Leave rubbish where the callee's frame will be.
  EXPECT_EQ(machine_->call(add_sum(), {20}), ExecStatus::kReturned);
  EXPECT_EQ(machine_->call(caller, {50, 8}), ExecStatus::kReturned);
  EXPECT_EQ(machine_->result(), 0xAAA0u + 42);
  // As the entry: parameters and results in wasm order.
  EXPECT_EQ(machine_->call(callee, {9, 0xBBB0, 4}), ExecStatus::kReturned);
  EXPECT_EQ(machine_->result(0), 0xBBB0u);
  EXPECT_EQ(machine_->result(1), 5u);
}

TEST_P(Interp, tail_calls_run_in_constant_stack) {
  InterpMachine& m = *machine_;
  // even(n, acc) and odd(n, acc) with frames of different sizes; the count of calls is the result.
  FuncCode& even = m.declare({.slots = 6, .params = 2, .locals = 1, .result_types = {ValType::kI64}});
  FuncCode& odd = m.declare({.slots = 31, .params = 2, .locals = 20, .result_types = {ValType::kI64}});
  const auto body = [&](const FuncCode& other, u32 slots, bool indirect) {
    Code code;
    const u16 w = static_cast<u16>(frame_words_for(slots));
    code.op(branch_id(Opcode::i64_ne, Form::kSI, false), S(0), 0, 2).op(Special::ret_S, S(1), w);
    code.op(op_id(Opcode::i64_add, Form::kSS, Dest::kS), S(1), S(2), S(1));  // The local is 0.
    code.op(op_id(Opcode::i64_sub, Form::kSI, Dest::kS), S(0), 1, S(3))
        .op(op_id(Opcode::i64_add, Form::kSI, Dest::kS), S(1), 1, S(4));
    if (indirect) {
      code.op(Special::const16, 1, S(2))
          .op(Special::return_call_indirect, S(2), 2, 0)
          .pair(static_cast<u32>(other.type), 0);
    } else {
      code.op(Special::return_call, 2, 0).word(reinterpret_cast<u64>(&other));
    }
    return code.list({S(3), S(4)});
  };
  m.make_table(2);
  m.elems[1] = make_ref(&even);
  m.define(even, body(odd, 6, false));
  m.define(odd, body(even, 31, true));
  for (const i64 chunk : {i64{1'000'000'000}, i64{0}, i64{3}}) {
    m.chunk = chunk;
    const u64 growths = m.growths;
    ASSERT_EQ(m.call(even, {chunk > 10 ? u64{1'000'000} : u64{1000}, 0}), ExecStatus::kReturned);
    EXPECT_EQ(m.result(), chunk > 10 ? 1'000'000u : 1000u);
#if !defined(LUNABEAM_TORTURE)
    EXPECT_LE(m.growths - growths, 1u);
#endif
    static_cast<void>(growths);
  }
  EXPECT_LE(stack_capacity_bytes(m), 65536u);
}

TEST_P(Interp, call_indirect_checks_in_the_order_of_the_spec) {
  InterpMachine& m = *machine_;
  FuncCode& one = m.add({.slots = 4, .params = 1, .result_types = {ValType::kI64}},
                        Code().op(Special::ret_S, S(0), frame_words_for(4)));
  FuncCode& none = m.add({.slots = 4}, Code().op(Special::ret_0, frame_words_for(4)));
  m.make_table(4);
  m.elems[0] = make_ref(&one);
  m.elems[1] = make_ref(&none);
  const FuncInst inst{&one, &m.instance()};
  m.elems[3] = make_ref(&inst);
  Code code;
  const u32 type = static_cast<u32>(one.type);
  code.op(Special::call_indirect_1, S(0), S(1)).list({static_cast<u16>(type), static_cast<u16>(type >> 16), 0, S(2)});
  code.op(Special::ret_A, frame_words_for(4));
  FuncCode& caller = m.add({.slots = 4, .params = 2, .result_types = {ValType::kI64}}, std::move(code));
  EXPECT_EQ(m.call(caller, {0, 42}), ExecStatus::kReturned);
  EXPECT_EQ(m.result(), 42u);
  EXPECT_EQ(m.call(caller, {3, 43}), ExecStatus::kReturned);
  EXPECT_EQ(m.result(), 43u);
  EXPECT_EQ(m.call(caller, {1, 42}), ExecStatus::kTrapped);
  EXPECT_EQ(m.trap.kind, TrapKind::kIndirectCallTypeMismatch);
  EXPECT_EQ(m.call(caller, {2, 42}), ExecStatus::kTrapped);
  EXPECT_EQ(m.trap.kind, TrapKind::kUninitializedElement);
  EXPECT_EQ(m.trap.operand, 2u);
  EXPECT_EQ(m.call(caller, {4, 42}), ExecStatus::kTrapped);
  EXPECT_EQ(m.trap.kind, TrapKind::kUndefinedElement);
  EXPECT_EQ(m.trap.operand, 4u);
}

TEST_P(Interp, call_indirect_accepts_subtypes) {
  InterpMachine& m = *machine_;
  SubType super_type;
  super_type.is_final = false;
  super_type.func = FuncType{{ValType::kI64}, {ValType::kI64}};
  const TypeId super = TypeRegistry::global().intern(std::span(&super_type, 1)).value();
  SubType sub_type = super_type;
  sub_type.super = super;
  const TypeId sub = TypeRegistry::global().intern(std::span(&sub_type, 1)).value();
  FuncCode& one = m.add({.slots = 4, .params = 1, .result_types = {ValType::kI64}},
                        Code().op(Special::ret_S, S(0), frame_words_for(4)));
  one.type = sub;
  m.make_table(1);
  m.elems[0] = make_ref(&one);
  const auto caller = [&](TypeId expected) -> FuncCode& {
    const u32 type = static_cast<u32>(expected);
    Code code;
    code.op(Special::call_indirect_1, S(0), S(1)).list({static_cast<u16>(type), static_cast<u16>(type >> 16), 0, S(2)});
    return m.add({.slots = 4, .params = 2, .result_types = {ValType::kI64}},
                 code.op(Special::ret_A, frame_words_for(4)));
  };
  EXPECT_EQ(m.call(caller(super), {0, 42}), ExecStatus::kReturned);
  EXPECT_EQ(m.result(), 42u);
  one.type = super;
  EXPECT_EQ(m.call(caller(sub), {0, 42}), ExecStatus::kTrapped);
  EXPECT_EQ(m.trap.kind, TrapKind::kIndirectCallTypeMismatch);
}

// --- Calls between instances -----------------------------------------------------------------------------------------

class Instances : public Interp {
 protected:
  void SetUp() override {
    Interp::SetUp();
    if (IsSkipped()) return;
    InterpMachine& m = *machine_;
    m.make_memory(64);
    m.memory.base[0] = 11;
    other_.exec = machine_.get();
    other_.next = &m.instance();
    m.instance().next = &other_;
    other_.stack_limit = m.stack_limit;
    other_memory_.base = other_bytes_;
    other_memory_.size_bytes = sizeof other_bytes_;
    other_bytes_[0] = 22;
    other_.memories = other_memories_;
    other_.reload_memory();
    other_.imported_funcs = back_;
    m.instance().imported_funcs = forth_;
  }
  // i64 -> i64: the first byte of its own instance's memory, plus 100 times what `callee` gives for n - 1 while n > 0.
  FuncCode& reader(bool tail) {
    InterpMachine& m = *machine_;
    const u16 w = frame_words_for(6);
    Code code;
    code.op(Special::const16, 0, S(2)).op(op_id(Opcode::i32_load8_u, LoadForm::kS, Dest::kS), S(2), 0, S(3));
    code.op(branch_id(Opcode::i64_ne, Form::kSI, false), S(0), 0, 2).op(Special::ret_S, S(3), w);
    code.op(op_id(Opcode::i64_sub, Form::kSI, Dest::kS), S(0), 1, S(4));
    if (tail) {
      code.op(Special::return_call_import, 1, 0).pair(0, 0).list({S(4)});
    } else {
      code.op(Special::call_import, 1, 0).pair(0, 0).list({S(4)}, {0, S(5)});
      code.op(op_id(Opcode::i64_mul, Form::kAI, Dest::kA), 100, S(5));
      code.op(Special::const16, 0, S(2)).op(op_id(Opcode::i32_load8_u, LoadForm::kS, Dest::kS), S(2), 0, S(3));
      code.op(op_id(Opcode::i64_mul, Form::kSI, Dest::kS), S(5), 100, S(5));
      code.op(op_id(Opcode::i64_add, Form::kSS, Dest::kA), S(3), S(5), S(5)).op(Special::ret_A, w);
    }
    return m.add({.slots = 6, .params = 1, .locals = 2, .result_types = {ValType::kI64}}, std::move(code));
  }
  Ctx other_;
  alignas(16) u8 other_bytes_[64] = {};
  MemoryInst other_memory_;
  MemoryInst* other_memories_[1] = {&other_memory_};
  FuncInst here_{}, there_{};
  const FuncInst* back_[1] = {&here_};
  const FuncInst* forth_[1] = {&there_};
};
BOTH_DISPATCHES(Instances);

TEST_P(Instances, calls_switch_memories_there_and_back) {
  FuncCode& code = reader(false);
  here_ = {&code, &machine_->instance()};
  there_ = {&code, &other_};
  EXPECT_EQ(machine_->call(code, {0}), ExecStatus::kReturned);
  EXPECT_EQ(machine_->result(), 11u);
  EXPECT_EQ(machine_->call(code, {1}), ExecStatus::kReturned);
  EXPECT_EQ(machine_->result(), 2211u);
  EXPECT_EQ(machine_->call(code, {3}), ExecStatus::kReturned);
  EXPECT_EQ(machine_->result(), 22112211u);
  machine_->chunk = 0;
  EXPECT_EQ(machine_->call(code, {3}), ExecStatus::kReturned);
  EXPECT_EQ(machine_->result(), 22112211u);
  EXPECT_EQ(machine_->ctx, &machine_->instance());
}

TEST_P(Instances, tail_calls_between_instances_run_in_constant_stack) {
  FuncCode& tail = reader(true);
  here_ = {&tail, &machine_->instance()};
  there_ = {&tail, &other_};
  // From the entry, and from a call whose restore frame is reused.
  ASSERT_EQ(machine_->call(tail, {1'000'001}), ExecStatus::kReturned);
  EXPECT_EQ(machine_->result(), 22u);
  Code code;
  code.call(tail, {S(0)}, S(1))
      .op(Special::const16, 0, S(2))
      .op(op_id(Opcode::i32_load8_u, LoadForm::kS, Dest::kS), S(2), 0, S(3));
  code.op(op_id(Opcode::i64_mul, Form::kSI, Dest::kS), S(1), 100, S(1))
      .op(op_id(Opcode::i64_add, Form::kSS, Dest::kA), S(1), S(3), S(1));
  FuncCode& caller = machine_->add({.slots = 4, .params = 1, .result_types = {ValType::kI64}},
                                   code.op(Special::ret_A, frame_words_for(4)));
  ASSERT_EQ(machine_->call(caller, {1'000'001}), ExecStatus::kReturned);
  EXPECT_EQ(machine_->result(), 2211u);
  EXPECT_LE(stack_capacity_bytes(*machine_), 65536u);
}

TEST_P(Instances, references_to_functions_of_another_instance) {
  InterpMachine& m = *machine_;
  FuncCode& read = reader(false);
  there_ = {&read, &other_};
  m.make_table(1);
  m.elems[0] = make_ref(&there_);
  const u32 type = static_cast<u32>(read.type);
  Code code;
  code.op(Special::call_indirect_1, S(1), S(1)).list({static_cast<u16>(type), static_cast<u16>(type >> 16), 0, S(2)});
  FuncCode& caller = m.add({.slots = 4, .params = 1, .locals = 2, .result_types = {ValType::kI64}},
                           code.op(Special::ret_A, frame_words_for(4)));
  EXPECT_EQ(m.call(caller, {0}), ExecStatus::kReturned);
  EXPECT_EQ(m.result(), 22u);
  // Through the thunk of an import.
  FuncCode& thunk = m.declare({.slots = 1, .params = 1, .result_types = {ValType::kI64}});
  thunk.func_index = 0;
  m.define(thunk, Code().op(Special::import_thunk));
  EXPECT_EQ(m.call(thunk, {0}), ExecStatus::kReturned);
  EXPECT_EQ(m.result(), 22u);
}

TEST_P(Instances, unwinding_crosses_instances) {
  InterpMachine& m = *machine_;
  FuncCode& crash = m.add({.slots = 2, .params = 1}, Code().op(Special::unreachable));
  there_ = {&crash, &other_};
  FuncCode& caller =
      m.add({.slots = 4, .params = 1}, Code().op(Special::call_import, 1, 0).pair(0, 0).list({S(0)}, {0, S(1)}));
  EXPECT_EQ(m.call(caller, {0}), ExecStatus::kTrapped);
  ASSERT_NE(exec_backtrace(m), nullptr);
  EXPECT_EQ(exec_backtrace(m)->num_frames, 2u);
  EXPECT_EQ(exec_backtrace(m)->frames[0].code, &crash);
  EXPECT_EQ(exec_backtrace(m)->frames[1].code, &caller);
}

// --- Interruptible operations ----------------------------------------------------------------------------------------

class Bulk : public Interp {
 protected:
  static constexpr u64 kSize = 1 << 20;
  // Runs `special` on three operands with chunks that end after every step, and without ticks: the same bytes.
  void check(Special special, u64 a, u64 b, u64 n, u16 f1, u16 f2) {
    std::vector<u8> want(kSize);
    for (u64 i = 0; i < kSize; ++i) want[i] = static_cast<u8>(i * 7 + (i >> 9));
    const std::vector<u8> before = want;
    if (special == Special::memory_fill) {
      std::memset(want.data() + a, static_cast<u8>(b), n);
    } else {
      std::memmove(want.data() + a, want.data() + b, n);
    }
    for (const i64 chunk : {i64{1'000'000}, i64{0}, i64{513}, i64{700}}) {
      InterpMachine m(GetParam());
      m.make_memory(kSize);
      std::memcpy(m.memory.base, before.data(), kSize);
      m.chunk = chunk;
      m.move_at_ticks = true;
      Code code;
      code.constant(S(1), a)
          .constant(S(2), b)
          .constant(S(3), n)
          .op(special, S(1), f1, f2)
          .op(Special::ret_I, 1, frame_words_for(6));
      FuncCode& function = m.add({.slots = 6, .result_types = {ValType::kI32}}, std::move(code));
      m.on_tick = chunk == 700 ? std::function<i64()>([] { return i64{kTickLeave}; }) : nullptr;
      ASSERT_EQ(m.call(function), ExecStatus::kReturned);
      EXPECT_EQ(std::memcmp(m.memory.base, want.data(), kSize), 0) << chunk;
      // Every step is charged, and none is longer than 64 KiB.
      const u64 steps = (n + kBulkStepBytes - 1) / kBulkStepBytes;
      if (chunk == 0) {
        EXPECT_EQ(m.ticks, steps);
      }
      i64 cost = 0;
      for (u64 left = n; left != 0; left -= std::min(left, kBulkStepBytes))
        cost += bulk_step_cost(std::min(left, kBulkStepBytes));
      EXPECT_EQ(chunk * static_cast<i64>(1 + m.ticks) - m.reductions + m.overdraft, cost);
    }
  }
};
BOTH_DISPATCHES(Bulk);

TEST_P(Bulk, interrupted_operations_have_the_result_of_uninterrupted_ones) {
  check(Special::memory_fill, 3, 0x5A, kSize - 3, 0, 0);
  check(Special::memory_fill, 3, 0x5A, 65536, 0, 0);
  check(Special::memory_fill, kSize, 0, 0, 0, 0);
  check(Special::memory_copy, 0, 500'000, 500'000, 0, 0);
  check(Special::memory_copy, 1000, 77, 700'000, 0, 0);  // Overlapping, backward.
  check(Special::memory_copy, 77, 1000, 700'000, 0, 0);  // Overlapping, forward.
  check(Special::memory_copy, 300'000, 100'000, 700'000, 0, 0);
  check(Special::memory_copy, 100'000, 300'000, 700'000, 0, 0);
  check(Special::memory_copy, 5, 5, 200'000, 0, 0);
}

TEST_P(Bulk, ranges_are_checked_before_the_first_byte) {
  InterpMachine& m = *machine_;
  m.make_memory(kSize);
  const auto run_op = [&](Special special, u64 a, u64 b, u64 n) {
    Code code;
    code.constant(S(1), a)
        .constant(S(2), b)
        .constant(S(3), n)
        .op(special, S(1), 0, 0)
        .op(Special::ret_I, 1, frame_words_for(6));
    const ExecStatus status = m.call(m.add({.slots = 6, .result_types = {ValType::kI32}}, std::move(code)));
    if (status == ExecStatus::kTrapped) {
      EXPECT_EQ(m.trap.kind, TrapKind::kOutOfBoundsMemoryAccess);
    }
    return status;
  };
  EXPECT_EQ(run_op(Special::memory_fill, 1, 0xFF, kSize), ExecStatus::kTrapped);
  EXPECT_EQ(run_op(Special::memory_fill, ~u64{0}, 0xFF, 2), ExecStatus::kTrapped);
  EXPECT_EQ(run_op(Special::memory_fill, kSize + 1, 0xFF, 0), ExecStatus::kTrapped);
  EXPECT_EQ(run_op(Special::memory_copy, 1, 0, kSize), ExecStatus::kTrapped);
  EXPECT_EQ(run_op(Special::memory_copy, 0, 1, kSize), ExecStatus::kTrapped);
  EXPECT_EQ(run_op(Special::memory_copy, kSize, kSize, 0), ExecStatus::kReturned);
  for (u64 i = 0; i < kSize; ++i) ASSERT_EQ(m.memory.base[i], 0);
}

TEST_P(Bulk, tables_are_copied_and_filled_in_steps) {
  constexpr u64 kElems = 100'000;
  for (const i64 chunk : {i64{1'000'000}, i64{0}}) {
    for (const auto& [to, from] : {std::pair<u64, u64>{100, 7}, {7, 100}, {50'000, 20'000}}) {
      InterpMachine m(GetParam());
      m.make_table(kElems);
      std::iota(m.elems.begin(), m.elems.end(), 0);
      for (u64& elem : m.elems) elem *= 64;
      std::vector<u64> want = m.elems;
      m.chunk = chunk;
      const u64 n = 49'000;
      std::memmove(want.data() + to, want.data() + from, n * sizeof(u64));
      Code code;
      code.constant(S(1), to).constant(S(2), from).constant(S(3), n).op(Special::table_copy, S(1)).pair(0, 0);
      code.constant(S(1), 99'990).constant(S(2), 10).constant(S(4), 640).op(Special::table_fill, S(1), S(4)).pair(0, 0);
      std::fill(want.begin() + 99'990, want.end(), 640);
      code.op(Special::ret_I, 1, frame_words_for(6));
      ASSERT_EQ(m.call(m.add({.slots = 6, .result_types = {ValType::kI32}}, std::move(code))), ExecStatus::kReturned);
      EXPECT_EQ(m.elems, want);
      if (chunk == 0) {
        EXPECT_EQ(m.ticks, (n + 8191) / 8192 + 1);
      }
    }
  }
}

}  // namespace
}  // namespace lunabeam::vm::interp
