// Names of tests.
#include "tools/lunabeam/test_name.h"

#include <algorithm>
#include <tuple>

namespace lunabeam::tools {
namespace {

constexpr std::string_view kPrefix = "#lunatic_test_";
constexpr std::string_view kIgnore = "#ignore_";
constexpr std::string_view kPanic = "#panic_";

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// The text up to the first `#` that is not escaped, which is taken too; nullopt when there is none.
std::optional<std::string> take_panic_text(std::string_view& text) {
  std::string expected;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '#') {
      text.remove_prefix(i + 1);
      return expected;
    }
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == '#') ++i;
    expected += text[i];
  }
  return std::nullopt;
}

}  // namespace

std::optional<TestCase> decode_test_name(std::string_view export_name) {
  std::string_view rest = export_name;
  if (!take_prefix(rest, kPrefix)) return std::nullopt;
  TestCase test;
  test.export_name = export_name;
  test.is_ignored = take_prefix(rest, kIgnore);
  if (std::string_view behind = rest; take_prefix(behind, kPanic)) {
    // Without its end it is part of the name: better a test with an odd name than none.
    if ((test.expected_panic = take_panic_text(behind))) rest = behind;
  }
  test.name = rest;
  return test;
}

std::vector<TestCase> tests_of(const vm::Module& module) {
  std::vector<TestCase> tests;
  for (const vm::Export& exported : module.exports) {
    if (exported.kind != vm::ExternKind::kFunc) continue;
    if (auto test = decode_test_name(exported.name)) tests.push_back(*std::move(test));
  }
  std::ranges::sort(tests, {}, [](const TestCase& test) { return std::tie(test.name, test.export_name); });
  return tests;
}

}  // namespace lunabeam::tools
