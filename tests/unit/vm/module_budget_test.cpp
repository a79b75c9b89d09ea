// Who pays for what a module takes.
#include "vm/module_budget.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/program_generator.h"
#include "tests/unit/vm/raw_module.h"
#include "tests/unit/vm/text_store.h"
#include "vm/interp/translate.h"
#include "vm/memory_image.h"
#include "vm/table.h"
#include "vm/type_registry.h"

namespace lunabeam::vm {
namespace {

using tests::append;
using tests::Bytes;
using tests::leb;
using tests::raw_body;
using tests::raw_module;
using tests::raw_repeated;
using tests::raw_section;
using tests::repeat;
using tests::seq;

// What a test sees of a budget that is gone with its module.
struct Account {
  u64 limit = ~u64{0};
  u64 used = 0;
  u64 budgets = 0;  // That are alive.
};

class TestBudget final : public ModuleBudget {
 public:
  explicit TestBudget(Account& account) : account_(account) { ++account_.budgets; }
  ~TestBudget() override {
    account_.used -= used_;
    --account_.budgets;
  }
  [[nodiscard]] bool charge(u64 bytes) noexcept override {
    if (bytes > account_.limit - account_.used) return false;
    account_.used += bytes;
    used_ += bytes;
    return true;
  }

 private:
  Account& account_;
  u64 used_ = 0;
};

Result<std::shared_ptr<Module>> load_on(Account& account, Bytes bytes) {
  return Module::load(std::move(bytes), nullptr, FeatureSet::supported(), std::make_unique<TestBudget>(account));
}

Bytes assembled(std::string_view source) {
  auto binary = text::read_module(source);
  EXPECT_TRUE(binary) << binary.error().message();
  return std::move(binary->bytes);
}

template <class T>
u64 bytes_of(const std::vector<T>& list) {
  return list.capacity() * sizeof(T);
}

// What the module's tables take, as far as they can be seen from outside.
u64 footprint(const Module& module) {
  u64 bytes = bytes_of(module.types) + bytes_of(module.type_groups) + bytes_of(module.imports) +
              bytes_of(module.func_types) + bytes_of(module.tables) + bytes_of(module.memories) +
              bytes_of(module.globals) + bytes_of(module.tags) + bytes_of(module.exports) + bytes_of(module.elems) +
              bytes_of(module.datas) + bytes_of(module.bodies) + bytes_of(module.global_offsets) +
              bytes_of(module.host_imports) + bytes_of(module.exports_by_name) + bytes_of(module.exports_by_func) +
              module.func_types.size() * sizeof(FuncCode);
  for (const TypeId type : module.types) bytes += TypeRegistry::kEntryBytes + TypeRegistry::global().list_bytes(type);
  for (const ElemSegment& segment : module.elems) bytes += bytes_of(segment.items);
  for (const Import& import : module.imports) bytes += import.module.size() + import.name.size();
  for (const Export& entry : module.exports) bytes += entry.name.size();
  for (const auto& [index, name] : module.names.functions) bytes += sizeof(index) + sizeof(name) + name.size();
  return bytes;
}

// 16 bytes of a section's contents that mean much: `many` of each.
constexpr size_t kMany = 100'000;
Bytes many_types() { return raw_module({raw_section(1, seq({{1, 0x4E}, raw_repeated({0x5F, 0}, kMany)}))}); }
Bytes many_fields() {
  return raw_module({raw_section(1, raw_repeated(seq({{0x5F}, raw_repeated({0x6E, 0}, 5'000)}), 20))});
}
Bytes many_items() {
  return raw_module({raw_section(1, {1, 0x60, 0, 0}), raw_section(3, {1, 0}),
                     raw_section(9, seq({{1, 1, 0}, raw_repeated({0}, kMany)})), raw_section(10, {1, 2, 0, 0x0B})});
}
Bytes many_segments() { return raw_module({raw_section(9, raw_repeated({1, 0, 0}, kMany))}); }
Bytes many_datas() { return raw_module({raw_section(11, raw_repeated({1, 0}, kMany))}); }
Bytes many_functions() {
  return raw_module({raw_section(1, {1, 0x60, 0, 0}), raw_section(3, raw_repeated({0}, kMany)),
                     raw_section(10, raw_repeated({2, 0, 0x0B}, kMany))});
}
Bytes many_imports() {
  return raw_module({raw_section(1, {1, 0x60, 0, 0}), raw_section(2, raw_repeated({0, 0, 0, 0}, kMany))});
}
Bytes many_globals() { return raw_module({raw_section(6, raw_repeated({0x7F, 0, 0x41, 0, 0x0B}, kMany))}); }
Bytes many_tables() { return raw_module({raw_section(4, raw_repeated({0x70, 0, 0}, kMany))}); }
Bytes many_tags() {
  return raw_module({raw_section(1, {1, 0x60, 0, 0}), raw_section(13, raw_repeated({0, 0}, kMany))});
}
Bytes many_exports() {
  Bytes exports = leb(kMany);
  for (size_t i = 0; i < kMany; ++i) {
    const std::string name = std::to_string(i + 1'000'000);
    append(exports, seq({leb(name.size()), Bytes(name.begin(), name.end()), {0, 0}}));
  }
  return raw_module({raw_section(1, {1, 0x60, 0, 0}), raw_section(3, {1, 0}), raw_section(7, exports),
                     raw_section(10, {1, 2, 0, 0x0B})});
}
Bytes many_names() {
  Bytes names = leb(kMany);
  for (size_t i = 0; i < kMany; ++i) append(names, seq({leb(i), {1, 'f'}}));
  Bytes module = many_functions();
  append(module, raw_section(0, seq({{4, 'n', 'a', 'm', 'e', 1}, leb(names.size()), names})));
  return module;
}

TEST(ModuleBudget, PaysForEverySection) {
  const std::pair<const char*, Bytes> cases[] = {
      {"types", many_types()},       {"fields", many_fields()},   {"items", many_items()},
      {"segments", many_segments()}, {"datas", many_datas()},     {"functions", many_functions()},
      {"imports", many_imports()},   {"globals", many_globals()}, {"tables", many_tables()},
      {"tags", many_tags()},         {"exports", many_exports()}, {"names", many_names()},
  };
  for (const auto& [what, bytes] : cases) {
    Account account;
    {
      const auto module = load_on(account, bytes);
      ASSERT_TRUE(module) << what << ": " << module.error().message();
      EXPECT_GE(account.used, footprint(**module)) << what;
      EXPECT_LE(account.used, 3 * footprint(**module)) << what;
    }
    EXPECT_EQ(account.used, 0u) << what;
    EXPECT_EQ(account.budgets, 0u) << what;
    account.limit = 64 * 1024;
    const auto refused = load_on(account, bytes);
    ASSERT_FALSE(refused) << what;
    EXPECT_EQ(refused.error().code, ErrorCode::kResourceLimit) << what;
    EXPECT_EQ(account.used, 0u) << what;
  }
}

TEST(ModuleBudget, NamesThatCannotBePaidForAreLeftOut) {
  Account account;
  u64 without_names;
  {
    ASSERT_TRUE(load_on(account, many_functions()));
    const auto module = load_on(account, many_functions());
    without_names = account.used;
  }
  account.limit = without_names + 10'000;
  const auto module = load_on(account, many_names());
  ASSERT_TRUE(module);
  EXPECT_GT((*module)->names.functions.size(), 0u);
  EXPECT_LT((*module)->names.functions.size(), 1000u);
}

TEST(ModuleBudget, PaysForTranslatedCode) {
  Account account;
  const Bytes bytes = assembled(R"((module
    (func (export "f") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
    (func (export "g") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))))");
  const auto module = load_on(account, bytes);
  ASSERT_TRUE(module);
  const u64 loaded = account.used;
  const FuncCode& f = (*module)->codes[0];
  ASSERT_NE(translate(f), nullptr);
  EXPECT_EQ(account.used, loaded + f.storage_words * sizeof(Insn));
  const u64 with_f = account.used;
  ASSERT_NE(translate(f), nullptr);  // It is there.
  EXPECT_EQ(account.used, with_f);
  account.limit = with_f;
  const FuncCode& g = (*module)->codes[1];
  EXPECT_EQ(translate(g), nullptr);
  EXPECT_EQ(account.used, with_f);
  account.limit = ~u64{0};
  EXPECT_NE(translate(g), nullptr);
}

TEST(ModuleBudget, ImagesThatCannotBePaidForAreNotShared) {
  const Bytes bytes = assembled(R"((module (table 1000 funcref) (memory 1) (func $f)
    (elem (i32.const 500) func $f) (data (i32.const 5) "abc")))");
  Account account;
  {
    const auto module = load_on(account, bytes);
    ASSERT_TRUE(module);
    const u64 loaded = account.used;
    EXPECT_TRUE(table_images(**module).images[0].present);
    EXPECT_NE(memory_image(**module, 0), nullptr);
    EXPECT_EQ(account.used, loaded + 1000 * sizeof(u64) + sizeof(MemoryImage::Run));
    account.limit = loaded;
  }
  const auto module = load_on(account, bytes);
  ASSERT_TRUE(module);
  EXPECT_FALSE(table_images(**module).images[0].present);
  EXPECT_EQ(memory_image(**module, 0), nullptr);
}

class ModuleBudgetStore : public TextStoreTest {
 protected:
  void TearDown() override { store_.reset(); }  // Its modules pay back to the account.
  Account account_;
};
TEXT_STORE_DISPATCHES(ModuleBudgetStore);

TEST_P(ModuleBudgetStore, NoMemoryForCodeOrImages) {
  const Bytes bytes = assembled(R"((module (table 10 funcref) (memory 1) (func $f)
    (elem (i32.const 5) func $f) (data (i32.const 5) "abc")
    (func (export "see") (result i32)
      (i32.add (i32.load8_u (i32.const 6)) (ref.is_null (table.get (i32.const 5)))))
    (func (export "call") (call $f))))");
  const auto module = load_on(account_, bytes);
  ASSERT_TRUE(module);
  account_.limit = account_.used;
  const Result<Ctx*> instance = store_->instantiate(*module);
  ASSERT_TRUE(instance);
  EXPECT_EQ(trap(*instance, "see"), TrapKind::kOutOfMemory);
  account_.limit = ~u64{0};
  EXPECT_EQ(value(*instance, "see"), 98u);  // 'b', and not null: the segments were run.
  account_.limit = account_.used;
  EXPECT_EQ(trap(*instance, "call"), TrapKind::kOutOfMemory);
}

// charge() is called under the module's lock when code is published, so that the account needs none.
TEST(ModuleBudget, CodeIsPaidForOnceHoweverManyThreadsTranslateIt) {
  const Bytes bytes = tests::ProgramGenerator(7, {.num_functions = 60, .statements = 30}).build();
  u64 paid_alone = 0;
  for (const int threads : {1, 4, 4, 4}) {
    Account account;
    const auto module = load_on(account, bytes);
    ASSERT_TRUE(module.has_value());
    const u64 paid_before = account.used;
    {
      std::vector<std::jthread> translators;
      for (int i = 0; i < threads; ++i) {
        translators.emplace_back([&module] {
          for (u32 f = 0; f < (*module)->func_types.size(); ++f) {
            const FuncCode& code = (*module)->codes[f];
            EXPECT_EQ(translate(code), code.code.load(std::memory_order_acquire));
          }
        });
      }
    }
    if (threads == 1) paid_alone = account.used - paid_before;
    EXPECT_EQ(account.used - paid_before, paid_alone);
    EXPECT_GT(paid_alone, 0u);
  }
}

}  // namespace
}  // namespace lunabeam::vm
