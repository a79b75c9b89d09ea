// lunabeam validate: says whether files are valid modules.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "tools/lunabeam/commands.h"
#include "tools/lunabeam/files.h"
#include "vm/module.h"

namespace lunabeam::tools {

int command_validate(const Arguments& arguments) {
  std::vector<std::string> files;
  CLI::App app("Decodes and validates WebAssembly modules; prints nothing when all are valid.", "lunabeam validate");
  app.add_option("files", files, "modules (.wasm, or .wat as text)")->required();
  try {
    Arguments reversed(arguments.rbegin(), arguments.rend());
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  bool all_valid = true;
  for (const std::string& file : files) {
    std::optional<ModuleFile> module_file = read_module_file(file);
    if (!module_file) {
      all_valid = false;
      continue;
    }
    const auto module = vm::Module::load(std::move(module_file->bytes), nullptr);
    if (!module) {
      all_valid = false;
      print_load_error(*module_file, module.error());
    }
  }
  return all_valid ? kExitOk : kExitError;
}

}  // namespace lunabeam::tools
