// Decodes the contents of sections, one function per section id.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "vm/decode/operator_reader.h"
#include "vm/decode/source_map.h"
#include "vm/decode/structure.h"
#include "vm/module.h"

namespace lunabeam::vm {

// All functions read one section's contents from the reader and answer false when they are malformed. None of them looks at the
// section's size: reading on behind it shows as a size mismatch, found by the caller.
class SectionDecoder {
 public:
  SectionDecoder(Module& module, SourceMap& map, Reader& reader)
      : module_(module),
        map_(map),
        reader_(reader),
        types_(reader, module.types, module.features, map.deferred),
        operators_(reader, types_, /*has_data_count=*/true),
        walker_(reader, operators_) {}

  [[nodiscard]] bool decode_types();
  [[nodiscard]] bool decode_imports();
  [[nodiscard]] bool decode_functions();
  [[nodiscard]] bool decode_tables();
  [[nodiscard]] bool decode_memories();
  [[nodiscard]] bool decode_tags();
  [[nodiscard]] bool decode_globals();
  [[nodiscard]] bool decode_exports();
  [[nodiscard]] bool decode_start();
  [[nodiscard]] bool decode_elements();
  [[nodiscard]] bool decode_data_count();
  [[nodiscard]] bool decode_code();
  [[nodiscard]] bool decode_data();

 private:
  // Pays for bytes that the module takes. False: there are not that many left, which fails the reader.
  [[nodiscard]] bool pay(u64 bytes) {
    return module_.pay(bytes) || reader_.fail(ErrorCode::kResourceLimit, reader_.pos(), "the memory limit of the VM");
  }
  // Pays for `count` more items of a list and reserves it for them: each takes at least item_bytes of the module, and costs more_bytes
  // elsewhere.
  template <class T>
  [[nodiscard]] bool make_room(std::vector<T>& list, u32 count, u32 item_bytes, u64 more_bytes = 0) {
    const u64 items = std::min<u64>(count, reader_.remaining() / item_bytes);
    if (!pay(items * (sizeof(T) + more_bytes))) return false;
    list.reserve(list.size() + items);
    return true;
  }
  // Pays for the names in a section's contents, which begin at `begin`.
  [[nodiscard]] bool pay_for_names(u32 begin) { return pay(reader_.pos() - begin); }

  [[nodiscard]] bool register_types(std::span<const SubType> group, u32 offset);
  [[nodiscard]] bool decode_import();
  [[nodiscard]] bool decode_element();
  [[nodiscard]] bool decode_data_segment();
  [[nodiscard]] bool read_const_expr(ConstExpr& expr);
  [[nodiscard]] bool read_function_index(ConstExpr& expr);

  Module& module_;
  SourceMap& map_;
  Reader& reader_;
  TypeReader types_;
  OperatorReader operators_;
  StructureWalker walker_;
};

}  // namespace lunabeam::vm
