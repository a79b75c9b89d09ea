#include "vm/decode/module_decoder.h"

#include <array>

#include "vm/decode/sections.h"

namespace lunabeam::vm {
namespace {

constexpr std::array<u8, 4> kMagic = {0x00, 0x61, 0x73, 0x6D};
constexpr std::array<u8, 4> kVersion = {0x01, 0x00, 0x00, 0x00};

constexpr u8 kCustomSection = 0;
constexpr u8 kCodeSection = 10;
constexpr u8 kLastSection = 13;

// Place of each section id in a module, from 1; custom sections may stand anywhere.
constexpr std::array<u8, kLastSection + 1> kSectionOrder = {0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 11, 6};

class ModuleDecoder {
 public:
  ModuleDecoder(Module& module, SourceMap& map)
      : module_(module), map_(map), reader_(module.bytes, 0, module.bytes.size()), sections_(module, map, reader_) {}

  [[nodiscard]] Result<void> decode() {
    if (decode_header() && decode_sections() && check_counts()) return {};
    Error error = reader_.take_error();
    // The bodies come before whatever stands behind the code section.
    if (!module_.bodies.empty() && error.offset >= module_.bodies.back().end) {
      if (std::optional<Error> earlier = find_malformed_body(module_, map_, 0)) error = *std::move(earlier);
    }
    return std::unexpected(std::move(error));
  }

 private:
  [[nodiscard]] bool decode_header() {
    return expect(kMagic, ErrorCode::kMagicHeaderNotDetected) && expect(kVersion, ErrorCode::kUnknownBinaryVersion);
  }

  [[nodiscard]] bool expect(const std::array<u8, 4>& bytes, ErrorCode code) {
    const u32 offset = reader_.pos();
    bool equal = true;
    for (const u8 wanted : bytes) {
      u8 byte = 0;
      if (!reader_.read_byte(byte)) return false;
      equal &= byte == wanted;
    }
    return equal || reader_.fail(code, offset);
  }

  [[nodiscard]] bool decode_sections() {
    u8 last_place = 0;
    while (!reader_.at_end()) {
      const u32 id_offset = reader_.pos();
      u8 id = 0;
      if (!reader_.read_byte(id)) return false;
      if (id > kLastSection) return reader_.fail(ErrorCode::kMalformedSectionId, id_offset);
      if (id != kCustomSection) {
        if (kSectionOrder[id] <= last_place) return reader_.fail(ErrorCode::kUnexpectedContent, id_offset);
        last_place = kSectionOrder[id];
      }
      u32 size = 0;
      if (!reader_.read_size(size)) return false;
      const u32 begin = reader_.pos();
      if (!(id == kCustomSection ? decode_custom(begin + size) : decode_section(id))) return false;
      if (reader_.pos() != begin + size) return reader_.fail(ErrorCode::kSectionSizeMismatch, begin);
    }
    return true;
  }

  [[nodiscard]] bool decode_section(u8 id) {
    switch (id) {
      case 1: return sections_.decode_types();
      case 2: return sections_.decode_imports();
      case 3: return sections_.decode_functions();
      case 4: return sections_.decode_tables();
      case 5: return sections_.decode_memories();
      case 6: return sections_.decode_globals();
      case 7: return sections_.decode_exports();
      case 8: return sections_.decode_start();
      case 9: return sections_.decode_elements();
      case kCodeSection: return sections_.decode_code();
      case 11: return sections_.decode_data();
      case 12: return sections_.decode_data_count();
      default: return sections_.decode_tags();
    }
  }

  [[nodiscard]] bool decode_custom(u32 end) {
    std::string_view name;
    if (!reader_.read_name(name)) return false;
    if (reader_.pos() > end) return reader_.fail(ErrorCode::kUnexpectedEnd, end);
    if (name == "name" && map_.names_end == 0) {
      map_.names_begin = reader_.pos();
      map_.names_end = end;
    }
    reader_.seek(end);
    return true;
  }

  // Counts that two sections must agree on.
  [[nodiscard]] bool check_counts() {
    if (module_.func_types.size() - module_.imported_funcs != module_.bodies.size()) {
      return reader_.fail(ErrorCode::kFunctionCodeMismatch, reader_.pos());
    }
    if (map_.has_data_count && map_.data_count != module_.datas.size()) {
      return reader_.fail(ErrorCode::kDataCountMismatch, map_.data_count_offset);
    }
    return true;
  }

  Module& module_;
  SourceMap& map_;
  Reader reader_;
  SectionDecoder sections_;
};

}  // namespace

Result<void> decode_module(Module& module, SourceMap& map) { return ModuleDecoder(module, map).decode(); }

std::optional<Error> find_malformed_body(const Module& module, const SourceMap& map, size_t first) {
  // Bodies are not bounded by their size: running past it is how a missing `end` shows.
  Reader reader(module.bytes, 0, module.bytes.size());
  DeferredError ignored;
  TypeReader types(reader, module.types, module.features, ignored);
  OperatorReader operators(reader, types, map.has_data_count);
  StructureWalker walker(reader, operators);
  std::vector<LocalRun> runs;
  for (size_t i = first; i < module.bodies.size(); ++i) {
    const FuncBody& body = module.bodies[i];
    reader.seek(body.begin);
    if (!read_locals(reader, types, runs) || !walker.walk()) return reader.take_error();
    if (reader.pos() != body.end) return Error{ErrorCode::kSectionSizeMismatch, body.begin};
  }
  return std::nullopt;
}

}  // namespace lunabeam::vm
