// What several areas do with the resource tables (ABI document 4.3).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/hostcalls/bind.h"
#include "runtime/hostcalls/result_code.h"
#include "runtime/name_registry.h"
#include "runtime/process.h"

namespace lunabeam::runtime::hostcalls {

// Bound of one table of one process: a guest that never drops what it makes is stopped before it fills the host's memory.
inline constexpr u64 kMaxTableEntries = 65'536;
inline constexpr Fault kTableFull{"the process has too many resources of this kind"};

// Bounds of one registry of names, which outlives the processes that fill it.
inline constexpr u64 kMaxNames = 1'048'576;
inline constexpr u64 kMaxNameBytes = 4096;

// Why `name` cannot be registered, or nothing.
[[nodiscard]] inline std::optional<Fault> name_problem(Process& self, std::string_view name) {
  if (name.size() > kMaxNameBytes) return Fault{"the name is longer than 4,096 bytes"};
  if (self.registry->size() >= kMaxNames && !self.registry->get(name)) return Fault{"there are too many names"};
  return std::nullopt;
}

// Puts an error into the table, writes its id and answers kFailed.
[[nodiscard]] inline Outcome<u32> fail_with(Process& self, std::string text, Out<u64> id_out) {
  if (self.resources != nullptr && self.resources->errors.size() >= kMaxTableEntries) return kTableFull;
  const u64 id = add_error(self, std::move(text));
  if (id == ~u64{0}) return kOutOfMemory;
  if (!id_out.write(self, id)) return kOutOfBounds;
  return kFailed;
}

}  // namespace lunabeam::runtime::hostcalls
