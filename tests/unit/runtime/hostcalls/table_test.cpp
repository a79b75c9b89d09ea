// The universe of lunatic functions: every row links with its type; what this build does not have traps with its name; version,
// metrics and distributed as a node without peers.
#include <fmt/format.h>

#include <map>

#include "runtime/hostcalls/function_table.h"
#include "runtime/hostcalls/registry.h"
#include "tests/unit/runtime/hostcalls/guest.h"

namespace lunabeam::tests {
namespace {

using runtime::FunctionRow;
using runtime::FunctionStatus;
using runtime::kLunaticFunctions;

TEST(LunaticFunctions, AreOneHundredAndFortyInTwelveAreas) {
  std::map<std::string_view, int> areas;
  for (const FunctionRow& row : kLunaticFunctions) areas[row.area] += row.guests.empty();
  const std::map<std::string_view, int> expected = {
      {"error", 3},   {"message", 18}, {"timer", 2}, {"networking", 49}, {"process", 26},     {"registry", 3},
      {"version", 3}, {"metrics", 6},  {"trap", 1},  {"wasi", 3},        {"distributed", 12}, {"sqlite", 14}};
  EXPECT_EQ(areas, expected);
}

TEST(LunaticFunctions, ResolveByNameAndExactTypeOnly) {
  vm::HostRegistry registry;
  registry.add(runtime::lunatic_host_functions());
  ASSERT_EQ(registry.all().size(), kLunaticFunctions.size());
  for (const FunctionRow& row : kLunaticFunctions) {
    const vm::HostFunction* found = nullptr;
    vm::FuncType type = vm::parse_signature(row.signature);
    EXPECT_EQ(registry.find(row.module, row.name, type, &found), vm::HostRegistry::Match::kExact) << row.name;
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->signature, row.signature);
    EXPECT_NE(found->call, nullptr);
    type.params.push_back(vm::ValType::kF32);
    EXPECT_EQ(registry.find(row.module, row.name, type, &found), vm::HostRegistry::Match::kOtherType) << row.name;
    EXPECT_EQ(registry.find(row.module, "nothing", type, &found), vm::HostRegistry::Match::kNone);
  }
}

TEST(LunaticFunctions, WithoutImplementationTrapWithTheirName) {
  int count = 0;
  for (const FunctionRow& row : kLunaticFunctions) {
    if (row.status != FunctionStatus::kTraps) continue;
    ++count;
    const size_t colon = row.signature.find(':');
    std::string call = fmt::format("(call ${}{}.{}", row.guests.empty() ? "" : "old.", row.area, row.name);
    for (const char letter : row.signature.substr(0, colon))
      call += fmt::format(" (i{}.const 0)", letter == 'i' ? 32 : 64);
    call += colon + 1 < row.signature.size() ? ") drop" : ")";
    EXPECT_EQ(run_body(call).trap(), fmt::format("{}::{} is not available in this build", row.module, row.name));
  }
  EXPECT_EQ(count, 49 + 14 + 6 + 3 + 5);
}

TEST(VersionFunctions, AreThoseOfLunatic) {
  EXPECT_EQ(
      run_body(
          "(call $test.report32 (call $version.major)) (call $test.report32 (call $version.minor)) (call $test.report32 (call $version.patch))")
          .reports,
      (std::vector<i64>{0, 13, 2}));
}

TEST(DistributedFunctions, AnswerAsANodeWithoutPeers) {
  const GuestRun run = run_body(R"(
    (call $test.report32 (call $distributed.nodes_count))
    (i64.store (i32.const 0) (i64.const 55))
    (call $test.report32 (call $distributed.get_nodes (i32.const 0) (i32.const 10)))
    (call $test.report (i64.load (i32.const 0)))
    (call $test.report32 (call $distributed.get_nodes (i32.const 65536) (i32.const 10)))
    (call $test.report (call $distributed.node_id))
    (call $test.report (call $distributed.module_id)))");
  EXPECT_EQ(run.trap(), "");
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 0, 55, 0, 0, 0}));
  EXPECT_EQ(run_body("(drop (call $distributed.get_nodes (i32.const 65537) (i32.const 0)))").trap(),
            "lunatic::distributed::get_nodes: out of bounds guest memory access");
}

