#include "tests/fuzz/seeds.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "tools/lunabeam-spectest/script.h"
#include "vm/text/lexer.h"
#include "vm/text/text.h"

namespace lunabeam::fuzz {
namespace {

namespace fs = std::filesystem;
using spectest::ModuleSource;
using vm::text::Token;
using vm::text::TokenKind;

constexpr size_t kMaxKeyword = 40;  // libFuzzer's limit for words is 64.

std::span<const u8> as_bytes(std::string_view text) { return {reinterpret_cast<const u8*>(text.data()), text.size()}; }

}  // namespace

std::vector<fs::path> files_below(const std::vector<fs::path>& paths,
                                  std::initializer_list<std::string_view> extensions) {
  std::vector<fs::path> found;
  const auto consider = [&](const fs::path& path) {
    const std::string extension = path.extension().string();
    if (std::ranges::find(extensions, extension) != extensions.end()) found.push_back(path);
  };
  for (const fs::path& path : paths) {
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) {
      for (const auto& entry : fs::recursive_directory_iterator(path, ignored)) consider(entry.path());
    } else {
      consider(path);
    }
  }
  std::ranges::sort(found);
  return found;
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void for_each_module(const std::string& name, std::string_view script, const SeedSink& sink) {
  const vm::Result<spectest::Script> read = spectest::read_script(script);
  if (!read) return;
  for (const spectest::Command& command : read->commands) {
    if (command.module == nullptr) continue;
    const std::string place = fmt::format("{}:{}", name, command.line);
    const ModuleSource& source = *command.module;
    if (source.form != ModuleSource::Form::kQuote) {
      if (!source.annotation_error) sink(place, source.bytes);
      continue;
    }
    const vm::Result<vm::text::BinaryModule> quoted =
        vm::text::read_module({reinterpret_cast<const char*>(source.bytes.data()), source.bytes.size()});
    if (quoted) sink(place, quoted->bytes);
  }
}

void for_each_piece(const std::string& name, std::string_view script, size_t piece_bytes, const SeedSink& sink) {
  const vm::Result<vm::text::TokenBuffer> buffer = vm::text::lex(script);
  if (!buffer) return;
  size_t begin = 0;
  const auto cut = [&](size_t end) {
    if (end > begin) sink(fmt::format("{}@{}", name, begin), as_bytes(script.substr(begin, end - begin)));
    begin = end;
  };
  for (size_t i = 0; buffer->tokens[i].kind == TokenKind::kOpen; ++i) {
    const size_t form = buffer->tokens[i].begin;
    i = buffer->tokens[i].link;
    // A large form stands alone.
    if (buffer->tokens[i].link - begin > piece_bytes) cut(form);
    if (buffer->tokens[i].link - begin > piece_bytes) cut(buffer->tokens[i].link);
  }
  cut(script.size());
}

void collect_keywords(std::string_view script, std::set<std::string>& keywords) {
  const vm::Result<vm::text::TokenBuffer> buffer = vm::text::lex(script);
  if (!buffer) return;
  for (const Token& token : buffer->tokens) {
    if (token.kind != TokenKind::kKeyword) continue;
    const std::string_view text = buffer->text(token);
    const bool is_plain = std::ranges::all_of(text, [](char c) { return c != '"' && c != '\\' && c != '='; });
    if (is_plain && text.size() <= kMaxKeyword) keywords.emplace(text);
  }
}

}  // namespace lunabeam::fuzz
