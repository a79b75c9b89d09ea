// Modules for tests, written in the text format.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "tests/unit/vm/raw_module.h"
#include "vm/text/source_text.h"
#include "vm/text/text.h"

namespace lunabeam::tests {

inline Bytes from_text(std::string_view source) {
  auto module = vm::text::read_module(source);
  EXPECT_TRUE(module) << (module ? "" : vm::text::describe(module.error(), source));
  return module ? std::move(module->bytes) : Bytes{};
}

// "ok", or "<phase>: <message>" without the offset in the binary.
inline std::string text_outcome(std::string_view source, vm::FeatureSet features = vm::FeatureSet::supported()) {
  const std::string outcome = load_outcome(from_text(source), features);
  return outcome.substr(0, outcome.find(" at offset"));
}

inline std::shared_ptr<vm::Module> load_text(std::string_view source,
                                             vm::FeatureSet features = vm::FeatureSet::supported()) {
  auto module = vm::Module::load(from_text(source), nullptr, features);
  EXPECT_TRUE(module) << module.error().message();
  return module ? *module : nullptr;
}

}  // namespace lunabeam::tests
