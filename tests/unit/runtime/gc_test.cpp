// Heaps of processes in a whole VM: each has its own, charged to its limit and to the VM's, and nothing is left when it ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/runtime/hostcalls/guest.h"

namespace lunabeam::runtime {
namespace {

using tests::GuestRun;
using tests::kHelpers;
using tests::run_guest;

#if defined(LUNABEAM_TORTURE)
constexpr int kNodes = 300;
#else
constexpr int kNodes = 5000;
#endif

// $sum builds a list of n nodes, drops every other one on the way, and adds up what is left.
std::string list_fields() {
  return std::string(kHelpers) + R"(
    (type $node (struct (field i32) (field (ref null $node))))
    (func $build (param $n i32) (result (ref null $node)) (local $list (ref null $node))
      (loop $more
        (drop (struct.new $node (local.get $n) (local.get $list)))
        (local.set $list (struct.new $node (local.get $n) (local.get $list)))
        (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (local.get $list))
    (func $sum (param $n i32) (result i64) (local $list (ref null $node)) (local $sum i64)
      (local.set $list (call $build (local.get $n)))
      (loop $more
        (local.set $sum (i64.add (local.get $sum) (i64.extend_i32_u (struct.get $node 0 (local.get $list)))))
        (br_if $more (i32.eqz (ref.is_null (local.tee $list (struct.get $node 1 (local.get $list)))))))
      (local.get $sum))
    (data (i32.const 0) "child")
    (data (i32.const 16) "glutton"))";
}

TEST(Gc, EveryProcessHasItsOwnHeap) {
  constexpr int kChildren = 50;
  const std::string nodes = std::to_string(kNodes);
  const GuestRun run = run_guest(list_fields() + R"(
    (func (export "child") (call $send (i64.const 1) (i64.const 0) (call $sum (i32.const )" +
                                 nodes + R"())))
    (func (export "_start") (local $i i32) (local $total i64) (local $kept (ref null $node))
      (local.set $kept (call $build (i32.const 10)))
      (local.set $i (i32.const )" +
                                 std::to_string(kChildren) + R"())
      (loop $more
        (drop (call $spawn (i32.const 0) (i32.const 5) (i64.const 0)))
        (br_if $more (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (local.set $i (i32.const )" +
                                 std::to_string(kChildren) + R"())
      (loop $more
        (drop (call $receive (i64.const 1000000)))
        (local.set $total (i64.add (local.get $total) (call $value)))
        (drop (call $sum (i32.const 100)))
        (br_if $more (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (call $test.report (local.get $total))
      (call $test.report32 (struct.get $node 0 (local.get $kept)))))");
  EXPECT_EQ(run.trap(), "");
  EXPECT_THAT(run.reports, testing::ElementsAre(i64{kChildren} * kNodes * (kNodes + 1) / 2, 1));
}

TEST(Gc, TheProcessThatReachesItsLimitDiesAlone) {
  const GuestRun run = run_guest(list_fields() + R"(
    (func (export "glutton") (drop (call $build (i32.const 0x7FFFFFFF))))
    (func (export "child") (call $send (i64.const 1) (i64.const 0) (call $sum (i32.const 100))))
    (func (export "_start")
      (drop (call $spawn (i32.const 16) (i32.const 7) (i64.const 0)))
      (drop (call $spawn (i32.const 0) (i32.const 5) (i64.const 0)))
      (drop (call $receive (i64.const 1000000)))
      (call $test.report (call $value))
      (call $test.report (call $sum (i32.const 100)))))",
                                 {.memory_limit_bytes = u64{4} << 20});
  EXPECT_EQ(run.trap(), "");
  EXPECT_THAT(run.reports, testing::ElementsAre(5050, 5050));
}

TEST(Gc, TheLimitOfAProcessIsATrap) {
  ConfigRef config = Vm::root_config();
  config.writable()->max_memory_bytes = 200'000;
  const GuestRun run = run_guest(
      list_fields() + R"((func (export "_start") (drop (call $build (i32.const 0x7FFFFFFF)))))", {.config = config});
  EXPECT_EQ(run.trap(), "out of memory");
}

}  // namespace
}  // namespace lunabeam::runtime
