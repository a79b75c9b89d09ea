#include <gtest/gtest.h>

#include <array>

#include "tests/unit/vm/raw_module.h"
#include "vm/host_function.h"

namespace lunabeam::vm {
namespace {

HostStatus nothing(ExecContext&, u64*) { return HostStatus::kDone; }

constexpr std::array<HostFunction, 4> kRows = {{
    {"lunatic::process", "send", "Ii:i", nothing},
    {"lunatic::process", "send", "I:i", nothing},
    {"lunatic::process", "sleep_ms", "I:", nothing},
    {"wasi", "send", ":", nothing},
}};

TEST(HostRegistry, FindsByModuleNameAndType) {
  HostRegistry registry;
  registry.add(kRows);
  EXPECT_EQ(registry.all().size(), kRows.size());
  const HostFunction* found = nullptr;
  EXPECT_EQ(registry.find("lunatic::process", "send", parse_signature("I:i"), &found), HostRegistry::Match::kExact);
  EXPECT_EQ(found, &kRows[1]);
  EXPECT_EQ(registry.find("lunatic::process", "send", parse_signature("Ii:i"), &found), HostRegistry::Match::kExact);
  EXPECT_EQ(found, &kRows[0]);
  EXPECT_EQ(registry.find("wasi", "send", parse_signature(":"), &found), HostRegistry::Match::kExact);
  EXPECT_EQ(found, &kRows[3]);
}

TEST(HostRegistry, TellsAnotherTypeFromAnUnknownName) {
  HostRegistry registry;
  registry.add(kRows);
  const HostFunction* found = nullptr;
  EXPECT_EQ(registry.find("lunatic::process", "sleep_ms", parse_signature("i:"), &found),
            HostRegistry::Match::kOtherType);
  EXPECT_EQ(registry.find("wasi", "sleep_ms", parse_signature("I:"), &found), HostRegistry::Match::kNone);
  EXPECT_EQ(registry.find("lunatic::process", "sen", parse_signature("I:i"), &found), HostRegistry::Match::kNone);
  EXPECT_EQ(found, nullptr);
}

TEST(HostRegistry, SignaturesParse) {
  const FuncType type = parse_signature("iIfFvre:Ie");
  EXPECT_EQ(type.params, (std::vector<ValType>{ValType::kI32, ValType::kI64, ValType::kF32, ValType::kF64,
                                               ValType::kV128, kFuncRef, kExternRef}));
  EXPECT_EQ(type.results, (std::vector<ValType>{ValType::kI64, kExternRef}));
  EXPECT_EQ(parse_signature(":"), FuncType{});
}

tests::Bytes importing(std::string_view module, std::string_view name, std::string_view params,
                       std::string_view results) {
  tests::ModuleBuilder builder;
  builder.import_func(module, name, builder.type(params, results));
  return builder.build();
}

TEST(HostRegistry, ModulesBindByType) {
  HostRegistry registry;
  registry.add(kRows);
  const auto bound = Module::load(importing("lunatic::process", "send", "I", "i"), &registry);
  ASSERT_TRUE(bound);
  EXPECT_EQ((*bound)->host_imports[0], &kRows[1]);
  EXPECT_EQ((*bound)->codes[0].host, &kRows[1]);
  EXPECT_TRUE((*bound)->require_resolved());

  const auto other = Module::load(importing("lunatic::process", "sleep_ms", "i", ""), &registry);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().message(),
            "incompatible import type: `lunatic::process::sleep_ms` is not of type (func (param i32)) at offset 0x12");

  const auto unknown = Module::load(importing("env", "f", "", ""), &registry);
  ASSERT_TRUE(unknown);
  EXPECT_EQ((*unknown)->host_imports[0], nullptr);
  const Result<void> unresolved = (*unknown)->require_resolved();
  ASSERT_FALSE(unresolved);
  EXPECT_EQ(unresolved.error().message(), "unknown import: `env::f` has not been defined at offset 0x11");
}

TEST(HostRegistry, OnlyFunctionsCanBeResolved) {
  HostRegistry registry;
  registry.add(kRows);
  tests::ModuleBuilder builder;
  builder.import_memory("env", "memory", 1);
  const auto module = Module::load(builder.build(), &registry);
  ASSERT_TRUE(module);
  const Result<void> unresolved = (*module)->require_resolved();
  ASSERT_FALSE(unresolved);
  EXPECT_EQ(unresolved.error().code, ErrorCode::kUnknownImport);
}

}  // namespace
}  // namespace lunabeam::vm
