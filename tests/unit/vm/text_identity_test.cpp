// Text -> module -> text -> module is the identity on every module of the specification's scripts.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/support/paths.h"
#include "vm/text/cursor.h"
#include "vm/text/lexer.h"
#include "vm/text/printer.h"
#include "vm/text/source_text.h"
#include "vm/text/text.h"

namespace lunabeam::tests {
namespace {

namespace fs = std::filesystem;
namespace text = vm::text;

// Every module form of a script: as the bytes it stands for, or that its text cannot be read.
struct ScriptModule {
  u32 line;
  bool is_binary;         // Given as bytes, in whatever encoding.
  bool may_be_malformed;  // Stands in an assertion that says so, or in quotes.
  vm::Result<std::vector<u8>> bytes;
};

vm::Result<std::vector<u8>> read_text(std::string_view source) {
  VM_ASSIGN(text::BinaryModule module, text::read_module(source));
  return std::move(module.bytes);
}

class ScriptModules {
 public:
  explicit ScriptModules(std::string source) : source_(std::move(source)) {
    const auto tokens = text::lex(source_);
    EXPECT_TRUE(tokens) << tokens.error().message();
    if (!tokens) return;
    text::Cursor cursor(*tokens);
    if (!cursor.at_form("module") && !is_command(cursor)) {  // A bare list of fields.
      modules_.push_back({1, false, false, read_text(source_)});
      return;
    }
    while (cursor.at(text::TokenKind::kOpen)) read_command(cursor);
  }
  [[nodiscard]] const std::vector<ScriptModule>& modules() const { return modules_; }

 private:
  static bool is_command(const text::Cursor& cursor) {
    const std::string_view keyword = cursor.buffer().text(cursor.peek(1));
    return keyword.starts_with("assert_") || keyword == "register" || keyword == "invoke";
  }

  void read_command(text::Cursor& cursor) {
    const u32 end = cursor.peek().link + 1;
    if (cursor.at_form("module")) {
      read_module_form(cursor, false);
    } else if (is_command(cursor)) {
      const bool is_malformed = cursor.at_form("assert_malformed") || cursor.at_form("assert_malformed_custom") ||
                                cursor.at_form("assert_invalid_custom");
      cursor.seek(cursor.index() + 2);
      if (cursor.at_form("module")) read_module_form(cursor, is_malformed);
    }
    cursor.seek(end);
  }

  void read_module_form(text::Cursor& cursor, bool is_malformed) {
    const u32 last = cursor.peek().link;
    const u32 line = text::line_column(source_, cursor.offset()).line;
    cursor.seek(cursor.index() + 2);
    if (cursor.accept_keyword("instance")) return;
    static_cast<void>(cursor.accept_keyword("definition"));
    const std::string_view name = cursor.accept_id().value_or("");
    const bool is_binary = cursor.accept_keyword("binary");
    if (is_binary || cursor.accept_keyword("quote")) {
      std::string contents;
      while (cursor.at(text::TokenKind::kString)) EXPECT_TRUE(cursor.expect_string(contents));
      vm::Result<std::vector<u8>> bytes = std::vector<u8>(contents.begin(), contents.end());
      if (!is_binary) bytes = read_text(contents);
      modules_.push_back({line, is_binary, true, std::move(bytes)});
      return;
    }
    auto module = text::read_module_fields(cursor.buffer(), cursor.index(), last, name);
    vm::Result<std::vector<u8>> bytes = std::vector<u8>();
    if (module) {
      bytes = std::move(module->bytes);
    } else {
      bytes = std::unexpected(std::move(module).error());
    }
    modules_.push_back({line, false, is_malformed, std::move(bytes)});
  }

  std::string source_;
  std::vector<ScriptModule> modules_;
};

// Describes the first line in which two texts differ.
std::string difference(std::string_view a, std::string_view b) {
  const size_t at = static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
  const size_t begin = at == 0 ? 0 : a.rfind('\n', at - 1) + 1;
  return std::string(a.substr(begin, 200)) + "\n  becomes\n" + std::string(b.substr(std::min(begin, b.size()), 200));
}

// Empty when the module goes through text and back unchanged; `bytes` is not malformed.
std::string round_trip(const ScriptModule& module, const std::string& first_text) {
  const auto second = text::read_module(first_text);
  if (!second) return "reads back as " + text::describe(second.error(), first_text);
  const auto second_text = text::print_module(second->bytes);
  if (!second_text) return "prints again as " + second_text.error().message();
  if (*second_text != first_text) return difference(first_text, *second_text);
  const auto third = text::read_module(*second_text);
  if (!third || third->bytes != second->bytes) return "reads differently the second time";
  // What text read becomes is encoded in one way only; bytes of a script may be padded or hold empty sections.
  if (!module.is_binary && second->bytes != *module.bytes) {
    const auto bare = [](const std::vector<u8>& bytes) { return *text::print_module(bytes, {.names = false}); };
    return bare(second->bytes) == bare(*module.bytes) ? "is encoded differently" : "means something else";
  }
  return {};
}

struct Folder {
  const char* name;
  size_t min_modules;  // That go through: a test that saw fewer would prove nothing.
};

class TextIdentity : public testing::TestWithParam<Folder> {};

TEST_P(TextIdentity, HoldsForEveryModuleOfTheScripts) {
  const fs::path folder = shared_dir() / "spec-testsuite" / GetParam().name;
  if (!fs::exists(folder)) GTEST_SKIP() << "no scripts beside the checkout";
  size_t count = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".wast") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const ScriptModules script(std::string(std::istreambuf_iterator<char>(file), {}));
    for (const ScriptModule& module : script.modules()) {
      const std::string place = entry.path().filename().string() + ":" + std::to_string(module.line);
      if (!module.bytes) {
        EXPECT_TRUE(module.may_be_malformed) << place << ": " << module.bytes.error().message();
        continue;
      }
      const auto first_text = text::print_module(*module.bytes);
      if (!first_text) {
        EXPECT_TRUE(module.may_be_malformed) << place << ": " << first_text.error().message();
        continue;
      }
      ++count;
      const std::string failure = round_trip(module, *first_text);
      EXPECT_EQ(failure, "") << place;
    }
  }
  EXPECT_GE(count, GetParam().min_modules);
}

INSTANTIATE_TEST_SUITE_P(Suite, TextIdentity,
                         testing::Values(Folder{"core", 2603}, Folder{"core/bulk-memory", 454},
                                         Folder{"core/exceptions", 30}, Folder{"core/gc", 179},
                                         Folder{"core/memory64", 692}, Folder{"core/multi-memory", 122},
                                         Folder{"core/relaxed-simd", 8}, Folder{"core/simd", 1145},
                                         Folder{"custom/custom", 3}, Folder{"custom/name", 4},
                                         Folder{"custom/metadata.code.branch_hint", 1}, Folder{"legacy/exceptions", 18},
                                         Folder{"proposals/custom-page-sizes", 62}, Folder{"proposals/threads", 272},
                                         Folder{"proposals/wide-arithmetic", 10}),
                         [](const testing::TestParamInfo<Folder>& info) {
                           std::string name = info.param.name;
                           for (char& c : name) {
                             if (c == '/' || c == '-' || c == '.') c = '_';
                           }
                           return name;
                         });

}  // namespace
}  // namespace lunabeam::tests
