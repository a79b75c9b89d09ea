// The import universe of a guest: 140 functions of lunatic and 46 of WASI (ABI document, section 12), and the document about them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "runtime/hostcalls/function_table.h"
#include "runtime/hostcalls/registry.h"
#include "tests/support/paths.h"
#include "wasi/preview1.h"

namespace lunabeam::tests {
namespace {

struct Key {
  std::string_view module;
  std::string_view name;
  std::string_view signature;
};

// From the tables that the document is written from, not from the rows.
std::vector<Key> documented_keys() {
  std::vector<Key> keys;
  for (const runtime::FunctionRow& row : runtime::kLunaticFunctions) {
    if (row.guests.empty()) keys.push_back({row.module, row.name, row.signature});
  }
#define WASI_FUNCTION(name, signature, kind) keys.push_back({"wasi_snapshot_preview1", #name, signature});
#include "wasi/preview1.def"
  return keys;
}

TEST(HostUniverse, AllFunctionsResolveWithTheirExactTypes) {
  vm::HostRegistry registry;
  registry.add(runtime::lunatic_host_functions());
  registry.add(wasi::preview1_functions());
  const std::vector<Key> keys = documented_keys();
  EXPECT_EQ(keys.size(), 186u);
  for (const Key& key : keys) {
    const vm::HostFunction* found = nullptr;
    EXPECT_EQ(registry.find(key.module, key.name, vm::parse_signature(key.signature), &found),
              vm::HostRegistry::Match::kExact)
        << key.module << "::" << key.name;
    ASSERT_NE(found, nullptr);
    EXPECT_NE(found->call, nullptr);
    // A function that can be resumed can also be told that it will not be.
    EXPECT_EQ(found->resume == nullptr, found->cancel == nullptr) << key.module << "::" << key.name;
  }
}

TEST(HostUniverse, DocumentIsCurrent) {
  const std::string generator = (source_dir() / "tools/dev.d/host-table.py").string();
  EXPECT_EQ(std::system(fmt::format("python3 '{}' --check", generator).c_str()), 0);
}

}  // namespace
}  // namespace lunabeam::tests
