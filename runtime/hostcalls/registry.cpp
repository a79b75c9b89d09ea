// Puts the rows of functions.def together: bound functions from their areas, the others as functions that trap with their name.
#include "runtime/hostcalls/registry.h"

#include <array>
#include <utility>

#include "runtime/hostcalls/areas.h"
#include "runtime/hostcalls/function_table.h"
#include "runtime/process.h"
#include "vm/base/check.h"

namespace lunabeam::runtime {
namespace {

constexpr size_t kCount = kLunaticFunctions.size();
using Rows = std::array<vm::HostFunction, kCount>;

template <size_t kIndex>
vm::HostStatus unavailable(vm::ExecContext& exec, u64* /*io*/) {
  return trap(process_of(exec), kLunaticFunctions[kIndex].unavailable);
}

template <size_t... kIndexes>
constexpr Rows unavailable_rows(std::index_sequence<kIndexes...>) {
  return {vm::HostFunction{.module = kLunaticFunctions[kIndexes].module,
                           .name = kLunaticFunctions[kIndexes].name,
                           .signature = kLunaticFunctions[kIndexes].signature,
                           .call = &unavailable<kIndexes>}...};
}

vm::HostFunction* find(Rows& rows, const vm::HostFunction& key) {
  for (vm::HostFunction& row : rows) {
    if (row.module == key.module && row.name == key.name && row.signature == key.signature) return &row;
  }
  return nullptr;
}

Rows make_rows() {
  Rows rows = unavailable_rows(std::make_index_sequence<kCount>());
  const std::span<const vm::HostFunction> areas[] = {
      hostcalls::error_functions(),   hostcalls::message_functions(), hostcalls::timer_functions(),
      hostcalls::module_functions(),  hostcalls::config_functions(),  hostcalls::spawn_functions(),
      hostcalls::process_functions(), hostcalls::name_functions(),    hostcalls::version_functions(),
      hostcalls::metric_functions(),  hostcalls::trap_functions(),    hostcalls::distributed_functions(),
  };
  size_t num_bound = 0;
  for (const auto area : areas) {
    for (const vm::HostFunction& function : area) {
      vm::HostFunction* const row = find(rows, function);
      VM_CHECK(row != nullptr);
      *row = function;
      ++num_bound;
    }
  }
  size_t num_available = 0;
  for (const FunctionRow& row : kLunaticFunctions) num_available += row.status != FunctionStatus::kTraps;
  VM_CHECK(num_bound == num_available);
  return rows;
}

}  // namespace

std::span<const vm::HostFunction> lunatic_host_functions() {
  static const Rows kRows = make_rows();
  return kRows;
}

}  // namespace lunabeam::runtime
