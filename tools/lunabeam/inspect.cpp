// lunabeam inspect: what is in a module.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "tools/lunabeam/commands.h"
#include "tools/lunabeam/files.h"
#include "vm/base/printable.h"
#include "vm/interp/listing.h"
#include "vm/interp/translate.h"
#include "vm/module.h"
#include "vm/text/printer.h"
#include "vm/type_registry.h"

namespace lunabeam::tools {
namespace {

std::string_view kind_name(vm::ExternKind kind) {
  switch (kind) {
    case vm::ExternKind::kFunc: return "func";
    case vm::ExternKind::kTable: return "table";
    case vm::ExternKind::kMemory: return "memory";
    case vm::ExternKind::kGlobal: return "global";
    case vm::ExternKind::kTag: return "tag";
  }
  return "?";
}

std::string type_text(const vm::Module& module, vm::ExternKind kind, u32 index) {
  switch (kind) {
    case vm::ExternKind::kFunc: return vm::to_string(vm::TypeRegistry::global().func(module.func_types[index]));
    case vm::ExternKind::kGlobal:
      return fmt::format("{}{}", module.globals[index].type.is_mutable ? "mut " : "",
                         vm::to_string(module.globals[index].type.type));
    case vm::ExternKind::kMemory: {
      const vm::MemoryType& type = module.memories[index];
      return fmt::format("{}{} pages{}{}", type.limits.address_type == vm::AddressType::kI64 ? "i64 " : "",
                         type.limits.min, type.page_size_log2 == 0 ? " of one byte" : "", type.shared ? " shared" : "");
    }
    case vm::ExternKind::kTable:
      return fmt::format("{} x {}", module.tables[index].type.limits.min,
                         vm::to_string(module.tables[index].type.element));
    case vm::ExternKind::kTag: return vm::to_string(vm::TypeRegistry::global().func(module.tags[index]));
  }
  return "";
}

std::string overview(const vm::Module& module) {
  std::string text = fmt::format(
      "{} bytes, {} functions ({} imported), {} globals, {} tables, {} memories, {} element and {} data segments\n",
      module.bytes.size(), module.func_types.size(), module.imported_funcs, module.globals.size(), module.tables.size(),
      module.memories.size(), module.elems.size(), module.datas.size());
  text += "imports\n";
  for (const vm::Import& import : module.imports) {
    const bool is_known = import.kind == vm::ExternKind::kFunc && module.host_imports[import.index] != nullptr;
    text += fmt::format("  {} {}::{} {}{}\n", kind_name(import.kind), vm::printable(import.module),
                        vm::printable(import.name), type_text(module, import.kind, import.index),
                        is_known ? "" : "   not provided by this VM");
  }
  text += "exports\n";
  for (const vm::Export& entry : module.exports) {
    text += fmt::format("  {} \"{}\" {}\n", kind_name(entry.kind), vm::printable(entry.name),
                        type_text(module, entry.kind, entry.index));
  }
  return text;
}

// Index of the function that `name` names: an index, an export, or a name of the name section.
std::optional<u32> find_function(const vm::Module& module, const std::string& name) {
  if (!name.empty() && name.find_first_not_of("0123456789") == std::string::npos && name.size() < 10) {
    const auto index = static_cast<u32>(std::stoul(name));
    if (index < module.func_types.size()) return index;
  }
  for (u32 i = 0; i < module.func_types.size(); ++i) {
    if (module.function_name(i) == name) return i;
  }
  if (const vm::Export* entry = module.find_export(name, vm::ExternKind::kFunc)) return entry->index;
  return std::nullopt;
}

// Prints the module as text; it need not validate.
int print_text(const std::string& file, const std::vector<u8>& bytes) {
  const auto text = vm::text::print_module(bytes);
  if (!text) {
    print_error(file, text.error().message());
    return kExitError;
  }
  std::fwrite(text->data(), 1, text->size(), stdout);
  return kExitOk;
}

}  // namespace

int command_inspect(const Arguments& arguments) {
  std::string file;
  std::string function;
  bool as_text = false;
  CLI::App app("Shows a module's imports, exports and sizes, its text, or the internal code of one function.",
               "lunabeam inspect");
  app.add_option("file", file, "module (.wasm, or .wat as text)")->required();
  app.add_option("--code", function, "index or name of a function: list its interpreter code");
  app.add_flag("--text", as_text, "print the whole module in the text format");
  try {
    Arguments reversed(arguments.rbegin(), arguments.rend());
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  std::optional<ModuleFile> module_file = read_module_file(file);
  if (!module_file) return kExitError;
  if (as_text) return print_text(file, module_file->bytes);
  const auto loaded = vm::Module::load(std::move(module_file->bytes), &host_registry());
  if (!loaded) {
    print_load_error(*module_file, loaded.error());
    return kExitError;
  }
  const vm::Module& module = **loaded;
  if (function.empty()) {
    std::fputs(overview(module).c_str(), stdout);
    return kExitOk;
  }
  const std::optional<u32> index = find_function(module, function);
  if (!index) {
    print_error(file, "no function '" + function + "'");
    return kExitError;
  }
  const vm::FuncCode& code = module.codes[*index];
  if (vm::translate(code) == nullptr) {
    print_error(file, "out of memory");
    return kExitError;
  }
  std::fputs(fmt::format("{} {}\n{}", vm::printable(module.function_name(*index)),
                         type_text(module, vm::ExternKind::kFunc, *index), vm::interp::listing(code))
                 .c_str(),
             stdout);
  return kExitOk;
}

}  // namespace lunabeam::tools
