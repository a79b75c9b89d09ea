// Builds WebAssembly binaries for tests, section by section. Types are letters as in host_function.h (i I f F v, r = funcref,
// e = externref) and those that the user defines; bodies and expressions are raw operators, without their final `end`.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vm/base/ints.h"

namespace lunabeam::tests {

using Bytes = std::vector<u8>;

inline void append(Bytes& to, const Bytes& from) { to.insert(to.end(), from.begin(), from.end()); }

inline Bytes leb(u64 value) {
  Bytes out;
  do {
    out.push_back(static_cast<u8>((value & 0x7F) | (value > 0x7F ? 0x80 : 0)));
    value >>= 7;
  } while (value != 0);
  return out;
}

inline Bytes signed_leb(i64 value) {
  Bytes out;
  for (;;) {
    const u8 byte = value & 0x7F;
    value >>= 7;
    if ((value == 0 && (byte & 0x40) == 0) || (value == -1 && (byte & 0x40) != 0)) {
      out.push_back(byte);
      return out;
    }
    out.push_back(byte | 0x80);
  }
}

// Operators.
inline Bytes op(std::initializer_list<u8> bytes) { return bytes; }
inline Bytes op(u8 code, u64 immediate) {
  Bytes out{code};
  append(out, leb(immediate));
  return out;
}
inline Bytes i32_const(i32 value) {
  Bytes out{0x41};
  append(out, signed_leb(value));
  return out;
}
inline Bytes i64_const(i64 value) {
  Bytes out{0x42};
  append(out, signed_leb(value));
  return out;
}
inline Bytes local_get(u32 index) { return op(0x20, index); }
inline Bytes global_get(u32 index) { return op(0x23, index); }
inline Bytes global_set(u32 index) { return op(0x24, index); }
inline Bytes call(u32 index) { return op(0x10, index); }
inline Bytes ref_func(u32 index) { return op(0xD2, index); }
inline Bytes ref_null_func() { return {0xD0, 0x70}; }
inline Bytes seq(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) append(out, part);
  return out;
}

class ModuleBuilder {
 public:
  static constexpr u64 kNoMax = ~u64{0};
  enum Kind : u8 { kFunc, kTable, kMemory, kGlobal };

  // Makes a letter stand for a value type: a reference to a type of the module, for example.
  void define_letter(char letter, const Bytes& encoding) { defined_letters_.emplace_back(letter, encoding); }
  // The encoding of a value type.
  [[nodiscard]] Bytes code(char letter) const {
    for (const auto& [defined, encoding] : defined_letters_) {
      if (defined == letter) return encoding;
    }
    switch (letter) {
      case 'i': return {0x7F};
      case 'I': return {0x7E};
      case 'f': return {0x7D};
      case 'F': return {0x7C};
      case 'v': return {0x7B};
      case 'e': return {0x6F};
      default: return {0x70};
    }
  }

  u32 type(std::string_view params, std::string_view results) {
    Bytes item{0x60};
    append(item, letters(params));
    append(item, letters(results));
    return add(types_, item);
  }
  // A rec group of encoded subtypes; the index of the first.
  u32 rec_group(const std::vector<Bytes>& members) {
    Bytes item = seq({{0x4E}, leb(members.size())});
    for (const Bytes& member : members) append(item, member);
    const u32 first = add(types_, item);
    types_.count += static_cast<u32>(members.size()) - 1;
    return first;
  }
  u32 import_func(std::string_view module, std::string_view name, u32 type_index) {
    return add_import(module, name, seq({{kFunc}, leb(type_index)}), funcs_);
  }
  u32 import_table(std::string_view module, std::string_view name, char element, u64 min, u64 max = kNoMax) {
    return add_import(module, name, seq({{kTable}, code(element), limits(min, max)}), tables_.count);
  }
  u32 import_memory(std::string_view module, std::string_view name, u64 min, u64 max = kNoMax) {
    return add_import(module, name, seq({{kMemory}, limits(min, max)}), memories_.count);
  }
  u32 import_global(std::string_view module, std::string_view name, char type_letter, bool is_mutable) {
    return add_import(module, name, seq({{kGlobal}, code(type_letter), {static_cast<u8>(is_mutable)}}), globals_.count);
  }

