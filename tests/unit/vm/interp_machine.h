// A process on its own for tests of the interpreter: functions assembled instruction by instruction, one instance, a malloc'd stack,
// and hooks that do as the test says.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "vm/exec_context.h"
#include "vm/frame.h"
#include "vm/instance.h"
#include "vm/interp/fusion.h"
#include "vm/interp/interp.h"
#include "vm/interp/op_table.h"
#include "vm/interp/ops.h"
#include "vm/process_stack.h"
#include "vm/type_registry.h"

namespace lunabeam::vm::interp {

// Operand of slot i.
constexpr u16 S(u32 slot) { return static_cast<u16>(kSlotBase + slot); }

constexpr u16 imm(i32 value) { return static_cast<u16>(value); }

// Code under construction; words are appended.
class Code {
 public:
  Code& op(u16 id, u16 f0 = 0, u16 f1 = 0, u16 f2 = 0) {
    words.push_back(Insn{id, {f0, f1, f2}});
    return *this;
  }
  Code& op(Special special, u16 f0 = 0, u16 f1 = 0, u16 f2 = 0) { return op(op_id(special), f0, f1, f2); }
  // An operation whose f[1..2] are one 32-bit field.
  Code& op32(Special special, u16 f0, i32 value) {
    Insn word{op_id(special), {f0, 0, 0}};
    std::memcpy(&word.f[1], &value, sizeof value);
    words.push_back(word);
    return *this;
  }
  Code& word(u64 value) {
    words.push_back(std::bit_cast<Insn>(value));
    return *this;
  }
  Code& pair(u32 low, u32 high) { return word(u64{high} << 32 | low); }
  // Packed u16 operands, and `tail` at the end of the last word.
  Code& list(std::initializer_list<u16> operands, std::initializer_list<u16> tail = {}) {
    const u32 n = packed_words(static_cast<u32>(operands.size()), static_cast<u32>(tail.size()));
    std::vector<u16> fields(size_t{n} * 4, 0);
    std::copy(operands.begin(), operands.end(), fields.begin());
    std::copy(tail.begin(), tail.end(), fields.end() - static_cast<ptrdiff_t>(tail.size()));
    for (u32 i = 0; i < n; ++i)
      words.push_back(Insn{fields[4 * i], {fields[4 * i + 1], fields[4 * i + 2], fields[4 * i + 3]}});
    return *this;
  }
  Code& constant(u16 d, u64 value) { return op(Special::const64, d).word(value); }
  Code& call(const FuncCode& callee, std::initializer_list<u16> args, u16 d) {
    const std::vector<u16> a(args);
    const auto arg = [&](size_t i) { return i < a.size() ? a[i] : u16{0}; };
    op(static_cast<u16>(op_id(Special::call_0) + a.size()), arg(0), arg(1), arg(2));
    const u64 code = reinterpret_cast<u64>(&callee);
    if (a.size() <= 3) return word(code | u64{d} << 48);
    return word(code).op(arg(3), arg(4), arg(5), d);
  }
  [[nodiscard]] i32 here() const { return static_cast<i32>(words.size()); }

