// Modules for tests of the decoder and the validator, put together from bytes: what ModuleBuilder is too well-behaved for.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "tests/support/module_builder.h"
#include "vm/module.h"

namespace lunabeam::tests {

inline Bytes raw_section(u8 id, const Bytes& contents) { return seq({{id}, leb(contents.size()), contents}); }

inline Bytes raw_module(std::initializer_list<Bytes> sections) {
  Bytes out{0, 'a', 's', 'm', 1, 0, 0, 0};
  for (const Bytes& section : sections) append(out, section);
  return out;
}

inline Bytes raw_vector(std::initializer_list<Bytes> items) { return seq({leb(items.size()), seq(items)}); }

inline Bytes repeat(const Bytes& bytes, size_t times) {
  Bytes out;
  out.reserve(bytes.size() * times);
  for (size_t i = 0; i < times; ++i) append(out, bytes);
  return out;
}
// A vector of `times` equal items.
inline Bytes raw_repeated(const Bytes& item, size_t times) { return seq({leb(times), repeat(item, times)}); }

// A code entry: size, local declarations (runs of count and type code, with their count in front), operators and `end`.
inline Bytes raw_body(const Bytes& code, const Bytes& locals = {0}) {
  const Bytes contents = seq({locals, code, {0x0B}});
  return seq({leb(contents.size()), contents});
}

inline const Bytes kEmptyFuncType{0x60, 0, 0};

// A module of one function without parameters; `results` are type codes.
inline Bytes one_function(const Bytes& code, const Bytes& results = {}, const Bytes& locals = {0}) {
  const Bytes type = seq({{0x60, 0}, leb(results.size()), results});
  return raw_module({raw_section(1, raw_vector({type})), raw_section(3, {1, 0}),
                     raw_section(10, raw_vector({raw_body(code, locals)}))});
}

// "ok", or "<phase>: <message>".
inline std::string load_outcome(Bytes bytes, vm::FeatureSet features = vm::FeatureSet::supported()) {
  static constexpr const char* kPhases[] = {"malformed", "invalid", "unlinkable", "limit", "host"};
  const auto module = vm::Module::load(std::move(bytes), nullptr, features);
  if (module) return "ok";
  return std::string(kPhases[static_cast<size_t>(vm::phase_of(module.error().code))]) + ": " + module.error().message();
}

}  // namespace lunabeam::tests
