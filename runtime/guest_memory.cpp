// The memory that host functions see, UTF-8 and strings in it.
#include "runtime/guest_memory.h"

#include <fmt/format.h>

#include "vm/module.h"

namespace lunabeam::runtime {

vm::Result<void> require_host_memory(const vm::Module& module) {
  const vm::Export* const memory = module.find_export("memory", vm::ExternKind::kMemory);
  if (memory == nullptr || module.memories[memory->index].limits.address_type == vm::AddressType::kI32) return {};
  for (const vm::Import& import : module.imports) {
    if (import.kind != vm::ExternKind::kFunc) continue;
    const std::string_view signature = module.host_imports[import.index]->signature;
    if (signature.substr(0, signature.find(':')).find('i') == std::string_view::npos) continue;
    return vm::fail(vm::ErrorCode::kIncompatibleImportType, import.offset,
                    fmt::format("`{}::{}` takes 32-bit addresses, the exported memory has 64-bit ones", import.module,
                                import.name));
  }
  return {};
}

namespace {

// Bytes of the sequence that begins at `at`, 0 when it is ill-formed (Unicode 15, table 3-7).
u64 sequence_bytes(std::span<const u8> bytes, u64 at) {
  const u8 lead = bytes[at];
  if (lead < 0x80) return 1;
  u8 second_min = 0x80;
  u8 second_max = 0xBF;
  u64 length = 0;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) second_min = 0xA0;
    if (lead == 0xED) second_max = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) second_min = 0x90;
    if (lead == 0xF4) second_max = 0x8F;
  } else {
    return 0;
  }
  if (length > bytes.size() - at) return 0;
  if (bytes[at + 1] < second_min || bytes[at + 1] > second_max) return 0;
  for (u64 i = 2; i < length; ++i) {
    if ((bytes[at + i] & 0xC0) != 0x80) return 0;
  }
  return length;
}

}  // namespace

bool is_utf8(std::span<const u8> bytes) noexcept {
  u64 at = 0;
  while (at < bytes.size()) {
    // Eight ASCII bytes at a time: most strings are nothing else.
    u64 word;
    if (bytes.size() - at >= sizeof word) {
      std::memcpy(&word, bytes.data() + at, sizeof word);
      if ((word & 0x8080'8080'8080'8080ull) == 0) {
        at += sizeof word;
        continue;
      }
    }
    const u64 length = sequence_bytes(bytes, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

GuestString guest_string(Process& process, u32 address, u64 length) noexcept {
  const auto bytes = guest_bytes(process, address, length);
  if (!bytes) return {.error = GuestStringError::kOutOfBounds, .text = {}};
  if (!is_utf8(*bytes)) return {.error = GuestStringError::kNotUtf8, .text = {}};
  return {.error = GuestStringError::kNone,
          .text = std::string_view(reinterpret_cast<const char*>(bytes->data()), bytes->size())};
}

}  // namespace lunabeam::runtime
