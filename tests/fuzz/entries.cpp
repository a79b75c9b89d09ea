#include "tests/fuzz/entries.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "tools/lunabeam-spectest/script.h"
#include "vm/interp/translate.h"
#include "vm/module.h"
#include "vm/text/printer.h"
#include "vm/text/source_text.h"
#include "vm/text/text.h"

namespace lunabeam::fuzz {
namespace {

using spectest::Command;
using spectest::ModuleSource;
using vm::Error;
using vm::ErrorPhase;
using vm::FeatureSet;
using vm::Module;
using vm::Result;
using LoadResult = Result<std::shared_ptr<Module>>;

[[noreturn, gnu::cold]] void broken(std::string_view promise, std::string_view detail) {
  fmt::print(stderr, "broken promise: {}: {}\n", promise, detail);
  std::fflush(stderr);
  std::abort();
}

void check_place(const Error& error, size_t size, std::string_view what) {
  if (error.offset != Error::kNoOffset && error.offset > size) broken("offsets lie in the source", what);
}

void check_text_error(const Error& error, std::string_view source) {
  check_place(error, source.size(), error.message());
  if (vm::text::describe(error, source).empty()) broken("errors can be described", error.message());
}

FeatureSet first_features() {
  FeatureSet features;
  features.enable(vm::Feature::kMvp);
  return features;
}

LoadResult load(std::span<const u8> bytes, FeatureSet features) {
  LoadResult module = Module::load({bytes.begin(), bytes.end()}, nullptr, features);
  if (!module) check_place(module.error(), bytes.size(), module.error().message());
  return module;
}

// Bytes that our own reader made of `source`, or of a text inside the script (empty source).
void load_written(std::span<const u8> bytes, std::string_view source) {
  const LoadResult module = load(bytes, FeatureSet::supported());
  if (module) return;
  // The exception: the text may use proposals that are switched off, whose encodings are malformed then; the error names them.
  const bool is_malformed = vm::phase_of(module.error().code) == ErrorPhase::kMalformed;
  if (is_malformed && !module.error().detail.contains(" needs the feature ")) {
    broken("text reads to well-formed modules", module.error().message());
  }
  if (!source.empty()) check_text_error(vm::text::locate(module.error(), source), source);
}

void read_quoted(std::string_view source) {
  const Result<vm::text::BinaryModule> read =
      vm::text::read_module(source, {.keeps_marks = true, .writes_names = true});
  if (read) {
    load_written(read->bytes, source);
  } else {
    check_text_error(read.error(), source);
  }
}

void read_command(const Command& command) {
  if (command.module == nullptr) return;
  const ModuleSource& source = *command.module;
  switch (source.form) {
    case ModuleSource::Form::kText:
      if (!source.annotation_error) load_written(source.bytes, {});
      break;
    case ModuleSource::Form::kBinary: (void)load(source.bytes, FeatureSet::supported()); break;
    case ModuleSource::Form::kQuote:
      read_quoted({reinterpret_cast<const char*>(source.bytes.data()), source.bytes.size()});
      break;
  }
}

}  // namespace

void read_as_script(std::span<const u8> input) {
  const std::string_view source(reinterpret_cast<const char*>(input.data()), input.size());
  const Result<spectest::Script> script = spectest::read_script(source);
  if (!script) return check_text_error(script.error(), source);
  for (const Command& command : script->commands) read_command(command);
}

void read_as_binary(std::span<const u8> input) {
  (void)load(input, first_features());
  const LoadResult module = load(input, FeatureSet::supported());
  if (module) {
    const Module& loaded = **module;
    for (size_t i = 0; i < loaded.func_types.size(); ++i) {
      if (vm::translate(loaded.codes[i]) == nullptr)
        broken("functions can be translated", loaded.function_name(static_cast<u32>(i)));
    }
  }

  const Result<std::string> printed = vm::text::print_module(input);
  if (!printed) {
    check_place(printed.error(), input.size(), printed.error().message());
    if (module) broken("what validates prints", printed.error().message());
    return;
  }
  const Result<vm::text::BinaryModule> read = vm::text::read_module(*printed);
  if (!read) broken("what prints reads back", vm::text::describe(read.error(), *printed));
  const Result<std::string> again = vm::text::print_module(read->bytes);
  if (!again) broken("what was read back prints", again.error().message());
  if (*again != *printed) broken("printing is stable", fmt::format("first:\n{}\nsecond:\n{}", *printed, *again));
  if (!module) return;
  const LoadResult reloaded = load(read->bytes, FeatureSet::supported());
  if (!reloaded) broken("validity survives the way through text", reloaded.error().message());
}

}  // namespace lunabeam::fuzz
