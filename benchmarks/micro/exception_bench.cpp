// What throwing costs, from the throw to the handler, by the number of frames between them; and what a try costs that nothing is
// thrown in, which should be nothing.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string_view>

#include "vm/store.h"
#include "vm/text/text.h"

namespace lunabeam::vm {
namespace {

constexpr u64 kRounds = 10'000;

// rounds(n, depth): n times, calls `depth` functions deep, throws there and catches here. returns(n, depth): the same without throwing.
constexpr std::string_view kGuest = R"((tag $e (param i32))
  (func $throw (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (throw $e (i32.const 1))))
    (call $throw (i32.sub (local.get 0) (i32.const 1))))
  (func $return (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (return (i32.const 1))))
    (call $return (i32.sub (local.get 0) (i32.const 1))))
  (func (export "throws") (param $n i32) (param $depth i32) (result i32) (local $sum i32)
    (loop $again
      (local.set $sum (i32.add (local.get $sum)
        (block $h (result i32)
          (try_table (result i32) (catch $e $h) (call $throw (local.get $depth))))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))
  (func (export "throws_here") (param $n i32) (param $depth i32) (result i32) (local $sum i32)
    (loop $again
      (local.set $sum (i32.add (local.get $sum)
        (block $h (result i32)
          (try_table (result i32) (catch $e $h) (throw $e (i32.const 1))))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))
  (func (export "returns_in_try") (param $n i32) (param $depth i32) (result i32) (local $sum i32)
    (loop $again
      (local.set $sum (i32.add (local.get $sum)
        (block $h (result i32)
          (try_table (result i32) (catch $e $h) (call $return (local.get $depth))))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))
  (func (export "returns") (param $n i32) (param $depth i32) (result i32) (local $sum i32)
    (loop $again
      (local.set $sum (i32.add (local.get $sum)
        (block $h (result i32) (call $return (local.get $depth)))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum)))";

void rounds(benchmark::State& state, std::string_view name) {
  Store store;
  const auto binary = text::read_module(kGuest);
  const auto module = Module::load(binary.value().bytes, nullptr);
  const auto instance = store.instantiate(module.value());
  const u64 args[] = {kRounds, static_cast<u64>(state.range(0))};
  for (auto _ : state) {
    const Outcome outcome = store.invoke(**instance, name, args);
    if (!outcome.returned() || outcome.values[0] != kRounds) std::abort();
  }
  state.SetItemsProcessed(static_cast<i64>(kRounds) * state.iterations());
}

BENCHMARK_CAPTURE(rounds, throws_here, "throws_here")->Arg(0);
BENCHMARK_CAPTURE(rounds, throws, "throws")->Arg(0)->Arg(1)->Arg(100);
BENCHMARK_CAPTURE(rounds, returns_in_try, "returns_in_try")->Arg(0)->Arg(1)->Arg(100);
BENCHMARK_CAPTURE(rounds, returns, "returns")->Arg(0)->Arg(1)->Arg(100);

}  // namespace
}  // namespace lunabeam::vm