TEST(DistributedFunctions, TrapWhenTheyNeedANode) {
  constexpr std::string_view kCalls[][2] = {
      {"spawn",
       "(drop (call $distributed.spawn (i64.const 1) (i64.const -1) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))"},
      {"send", "(drop (call $distributed.send (i64.const 1) (i64.const 1)))"},
      {"send", "(call $old.distributed.send (i64.const 1) (i64.const 1))"},
      {"send_receive_skip_search",
       "(drop (call $distributed.send_receive_skip_search (i64.const 1) (i64.const 1) (i64.const 1) (i64.const 0)))"},
      {"send_receive_skip_search",
       "(drop (call $old.distributed.send_receive_skip_search (i64.const 1) (i64.const 1) (i64.const 0)))"},
      {"exec_lookup_nodes",
       "(drop (call $distributed.exec_lookup_nodes (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))"},
      {"copy_lookup_nodes_results",
       "(drop (call $distributed.copy_lookup_nodes_results (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))"},
  };
  for (const auto& [name, call] : kCalls) {
    EXPECT_EQ(run_body(call).trap(), fmt::format("lunatic::distributed::{}: this VM is not part of a cluster", name));
  }
}

// --- Metrics ---

TEST(MetricFunctions, AddUpInOneTable) {
  const GuestRun run = run_guest(data(0, "abc") + R"((func (export "_start")
    (call $metrics.counter (i32.const 0) (i32.const 1) (i64.const 5))
    (call $metrics.counter (i32.const 0) (i32.const 1) (i64.const 7))
    (call $metrics.increment_counter (i32.const 0) (i32.const 1))
    (call $metrics.gauge (i32.const 1) (i32.const 1) (f64.const 2.5))
    (call $metrics.increment_gauge (i32.const 1) (i32.const 1) (f64.const 1))
    (call $metrics.decrement_gauge (i32.const 1) (i32.const 1) (f64.const 3))
    (call $metrics.histogram (i32.const 2) (i32.const 1) (f64.const 4))
    (call $metrics.histogram (i32.const 2) (i32.const 1) (f64.const -1))
    (call $metrics.gauge (i32.const 0) (i32.const 1) (f64.const 9))))");
  EXPECT_EQ(run.trap(), "");
  std::vector<std::string> lines;
  for (const auto& entry : run.metrics) lines.push_back(to_string(entry));
  EXPECT_EQ(lines, (std::vector<std::string>{"a 13", "a 9", "b 0.5", "c count 2 sum 3 min -1 max 4"}));
}

TEST(MetricFunctions, NamesAreCheckedLikeAllTexts) {
  constexpr std::string_view kValues[][2] = {{"counter", "(i64.const 1)"},         {"increment_counter", ""},
                                             {"gauge", "(f64.const 1)"},           {"increment_gauge", "(f64.const 1)"},
                                             {"decrement_gauge", "(f64.const 1)"}, {"histogram", "(f64.const 1)"}};
  for (const auto& [name, value] : kValues) {
    EXPECT_EQ(run_body(fmt::format("(call $metrics.{} (i32.const 65535) (i32.const 2) {})", name, value)).trap(),
              fmt::format("lunatic::metrics::{}: out of bounds guest memory access", name));
    EXPECT_EQ(
        run_body(
            fmt::format("(i32.store8 (i32.const 0) (i32.const 0xFE)) (call $metrics.{} (i32.const 0) (i32.const 1) {})",
                        name, value))
            .trap(),
        fmt::format("lunatic::metrics::{}: the text is not valid UTF-8", name));
  }
}

TEST(MetricTable, IsBounded) {
  runtime::MetricTable table;
  for (u64 i = 0; i < runtime::MetricTable::kMaxMetrics + 10; ++i) table.add_to_counter(std::to_string(i), 1);
  table.add_to_counter("0", 1);
  table.set_gauge(std::string(runtime::MetricTable::kMaxNameBytes + 1, 'x'), 1);
  EXPECT_EQ(table.entries().size(), runtime::MetricTable::kMaxMetrics);
  EXPECT_EQ(table.dropped(), 11u);
  EXPECT_EQ(table.entries().front().metric.count, 2u);
}

}  // namespace
}  // namespace lunabeam::tests
