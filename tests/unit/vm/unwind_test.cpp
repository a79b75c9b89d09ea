// Backtraces and the state that a trap leaves.
#include "tests/unit/vm/interp_machine.h"
#include "vm/backtrace.h"

namespace lunabeam::vm::interp {
namespace {

class Unwind : public BothDispatches {};
BOTH_DISPATCHES(Unwind);

TEST_P(Unwind, records_the_frames_innermost_first) {
  InterpMachine m(GetParam());
  FuncCode& crash = m.add({.slots = 4, .params = 1}, Code().op(Special::const16, 1, S(1)).op(Special::unreachable));
  FuncCode& middle =
      m.add({.slots = 4, .params = 1}, Code().call(crash, {S(0)}, S(1)).op(Special::ret_0, frame_words_for(4)));
  FuncCode& outer =
      m.add({.slots = 4}, Code().constant(S(0), 4).call(middle, {S(0)}, S(1)).op(Special::ret_0, frame_words_for(4)));
  EXPECT_EQ(exec_backtrace(m), nullptr);
  EXPECT_EQ(m.call(outer), ExecStatus::kTrapped);
  const Backtrace* trace = exec_backtrace(m);
  ASSERT_NE(trace, nullptr);
  ASSERT_EQ(trace->num_frames, 3u);
  EXPECT_EQ(trace->total_frames, 3u);
  EXPECT_EQ(trace->frames[0].code, &crash);
  EXPECT_EQ(trace->frames[0].ip, crash.code.load() + 1);
  EXPECT_EQ(trace->frames[1].code, &middle);
  EXPECT_EQ(trace->frames[1].ip, middle.code.load() + 1);  // Inside the call, not behind it.
  EXPECT_EQ(trace->frames[2].code, &outer);
  EXPECT_EQ(trace->frames[2].ip, outer.code.load() + 3);
}

TEST_P(Unwind, the_record_is_reused_and_dropped_with_the_process) {
  InterpMachine m(GetParam());
  FuncCode& crash = m.add({.slots = 4}, Code().op(Special::unreachable));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(m.call(crash), ExecStatus::kTrapped);
  EXPECT_EQ(exec_backtrace(m)->num_frames, 1u);
  abandon(m);
  EXPECT_EQ(exec_backtrace(m), nullptr);
}

TEST_P(Unwind, an_exit_is_no_crash) {
  static const HostFunction kExit{.module = "t",
                                  .name = "exit",
                                  .signature = ":",
                                  .call =
                                      [](ExecContext& exec, u64*) {
                                        exec.trap = Trap{.kind = TrapKind::kExit, .exit_code = 3};
                                        return HostStatus::kTrap;
                                      },
                                  .cost = 1};
  InterpMachine m(GetParam());
  FuncCode& function =
      m.add({.slots = 4}, Code().op(Special::call_host, 0, 0).word(reinterpret_cast<u64>(&kExit)).list({}, {0, 0}));
  EXPECT_EQ(m.call(function), ExecStatus::kTrapped);
  EXPECT_EQ(m.trap.exit_code, 3);
  EXPECT_EQ(exec_backtrace(m), nullptr);
}

TEST_P(Unwind, a_trap_of_a_host_function_is_located_in_its_call) {
  static const HostFunction kFail{.module = "t",
                                  .name = "fail",
                                  .signature = ":",
                                  .call =
                                      [](ExecContext& exec, u64*) {
                                        exec.trap = Trap{.kind = TrapKind::kHost};
                                        return HostStatus::kTrap;
                                      },
                                  .cost = 1};
  InterpMachine m(GetParam());
  FuncCode& function =
      m.add({.slots = 4}, Code().op(Special::call_host, 0, 0).word(reinterpret_cast<u64>(&kFail)).list({}, {0, 0}));
  EXPECT_EQ(m.call(function), ExecStatus::kTrapped);
  EXPECT_EQ(exec_backtrace(m)->frames[0].ip, function.code.load() + 2);
}

}  // namespace
}  // namespace lunabeam::vm::interp
