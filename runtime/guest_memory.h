// Bounds-checked access of host functions to the guest's exported memory (ABI document 0.3, 0.4): arithmetic in 64 bits, a
// zero-length range is valid anywhere in 0 ..= size, address 0 is an ordinary address. No pointer obtained here survives a
// park, a call into the guest or a growth.
#pragma once

#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "runtime/process.h"

namespace lunabeam::runtime {

// Host functions take addresses of 32 bits in the memory exported as "memory". Error kIncompatibleImportType when that memory has
// 64-bit addresses and the module imports a function that may take one; functions without parameters of 32 bits link.
[[nodiscard]] vm::Result<void> require_host_memory(const vm::Module& module);

// The bytes [address, address + length); nullopt: outside the memory, or no memory is exported. The caller traps.
[[nodiscard]] inline std::optional<std::span<u8>> guest_bytes(Process& process, u32 address, u64 length) noexcept {
  const vm::MemoryInst* memory = process.memory;
  if (memory == nullptr || length > memory->size_bytes || address > memory->size_bytes - length) [[unlikely]]
    return std::nullopt;
  return std::span<u8>(memory->base + address, length);
}

// Well-formed UTF-8 (no surrogates, no overlong forms).
[[nodiscard]] bool is_utf8(std::span<const u8> bytes) noexcept;

enum class GuestStringError : u8 { kNone, kOutOfBounds, kNotUtf8 };
struct GuestString {
  GuestStringError error = GuestStringError::kNone;
  std::string_view text;  // Views guest memory.
};
[[nodiscard]] GuestString guest_string(Process& process, u32 address, u64 length) noexcept;

// Little-endian stores. False: out of bounds, nothing written.
[[nodiscard]] inline bool write_guest_u64(Process& process, u32 address, u64 value) noexcept {
  const auto bytes = guest_bytes(process, address, sizeof value);
  if (!bytes) [[unlikely]]
    return false;
  std::memcpy(bytes->data(), &value, sizeof value);
  return true;
}
[[nodiscard]] inline bool write_guest_u32(Process& process, u32 address, u32 value) noexcept {
  const auto bytes = guest_bytes(process, address, sizeof value);
  if (!bytes) [[unlikely]]
    return false;
  std::memcpy(bytes->data(), &value, sizeof value);
  return true;
}

}  // namespace lunabeam::runtime
