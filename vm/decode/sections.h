// Decodes the contents of sections, one function per section id.
#pragma once

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
