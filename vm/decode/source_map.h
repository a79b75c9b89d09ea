// What decoding learns that the Module does not keep: where things stand in the bytes, for the errors of validation, and what was
// found invalid on the way.
#pragma once

#include <vector>

#include "vm/decode/deferred.h"

namespace lunabeam::vm {

// Byte offsets in the module. Vectors are parallel to those of Module, without imports where their name says "own".
struct SourceMap {
  std::vector<u32> own_tables;
  std::vector<u32> own_memories;
  std::vector<u32> own_globals;
  std::vector<u32> exports;
  std::vector<u32> elems;
  std::vector<u32> datas;
  std::vector<u32> imports;  // Of the import's type.
  u32 start = 0;
  bool has_data_count = false;
  u32 data_count = 0;
  u32 data_count_offset = 0;
  // Contents of the first custom section `name`, behind its name; empty when there is none.
  u32 names_begin = 0;
  u32 names_end = 0;
  DeferredError deferred;
};

}  // namespace lunabeam::vm
