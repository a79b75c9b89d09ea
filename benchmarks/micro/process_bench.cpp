// The runtime's hot paths, each as a loop of one guest: entering a host function, writing and reading messages, switching between
// processes, sending and receiving, spawning and ending. Items are what the name says, so a rate is its inverse cost.
#include <benchmark/benchmark.h>

#include <memory>

#include "runtime/hostcalls/registry.h"
#include "runtime/log.h"
#include "runtime/vm.h"
#include "vm/text/text.h"

namespace lunabeam::runtime {
namespace {

// Every export takes the number of rounds.
constexpr std::string_view kGuest = R"((module
  (import "lunatic::process" "process_id" (func $self (result i64)))
  (import "lunatic::process" "sleep_ms" (func $sleep (param i64)))
  (import "lunatic::process" "spawn"
    (func $spawn (param i64 i64 i64 i32 i32 i32 i32 i32) (result i32)))
  (import "lunatic::message" "create_data" (func $create_data (param i64 i64)))
  (import "lunatic::message" "write_data" (func $write_data (param i32 i32) (result i32)))
  (import "lunatic::message" "read_data" (func $read_data (param i32 i32) (result i32)))
  (import "lunatic::message" "seek_data" (func $seek_data (param i64)))
  (import "lunatic::message" "send" (func $send (param i64) (result i32)))
  (import "lunatic::message" "receive" (func $receive (param i32 i32 i64) (result i32)))
  (memory (export "memory") 1)
  ;; 0: a value to write. 64: an id. 128: parameters of a spawn (an i32 and an i64). 256: names.
  (data (i32.const 256) "yielder" "echo" "reply")

  (func $receive_any (drop (call $receive (i32.const 0) (i32.const 0) (i64.const -1))))
  (func $post (param $to i64)
    (call $create_data (i64.const 1) (i64.const 0))
    (drop (call $write_data (i32.const 0) (i32.const 8)))
    (drop (call $send (local.get $to))))
  ;; Spawns the export `name` with (rounds, own id); the id of the child.
  (func $start (param $name i32) (param $size i32) (param $rounds i32) (result i64)
    (i32.store8 (i32.const 128) (i32.const 0x7f))
    (i32.store (i32.const 129) (local.get $rounds))
    (i32.store8 (i32.const 145) (i32.const 0x7e))
    (i64.store (i32.const 146) (call $self))
    (if (call $spawn (i64.const 0) (i64.const -1) (i64.const -1) (local.get $name) (local.get $size)
          (i32.const 128) (i32.const 34) (i32.const 64))
      (then (unreachable)))
    (i64.load (i32.const 64)))

  (func (export "host_calls") (param $rounds i32)
    (loop $again
      (drop (call $self))
      (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1))))))
  ;; A message of 1,000 values, again and again.
  (func (export "write_data") (param $rounds i32) (local $left i32)
    (loop $message
      (call $create_data (i64.const 0) (i64.const 8000))
      (local.set $left (i32.const 1000))
      (loop $again
        (drop (call $write_data (i32.const 0) (i32.const 8)))
        (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
      (br_if $message (i32.gt_s (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1000))) (i32.const 0)))))
  (func (export "read_data") (param $rounds i32) (local $left i32)
    (call $create_data (i64.const 0) (i64.const 8000))
    (local.set $left (i32.const 1000))
    (loop $fill
      (drop (call $write_data (i32.const 0) (i32.const 8)))
      (br_if $fill (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (loop $message
      (call $seek_data (i64.const 0))
      (local.set $left (i32.const 1000))
      (loop $again
        (drop (call $read_data (i32.const 0) (i32.const 8)))
        (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
      (br_if $message (i32.gt_s (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1000))) (i32.const 0)))))

  (func $yield (param $rounds i32)
    (loop $again
      (call $sleep (i64.const 0))
      (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1))))))
  (func (export "yielder") (param $rounds i32) (param $parent i64) (call $yield (local.get $rounds)))
  (func (export "switches") (param $rounds i32)
    (drop (call $start (i32.const 256) (i32.const 7) (local.get $rounds)))
    (call $yield (local.get $rounds)))

  (func (export "send_to_self") (param $rounds i32) (local $self i64)
    (local.set $self (call $self))
    (loop $again
      (call $post (local.get $self))
      (call $receive_any)
      (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1))))))

  (func (export "echo") (param $rounds i32) (param $parent i64)
    (loop $again
      (call $receive_any)
      (call $post (local.get $parent))
      (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1))))))
  (func (export "round_trips") (param $rounds i32) (local $child i64)
    (local.set $child (call $start (i32.const 263) (i32.const 4) (local.get $rounds)))
    (loop $again
      (call $post (local.get $child))
      (call $receive_any)
      (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1))))))

  (func (export "reply") (param $unused i32) (param $parent i64) (call $post (local.get $parent)))
  (func (export "spawns") (param $rounds i32)
    (loop $again
      (drop (call $start (i32.const 267) (i32.const 5) (i32.const 0)))
      (call $receive_any)
      (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1))))))
))";

// Runs the export once per iteration of the benchmark, with kRounds rounds of `items` each.
void run_guest(benchmark::State& state, std::string_view function, int items = 1) {
  constexpr u32 kRounds = 100'000;
  set_log_level(LogLevel::kOff);
  vm::HostRegistry hosts;
  hosts.add(lunatic_host_functions());
  Vm vm({.hosts = &hosts});
  auto binary = vm::text::read_module(kGuest);
  if (!binary) return state.SkipWithError(binary.error().message().c_str());
  auto module = vm.load(std::move(binary->bytes), "process_bench.wat");
  if (!module) return state.SkipWithError(module.error().message().c_str());
  const SpawnParam rounds{.type = vm::ValType::kI32, .low = kRounds};
  for (auto _ : state) {
    const RunResult result = vm.run_root({.module = *module, .function = function, .params = {&rounds, 1}});
    if (result.exit_status() != 0) return state.SkipWithError(result.message().c_str());
  }
  state.SetItemsProcessed(static_cast<i64>(state.iterations()) * kRounds * items);
}

BENCHMARK_CAPTURE(run_guest, host_call, "host_calls")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(run_guest, write_data_8_bytes, "write_data")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(run_guest, read_data_8_bytes, "read_data")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(run_guest, switch, "switches", 2)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(run_guest, send_to_self, "send_to_self")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(run_guest, round_trip, "round_trips")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(run_guest, spawn_and_reply, "spawns")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lunabeam::runtime
