// Modules in the text format, instantiated in a Store, in every dispatch of the build.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <string_view>
#include <vector>

#include "vm/store.h"
#include "vm/text/text.h"

namespace lunabeam::vm {

inline Result<std::shared_ptr<Module>> load_text(std::string_view source) {
  VM_ASSIGN(text::BinaryModule binary, text::read_module(source));
  return Module::load(std::move(binary.bytes), nullptr);
}

// Error of a module that does not load.
inline ErrorCode load_error(std::string_view source) {
  const auto module = load_text(source);
  EXPECT_FALSE(module) << source;
  return module ? ErrorCode::kIo : module.error().code;
}

class TextStoreTest : public testing::TestWithParam<Dispatch> {
 protected:
  void SetUp() override {
    if (!has_dispatch(GetParam())) GTEST_SKIP() << "this build has no such dispatch";
    open({});
  }
  // A new store with these options, in the dispatch that is tested.
  void open(StoreOptions options) {
    options.dispatch = GetParam();
    store_ = std::make_unique<Store>(options);
  }
  // name: registered under it; "" for none.
  Ctx* make(std::string_view source, std::string_view name = "") {
    auto module = load_text(source);
    if (!module) {
      ADD_FAILURE() << module.error().message();
      return nullptr;
    }
    const Result<Ctx*> instance = store_->instantiate(*module);
    if (!instance) {
      ADD_FAILURE() << instance.error().message();
      return nullptr;
    }
    if (!name.empty()) store_->register_instance(std::string(name), *instance);
    return *instance;
  }
  ErrorCode make_error(std::string_view source) {
    auto module = load_text(source);
    EXPECT_TRUE(module) << (module ? "" : module.error().message());
    if (!module) return ErrorCode::kIo;
    const Result<Ctx*> instance = store_->instantiate(*module);
    EXPECT_FALSE(instance) << source;
    return instance ? ErrorCode::kIo : instance.error().code;
  }

  Outcome invoke(Ctx* instance, std::string_view name, std::initializer_list<u64> args = {}) {
    if (instance == nullptr) return {};  // make() has failed.
    return store_->invoke(*instance, name, std::vector<u64>(args));
  }
  std::vector<u64> values(Ctx* instance, std::string_view name, std::initializer_list<u64> args = {}) {
    Outcome outcome = invoke(instance, name, args);
    EXPECT_TRUE(outcome.returned()) << name << ": " << text_of(outcome.trap.kind);
    return outcome.values;
  }
  u64 value(Ctx* instance, std::string_view name, std::initializer_list<u64> args = {}) {
    const std::vector<u64> all = values(instance, name, args);
    return all.empty() ? 0xBAD'BAD'BAD : all[0];
  }
  TrapKind trap(Ctx* instance, std::string_view name, std::initializer_list<u64> args = {}) {
    const Outcome outcome = invoke(instance, name, args);
    EXPECT_EQ(outcome.kind, Outcome::Kind::kTrapped) << name;
    return outcome.trap.kind;
  }

  std::unique_ptr<Store> store_;
};

inline std::string text_store_dispatch(const testing::TestParamInfo<Dispatch>& info) {
  return info.param == Dispatch::kTail ? "tail" : "step";
}
#define TEXT_STORE_DISPATCHES(suite) \
  INSTANTIATE_TEST_SUITE_P(Dispatches, suite, testing::Values(Dispatch::kTail, Dispatch::kStep), text_store_dispatch)

}  // namespace lunabeam::vm
