#include "vm/text/printer_outline.h"

#include "vm/decode/reader.h"
#include "vm/text/printer_types.h"

namespace lunabeam::vm::text {
namespace {

constexpr u8 kHeader[] = {0x00, 'a', 's', 'm', 0x01, 0x00, 0x00, 0x00};
constexpr u32 kHeaderSize = sizeof kHeader;
constexpr u32 kMagicSize = 4;

// Place of each section id in a module, from 1.
constexpr auto kPlaces = [] {
  std::array<u8, kSectionIds> places{};
  for (size_t i = 0; i < kSectionOrder.size(); ++i) places[kSectionOrder[i]] = static_cast<u8>(i + 1);
  return places;
}();

class OutlineReader {
 public:
  explicit OutlineReader(std::span<const u8> bytes) : bytes_(bytes), reader_(bytes, 0, bytes.size()) {}

  [[nodiscard]] Result<Outline> read() {
    if (read_header() && read_sections() && read_types() && read_imports() && read_functions()) {
      if (std::optional<Error> error = count_all()) return std::unexpected(*std::move(error));
      return std::move(outline_);
    }
    return std::unexpected(reader_.take_error());
  }

 private:
  [[nodiscard]] bool read_header() {
    for (u32 i = 0; i < kHeaderSize; ++i) {
      u8 byte;
      if (!reader_.read_byte(byte)) return false;
      if (byte == kHeader[i]) continue;
      return i < kMagicSize ? reader_.fail(ErrorCode::kMagicHeaderNotDetected, 0)
                            : reader_.fail(ErrorCode::kUnknownBinaryVersion, kMagicSize);
    }
    return true;
  }

  [[nodiscard]] bool read_sections() {
    u8 last_place = 0;
    while (!reader_.at_end()) {
      const u32 offset = reader_.pos();
      u8 id;
      u32 size;
      if (!reader_.read_byte(id)) return false;
      if (id >= kSectionIds) return reader_.fail(ErrorCode::kMalformedSectionId, offset);
      if (!reader_.read_size(size)) return false;
      const u32 begin = reader_.pos();
      const u32 end = begin + size;
      if (id == kCustomSection) {
        if (!read_custom(end)) return false;
        continue;
      }
      if (kPlaces[id] <= last_place) return reader_.fail(ErrorCode::kUnexpectedContent, offset);
      last_place = kPlaces[id];
      SectionSpan& section = outline_.sections[id];
      section = {begin, end, 1};
      if (id == kDataCountSection) outline_.has_data_count = true;
      if (id != kStartSection && id != kDataCountSection) {
        Reader contents(bytes_, begin, end);
        if (!contents.read_count(section.count)) {
          reader_ = contents;
          return false;
        }
      }
      if (section.count != 0) before_ = static_cast<SectionId>(id);
      reader_.seek(end);
    }
    return true;
  }

  [[nodiscard]] bool read_custom(u32 end) {
    std::string_view name;
    if (!reader_.read_name(name)) return false;
    if (reader_.pos() > end) return reader_.fail(ErrorCode::kUnexpectedEnd, end);
    if (name != "name") {
      outline_.customs.push_back({name, reader_.pos(), end, before_});
    } else if (outline_.names_end == 0) {
      outline_.names_begin = reader_.pos();
      outline_.names_end = end;
    }
    reader_.seek(end);
    return true;
  }

  // Sets the reader to the contents of a section, behind their count.
  void enter(SectionId id) {
    const SectionSpan& section = outline_.sections[id];
    reader_ = Reader(bytes_, section.begin, section.end);
    u32 count;
    static_cast<void>(section.end == 0 || reader_.read_count(count));
  }
  [[nodiscard]] bool leave(SectionId id) {
    return reader_.at_end() || reader_.fail(ErrorCode::kSectionSizeMismatch, outline_.sections[id].begin);
  }

