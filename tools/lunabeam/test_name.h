// What an exported name says about a test (ABI document 9.4): `#lunatic_test_`, then `#ignore_` if it is ignored, then `#panic_TEXT#` if
// it has to panic (a `#` in TEXT is written `\#`), then the name a person sees.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vm/base/ints.h"
#include "vm/module.h"

namespace lunabeam::tools {

struct TestCase {
  std::string export_name;
  std::string name;
  bool is_ignored = false;
  // Its panic's message must contain this text; empty: any failure will do. nullopt: it must end normally.
  std::optional<std::string> expected_panic;

  // As it stands in reports: "module::name", or "module::name - should panic".
  [[nodiscard]] std::string title() const { return expected_panic ? name + " - should panic" : name; }
};

// nullopt: the name is not a test's.
[[nodiscard]] std::optional<TestCase> decode_test_name(std::string_view export_name);

// The module's tests, by name. A name that is exported twice under different conditions is two tests.
[[nodiscard]] std::vector<TestCase> tests_of(const vm::Module& module);

}  // namespace lunabeam::tools
