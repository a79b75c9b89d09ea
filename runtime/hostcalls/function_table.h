// functions.def as data: what the host functions of lunatic are called and how far this build answers them.
#pragma once

#include <array>
#include <string_view>

namespace lunabeam::runtime {

enum class FunctionStatus : unsigned char {
  kFull,     // As the ABI document says.
  kNoPeers,  // What a node without peers answers (ABI document 2.11).
  kTraps,    // Links, and traps with its name when it is called.
};

// One row. Key: (module, name, signature).
struct FunctionRow {
  std::string_view module;  // "lunatic::message"
  std::string_view area;    // "message"
  std::string_view name;
  std::string_view signature;  // As vm::HostFunction::signature.
  FunctionStatus status;
  std::string_view guests;  // Overloads: the versions of the lunatic crate that import this type. Else empty.
  const char* unavailable;  // What a kTraps row traps with.
};

inline constexpr std::array kLunaticFunctions = {
#define LUNATIC_OVERLOAD(area, name, signature, status, guests) \
  FunctionRow{"lunatic::" #area,                                \
              #area,                                            \
              #name,                                            \
              signature,                                        \
              FunctionStatus::status,                           \
              guests,                                           \
              "lunatic::" #area "::" #name " is not available in this build"},
#define LUNATIC_FUNCTION(area, name, signature, status) LUNATIC_OVERLOAD(area, name, signature, status, "")
#include "runtime/hostcalls/functions.def"
};

}  // namespace lunabeam::runtime
