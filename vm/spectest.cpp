// Builds the binary of the module "spectest".
#include "vm/spectest.h"

#include <array>
#include <bit>
#include <string_view>

namespace lunabeam::vm {
namespace {

HostStatus print_nothing(ExecContext&, u64*) { return HostStatus::kDone; }

constexpr std::array<HostFunction, 7> kFunctions = {{
    {.module = "spectest", .name = "print", .signature = ":", .call = print_nothing},
    {.module = "spectest", .name = "print_i32", .signature = "i:", .call = print_nothing},
    {.module = "spectest", .name = "print_i64", .signature = "I:", .call = print_nothing},
    {.module = "spectest", .name = "print_f32", .signature = "f:", .call = print_nothing},
    {.module = "spectest", .name = "print_f64", .signature = "F:", .call = print_nothing},
    {.module = "spectest", .name = "print_i32_f32", .signature = "if:", .call = print_nothing},
    {.module = "spectest", .name = "print_f64_f64", .signature = "FF:", .call = print_nothing},
}};

// Codes of the binary format (spec 3.0, "Binary Format").
enum : u8 {
  kTypeSection = 1,
  kImportSection = 2,
  kTableSection = 4,
  kMemorySection = 5,
  kGlobalSection = 6,
  kExportSection = 7,
  kFuncKind = 0,
  kTableKind = 1,
  kMemoryKind = 2,
  kGlobalKind = 3,
  kFuncTypeCode = 0x60,
  kFuncRefCode = 0x70,
  kHasMax = 1,
  kIsShared = 2,
  kIs64Bit = 4,
  kEndCode = 0x0B,
};

u8 type_code(char letter) {
  switch (letter) {
    case 'i': return 0x7F;
    case 'I': return 0x7E;
    case 'f': return 0x7D;
    default: return 0x7C;
  }
}

// Everything in this module is shorter than 128, so that every count is one byte; constants are written as they are encoded.
class Bytes {
 public:
  Bytes& byte(u8 value) {
    out_.push_back(value);
    return *this;
  }
  Bytes& name(std::string_view text) {
    byte(static_cast<u8>(text.size()));
    out_.insert(out_.end(), text.begin(), text.end());
    return *this;
  }
  template <class T>
  Bytes& little_endian(T value) {
    for (size_t i = 0; i < sizeof(T); ++i) byte(static_cast<u8>(value >> (8 * i)));
    return *this;
  }
  Bytes& append(const std::vector<u8>& bytes) {
    out_.insert(out_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  std::vector<u8> take() { return std::move(out_); }

 private:
  std::vector<u8> out_;
};

// A section's size takes two bytes when padded, as LEB128 allows.
std::vector<u8> section(u8 id, Bytes content) {
  const std::vector<u8> bytes = content.take();
  return Bytes()
      .byte(id)
      .byte(static_cast<u8>(bytes.size() % 128 | 0x80))
      .byte(static_cast<u8>(bytes.size() / 128))
      .append(bytes)
      .take();
}

}  // namespace

std::span<const HostFunction> spectest_functions() { return kFunctions; }

std::vector<u8> spectest_module(FeatureSet features) {
  const bool has_table64 = features.has(Feature::kMemory64);
  const bool has_shared_memory = features.has(Feature::kThreads) && features.has(Feature::kMultiMemory);
  Bytes types, imports, tables, memories, exports, globals;
  types.byte(kFunctions.size());
  imports.byte(kFunctions.size());
  exports.byte(static_cast<u8>(kFunctions.size() + 6 + (has_table64 ? 1 : 0) + (has_shared_memory ? 1 : 0)));
  static_assert(kFunctions.size() < 0x80 - 8, "counts and indices are single bytes");
  for (size_t i = 0; i < kFunctions.size(); ++i) {
    const HostFunction& function = kFunctions[i];
    const std::string_view params = function.signature.substr(0, function.signature.find(':'));
    types.byte(kFuncTypeCode).byte(static_cast<u8>(params.size()));
    for (const char letter : params) types.byte(type_code(letter));
    types.byte(0);
    const auto index = static_cast<u8>(i);
    imports.name(function.module).name(function.name).byte(kFuncKind).byte(index);
    exports.name(function.name).byte(kFuncKind).byte(index);
  }
  // 666 and 666.6, immutable; 666 = 0x29A in signed LEB128 is 9A 05.
  globals.byte(4);
  globals.byte(type_code('i')).byte(0).byte(0x41).byte(0x9A).byte(0x05).byte(kEndCode);
  globals.byte(type_code('I')).byte(0).byte(0x42).byte(0x9A).byte(0x05).byte(kEndCode);
  globals.byte(type_code('f')).byte(0).byte(0x43).little_endian(std::bit_cast<u32>(666.6f)).byte(kEndCode);
  globals.byte(type_code('F')).byte(0).byte(0x44).little_endian(std::bit_cast<u64>(666.6)).byte(kEndCode);
  exports.name("global_i32").byte(kGlobalKind).byte(0).name("global_i64").byte(kGlobalKind).byte(1);
  exports.name("global_f32").byte(kGlobalKind).byte(2).name("global_f64").byte(kGlobalKind).byte(3);
  exports.name("table").byte(kTableKind).byte(0).name("memory").byte(kMemoryKind).byte(0);
  tables.byte(has_table64 ? 2 : 1).byte(kFuncRefCode).byte(kHasMax).byte(10).byte(20);
  if (has_table64) {
    exports.name("table64").byte(kTableKind).byte(1);
    tables.byte(kFuncRefCode).byte(kHasMax | kIs64Bit).byte(10).byte(20);
  }
  memories.byte(has_shared_memory ? 2 : 1).byte(kHasMax).byte(1).byte(2);
  if (has_shared_memory) {
    exports.name("shared_memory").byte(kMemoryKind).byte(1);
    memories.byte(kHasMax | kIsShared).byte(1).byte(2);
  }

  Bytes module;
  for (const char magic_and_version : std::string_view("\0asm\1\0\0\0", 8))
    module.byte(static_cast<u8>(magic_and_version));
  module.append(section(kTypeSection, std::move(types)));
  module.append(section(kImportSection, std::move(imports)));
  module.append(section(kTableSection, std::move(tables)));
  module.append(section(kMemorySection, std::move(memories)));
  module.append(section(kGlobalSection, std::move(globals)));
  module.append(section(kExportSection, std::move(exports)));
  return module.take();
}

}  // namespace lunabeam::vm
