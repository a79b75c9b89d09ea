// What is made on demand in a process, and lookups in its module.
#include "runtime/process.h"

#include <new>

#include "runtime/sched/scheduler.h"
#include "vm/type_registry.h"

namespace lunabeam::runtime {

Resources* resources_of(Process& process) noexcept {
  if (process.resources == nullptr) process.resources = new (std::nothrow) Resources;
  return process.resources;
}

u64 add_error(Process& process, std::string text) noexcept {
  Resources* resources = resources_of(process);
  if (resources == nullptr) return ~u64{0};
  return resources->errors.add(std::move(text)).value_or(~u64{0});
}

void set_scratch(Process& process, Message* message) noexcept {
  if (process.scratch != nullptr) Message::destroy(process.scheduler->account(), process.scratch);
  process.scratch = message;
}

namespace {

char letter_of(vm::ValType type) {
  switch (type.kind()) {
    case vm::ValType::kI32: return 'i';
    case vm::ValType::kI64: return 'I';
    case vm::ValType::kF32: return 'f';
    case vm::ValType::kF64: return 'F';
    case vm::ValType::kV128: return 'v';
    default: return type == vm::kFuncRef ? 'r' : type == vm::kExternRef ? 'e' : '?';
  }
}

bool types_are(const std::vector<vm::ValType>& types, std::string_view letters) {
  if (types.size() != letters.size()) return false;
  for (size_t i = 0; i < letters.size(); ++i) {
    if (letter_of(types[i]) != letters[i]) return false;
  }
  return true;
}

}  // namespace

const vm::FuncCode* exported_function(const Process& process, std::string_view name,
                                      std::string_view signature) noexcept {
  const vm::Export* found = process.module->find_export(name, vm::ExternKind::kFunc);
  if (found == nullptr) return nullptr;
  const vm::FuncCode& code = process.module->codes[found->index];
  const vm::FuncType& type = vm::TypeRegistry::global().func(code.type);
  const size_t colon = signature.find(':');
  if (!types_are(type.params, signature.substr(0, colon)) || !types_are(type.results, signature.substr(colon + 1))) {
    return nullptr;
  }
  return &code;
}

}  // namespace lunabeam::runtime
