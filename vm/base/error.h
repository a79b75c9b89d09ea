// Bad input. An Error is small (code, place, operand); the sentence is built at the edge, by message(). Guest faults are Traps
// (trap.h), dead processes ExitReasons (exit_reason.h), our own bugs failed VM_CHECKs: the four are never mixed.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include "vm/base/ints.h"

namespace lunabeam::vm {

// When a piece of input was rejected. The spec suite tells the first three apart.
enum class ErrorPhase : u8 { kMalformed, kInvalid, kUnlinkable, kLimit, kHost };

enum class ErrorCode : u16 {
#define VM_ERROR(id, phase, text) id,
#include "vm/base/errors.def"
};

[[nodiscard]] ErrorPhase phase_of(ErrorCode code) noexcept;
// The spec's text of the code, e.g. "unexpected end".
[[nodiscard]] std::string_view text_of(ErrorCode code) noexcept;

// Invariant 1: offset is a byte offset into the module, or kNoOffset.
struct [[nodiscard]] Error {
  static constexpr u64 kNoOffset = ~u64{0};

  ErrorCode code;
  u64 offset = kNoOffset;
  // What the error is about (an import's name, an operator's mnemonic, an index), empty when the code says it all.
  std::string detail = {};

  // One line: `<text>[ <detail>][ at offset 0x1f]`, e.g. "unknown import: `env::f` has not been defined at offset 0x1f".
  // Begins with the spec's text so that prefix matching against the suite works.
  [[nodiscard]] std::string message() const;
};

template <class T>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, u64 offset = Error::kNoOffset,
                                                 std::string detail = {}) {
  return std::unexpected<Error>(Error{code, offset, std::move(detail)});
}

}  // namespace lunabeam::vm

// Evaluates an expression of type Result<T>; on error returns it from the enclosing function, else yields nothing.
#define VM_TRY(expr)                                              \
  do {                                                            \
    if (auto vm_try_result = (expr); !vm_try_result) [[unlikely]] \
      return std::unexpected(std::move(vm_try_result).error());   \
  } while (0)

// VM_ASSIGN(auto x, f()): declares or assigns x from a Result, or returns its error.
#define VM_ASSIGN_CONCAT2(a, b) a##b
#define VM_ASSIGN_CONCAT(a, b)  VM_ASSIGN_CONCAT2(a, b)
#define VM_ASSIGN(target, expr) VM_ASSIGN_IMPL(VM_ASSIGN_CONCAT(vm_assign_, __LINE__), target, expr)
#define VM_ASSIGN_IMPL(tmp, target, expr)           \
  auto tmp = (expr);                                \
  if (!tmp) [[unlikely]]                            \
    return std::unexpected(std::move(tmp).error()); \
  target = *std::move(tmp)
