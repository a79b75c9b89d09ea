#include "vm/host_function.h"

#include "vm/base/check.h"

namespace lunabeam::vm {
namespace {

ValType type_of_letter(char letter) {
  switch (letter) {
    case 'i': return ValType::kI32;
    case 'I': return ValType::kI64;
    case 'f': return ValType::kF32;
    case 'F': return ValType::kF64;
    case 'v': return ValType::kV128;
    case 'r': return kFuncRef;
    case 'e': return kExternRef;
    default: VM_UNREACHABLE("letter of a host function's signature");
  }
}

}  // namespace

FuncType parse_signature(std::string_view signature) {
  FuncType type;
  bool in_results = false;
  for (const char letter : signature) {
    if (letter == ':') {
      in_results = true;
    } else {
      (in_results ? type.results : type.params).push_back(type_of_letter(letter));
    }
  }
  return type;
}

void HostRegistry::add(std::span<const HostFunction> rows) {
  for (const HostFunction& row : rows) {
    rows_.push_back(&row);
    by_name_.emplace(row.name, &row);
  }
}

HostRegistry::Match HostRegistry::find(std::string_view module, std::string_view name, const FuncType& type,
                                       const HostFunction** found) const {
  Match match = Match::kNone;
  for (auto [it, last] = by_name_.equal_range(name); it != last; ++it) {
    const HostFunction& row = *it->second;
    if (row.module != module) continue;
    if (parse_signature(row.signature) == type) {
      *found = &row;
      return Match::kExact;
    }
    match = Match::kOtherType;
  }
  return match;
}

}  // namespace lunabeam::vm