  std::vector<Insn> words;
};

struct FunctionShape {
  u32 slots = 8;
  u32 params = 0;
  u32 locals = 0;  // Cleared, behind the parameters.
  u32 ref_params = 0;
  u32 refs = 0;                           // Reference slots, ref_params included.
  std::vector<ValType> param_types = {};  // Default: i64 each.
  std::vector<ValType> result_types = {};
};

class InterpMachine : public ExecContext {
 public:
  explicit InterpMachine(Dispatch which, u64 stack_bytes = 4096) : dispatch(which) {
    hooks = &kHooks;
    transfer_area.assign(kTransferWords, 0xABAB'ABAB'ABAB'ABAB);
    transfer = transfer_area.data();
    auto* lo = static_cast<u8*>(std::aligned_alloc(16, stack_bytes));
    std::memset(lo, 0xEE, stack_bytes);
    ctx_.exec = this;
    ctx_.next = &ctx_;
    ExecContext::ctx = &ctx_;
    attach_stack(*this, lo, lo + stack_bytes);
    globals.assign(64, 0);
    ctx_.globals = globals.data();
    ctx_.memories = memory_list;
    ctx_.tables = table_list;
  }
  ~InterpMachine() {
    abandon(*this);
    std::free(stack_lo);
    std::free(memory.base);
  }
  InterpMachine(const InterpMachine&) = delete;
  InterpMachine& operator=(const InterpMachine&) = delete;

  static InterpMachine& of(ExecContext& exec) { return static_cast<InterpMachine&>(exec); }

  // A function without code yet: its address can be called by others.
  FuncCode& declare(const FunctionShape& shape) {
    FuncCode& code = functions_.emplace_back();
    code.num_params = shape.params;
    code.ref_params = shape.ref_params;
    code.zero_words = shape.locals;
    code.num_slots = shape.slots;
    code.ref_base = shape.slots - shape.refs;
    code.frame_words = frame_words_for(shape.slots);
    code.func_index = static_cast<u32>(functions_.size() - 1);
    FuncType type{shape.param_types, shape.result_types};
    if (type.params.empty()) type.params.assign(shape.params, ValType::kI64);
    code.type = TypeRegistry::global().intern(type).value();
    return code;
  }
  void define(FuncCode& function, Code code) {
    bodies_.push_back(std::move(code.words));
    function.code.store(bodies_.back().data(), std::memory_order_release);
  }
  FuncCode& add(const FunctionShape& shape, Code code) {
    FuncCode& function = declare(shape);
    define(function, std::move(code));
    return function;
  }

  // Gives the instance a memory.
  void make_memory(u64 bytes) {
    memory.base = static_cast<u8*>(std::calloc(bytes + 1, 1));
    memory.size_bytes = bytes;
    memory.max_bytes = bytes;
    memory_list[0] = &memory;
    ctx_.reload_memory();
  }
  void make_table(u64 size) {
    elems.assign(size, 0);
    table.elems = elems.data();
    table.size = table.max = table.capacity = size;
    table.owned = true;
    table_list[0] = &table;
  }

  void push(const FuncCode& function, std::initializer_list<u64> args = {}) {
    const std::vector<u64> list(args);
    ASSERT_TRUE(push_entry(*this, ctx_, function, list));
    reductions = chunk + function.entry_cost;  // The chunk begins behind the entry.
  }
  // Pushes and runs to the end; yields are answered by going on.
  ExecStatus call(const FuncCode& function, std::initializer_list<u64> args = {}) {
    push(function, args);
    return resume_to_end();
  }
  ExecStatus resume_to_end() {
    for (;;) {
      const ExecStatus status = run(*this, dispatch);
      if (status != ExecStatus::kYielded) return status;
      ++yields;
      reductions = chunk;
    }
  }
  [[nodiscard]] u64 result(u32 i = 0) const { return transfer_area[i]; }

  static i64 tick(ExecContext& exec, i64 left) noexcept {
    InterpMachine& machine = of(exec);
    ++machine.ticks;
    machine.overdraft += -left;
    if (machine.move_at_ticks) machine.move(stack_capacity_bytes(exec));
    if (machine.on_tick) return machine.on_tick();
    return machine.chunk;
  }
  static bool grow(ExecContext& exec, u64 need) noexcept {
    InterpMachine& machine = of(exec);
    ++machine.growths;
    u64 size = stack_capacity_bytes(exec);
    if (stack_has_room(exec, need)) {  // A torture build, which asks at every call.
      if (!torture_moves_stack(used_stack_bytes(exec), machine.torture_count)) return true;
    } else {
      size = grown_stack_bytes(size, used_stack_bytes(exec), need, machine.stack_cap_bytes);
    }
    if (size == 0) return false;
    machine.move(size);
    return true;
  }
  void move(u64 size) {
    auto* lo = static_cast<u8*>(std::aligned_alloc(16, size));
    std::memset(lo, 0xEE, size);  // No stale addresses where torture builds look for live ones.
    u8* const old = stack_lo;
    const u64 old_size = stack_capacity_bytes(*this);
    move_stack(*this, lo, lo + size);
    std::memset(old, 0xDD, old_size);
    std::free(old);
  }
  static bool allocate_memory(ExecContext&, MemoryInst&, u64, const MemoryImage*, u64) noexcept { return false; }
  static bool grow_memory(ExecContext&, MemoryInst& grown, u64 bytes) noexcept {
    auto* base = static_cast<u8*>(std::calloc(bytes + 1, 1));
    std::memcpy(base, grown.base, grown.size_bytes);
    std::memset(grown.base, 0xDD, grown.size_bytes);
    std::free(grown.base);
    grown.base = base;
    grown.size_bytes = bytes;
    return true;
  }
  static void free_memory(ExecContext&, MemoryInst&, u64) noexcept {}
  static bool charge_bytes(ExecContext&, i64) noexcept { return true; }
  static u8* allocate_space(ExecContext&, u64 bytes) noexcept { return static_cast<u8*>(std::malloc(bytes)); }
  static void free_space(ExecContext&, u8* space, u64) noexcept { std::free(space); }
  static constexpr ExecHooks kHooks{
      &tick, &grow, {&allocate_memory, &grow_memory, &free_memory}, &charge_bytes, {&allocate_space, &free_space}};

  Ctx& instance() { return ctx_; }

  Dispatch dispatch;
  i64 chunk = 1'000'000'000;
  std::function<i64()> on_tick;  // Null: answers a new chunk.
  bool move_at_ticks = false;
  u64 stack_cap_bytes = u64{64} << 20;
  u64 ticks = 0, yields = 0, growths = 0;
  i64 overdraft = 0;
  u32 torture_count = 0;
  std::vector<u64> transfer_area, globals, elems;
  MemoryInst memory;
  TableInst table;
  MemoryInst* memory_list[1] = {};
  TableInst* table_list[1] = {};

 private:
  alignas(16) Ctx ctx_;
  std::deque<FuncCode> functions_;
  std::deque<std::vector<Insn>> bodies_;
};

// Every execution test runs in both dispatches.
class BothDispatches : public testing::TestWithParam<Dispatch> {
 protected:
  void SetUp() override {
    if (!has_dispatch(GetParam())) GTEST_SKIP() << "not in this build";
  }
};
inline std::string dispatch_name(const testing::TestParamInfo<Dispatch>& info) {
  return info.param == Dispatch::kTail ? "tail" : "step";
}
#define BOTH_DISPATCHES(suite) \
  INSTANTIATE_TEST_SUITE_P(Dispatches, suite, testing::Values(Dispatch::kTail, Dispatch::kStep), dispatch_name)

}  // namespace lunabeam::vm::interp
