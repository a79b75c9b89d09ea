// What Module::load works out beyond decoding: frames, globals' places, exports, names, lifetimes.
#include "vm/module.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "tests/support/paths.h"
#include "tests/unit/vm/raw_module.h"
#include "vm/frame.h"
#include "vm/type_registry.h"

namespace lunabeam::vm {
namespace {

using tests::Bytes;
using tests::ModuleBuilder;
using tests::seq;

std::shared_ptr<Module> load(const ModuleBuilder& builder) {
  auto module = Module::load(builder.build(), nullptr);
  EXPECT_TRUE(module) << module.error().message();
  return module ? *module : nullptr;
}

TEST(Module, FramesSeparateReferences) {
  ModuleBuilder builder;
  // Parameters i r I, locals e f; at most two numbers and one reference on the stack.
  builder.func(builder.type("irI", ""), {0x41, 0, 0x41, 0, 0x1A, 0x1A, 0xD0, 0x70, 0x1A}, "ef");
  const auto module = load(builder);
  const FuncCode& code = module->codes[0];
  EXPECT_EQ(code.num_params, 2u);
  EXPECT_EQ(code.ref_params, 1u);
  EXPECT_EQ(code.zero_words, 1u);
  EXPECT_EQ(code.ref_base, 2u + 1u + 2u);
  EXPECT_EQ(code.num_slots, 5u + 1u + 1u + 1u);
  EXPECT_EQ(code.frame_words, frame_words_for(8));
  EXPECT_EQ(code.frame_words % 2, 0u);
  EXPECT_EQ(code.module, module.get());
  EXPECT_EQ(code.type, module->func_type_id(0));
  EXPECT_NE(code.code.load(), nullptr);
  EXPECT_EQ(reinterpret_cast<u64>(&code) & 15, 0u);
}

TEST(Module, FramesOfImportsHoldParametersThenResults) {
  ModuleBuilder builder;
  builder.import_func("m", "f", builder.type("ir", "IIIee"));
  const auto module = load(builder);
  const FuncCode& code = module->codes[0];
  EXPECT_EQ(code.ref_base, 3u);
  EXPECT_EQ(code.num_slots, 5u);
  EXPECT_EQ(code.num_params, 1u);
  EXPECT_EQ(code.ref_params, 1u);
  EXPECT_EQ(code.zero_words, 0u);
}

TEST(Module, WideFramesHaveScratchSlots) {
  // 50,000 locals, and a stack as deep as it takes: just within reach of short operands, and just beyond.
  const auto slots = [](size_t depth) {
    const Bytes code = seq({tests::repeat({0x41, 0}, depth), tests::repeat({0x1A}, depth)});
    const auto module = *Module::load(tests::one_function(code, {}, seq({{1}, tests::leb(50'000), {0x7F}})), nullptr);
    const u32 num_slots = module->codes[0].num_slots;
    EXPECT_EQ(module->codes[0].zero_words, num_slots == 64'000 ? 50'000 : 50'000 + kWideScratchSlots);
    return num_slots;
  };
  EXPECT_EQ(slots(14'000), 64'000u);
  EXPECT_EQ(slots(16'000), 66'000u + kWideScratchSlots);
}

TEST(Module, GlobalsHavePlaces) {
  ModuleBuilder builder;
  builder.import_global("m", "g", 'I', false);
  builder.global('i', true, tests::i32_const(0));
  builder.global('r', true, tests::ref_null_func());
  const auto module = load(builder);
  EXPECT_THAT(module->global_offsets, testing::ElementsAre(0, 1, 2));
  EXPECT_EQ(module->global_words, 3u);
}

TEST(Module, ConstantExpressionsAreEvaluated) {
  ModuleBuilder builder;
  builder.import_global("m", "g", 'i', false);
  builder.global('i', false, tests::i32_const(-1));
  builder.global('i', false, tests::global_get(0));
  builder.global('r', false, tests::ref_null_func());
  builder.global('I', false, seq({tests::i64_const(1), tests::i64_const(2), {0x7C}}));
  const u32 func = builder.func(builder.type("", ""), {});
  builder.global('r', false, tests::ref_func(func));
  const auto module = load(builder);
  const auto& globals = module->globals;
  EXPECT_EQ(globals[1].init.kind, ConstExpr::Kind::kValue);
  EXPECT_EQ(globals[1].init.value, 0xFFFF'FFFFu);
  EXPECT_EQ(globals[2].init.kind, ConstExpr::Kind::kGlobalGet);
  EXPECT_EQ(globals[2].init.value, 0u);
  EXPECT_EQ(globals[3].init.kind, ConstExpr::Kind::kValue);
  EXPECT_EQ(globals[3].init.value, 0u);
  EXPECT_EQ(globals[4].init.kind, ConstExpr::Kind::kGeneral);
  EXPECT_EQ(module->bytes[globals[4].init.end - 1], 0x0B);
  EXPECT_EQ(globals[5].init.kind, ConstExpr::Kind::kRefFunc);
  EXPECT_EQ(globals[5].init.value, func);
}

TEST(Module, ExportsAreFoundByNameAndKind) {
  ModuleBuilder builder;
  builder.memory(1);
  const u32 func = builder.func(builder.type("", ""), {});
  builder.func(0, {});
  builder.export_item("memory", ModuleBuilder::kMemory, 0).export_item("", ModuleBuilder::kFunc, func);
  const auto module = load(builder);
  ASSERT_NE(module->find_export("memory", ExternKind::kMemory), nullptr);
  EXPECT_EQ(module->find_export("memory", ExternKind::kFunc), nullptr);
  ASSERT_NE(module->find_export("", ExternKind::kFunc), nullptr);
  EXPECT_EQ(module->find_export("", ExternKind::kFunc)->index, func);
  EXPECT_EQ(module->find_export("m", ExternKind::kMemory), nullptr);
  EXPECT_EQ(module->function_name(1), "func[1]");
}

TEST(Module, TypesAreSharedBetweenModulesAndOutliveOneOfThem) {
  const auto build = [](std::string_view first, std::string_view second) {
    ModuleBuilder builder;
    builder.type(first, "");
    builder.func(builder.type(second, ""), {});
    return load(builder);
  };
  const auto a = build("iIfFiIfF", "FfIi");
  auto b = build("FfIi", "iIfFiIfF");
  EXPECT_EQ(a->types[0], b->types[1]);
  EXPECT_EQ(a->types[1], b->types[0]);
  EXPECT_NE(a->id, b->id);
  b.reset();
  EXPECT_EQ(TypeRegistry::global().func(a->types[0]).params.size(), 8u);
}

TEST(Module, RejectedModulesReleaseTheirTypes) {
  // The type is unlike any other test's. Were it still registered, the next type would have to take another id.
  const Bytes odd = {0x60, 7, 0x7C, 0x7C, 0x7F, 0x7C, 0x7C, 0x7F, 0x7C, 0};
  const Bytes odder = {0x60, 7, 0x7D, 0x7D, 0x7F, 0x7D, 0x7D, 0x7F, 0x7D, 0};
  const auto with_type = [](const Bytes& type, const Bytes& rest) {
    return tests::raw_module({tests::raw_section(1, tests::raw_vector({type})), rest});
  };
  auto probe = Module::load(with_type(odd, {}), nullptr);
  ASSERT_TRUE(probe);
  const TypeId id = (*probe)->types[0];
  probe->reset();
  EXPECT_FALSE(Module::load(with_type(odd, tests::raw_section(8, {9})), nullptr));
  EXPECT_FALSE(Module::load(with_type(odd, {0xFF}), nullptr));
  const auto next = Module::load(with_type(odder, {}), nullptr);
  ASSERT_TRUE(next);
  EXPECT_EQ((*next)->types[0], id);
}

TEST(Module, PrebuiltGuestsLoad) {
  if (!tests::shared_available()) GTEST_SKIP() << "no shared material";
  for (const char* name : {"squares", "supervised", "tour"}) {
    const auto path = tests::shared_dir() / "guests/prebuilt" / (std::string(name) + ".wasm");
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
    ASSERT_NE(file, nullptr) << path;
    Bytes bytes(std::filesystem::file_size(path));
    EXPECT_EQ(std::fread(bytes.data(), 1, bytes.size(), file.get()), bytes.size());
    const auto module = Module::load(std::move(bytes), nullptr);
    ASSERT_TRUE(module) << name << ": " << module.error().message();
    EXPECT_NE((*module)->find_export("_start", ExternKind::kFunc), nullptr) << name;
    EXPECT_FALSE((*module)->require_resolved()) << name;
  }
}

}  // namespace
}  // namespace lunabeam::vm