  [[nodiscard]] bool read_types() {
    enter(kTypeSection);
    for (u32 i = 0; i < outline_.sections[kTypeSection].count; ++i) {
      scratch_.truncate(0);
      if (!skipper_.rec_group(reader_, 0, outline_.types)) return false;
    }
    return leave(kTypeSection);
  }

  [[nodiscard]] bool read_imports() {
    enter(kImportSection);
    for (u32 i = 0; i < outline_.sections[kImportSection].count; ++i) {
      std::string_view name;
      if (!reader_.read_name(name) || !reader_.read_name(name)) return false;
      const u32 offset = reader_.pos();
      u8 kind;
      if (!reader_.read_byte(kind)) return false;
      scratch_.truncate(0);
      bool is_good = true;
      switch (kind) {
        case 0: {
          u32 type;
          if (!reader_.read_u32(type)) return false;
          outline_.func_types.push_back(type);
          add_import(Space::kFunc);
          break;
        }
        case 1:
          is_good = skipper_.table_type(reader_);
          add_import(Space::kTable);
          break;
        case 2:
          is_good = skipper_.memory_type(reader_);
          add_import(Space::kMemory);
          break;
        case 3:
          is_good = skipper_.global_type(reader_);
          add_import(Space::kGlobal);
          break;
        case 4: {
          u8 attribute;
          u32 type;
          is_good = reader_.read_byte(attribute) && reader_.read_u32(type);
          add_import(Space::kTag);
          break;
        }
        default: return reader_.fail(ErrorCode::kMalformedImportKind, offset);
      }
      if (!is_good) return false;
    }
    return leave(kImportSection);
  }

  void add_import(Space space) {
    ++outline_.counts[static_cast<size_t>(space)];
    ++outline_.imported[static_cast<size_t>(space)];
  }

  [[nodiscard]] bool read_functions() {
    enter(kFuncSection);
    for (u32 i = 0; i < outline_.sections[kFuncSection].count; ++i) {
      u32 type;
      if (!reader_.read_u32(type)) return false;
      outline_.func_types.push_back(type);
    }
    return leave(kFuncSection);
  }

  // The sizes of the index spaces; an error when sections do not agree on one.
  [[nodiscard]] std::optional<Error> count_all() {
    static constexpr std::pair<Space, SectionId> kOwn[] = {
        {Space::kFunc, kFuncSection},     {Space::kTable, kTableSection}, {Space::kMemory, kMemorySection},
        {Space::kGlobal, kGlobalSection}, {Space::kTag, kTagSection},     {Space::kElem, kElemSection},
        {Space::kData, kDataSection},
    };
    for (const auto& [space, section] : kOwn) {
      outline_.counts[static_cast<size_t>(space)] += outline_.sections[section].count;
    }
    outline_.counts[static_cast<size_t>(Space::kType)] = static_cast<u32>(outline_.types.size());
    if (outline_.sections[kFuncSection].count != outline_.sections[kCodeSection].count) {
      return Error{ErrorCode::kFunctionCodeMismatch, outline_.sections[kCodeSection].begin};
    }
    if (outline_.has_data_count) {
      const SectionSpan& section = outline_.sections[kDataCountSection];
      reader_ = Reader(bytes_, section.begin, section.end);
      u32 count;
      if (!reader_.read_u32(count) || !leave(kDataCountSection)) return reader_.take_error();
      if (count != outline_.sections[kDataSection].count) {
        return Error{ErrorCode::kDataCountMismatch, outline_.sections[kDataCountSection].begin};
      }
    }
    return std::nullopt;
  }

  std::span<const u8> bytes_;
  Reader reader_;
  Outline outline_;
  SectionId before_ = kCustomSection;
  // Types are skipped by printing them to where nobody reads.
  TextOutput scratch_;
  NameTable no_names_;
  TypePrinter skipper_{scratch_, no_names_};
};

}  // namespace

Result<Outline> read_outline(std::span<const u8> bytes) { return OutlineReader(bytes).read(); }

}  // namespace lunabeam::vm::text
