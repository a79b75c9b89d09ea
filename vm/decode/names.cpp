#include "vm/decode/names.h"

#include <string>
#include <utility>

#include "vm/decode/reader.h"

namespace lunabeam::vm {
namespace {

constexpr u8 kModuleName = 0;
constexpr u8 kFunctionNames = 1;
// What a function's name takes beside its bytes: a node of the map, its place, and the heads of two blocks.
constexpr u64 kBytesPerName = sizeof(std::pair<const u32, std::string>) + 6 * sizeof(void*);

[[nodiscard]] bool decode_function_names(Reader& reader, Module& module) {
  u32 count = 0;
  if (!reader.read_count(count)) return false;
  for (u32 i = 0; i < count; ++i) {
    u32 index = 0;
    std::string_view name;
    if (!reader.read_u32(index) || !reader.read_name(name)) return false;
    if (index >= module.func_types.size()) continue;
    if (!module.pay(kBytesPerName + name.size())) return false;  // They are not worth an error.
    module.names.functions.try_emplace(index, name);
  }
  return true;
}

}  // namespace

void decode_names(Module& module, const SourceMap& map) {
  Reader reader(module.bytes, map.names_begin, map.names_end);
  while (!reader.at_end()) {
    u8 id = 0;
    u32 size = 0;
    if (!reader.read_byte(id) || !reader.read_size(size)) return;
    Reader subsection(module.bytes, reader.pos(), reader.pos() + size);
    if (id == kModuleName) {
      std::string_view name;
      if (!subsection.read_name(name)) return;
      module.names.module = name;
    } else if (id == kFunctionNames) {
      if (!decode_function_names(subsection, module)) return;
    }
    if (!reader.skip(size)) return;
  }
}

}  // namespace lunabeam::vm