  // locals: "" or letters of the declared locals. All imports come first.
  u32 func(u32 type_index, const Bytes& body, std::string_view locals = "") {
    add(func_types_, leb(type_index));
    Bytes code_bytes = leb(locals.size());
    for (const char letter : locals) append(code_bytes, seq({{1}, code(letter)}));
    append(code_bytes, body);
    code_bytes.push_back(0x0B);
    add(codes_, seq({leb(code_bytes.size()), code_bytes}));
    return funcs_++;
  }
  u32 table(char element, u64 min, u64 max = kNoMax) { return add(tables_, seq({code(element), limits(min, max)})); }
  u32 memory(u64 min, u64 max = kNoMax) { return add(memories_, limits(min, max)); }
  // A memory with 64-bit addresses.
  u32 memory64(u64 min, u64 max) { return add(memories_, seq({{0x05}, leb(min), leb(max)})); }
  u32 tag(u32 type_index) { return add(tags_, seq({{0x00}, leb(type_index)})); }
  u32 global(char type_letter, bool is_mutable, const Bytes& init) {
    return add(globals_, seq({code(type_letter), {static_cast<u8>(is_mutable)}, init, {0x0B}}));
  }
  ModuleBuilder& export_item(std::string_view name, Kind kind, u32 index) {
    add(exports_, seq({text(name), {kind}, leb(index)}));
    return *this;
  }
  ModuleBuilder& start(u32 func_index) {
    start_ = leb(func_index);
    return *this;
  }
  u32 elem_active(u32 table_index, const Bytes& offset, std::initializer_list<u32> funcs) {
    return add(elems_, seq({{0x02}, leb(table_index), offset, {0x0B, 0x00}, indices(funcs)}));
  }
  u32 elem_passive(std::initializer_list<u32> funcs) { return add(elems_, seq({{0x01, 0x00}, indices(funcs)})); }
  u32 elem_declarative(std::initializer_list<u32> funcs) { return add(elems_, seq({{0x03, 0x00}, indices(funcs)})); }
  // items: constant expressions of the type.
  u32 elem_passive(char type_letter, const std::vector<Bytes>& items) {
    Bytes item = seq({{0x05}, code(type_letter), leb(items.size())});
    for (const Bytes& init : items) append(item, seq({init, {0x0B}}));
    return add(elems_, item);
  }
  u32 data_active(const Bytes& offset, std::string_view bytes) {
    return add(datas_, seq({{0x00}, offset, {0x0B}, text(bytes)}));
  }
  u32 data_passive(std::string_view bytes) { return add(datas_, seq({{0x01}, text(bytes)})); }

  [[nodiscard]] Bytes build() const {
    Bytes out{0, 'a', 's', 'm', 1, 0, 0, 0};
    section(out, 1, types_);
    section(out, 2, imports_);
    section(out, 3, func_types_);
    section(out, 4, tables_);
    section(out, 5, memories_);
    section(out, 13, tags_);
    section(out, 6, globals_);
    section(out, 7, exports_);
    if (!start_.empty()) append(out, seq({{8}, leb(start_.size()), start_}));
    section(out, 9, elems_);
    if (datas_.count > 0) append(out, seq({{12}, leb(leb(datas_.items).size()), leb(datas_.items)}));
    section(out, 10, codes_);
    section(out, 11, datas_);
    return out;
  }

 private:
  struct Section {
    u32 items = 0;  // In the section.
    u32 count = 0;  // In the index space: imports too.
    Bytes bytes;
  };

  [[nodiscard]] Bytes letters(std::string_view types) const {
    Bytes out = leb(types.size());
    for (const char letter : types) append(out, code(letter));
    return out;
  }
  static Bytes text(std::string_view bytes) {
    Bytes out = leb(bytes.size());
    out.insert(out.end(), bytes.begin(), bytes.end());
    return out;
  }
  static Bytes limits(u64 min, u64 max) {
    Bytes out{static_cast<u8>(max != kNoMax)};
    append(out, leb(min));
    if (max != kNoMax) append(out, leb(max));
    return out;
  }
  static Bytes indices(std::initializer_list<u32> values) {
    Bytes out = leb(values.size());
    for (const u32 value : values) append(out, leb(value));
    return out;
  }
  static u32 add(Section& section, const Bytes& item) {
    append(section.bytes, item);
    ++section.items;
    return section.count++;
  }
  u32 add_import(std::string_view module, std::string_view name, const Bytes& description, u32& count) {
    append(imports_.bytes, seq({text(module), text(name), description}));
    ++imports_.items;
    return count++;
  }
  static void section(Bytes& out, u8 id, const Section& section) {
    if (section.items == 0) return;
    const Bytes count = leb(section.items);
    append(out, seq({{id}, leb(count.size() + section.bytes.size()), count, section.bytes}));
  }

  Section types_, imports_, func_types_, tables_, memories_, tags_, globals_, exports_, elems_, codes_, datas_;
  u32 funcs_ = 0;
  Bytes start_;
  std::vector<std::pair<char, Bytes>> defined_letters_;
};

}  // namespace lunabeam::tests
