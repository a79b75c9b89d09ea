// lunatic::error (ABI document 2.1): error objects and their texts.
#include <cstring>

#include "runtime/hostcalls/areas.h"
#include "runtime/hostcalls/bind.h"
#include "runtime/hostcalls/resources.h"

namespace lunabeam::runtime::hostcalls {
namespace {

constexpr Fault kUnknownError{"unknown error id"};

const std::string* find_error(Process& self, u64 id) {
  return self.resources == nullptr ? nullptr : self.resources->errors.find(id);
}

Outcome<u32> string_size(Process& self, u64 id) {
  const std::string* text = find_error(self, id);
  if (text == nullptr) return kUnknownError;
  return static_cast<u32>(text->size());
}

Outcome<void> to_string(Process& self, u64 id, u32 address) {
  const std::string* text = find_error(self, id);
  if (text == nullptr) return kUnknownError;
  const auto target = guest_bytes(self, address, text->size());
  if (!target) return kOutOfBounds;
  std::memcpy(target->data(), text->data(), text->size());
  return Done{};
}

Outcome<void> drop(Process& self, u64 id) {
  if (self.resources == nullptr || !self.resources->errors.take(id)) return kUnknownError;
  return Done{};
}

constexpr vm::HostFunction kFunctions[] = {
    bind<"error", "string_size", string_size>(),
    bind<"error", "to_string", to_string>(),
    bind<"error", "drop", drop>(),
};

}  // namespace

std::span<const vm::HostFunction> error_functions() { return kFunctions; }

}  // namespace lunabeam::runtime::hostcalls
